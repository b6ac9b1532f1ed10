"""A compiled filter: which slots to look at, and how to decide many of them at once.

Three-valued logic is gone after compiling: a plan is made for "where is this true", and ``Not`` turns it into "where is
this false", which is not the same as "where is it not true" (RFC 4511 section 4.5.1.7). Only tests remain, plain or
complemented, so nothing is negated twice and nothing undefined is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ldap_gateway.columns import Column, Keep
from sharedbook.domain import query
from sharedbook.domain.errors import CostlyQuery, InvalidQuery
from sharedbook.domain.query import And, Comparison, Const, Not, Or, Query, Some, Test

MOST_TESTS = 4_000_000
"""How many values one search may look at: all the time that a filter can take from other clients, a second or two."""


class Plan(NamedTuple):
    """``candidates``: slots, ascending, outside of which it holds for none; None: it may hold for any.

    ``keep``: of some slots those for which it holds. ``weight``: how many tests that makes of each, at most.
    """

    candidates: Sequence[int] | None
    keep: Keep
    weight: int

    def cost(self, capacity: int) -> int:
        """How many tests it makes of all its candidates."""
        return self.weight * (capacity if self.candidates is None else len(self.candidates))


NOTHING = Plan((), lambda slots: [], 0)
EVERYTHING = Plan(None, list, 0)


def complement(plan: Plan) -> Plan:
    """Holds where the plan does not."""

    def keep(slots: Iterable[int]) -> list[int]:
        every = list(slots)
        without = set(plan.keep(every))
        return [slot for slot in every if slot not in without]

    return Plan(None, keep, plan.weight)


def every_of(plans: Sequence[Plan]) -> Plan:
    """Holds where all of them do: looks at the candidates of the most selective one."""
    ordered = sorted(plans, key=_size)

    def keep(slots: Iterable[int]) -> list[int]:
        for plan in ordered:
            slots = plan.keep(slots)
        return list(slots)

    return Plan(ordered[0].candidates, keep, sum(plan.weight for plan in plans))


def any_of(plans: Sequence[Plan]) -> Plan:
    """Holds where one of them does."""

    def keep(slots: Iterable[int]) -> list[int]:
        rest = list(slots)
        found: list[int] = []
        for plan in plans:
            some = plan.keep(rest)
            if len(some) == len(rest):
                return found + some
            if some:
                found += some
                without = set(some)
                rest = [slot for slot in rest if slot not in without]
        return found

    return Plan(_union(plans), keep, sum(plan.weight for plan in plans))


def _size(plan: Plan) -> float:
    return float("inf") if plan.candidates is None else len(plan.candidates)


def _union(plans: Sequence[Plan]) -> Sequence[int] | None:
    """Attributes with runs in common have the very same candidates for the same word."""
    different: dict[int, Sequence[int]] = {}
    for plan in plans:
        if plan.candidates is None:
            return None
        if plan.candidates:
            different[id(plan.candidates)] = plan.candidates
    if len(different) < 2:
        return next(iter(different.values()), ())
    return sorted(set().union(*different.values()))


class Compiler:
    """Makes plans over some columns. ``constants``: properties with the same values in every contact."""

    def __init__(self, columns: Mapping[str, Column], constants: query.Record) -> None:
        self._columns = columns
        self._constants = constants

    def compile(self, found: Query, capacity: int) -> Plan:
        """The plan of the slots, ``capacity`` in all, for which a query is True.

        Raises InvalidQuery for tests that no LDAP filter makes (of parameters, negated, or several on one value), of
        its kinds CostlyQuery.
        """
        plan = self._where(found, true=True)
        if plan.cost(capacity) > MOST_TESTS:
            raise CostlyQuery("this filter would look at too many values", hint="use fewer terms, or longer words")
        return plan

    def _where(self, found: Query, *, true: bool) -> Plan:
        """The plan of the slots for which a query is True or, with ``true`` False, for which it is False."""
        match found:
            case Some():
                return self._some(found, true=true)
            case Or(parts):
                return self._combine(parts, true=true, every=not true)
            case And(parts):
                return self._combine(parts, true=true, every=true)
            case Not(part):
                return self._where(part, true=not true)
            case Const(value):
                return EVERYTHING if value is true else NOTHING

    def _combine(self, parts: Sequence[Query], *, true: bool, every: bool) -> Plan:
        absorbing, neutral = (NOTHING, EVERYTHING) if every else (EVERYTHING, NOTHING)
        plans = []
        for part in parts:
            plan = self._where(part, true=true)
            if plan is absorbing:
                return plan
            if plan is not neutral:
                plans.append(plan)
        if len(plans) == 1:
            return plans[0]
        if not plans:
            return neutral
        return every_of(plans) if every else any_of(plans)

    def _some(self, some: Some, *, true: bool) -> Plan:
        column = self._columns.get(some.property)
        if column is None:
            return self._where(Const(query.matches(some, self._constants)), true=true)
        plan = _of_column(column, some)
        return plan if true else complement(plan)


def _of_column(column: Column, some: Some) -> Plan:
    if not some.tests:
        return Plan(None, column.present, 1)
    test = some.tests[0]
    if len(some.tests) > 1 or not isinstance(test, Test) or test.negate or test.param is not None:
        raise InvalidQuery(f"the directory cannot test {some.property} like this")
    if test.comparison not in (Comparison.DIRECTORY, Comparison.PHONE):
        raise InvalidQuery(f"the directory cannot compare {some.property} by {test.comparison}")
    return Plan(column.candidates(test), column.keep(test), 1)
