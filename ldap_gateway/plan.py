"""A compiled filter: which slots to look at, cheapest first, and how to decide one slot.

Three-valued logic is gone after compiling: a plan is made for "where is this true", and ``Not`` turns it into "where is
this false", which is not the same as "where is it not true" (RFC 4511 section 4.5.1.7). Only tests remain, plain or
complemented, so nothing is negated twice and nothing undefined is left.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ldap_gateway.columns import Column
from sharedbook.domain import query
from sharedbook.domain.errors import CostlyQuery, InvalidQuery
from sharedbook.domain.query import And, Comparison, Const, Not, Or, Query, Some, Test

MOST_TESTS = 4_000_000
"""How many values one search may look at: all the time that a filter can take from other clients, a second or two."""


class Plan(ABC):
    """A compiled filter or a part of it.

    ``size``: about how many slots ``slots`` gives; it may name one twice, and dead ones where it is complemented.
    ``weight`` and ``cost``: about how many tests ``has`` makes, and all of ``slots``.
    """

    size: int
    weight: int
    cost: int

    @abstractmethod
    def slots(self) -> Iterable[int]:
        """Every living slot that the plan holds for; each passes."""

    @abstractmethod
    def has(self, slot: int) -> bool:
        """Whether it holds for this living slot."""


class Nothing(Plan):
    """Holds for no slot."""

    size = weight = cost = 0

    def slots(self) -> Iterable[int]:
        return ()

    def has(self, slot: int) -> bool:
        return False


class Everything(Plan):
    """Holds for every slot."""

    def __init__(self, capacity: int) -> None:
        self.size = self.cost = capacity
        self.weight = 0

    def slots(self) -> Iterable[int]:
        return range(self.size)

    def has(self, slot: int) -> bool:
        return True


class Present(Plan):
    """Slots with any value."""

    def __init__(self, column: Column) -> None:
        self._values = column.values
        self.size = self.cost = len(column.values)
        self.weight = 1

    def slots(self) -> Iterable[int]:
        return self._values

    def has(self, slot: int) -> bool:
        return slot in self._values


class Tested(Plan):
    """Slots of which a value passes one test."""

    def __init__(self, column: Column, test: Test) -> None:
        self._candidates = column.candidates(test)
        self._passes = column.passes(test)
        self.size = self.cost = self._candidates.size
        self.weight = 1

    def slots(self) -> Iterable[int]:
        found = self._candidates
        return found.slots if found.exact else filter(self._passes, found.slots)

    def has(self, slot: int) -> bool:
        return self._passes(slot)


class Complement(Plan):
    """Slots for which a test's plan does not hold."""

    def __init__(self, plan: Plan, capacity: int) -> None:
        self._plan = plan
        self.size = capacity
        self.weight = plan.weight
        self.cost = capacity * plan.weight

    def slots(self) -> Iterable[int]:
        return (slot for slot in range(self.size) if not self._plan.has(slot))

    def has(self, slot: int) -> bool:
        return not self._plan.has(slot)


class All(Plan):
    """Every part holds: walks the part with the fewest slots and asks the others."""

    def __init__(self, parts: Sequence[Plan]) -> None:
        self._first, *self._others = sorted(parts, key=lambda part: part.size)
        self.size = self._first.size
        self.weight = sum(part.weight for part in parts)
        self.cost = self._first.cost + self.size * sum(part.weight for part in self._others)

    def slots(self) -> Iterator[int]:
        for slot in self._first.slots():
            if all(part.has(slot) for part in self._others):
                yield slot

    def has(self, slot: int) -> bool:
        return self._first.has(slot) and all(part.has(slot) for part in self._others)


class AnyOf(Plan):
    """Some part holds: walks them one after the other, so that a reader who has enough stops early."""

    def __init__(self, parts: Sequence[Plan], capacity: int) -> None:
        self._parts = parts
        self.size = min(sum(part.size for part in parts), capacity)
        self.weight = sum(part.weight for part in parts)
        self.cost = sum(part.cost for part in parts)

    def slots(self) -> Iterator[int]:
        given: set[int] = set()
        for part in self._parts:
            for slot in part.slots():
                if slot not in given:
                    given.add(slot)
                    yield slot

    def has(self, slot: int) -> bool:
        return any(part.has(slot) for part in self._parts)


class Compiler:
    """Makes plans over some columns. ``constants``: properties with the same values in every contact."""

    def __init__(self, columns: Mapping[str, Column], constants: query.Record, capacity: int) -> None:
        self._columns = columns
        self._constants = constants
        self._capacity = capacity

    def compile(self, found: Query) -> Plan:
        """The plan of the slots for which a query is True.

        Raises InvalidQuery for tests that no LDAP filter makes (of parameters, negated, or several on one value), of
        its kinds CostlyQuery.
        """
        plan = self._where(found, true=True)
        if plan.cost > MOST_TESTS:
            raise CostlyQuery("this filter would look at too many values", hint="use fewer terms, or longer words")
        return plan

    def _where(self, found: Query, *, true: bool) -> Plan:
        """The plan of the slots for which a query is True or, with ``true`` False, for which it is False."""
        match found:
            case Const(value):
                return Everything(self._capacity) if value is true else Nothing()
            case Not(part):
                return self._where(part, true=not true)
            case And(parts):
                return self._combine(parts, true=true, every=true)
            case Or(parts):
                return self._combine(parts, true=true, every=not true)
            case Some():
                return self._some(found, true=true)

    def _combine(self, parts: Sequence[Query], *, true: bool, every: bool) -> Plan:
        plans = [self._where(part, true=true) for part in parts]
        absorbing, neutral = (Nothing, Everything) if every else (Everything, Nothing)
        for plan in plans:
            if isinstance(plan, absorbing):
                return plan
        plans = [plan for plan in plans if not isinstance(plan, neutral)]
        if not plans:
            return Everything(self._capacity) if every else Nothing()
        if len(plans) == 1:
            return plans[0]
        return All(plans) if every else AnyOf(plans, self._capacity)

    def _some(self, some: Some, *, true: bool) -> Plan:
        column = self._columns.get(some.property)
        if column is None:
            return self._where(Const(query.matches(some, self._constants)), true=true)
        plan = _of_column(column, some)
        return plan if true else Complement(plan, self._capacity)


def _of_column(column: Column, some: Some) -> Plan:
    if not some.tests:
        return Present(column)
    test = some.tests[0]
    if len(some.tests) > 1 or not isinstance(test, Test) or test.negate or test.param is not None:
        raise InvalidQuery(f"the directory cannot test {some.property} like this")
    if test.comparison not in (Comparison.DIRECTORY, Comparison.PHONE):
        raise InvalidQuery(f"the directory cannot compare {some.property} by {test.comparison}")
    return Tested(column, test)
