"""One attribute in memory, ready to be searched: which slots hold which value, prefix, run of characters, digits.

A slot is a small number that stands for one contact. Values are kept as ``domain/query.py`` compares them (padded text,
or the digit strings of a phone number), each once. What a column says is what ``query.compare`` says: it may give
candidates that are too many (``Candidates.exact`` False), never too few.
"""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Generic, NamedTuple, TypeVar

from sharedbook.domain import folding, query
from sharedbook.domain.query import Comparison, Op, Test

GRAM = 3
"""The longest run of characters with a list of its own. Shorter ones have lists too: many names are one or two."""

_FEW = 64

Item = TypeVar("Item", str, tuple[str, int])


class Sorted(Generic[Item]):
    """Different items in order; many new ones at once are sorted in together when it is next read."""

    def __init__(self) -> None:
        self._items: list[Item] = []
        self._new: list[Item] = []

    def add(self, item: Item) -> None:
        """``item`` must not be in it."""
        self._new.append(item)

    def discard(self, item: Item) -> None:
        """``item`` must be in it."""
        items = self.items()
        del items[bisect_left(items, item)]

    def items(self) -> list[Item]:
        """All of them, in order."""
        if len(self._new) > _FEW:
            self._items += self._new
            self._items.sort()
        else:
            for item in self._new:
                insort(self._items, item)
        self._new.clear()
        return self._items


def prefixed(texts: Sorted[str], prefix: str) -> list[str]:
    """Those that start with ``prefix``."""
    items, size = texts.items(), len(prefix)
    return items[bisect_left(items, prefix) : bisect_right(items, prefix, key=lambda text: text[:size])]


class Postings:
    """Text -> the slots that hold it, ascending. A single slot is kept without an array around it."""

    def __init__(self) -> None:
        self._of: dict[str, int | array[int]] = {}

    def add(self, text: str, slot: int) -> bool:
        """Returns whether the text is new."""
        held = self._of.get(text)
        if held is None:
            self._of[text] = slot
        elif isinstance(held, int):
            self._of[text] = array("I", sorted((held, slot)))
        elif held[-1] < slot:
            held.append(slot)
        else:
            insort(held, slot)
        return held is None

    def discard(self, text: str, slot: int) -> bool:
        """Returns whether nobody holds the text any more."""
        held = self._of[text]
        if isinstance(held, int):
            del self._of[text]
            return True
        del held[bisect_left(held, slot)]
        if len(held) == 1:
            self._of[text] = held[0]
        return False

    def get(self, text: str) -> Sequence[int]:
        """The slots; empty when nobody holds the text."""
        held = self._of.get(text, ())
        return (held,) if isinstance(held, int) else held


class Candidates(NamedTuple):
    """Slots that may pass a test: about how many, which (some perhaps twice), and whether all of them pass."""

    size: int
    slots: Iterable[int]
    exact: bool


class Column(ABC):
    """One attribute. ``values`` maps each slot that has it to its values, in card order, as they are compared."""

    def __init__(self, *, grams: bool = True) -> None:
        self.values: dict[int, tuple[str, ...]] = {}
        self._keys: Sorted[str] = Sorted()
        self._holders = Postings()
        self._grams = Postings() if grams else None

    # ---- what a kind of column decides

    @abstractmethod
    def prepare(self, value: str) -> str:
        """A value as it is compared."""

    @abstractmethod
    def texts_of(self, prepared: str) -> Sequence[str]:
        """The texts under which a prepared value is sought."""

    @abstractmethod
    def candidates(self, test: Test) -> Candidates:
        """Slots for a test on the value."""

    @abstractmethod
    def passes_value(self, test: Test) -> Callable[[str], bool]:
        """Decides the test for one prepared value, with the needle folded once."""

    # ---- keeping

    def put(self, slot: int, values: Iterable[str]) -> None:
        """The values of a slot that has none yet."""
        prepared = tuple(dict.fromkeys(map(self.prepare, values)))
        if not prepared:
            return
        self.values[slot] = prepared
        texts = self._texts(prepared)
        for text in texts:
            if self._holders.add(text, slot):
                self._new_text(text)
        if self._grams is not None:
            for gram in _grams(texts):
                self._grams.add(gram, slot)

    def remove(self, slot: int) -> None:
        """Forgets a slot, whether or not it had values."""
        texts = self._texts(self.values.pop(slot, ()))
        for text in texts:
            if self._holders.discard(text, slot):
                self._lost_text(text)
        if self._grams is not None:
            for gram in _grams(texts):
                self._grams.discard(gram, slot)

    def _texts(self, prepared: Iterable[str]) -> list[str]:
        return list(dict.fromkeys(text for value in prepared for text in self.texts_of(value)))

    def _new_text(self, text: str) -> None:
        self._keys.add(text)

    def _lost_text(self, text: str) -> None:
        self._keys.discard(text)

    # ---- finding

    def passes(self, test: Test) -> Callable[[int], bool]:
        """Decides whether a value of a slot passes the test."""
        passes_value, values = self.passes_value(test), self.values
        return lambda slot: any(map(passes_value, values.get(slot, ())))

    def present(self) -> Candidates:
        """The slots with a value."""
        return Candidates(len(self.values), self.values, True)

    def _holding(self, text: str) -> Candidates:
        slots = self._holders.get(text)
        return Candidates(len(slots), slots, True)

    def _of_texts(self, texts: Sequence[str], *, exact: bool = True) -> Candidates:
        """The holders of some texts."""
        return Candidates(len(texts), chain.from_iterable(map(self._holders.get, texts)), exact)

    def _like(self, initial: str, middle: Sequence[str], final: str) -> Candidates:
        """For substrings, prepared: the fewest slots that one prefix or one run of characters leaves."""
        best: Candidates | None = None
        if initial:
            best = self._of_texts(prefixed(self._keys, initial), exact=not (any(middle) or final))
            if best.exact or best.size <= _FEW:
                return best
        parts = [part for part in (initial, *middle, final) if part]
        if not parts:
            return self.present()
        by_gram = self._by_gram(parts, exact=not initial and not final)
        return min((each for each in (best, by_gram) if each), key=lambda each: each.size)

    def _by_gram(self, parts: Sequence[str], *, exact: bool) -> Candidates:
        if self._grams is None:
            return Candidates(len(self.values), self.values, False)
        grams = {part[at : at + GRAM] for part in parts for at in range(max(1, len(part) - GRAM + 1))}
        slots = min((self._grams.get(gram) for gram in grams), key=len)
        return Candidates(len(slots), slots, exact and len(parts) == 1 and len(parts[0]) <= GRAM)


def _grams(texts: Iterable[str]) -> set[str]:
    """Every run of one to GRAM characters."""
    return {text[at : at + size] for text in texts for size in range(1, GRAM + 1) for at in range(len(text) - size + 1)}


# ---- text


class TextColumn(Column):
    """Text as ``Comparison.DIRECTORY`` compares it: folded and padded (RFC 4518)."""

    def prepare(self, value: str) -> str:
        return folding.pad(folding.fold(value))

    def texts_of(self, prepared: str) -> Sequence[str]:
        return (prepared,)

    def candidates(self, test: Test) -> Candidates:
        if test.op is Op.LIKE:
            return self._like(*_prepared_parts(test))
        needle = self.prepare(test.needle)
        if test.op is Op.EQUALS:
            return self._holding(needle)
        texts = self._keys.items()
        at_least = test.op is Op.AT_LEAST
        return self._of_texts(texts[bisect_left(texts, needle) :] if at_least else texts[: bisect_right(texts, needle)])

    def passes_value(self, test: Test) -> Callable[[str], bool]:
        if test.op is Op.LIKE:
            initial, middle, final = _prepared_parts(test)
            return lambda value: query.like(value, initial, middle, final)
        return partial(_RELATIONS[test.op], self.prepare(test.needle))


_RELATIONS: Mapping[Op, Callable[[str, str], bool]] = {
    Op.EQUALS: operator.eq,
    # the needle is the left operand
    Op.AT_LEAST: operator.le,
    Op.AT_MOST: operator.ge,
}


def _prepared_parts(test: Test) -> tuple[str, tuple[str, ...], str]:
    return (
        folding.pad_initial(folding.fold(test.initial)),
        tuple(folding.pad_any(folding.fold(part)) for part in test.middle),
        folding.pad_final(folding.fold(test.final)),
    )


# ---- phone numbers


class PhoneColumn(Column):
    """Numbers as ``formats.phones.forms`` writes them: digit strings between spaces, sought by either end."""

    def __init__(self) -> None:
        super().__init__()
        self._reversed: Sorted[str] = Sorted()

    def prepare(self, value: str) -> str:
        return value

    def texts_of(self, prepared: str) -> Sequence[str]:
        return prepared.split(" ")

    def _new_text(self, text: str) -> None:
        super()._new_text(text)
        self._reversed.add(text[::-1])

    def _lost_text(self, text: str) -> None:
        super()._lost_text(text)
        self._reversed.discard(text[::-1])

    def candidates(self, test: Test) -> Candidates:
        if test.op is Op.EQUALS:
            return self._equal(test.needle.split())
        if test.op is not Op.LIKE:
            return Candidates(0, (), True)
        if test.final and not test.initial and not any(test.middle):
            return self._ending(test.final)
        return self._like(test.initial, test.middle, test.final)

    def _ending(self, digits: str) -> Candidates:
        return self._of_texts([text[::-1] for text in prefixed(self._reversed, digits[::-1])])

    def _equal(self, forms: Sequence[str]) -> Candidates:
        """Holders of a form, and those that end like a number dialled without its area code: a few too many."""
        if not forms:
            return Candidates(0, (), True)
        found = [self._holding(form) for form in forms] + [self._ending(forms[0][-folding.LOCAL_DIGITS :])]
        slots = [slot for each in found for slot in each.slots]
        return Candidates(len(slots), slots, False)

    def passes_value(self, test: Test) -> Callable[[str], bool]:
        return partial(query.compare, test)


def column_for(comparison: Comparison, *, grams: bool = True) -> Column:
    """An empty column for one of the comparisons that the directory uses: DIRECTORY or PHONE."""
    return PhoneColumn() if comparison is Comparison.PHONE else TextColumn(grams=grams)
