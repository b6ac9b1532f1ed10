"""One attribute in memory: by slot the text in which its values are sought, and how each test looks at it.

A slot is a small number that stands for one contact. Its values, as ``domain/query.py`` compares them (padded text, or
the digit strings of phone numbers), stand between separators in one text, so that a value, a prefix, a suffix and a
piece are all the same question: is this in that text. What a column says is what ``query.compare`` says.
"""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple, Protocol

from ldap_gateway.runs import SEPARATOR, Postings, Runs
from sharedbook.domain import folding, query
from sharedbook.domain.errors import CostlyQuery
from sharedbook.domain.query import Comparison, Op, Test

Keep = Callable[[Iterable[int]], list[int]]
"""Of some slots those that pass a test."""


MOST_TESTS = 4_000_000
"""How many values one search may look at: all the time that a filter can take from other clients, a second or two."""


class Plan(NamedTuple):
    """``lists``: slots, maybe some of them twice, outside of which it holds for none; None: it may hold for any.

    ``keep``: of some slots those for which it holds. ``weight``: how many tests that makes of each, at most.
    ``parts``: plans that hold, together, for just the same: each has fewer slots to look at than the whole.
    """

    lists: tuple[Sequence[int], ...] | None
    keep: Keep
    weight: int = 1
    parts: tuple[Plan, ...] = ()

    def size(self, capacity: int) -> int:
        """How many slots of ``capacity`` it looks at, at most."""
        return capacity if self.lists is None else min(capacity, sum(map(len, self.lists)))

    def check(self, capacity: int) -> None:
        """Raises CostlyQuery when it would look at more than a search may."""
        if self.weight * self.size(capacity) > MOST_TESTS:
            raise CostlyQuery("this filter would look at too many values", hint="use fewer terms, or longer words")


def joined(values: Iterable[str]) -> str:
    """Values as they are compared, in one text; "" for none."""
    text = SEPARATOR.join(dict.fromkeys(values))
    return f"{SEPARATOR}{text}{SEPARATOR}"


def first_of(text: str) -> str:
    """The first value of a joined text."""
    return text[1 : text.index(SEPARATOR, 1)]


def _pieces(initial: str, middle: Sequence[str], final: str) -> list[str]:
    """What a joined text must hold for a value to start, go on and end like this."""
    ends = (f"{SEPARATOR}{initial}" if initial else "", *middle, f"{final}{SEPARATOR}" if final else "")
    return [piece for piece in ends if piece]


def _in_order(text: str, pieces: Sequence[str]) -> bool:
    """Whether the joined text of one value holds pieces one after the other."""
    at = 0
    for piece in pieces:
        at = text.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return True


class Column(ABC):
    """One attribute, or several of which any may hold a value (``Together``).

    ``texts``: by slot, "" where it has no value. ``runs``: the lists that find candidates; none: any slot is one.
    """

    def __init__(self, runs: Sequence[Runs], texts: list[str] | Keyed | None = None) -> None:
        self.texts: list[str] | Keyed = [] if texts is None else texts
        self.runs = tuple(runs)

    @staticmethod
    @abstractmethod
    def prepare(values: Iterable[str]) -> str:
        """Values as written, or as ``formats.vcards.phones.forms`` writes numbers: joined."""

    @abstractmethod
    def look(self, test: Test) -> Plan:
        """How a test is decided here."""

    @abstractmethod
    def like(self, initial: str, middle: tuple[str, ...], final: str) -> Plan:
        """As ``Op.LIKE``."""

    @abstractmethod
    def equal(self, needle: str) -> Plan:
        """As ``Op.EQUALS``."""

    def present(self, slots: Iterable[int]) -> list[int]:
        """Those with a value."""
        texts = self.texts
        return [slot for slot in slots if texts[slot]]

    # ---- what kinds of columns share

    def _keep_like(self, initial: str, middle: Sequence[str], final: str, pieces: Sequence[str]) -> Keep:
        """All parts as they are compared; ``pieces``: the same as ``_pieces`` makes of them."""
        if not pieces:
            return self.present
        if len(pieces) == 1:
            return self._holding(pieces[0])
        texts = self.texts

        def keep(slots: Iterable[int]) -> list[int]:
            for piece in pieces:
                slots = [slot for slot in slots if piece in texts[slot]]
            return [slot for slot in slots if passes(texts[slot])]

        def passes(text: str) -> bool:
            if text.find(SEPARATOR, 1) < len(text) - 1:
                return any(query.like(value, initial, middle, final) for value in _values(text))
            return _in_order(text, pieces)

        return keep

    def _holding(self, piece: str) -> Keep:
        texts = self.texts
        return lambda slots: [slot for slot in slots if piece in texts[slot]]

    def _with(self, pieces: Sequence[str]) -> tuple[Sequence[int], ...] | None:
        """The slots that may have all of these pieces in one value."""
        lists = []
        for runs in self.runs:
            held = runs.candidates(pieces)
            if held is None:
                return None
            lists.append(held)
        return tuple(lists) or None


# ---- text


class TextColumn(Column):
    """Text as ``Comparison.DIRECTORY`` compares it: folded and padded (RFC 4518). ``wholes``: what finds a value."""

    def __init__(
        self, runs: Sequence[Runs], wholes: Wholes | Keyed | None = None, texts: list[str] | Keyed | None = None
    ) -> None:
        super().__init__(runs, texts)
        self.wholes = wholes

    @staticmethod
    def prepare(values: Iterable[str]) -> str:
        return joined(_prepared(value) for value in values)

    def look(self, test: Test) -> Plan:
        if test.op is Op.LIKE:
            return self.like(test.initial, test.middle, test.final)
        if test.op is Op.EQUALS:
            return self.equal(test.needle)
        needle = _prepared(test.needle)
        # the needle is the left operand
        relation = operator.le if test.op is Op.AT_LEAST else operator.ge
        texts = self.texts

        def keep(slots: Iterable[int]) -> list[int]:
            return [slot for slot in slots if any(relation(needle, value) for value in _values(texts[slot]))]

        return Plan(None, keep)

    def like(self, initial: str, middle: tuple[str, ...], final: str) -> Plan:
        parts = _prepared_parts(initial, middle, final)
        pieces = _pieces(*parts)
        return Plan(self._with(pieces), self._keep_like(*parts, pieces))

    def equal(self, needle: str) -> Plan:
        value = _prepared(needle)
        piece = f"{SEPARATOR}{value}{SEPARATOR}"
        if self.wholes is not None and self.wholes.ready:
            return Plan((self.wholes.get(value),), self._holding(piece))
        return Plan(self._with((piece,)), self._holding(piece))


def _prepared(value: str) -> str:
    return folding.pad(folding.fold(value))


def _values(text: str) -> list[str]:
    return text[1:-1].split(SEPARATOR) if text else []


@lru_cache(maxsize=64)
def _prepared_parts(initial: str, middle: tuple[str, ...], final: str) -> tuple[str, tuple[str, ...], str]:
    """The same words are sought in several attributes of one filter."""
    return (
        folding.pad_initial(folding.fold(initial)),
        tuple(folding.pad_any(folding.fold(part)) for part in middle if part),
        folding.pad_final(folding.fold(final)),
    )


class Wholes:
    """The whole values of columns that are asked for one value: by their hash, since what is met is looked at anyway.

    ``ready``: see ``Runs``.
    """

    def __init__(self) -> None:
        self.ready = True
        self._slots = Postings[int]()

    def __len__(self) -> int:
        return len(self._slots)

    def add(self, slot: int, texts: Iterable[str]) -> None:
        """The joined values of a slot that has none yet."""
        self._slots.add(self._of(texts), slot)

    def remove(self, slot: int, texts: Iterable[str]) -> None:
        """Forgets a slot; ``texts`` as they were added."""
        for key in self._of(texts):
            self._slots.discard(key, slot)

    def get(self, value: str) -> Sequence[int]:
        """The slots with a value, and maybe some more."""
        return self._slots.get(hash(value) & _SMALL)

    @staticmethod
    def _of(texts: Iterable[str]) -> set[int]:
        return {hash(value) & _SMALL for text in texts for value in _values(text)}


_SMALL = (1 << 30) - 1
"""Larger numbers take more memory."""


class _Contact(Protocol):
    key: str


class Keyed:
    """The texts and whole values of a column whose one value is the contact's key, ``written`` in some way.

    They are made when they are looked at. ``contacts``: by slot. ``slots``: by key.
    """

    ready = True

    def __init__(
        self, contacts: Sequence[_Contact | None], slots: Mapping[str, int], written: Callable[[str], str]
    ) -> None:
        self._contacts, self._slots, self._written = contacts, slots, written

    def __getitem__(self, slot: int) -> str:
        contact = self._contacts[slot]
        return "" if contact is None else f"{SEPARATOR} {self._written(contact.key)} {SEPARATOR}"

    def get(self, value: str) -> Sequence[int]:
        """As ``Wholes.get``."""
        slot = self._slots.get(value.strip().replace("-", ""))
        return () if slot is None else (slot,)


class KeyColumn(TextColumn):
    """An attribute that is the contact's key."""

    def __init__(self, keyed: Keyed) -> None:
        super().__init__((), keyed, keyed)

    def present(self, slots: Iterable[int]) -> list[int]:
        """All: every contact has one."""
        return list(slots)


# ---- phone numbers


class Tails:
    """The last digits of numbers: what two ways to dial one number have in common. ``ready``: see ``Runs``."""

    def __init__(self) -> None:
        self.ready = True
        self._slots = Postings[str]()

    def __len__(self) -> int:
        return len(self._slots)

    def add(self, slot: int, texts: Iterable[str]) -> None:
        """The joined numbers of a slot that has none yet."""
        self._slots.add(self._of(texts), slot)

    def remove(self, slot: int, texts: Iterable[str]) -> None:
        """Forgets a slot; ``texts`` as they were added."""
        for tail in self._of(texts):
            self._slots.discard(tail, slot)

    def get(self, number: str) -> Sequence[int]:
        """The slots with a number that has the same tail; a number shorter than a tail is its own tail."""
        return self._slots.get(number[-folding.LOCAL_DIGITS :])

    @staticmethod
    def _of(texts: Iterable[str]) -> set[str]:
        return {number[-folding.LOCAL_DIGITS :] for text in texts for number in _values(text)}


class PhoneColumn(Column):
    """Numbers as ``formats.vcards.phones.forms`` writes them: every form of every number is a value here."""

    def __init__(self, runs: Sequence[Runs], tails: Tails, texts: list[str] | None = None) -> None:
        super().__init__(runs, texts)
        self.tails = tails

    @staticmethod
    def prepare(values: Iterable[str]) -> str:
        return joined(form for value in values for form in value.split(" "))

    def look(self, test: Test) -> Plan:
        if test.op is Op.LIKE:
            return self.like(test.initial, test.middle, test.final)
        if test.op is Op.EQUALS:
            return self.equal(test.needle)
        return Plan((), lambda slots: [])

    def like(self, initial: str, middle: tuple[str, ...], final: str) -> Plan:
        pieces = _pieces(initial, middle, final)
        keep = self._keep_like(initial, middle, final, pieces)
        if self.tails.ready and len(final) >= folding.LOCAL_DIGITS:
            return Plan((self.tails.get(final),), keep)
        return Plan(self._with(pieces), keep)

    def equal(self, needle: str) -> Plan:
        """As ``folding.phone_equal``: a form in common, or the end of a number dialled without its area code."""
        forms = needle.split()
        pieces = [f"{SEPARATOR}{form}{SEPARATOR}" for form in forms]
        if forms and folding.LOCAL_DIGITS <= len(forms[0]) <= folding.LOCAL_DIGITS + 1:
            pieces.append(f"{forms[0][-folding.LOCAL_DIGITS :]}{SEPARATOR}")
        texts = self.texts
        ends = {form[-folding.LOCAL_DIGITS :] for form in forms}
        return Plan(
            tuple(map(self.tails.get, ends)) if self.tails.ready else None,
            lambda slots: [slot for slot in slots if any(piece in texts[slot] for piece in pieces)],
        )


# ---- several attributes


class Together:
    """The values of several columns of one kind in one text by slot, put together when a slot is first looked at.

    Clients ask for one word in several attributes: here it is sought once. ``column`` has what finds it; whoever
    changes a slot forgets its text.
    """

    def __init__(self, columns: Sequence[Column], texts: list[str]) -> None:
        first, runs = columns[0], list(dict.fromkeys(runs for each in columns for runs in each.runs))
        if not all(each.runs for each in columns):
            runs = []
        self.column: Column = (
            PhoneColumn(runs, first.tails, texts) if isinstance(first, PhoneColumn) else TextColumn(runs, texts=texts)
        )
        self.texts = texts
        self._columns = columns

    def look(self, test: Test) -> Plan:
        """Where a value of any of them passes a test."""
        return self._filling(self.column.look(test))

    def like(self, initial: str, middle: tuple[str, ...], final: str) -> Plan:
        """Where any of them has a value that passes ``Op.LIKE``."""
        return self._filling(self.column.like(initial, middle, final))

    def equal(self, needle: str) -> Plan:
        """Where any of them has a value that passes ``Op.EQUALS``."""
        return self._filling(self.column.equal(needle))

    def _filling(self, plan: Plan) -> Plan:
        texts, fill, decide = self.texts, self._fill, plan.keep

        def keep(slots: Iterable[int]) -> list[int]:
            slots = list(slots)
            for slot in slots:
                if not texts[slot]:
                    fill(slot)
            return decide(slots)

        return Plan(plan.lists, keep)

    def _fill(self, slot: int) -> None:
        values = [value for column in self._columns for value in _values(column.texts[slot])]
        if values:
            self.texts[slot] = joined(values)


COLUMN_OF: Mapping[Comparison, type[TextColumn] | type[PhoneColumn]] = {
    Comparison.DIRECTORY: TextColumn,
    Comparison.PHONE: PhoneColumn,
}
"""The comparisons that the directory uses."""
