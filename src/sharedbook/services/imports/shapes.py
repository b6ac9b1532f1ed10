"""Most rows of a table have one of a few shapes: what is made of such a row is learned once, then only filled in.

What the general way (``ready.Make``) makes of a row in which each cell is a mark (``formats.entries.plain``) is cut at
the marks. Nothing here knows how a card or its index is written: the rules keep their one home. A shape is only used if
it gives, of the row that it is learned for, what the general way gives of it; ``tests/services/test_shapes.py`` holds
the two against each other over random tables.
"""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sharedbook.domain.model import Limits
from sharedbook.formats.entries.plain import Plain, PlainRows, Shape
from sharedbook.services.imports import templates
from sharedbook.services.imports.blocks import NOTHING, Made
from sharedbook.services.imports.templates import Template

LEARNED_AT = 3
"""A shape is learned when so many of its rows were seen: to learn one takes as long as some rows take."""

MOST = 500
_MOST_SEEN = 10_000
"""Shapes that are kept, and that are counted."""

_UIDS = 256

General = Callable[[tuple[str, ...]], Made | None]
"""The general way for the cells of a row; None for a row that is refused."""


class Shapes:
    """The shapes of one table, learned while it is read."""

    def __init__(self, rows: PlainRows, general: General, region: str, limits: Limits) -> None:
        self._rows = rows
        self._general = general
        self._region = region
        self._limits = limits
        self._seen = Counter[int]()  # by hash
        self._known: dict[Shape, Template] = {}
        self._uids = _uids()

    def made(self, rows: Sequence[tuple[str, ...]]) -> tuple[list[list[Any]], set[int]]:
        """What the general way makes of rows, by columns as ``Made`` names them; the places where only that can tell.

        A row that can be told has as many cells as the header.
        """
        columns = [[each] * len(rows) for each in NOTHING]
        unknown = set(range(len(rows)))
        for plain in self._rows.read(rows):
            template = self._known.get(plain.shape) or self._learned_of(plain, rows)
            if template is not None:
                uids = tuple(itertools.islice(self._uids, len(plain.at)))
                for at, found in template.filled(plain, uids, self._region, self._limits):
                    if len(at) == len(rows):
                        return list(map(list, found)), set()
                    for column, values in zip(columns, found, strict=False):
                        for place, value in zip(at, values, strict=True):
                            column[place] = value
                    unknown.difference_update(at)
        return columns, unknown

    def _learned_of(self, plain: Plain, rows: Sequence[tuple[str, ...]]) -> Template | None:
        """A shape's template when enough rows of it were seen."""
        seen, known = hash(plain.shape), None
        before = self._seen[seen]
        self._seen[seen] += len(plain.at)
        if before < LEARNED_AT <= self._seen[seen] and len(self._known) < MOST:
            known = self._learned(plain.some([0]), rows[plain.at[0]])
        if known is not None:
            self._known[plain.shape] = known
        if len(self._seen) > _MOST_SEEN:
            self._seen.clear()
        return known

    def _learned(self, plain: Plain, cells: tuple[str, ...]) -> Template | None:
        marked = self._rows.marked(plain.shape)
        read, example, expected = self._rows.read([marked.row]), self._general(marked.row), self._general(cells)
        if not read or read[0].shape != plain.shape or example is None or expected is None:
            return None
        template = templates.template(read[0], marked, example, self._region)
        found = template.filled(plain, (expected.uid,), self._region, self._limits)
        return template if [made for _, columns in found for made in zip(*columns, strict=True)] == [expected] else None


def _uids() -> Iterator[str]:
    """UUIDs of version 4, many at once for one call of the system.

    Those of a run begin alike and rise from block to block, so that an index has together what is made together; 60
    bits of each are its own, 14 its block's. No time is in them: a UID is sought when its contact is erased, and times
    are not erased.
    """
    run = os.urandom(4).hex()
    for block in itertools.count():
        digits = os.urandom(8 * _UIDS + 2).hex()
        begin = f"{run}-{block & 0xFFFF:04x}-4{digits[:3]}-{'89ab'[int(digits[3], 16) & 3]}"
        for at in range(4, len(digits), 16):
            yield f"{begin}{digits[at : at + 3]}-{digits[at + 3 : at + 15]}"
