"""Slots in the order of one property, kept up as contacts change: to sort some of them is to sort numbers.

Each slot has a label, and labels ascend along the order. One that comes in between gets a label between those of its
neighbours; when there is no room left, all are labelled anew.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable

_APART = 1 << 32
"""Between two labels at first: so often can it be halved."""


class Ranks:
    """``key`` gives what a slot is sorted by, different for each."""

    def __init__(self, key: Callable[[int], tuple[str, int]]) -> None:
        self._key = key
        self._order: list[int] = []
        self._labels = array("Q")
        self._new: list[int] = []

    def add(self, slot: int) -> None:
        """One that has its value; it is sorted in when the order is next needed."""
        self._new.append(slot)

    def remove(self, slot: int) -> None:
        """Forgets one that still has the value with which it was added."""
        self.settle()
        del self._order[bisect_left(self._order, self._key(slot), key=self._key)]

    def sort(self, slots: list[int], *, reverse: bool) -> list[int]:
        """Some of them in order; most of them: the order without the others."""
        self.settle()
        if len(slots) > len(self._order) // 8:
            wanted = set(slots)
            return [slot for slot in (reversed(self._order) if reverse else self._order) if slot in wanted]
        return sorted(slots, key=self._labels.__getitem__, reverse=reverse)

    def settle(self) -> None:
        """Sorts in what is new."""
        new, self._new = self._new, []
        if len(new) > len(self._order) // 16:
            self._order += new
            self._order.sort(key=self._key)
            self._label()
        else:
            for slot in new:
                self._insert(slot)

    def _label(self) -> None:
        self._labels = array("Q", bytes(8 * (max(self._order, default=-1) + 1)))
        for at, slot in enumerate(self._order, 1):
            self._labels[slot] = at * _APART

    def _insert(self, slot: int) -> None:
        order, labels = self._order, self._labels
        at = bisect_left(order, self._key(slot), key=self._key)
        before = labels[order[at - 1]] if at else 0
        after = labels[order[at]] if at < len(order) else before + 2 * _APART
        order.insert(at, slot)
        if slot >= len(labels):
            labels.extend([0] * (slot + 1 - len(labels)))
        labels[slot] = (before + after) // 2
        if labels[slot] == before:
            self._label()
