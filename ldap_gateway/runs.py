"""Which slots hold a run of characters: candidates for texts that contain, start or end with something.

Runs are of three characters, of two, and of one where a character says much by itself (Hangul, Han, Kana: many names
are one or two of them). The first characters of a value have runs of their own: a word is mostly typed from its start.
What a list says is never too little: whoever asks looks at each candidate once more.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from operator import add
from typing import Generic, TypeVar

SEPARATOR = "\x1f"
"""Before and after each value. Stands in no folded text (RFC 4518 section 2.2 maps it to nothing) and in no number."""
Key = TypeVar("Key", str, int)
_TELLING = "\u2e80"
"""From here on a character is a syllable or a word (CJK Radicals and all that follow)."""


class Postings(Generic[Key]):
    """Key -> the slots that hold it, ascending. A single slot is kept without an array around it."""

    def __init__(self) -> None:
        self._of: dict[Key, int | array[int]] = {}
        self._last = -1

    def __len__(self) -> int:
        return len(self._of)

    def add(self, keys: Iterable[Key], slot: int) -> None:
        """``slot`` must not have any of the keys yet."""
        of = self._of
        if slot < self._last:
            for key in keys:
                of[key] = _with(of.get(key), slot)
            return
        self._last = slot
        for key in keys:
            try:  # most of what is ever added comes here
                of[key].append(slot)  # type: ignore[union-attr]
            except (KeyError, AttributeError, OverflowError):
                of[key] = _with(of.get(key), slot)

    def discard(self, key: Key, slot: int) -> None:
        """``slot`` must have the key."""
        held = self._of[key]
        if isinstance(held, int):
            del self._of[key]
            return
        del held[bisect_left(held, slot)]
        if len(held) == 1:
            self._of[key] = held[0]

    def get(self, key: Key) -> Sequence[int]:
        """The slots; empty when none has the key."""
        held = self._of.get(key, ())
        return (held,) if isinstance(held, int) else held

    def common(self, keys: Iterable[Key]) -> Sequence[int]:
        """Slots, ascending, among which are all that have all of some keys, at least one, given in their order."""
        lists = list(map(self.get, keys))
        sizes = list(map(len, lists))
        fewest = min(sizes)
        at = sizes.index(fewest)
        far = lists[: max(0, at - _BESIDE)] + lists[at + _BESIDE + 1 :]
        if fewest >= _FEW and far:
            other = min(far, key=len)
            if len(other) <= _MORE * fewest:
                return sorted(set(lists[at]).intersection(other))
        return lists[at]


_BESIDE = 2
"""Runs that overlap are mostly in the same texts."""
_FEW, _MORE = 16, 4
"""Two lists are intersected when that costs less than to look at all candidates of the shorter one."""


def _with(held: int | array[int] | None, slot: int) -> int | array[int]:
    """The slots of a key and one more."""
    if held is None:
        return slot
    if isinstance(held, int):
        return array(_narrow(slot, held), sorted((held, slot)))
    if held.typecode != _WIDE and _narrow(slot) == _WIDE:
        held = array(_WIDE, held)
    insort(held, slot)
    return held


_WIDE = "I"


def _narrow(*slots: int) -> str:
    """The type of an array that takes these slots."""
    return "H" if max(slots) < 1 << 16 else _WIDE


_SHORT = 8
"""In a longer part the runs side by side tell enough."""


class Runs:
    """The runs of some columns together. ``pairs``: two characters have a list of their own in every script.

    ``ready``: whether they are complete; until they are, any slot is a candidate.
    """

    def __init__(self, *, pairs: bool) -> None:
        self.ready = True
        self._pairs = pairs
        self._slots = Postings[str]()
        self._last: tuple[Sequence[str], Sequence[int] | None] = ((), None)

    def __len__(self) -> int:
        return len(self._slots)

    def add(self, slot: int, texts: Iterable[str]) -> None:
        """The texts of a slot that has none yet."""
        self._last = ((), None)
        self._slots.add(self._of_texts(texts), slot)

    def remove(self, slot: int, texts: Iterable[str]) -> None:
        """Forgets a slot; ``texts`` as they were added."""
        self._last = ((), None)
        for run in self._of_texts(texts):
            self._slots.discard(run, slot)

    def candidates(self, parts: Sequence[str]) -> Sequence[int] | None:
        """The slots that may have a text with all of these parts in it, ascending; None when any slot may."""
        if not self.ready:
            return None
        if self._last[0] != parts:
            # the attributes of one filter ask for the same word
            runs = [run for part in parts for run in self._of_part(part)]
            self._last = parts, self._slots.common(runs) if runs else None
        return self._last[1]

    def _of_texts(self, texts: Iterable[str]) -> set[str]:
        found: set[str] = set()
        for text in texts:
            for value in text[1:-1].split(SEPARATOR):
                start = f"{SEPARATOR}{value[:4]}{SEPARATOR}"
                found.update((start[:4], start[:5]))
            pairs = list(map(add, text, text[1:]))
            found.update(map(add, pairs, text[2:]))
            telling = not text.isascii() and max(text) >= _TELLING
            if self._pairs or telling:
                found.update(pairs)
            if telling:
                found.update([character for character in text if character >= _TELLING])
        return found

    def _of_part(self, part: str) -> Sequence[str]:
        """The longest runs of a part that have lists in every text that holds it."""
        step = 1 if len(part) <= _SHORT else 3
        if len(part) > 3 and part[0] == SEPARATOR:
            return [part[:5], *[part[at : at + 3] for at in range(3, len(part) - 2, step)]]
        if len(part) > 2:
            return [part[at : at + 3] for at in range(0, len(part) - 2, step)]
        if part and (part >= _TELLING or (len(part) == 2 and (self._pairs or part[1] >= _TELLING))):
            return (part,)
        return ()
