"""Which slots hold a run of characters: candidates for texts that contain, start or end with something.

Runs are of three characters, of two, and of one where a character says much by itself (Hangul, Han, Kana: many names
are one or two of them). What a list says is never too little: whoever asks looks at each candidate once more.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence

_TELLING = "\u2e80"
"""From here on a character is a syllable or a word (CJK Radicals and all that follow)."""


class Postings:
    """Text -> the slots that hold it, ascending. A single slot is kept without an array around it."""

    def __init__(self) -> None:
        self._of: dict[str, int | array[int]] = {}

    def __len__(self) -> int:
        return len(self._of)

    def add(self, text: str, slot: int) -> None:
        """``slot`` must not hold the text yet."""
        held = self._of.get(text)
        if held is None:
            self._of[text] = slot
        elif isinstance(held, int):
            self._of[text] = array("I", (held, slot) if held < slot else (slot, held))
        elif held[-1] < slot:
            held.append(slot)
        else:
            insort(held, slot)

    def discard(self, text: str, slot: int) -> None:
        """``slot`` must hold the text."""
        held = self._of[text]
        if isinstance(held, int):
            del self._of[text]
            return
        del held[bisect_left(held, slot)]
        if len(held) == 1:
            self._of[text] = held[0]

    def get(self, text: str) -> Sequence[int]:
        """The slots; empty when nobody holds the text."""
        held = self._of.get(text, ())
        return (held,) if isinstance(held, int) else held


class Runs:
    """The runs of some columns together. ``pairs``: two characters have a list of their own in every script."""

    def __init__(self, *, pairs: bool) -> None:
        self._pairs = pairs
        self._slots = Postings()

    def __len__(self) -> int:
        return len(self._slots)

    def add(self, slot: int, texts: Iterable[str]) -> None:
        """The texts of a slot that has none yet."""
        for run in self._of_texts(texts):
            self._slots.add(run, slot)

    def remove(self, slot: int, texts: Iterable[str]) -> None:
        """Forgets a slot; ``texts`` as they were added."""
        for run in self._of_texts(texts):
            self._slots.discard(run, slot)

    def candidates(self, parts: Iterable[str]) -> Sequence[int] | None:
        """The slots that may have a text with all of these parts in it, ascending; None when any slot may."""
        best: Sequence[int] | None = None
        for part in parts:
            for run in self._of_part(part):
                held = self._slots.get(run)
                if not held:
                    return ()
                if best is None or len(held) < len(best):
                    best = held
        return best

    def _of_texts(self, texts: Iterable[str]) -> set[str]:
        found: set[str] = set()
        for text in texts:
            found.update([text[at : at + 3] for at in range(len(text) - 2)])
            telling = not text.isascii() and max(text) >= _TELLING
            if self._pairs or telling:
                found.update([text[at : at + 2] for at in range(len(text) - 1)])
            if telling:
                found.update([character for character in text if character >= _TELLING])
        return found

    def _of_part(self, part: str) -> Iterator[str]:
        """The longest runs of a part that have lists in every text that holds it."""
        if len(part) > 2:
            for at in range(len(part) - 2):
                yield part[at : at + 3]
        elif part and (part >= _TELLING or (len(part) == 2 and (self._pairs or part[1] >= _TELLING))):
            yield part
