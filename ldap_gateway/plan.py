"""A compiled filter: which slots to look at, and how to decide many of them at once.

Three-valued logic is gone after compiling: a plan is made for "where is this true", and ``Not`` turns it into "where is
this false", which is not the same as "where is it not true" (RFC 4511 section 4.5.1.7). Only tests remain, plain or
complemented, so nothing is negated twice and nothing undefined is left.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial

from ldap_gateway.columns import Column, Plan, Together
from sharedbook.domain import query
from sharedbook.domain.errors import InvalidQuery
from sharedbook.domain.query import And, Comparison, Const, Not, Or, Query, Some, Test

NOTHING = Plan((), lambda slots: [], 0)
EVERYTHING = Plan(None, list, 0)


def complement(plan: Plan) -> Plan:
    """Holds where the plan does not."""

    def keep(slots: Iterable[int]) -> list[int]:
        every = list(slots)
        without = set(plan.keep(every))
        return [slot for slot in every if slot not in without]

    return Plan(None, keep, plan.weight)


def combined(plans: Iterable[Plan], *, every: bool) -> Plan:
    """Holds where all of them do or, without ``every``, one of them."""
    absorbing, neutral = (NOTHING, EVERYTHING) if every else (EVERYTHING, NOTHING)
    different = []
    for plan in plans:
        if plan is absorbing:
            return plan
        if plan is not neutral:
            different.append(plan)
    if len(different) < 2:
        return different[0] if different else neutral
    return _every_of(different) if every else _any_of(different)


def _every_of(plans: Sequence[Plan]) -> Plan:
    """Looks at the candidates of the most selective one."""
    ordered = sorted(plans, key=_effort)

    def keep(slots: Iterable[int]) -> list[int]:
        for plan in ordered:
            slots = plan.keep(slots)
        return list(slots)

    return Plan(ordered[0].lists, keep, sum(plan.weight for plan in plans))


def _any_of(plans: Sequence[Plan]) -> Plan:
    """What has the most candidates probably finds most: it is asked first, and the rest perhaps not at all."""
    ordered = sorted(plans, key=_effort, reverse=True)

    def keep(slots: Iterable[int]) -> list[int]:
        rest = list(slots)
        found: list[int] = []
        for plan in ordered:
            some = plan.keep(rest)
            if len(some) == len(rest):
                return found + some
            if some:
                found += some
                without = set(some)
                rest = [slot for slot in rest if slot not in without]
        return found

    lists = _united(plans)
    return Plan(lists, keep, sum(plan.weight for plan in plans), () if lists is None else tuple(ordered))


def _effort(plan: Plan) -> int:
    return plan.size(sys.maxsize)


def _united(plans: Sequence[Plan]) -> tuple[Sequence[int], ...] | None:
    """Attributes with runs in common have the very same list for the same word."""
    different: dict[int, Sequence[int]] = {}
    for plan in plans:
        if plan.lists is None:
            return None
        different.update((id(each), each) for each in plan.lists if each)
    return tuple(different.values())


class Compiler:
    """Makes plans over some columns. ``constants``: properties with the same values in every contact.

    ``together``: several columns of one kind as one, or None.
    """

    def __init__(
        self,
        columns: Mapping[str, Column],
        constants: query.Record,
        together: Callable[[Sequence[str]], Together | None],
    ) -> None:
        self._columns = columns
        self._of_all = lru_cache(maxsize=256)(partial(query.matches, contact=constants))
        self._together = together

    def compile(self, found: Query) -> Plan:
        """The plan of the slots for which a query is True.

        Raises InvalidQuery for tests that no LDAP filter makes (of parameters, negated, or several on one value).
        """
        return self._where(found, true=True)

    def _where(self, found: Query, *, true: bool) -> Plan:
        """The plan of the slots for which a query is True or, with ``true`` False, for which it is False."""
        match found:
            case Some():
                return self._some(found, true=true)
            case Or(parts):
                if true:
                    return self._any(parts)
                return combined((self._where(part, true=False) for part in parts), every=True)
            case And(parts):
                return combined((self._where(part, true=true) for part in parts), every=true)
            case Not(part):
                return self._where(part, true=not true)
            case Const(value):
                return EVERYTHING if value is true else NOTHING

    def _any(self, parts: Sequence[Query]) -> Plan:
        """Where any part is True; attributes in which the same is sought are looked at together."""
        plans: list[Plan] = []
        alike: dict[tuple[object, ...], list[Some]] = {}
        for part in parts:
            if isinstance(part, Some) and part.tests and part.property in self._columns:
                alike.setdefault(part.tests, []).append(part)
            else:
                plans.append(self._where(part, true=True))
        for each in alike.values():
            plans += self._alike(each)
        return combined(plans, every=False)

    def _alike(self, parts: Sequence[Some]) -> list[Plan]:
        names = list(dict.fromkeys(part.property for part in parts))
        together = self._together(names) if len(names) > 1 else None
        if together is not None:
            return [_look(together, parts[0])]
        return [_look(self._columns[name], parts[0]) for name in names]

    def _some(self, some: Some, *, true: bool) -> Plan:
        column = self._columns.get(some.property)
        if column is None:
            return EVERYTHING if self._of_all(some) is true else NOTHING
        plan = _look(column, some) if some.tests else Plan(None, column.present)
        return plan if true else complement(plan)


def _look(where: Column | Together, some: Some) -> Plan:
    test = some.tests[0]
    if len(some.tests) > 1 or not isinstance(test, Test) or test.negate or test.param is not None:
        raise InvalidQuery(f"the directory cannot test {some.property} like this")
    if test.comparison not in (Comparison.DIRECTORY, Comparison.PHONE):
        raise InvalidQuery(f"the directory cannot compare {some.property} by {test.comparison}")
    return where.look(test)
