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

from ldap_gateway.runs import Postings, Runs
from sharedbook.domain import folding, query
from sharedbook.domain.query import Comparison, Op, Test

SEPARATOR = "\x1f"
"""Stands in no folded text (RFC 4518 section 2.2 maps it to nothing) and in no number."""

Keep = Callable[[Iterable[int]], list[int]]
"""Of some slots those that pass a test."""


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


class Column(ABC):
    """One attribute. ``texts``: by slot, "" where it has no value. ``runs``: what finds candidates, or None."""

    def __init__(self, runs: Runs | None) -> None:
        self.texts: list[str] = []
        self._runs = runs

    @staticmethod
    @abstractmethod
    def prepare(values: Iterable[str]) -> str:
        """Values as written, or as ``formats.phones.forms`` writes numbers: joined."""

    @abstractmethod
    def candidates(self, test: Test) -> Sequence[int] | None:
        """Slots of which some may pass; None when any may."""

    @abstractmethod
    def keep(self, test: Test) -> Keep:
        """Decides a test, with the needle folded once."""

    def present(self, slots: Iterable[int]) -> list[int]:
        """Those with a value."""
        texts = self.texts
        return [slot for slot in slots if texts[slot]]

    # ---- what kinds of columns share

    def _like(self, initial: str, middle: Sequence[str], final: str) -> Keep:
        """All parts as they are compared."""
        pieces = _pieces(initial, middle, final)
        if not pieces:
            return self.present
        if len(pieces) == 1:
            return self._holding(pieces[0])
        first, *others = pieces
        texts = self.texts

        def keep(slots: Iterable[int]) -> list[int]:
            return [slot for slot in slots if first in texts[slot] and passes(texts[slot])]

        def passes(text: str) -> bool:
            if not all(piece in text for piece in others):
                return False
            return any(query.like(value, initial, middle, final) for value in text[1:-1].split(SEPARATOR))

        return keep

    def _holding(self, piece: str) -> Keep:
        texts = self.texts
        return lambda slots: [slot for slot in slots if piece in texts[slot]]

    def _with(self, pieces: Sequence[str]) -> Sequence[int] | None:
        return None if self._runs is None else self._runs.candidates(pieces)


# ---- text


class TextColumn(Column):
    """Text as ``Comparison.DIRECTORY`` compares it: folded and padded (RFC 4518)."""

    @staticmethod
    def prepare(values: Iterable[str]) -> str:
        return joined(_prepared(value) for value in values)

    def candidates(self, test: Test) -> Sequence[int] | None:
        if test.op is Op.LIKE:
            return self._with(_pieces(*_prepared_parts(test.initial, test.middle, test.final)))
        return self._with([joined([_prepared(test.needle)])]) if test.op is Op.EQUALS else None

    def keep(self, test: Test) -> Keep:
        if test.op is Op.LIKE:
            return self._like(*_prepared_parts(test.initial, test.middle, test.final))
        needle = _prepared(test.needle)
        if test.op is Op.EQUALS:
            return self._holding(joined([needle]))
        # the needle is the left operand
        relation = operator.le if test.op is Op.AT_LEAST else operator.ge
        texts = self.texts

        def keep(slots: Iterable[int]) -> list[int]:
            return [slot for slot in slots if any(relation(needle, value) for value in _values(texts[slot]))]

        return keep


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


# ---- phone numbers


class Tails:
    """The last digits of numbers: what two ways to dial one number have in common. ``ready``: as of ``Runs``."""

    def __init__(self) -> None:
        self.ready = True
        self._slots = Postings()

    def __len__(self) -> int:
        return len(self._slots)

    def add(self, slot: int, texts: Iterable[str]) -> None:
        """The joined numbers of a slot that has none yet."""
        for tail in self._of(texts):
            self._slots.add(tail, slot)

    def remove(self, slot: int, texts: Iterable[str]) -> None:
        """Forgets a slot; ``texts`` as they were added."""
        for tail in self._of(texts):
            self._slots.discard(tail, slot)

    def get(self, number: str) -> Sequence[int]:
        """The slots with a number that ends as this one, which is as long as a tail; a shorter one, that is it."""
        return self._slots.get(number[-folding.LOCAL_DIGITS :])

    @staticmethod
    def _of(texts: Iterable[str]) -> set[str]:
        return {number[-folding.LOCAL_DIGITS :] for text in texts for number in _values(text)}


class PhoneColumn(Column):
    """Numbers as ``formats.phones.forms`` writes them: every form of every number is a value here."""

    def __init__(self, runs: Runs | None, tails: Tails) -> None:
        super().__init__(runs)
        self._tails = tails

    @staticmethod
    def prepare(values: Iterable[str]) -> str:
        return joined(form for value in values for form in value.split(" "))

    def candidates(self, test: Test) -> Sequence[int] | None:
        if not self._tails.ready:
            return None
        if test.op is Op.EQUALS:
            found = {slot for form in test.needle.split() for slot in self._tails.get(form)}
            return sorted(found)
        if test.op is not Op.LIKE:
            return ()
        if len(test.final) >= folding.LOCAL_DIGITS:
            return self._tails.get(test.final)
        return self._with(_pieces(test.initial, test.middle, test.final))

    def keep(self, test: Test) -> Keep:
        if test.op is Op.EQUALS:
            return self._equal(test.needle.split())
        if test.op is Op.LIKE:
            return self._like(test.initial, test.middle, test.final)
        return lambda slots: []

    def _equal(self, forms: Sequence[str]) -> Keep:
        """As ``folding.phone_equal``: a form in common, or the end of a number dialled without its area code."""
        pieces = [joined([form]) for form in forms]
        if forms and folding.LOCAL_DIGITS <= len(forms[0]) <= folding.LOCAL_DIGITS + 1:
            pieces.append(f"{forms[0][-folding.LOCAL_DIGITS :]}{SEPARATOR}")
        texts = self.texts
        return lambda slots: [slot for slot in slots if any(piece in texts[slot] for piece in pieces)]


COLUMN_OF: Mapping[Comparison, type[TextColumn] | type[PhoneColumn]] = {
    Comparison.DIRECTORY: TextColumn,
    Comparison.PHONE: PhoneColumn,
}
"""The comparisons that the directory uses."""
