"""Rows made ready, some hundred at a time: in columns, which go into the tables as they are, and each row when asked.

Most rows are new contacts, of which the writer needs no more than a few columns; so what else is in a row stays packed
until somebody asks for it.
"""

from __future__ import annotations

import marshal
import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, NamedTuple

from sharedbook.formats.entries.incoming import Incoming
from sharedbook.formats.rows.problems import Problem
from sharedbook.services.imports.said import Said
from sharedbook.services.writing.kept import Columns, Kept
from sharedbook.store import indexed, matches

_NUL = "\0"

_OCTETS = 1_000_000
"""Rows of a block hold hardly more: memory shall not depend on what is in them."""


NO_CUSTOM: dict[int, tuple[str, ...]] = {}
"""Of a row that has none; never written to."""


class Ready(NamedTuple):
    """A row: its cells as they stood in the file, and the problem that makes it none, or what it says.

    ``hashes``: of all that can be looked up but a UID, its name's first; what no contact has is quickly told by them.
    ``kept``: of a new card; None, and ``refusal``, where none can be made. ``row``: what changes a contact that is
    there already, only when it is asked for. ``groups``: slugs or names of those it shall go into.
    """

    line: int
    cells: tuple[str, ...]
    problem: Problem | None = None
    said: Said | None = None
    kept: Kept | None = None
    refusal: Problem | None = None
    custom: dict[int, tuple[str, ...]] = NO_CUSTOM
    row: Incoming | None = None
    groups: tuple[str, ...] = ()
    hashes: tuple[int, ...] = ()


class Made(NamedTuple):
    """A row that is a new card with a name and nothing odd: its entry in each column of a block, in their order.

    ``said``: lines (``matches.line``) of what can be looked up, its name first; ``more``: the hashes of the card's
    other keys. ``numbers``: as in ``Said``.
    """

    text: str
    uid: str
    name: str
    texts: str
    notes: str
    more: tuple[int, ...]
    numbers: str
    said: str


_KEPT = Made._fields.index("numbers")
NOTHING = Made("", "", "", "", "", (), "", "")
"""What stands in the columns for any other row."""


def made_of(row: Ready) -> Made | None:
    """The same of a row; None for one that is more or less than that."""
    said, kept = row.said, row.kept
    if said is None or kept is None or row.row is not None:
        return None
    if said.uid or not said.names or kept.originals:
        return None
    more = tuple([each for each in kept.indexed.keys if each not in row.hashes])
    lines = indexed.LINE.join(map(matches.line, said.keys()))
    return Made(kept.text, kept.uid, kept.name, kept.indexed.texts, kept.indexed.notes, more, said.numbers, lines)


class Block(NamedTuple):
    """Rows in the order of the file: every list has one entry a row.

    ``kept``: of new cards. ``said``, ``numbers``: as in ``Made``. ``odd``: rows, by place, that are more than a new
    card with a name. ``cells``: of the other rows, packed. ``hashes``: as in ``Ready``; they, and the keys of what is
    kept, are only there when the block is ``hashed``.
    """

    line: Sequence[int]
    kept: Columns
    said: list[str]
    numbers: list[str]
    custom: Sequence[dict[int, tuple[str, ...]]]
    groups: Sequence[tuple[str, ...]]
    odd: dict[int, Ready]
    cells: bytes
    hashes: list[tuple[int, ...]]

    @classmethod
    def of(cls, made: Sequence[list[Any]], odd: dict[int, Ready], lines: Lines) -> Block:
        """Of columns as ``Made`` names them, one row at least."""
        line, cells, custom, groups = lines
        kept = Columns._make([*made[:_KEPT], [{}] * len(line)])
        numbers, said = made[_KEPT:]
        return cls(line, kept, said, numbers, custom, groups, odd, marshal.dumps(_joined(cells)), [])

    def hashed(self) -> Block:
        """With hashes and keys: they are made by who waits for the other process."""
        each = iter(indexed.keys(chain.from_iterable([said.split(indexed.LINE) for said in self.said if said])))
        hashes = [tuple(islice(each, said.count(indexed.LINE) + 1)) if said else () for said in self.said]
        keys = [
            own if len({*own}) == len(own) and not more else tuple(dict.fromkeys(own + more))
            for own, more in zip(hashes, self.kept.keys, strict=True)
        ]
        for at, row in self.odd.items():
            hashes[at] = row.hashes
        return self._replace(kept=self.kept._replace(keys=keys), hashes=hashes)

    def rows(self, places: Iterable[int]) -> Iterator[tuple[int, Ready]]:
        """Rows whole, each with its place, in their order."""
        cells: Sequence[tuple[str, ...]] = ()
        for at in sorted(places):
            row = self.odd.get(at)
            if row is None:
                cells = cells or _split(*marshal.loads(self.cells))
                row = self._row(at, cells[at])
            yield at, row

    def _row(self, at: int, cells: tuple[str, ...]) -> Ready:
        said = Said.of(map(matches.key_of, self.said[at].split(indexed.LINE)), self.numbers[at])
        kept, custom, groups = self.kept.at(at), self.custom[at], self.groups[at]
        return Ready(self.line[at], cells, None, said, kept, None, custom, None, groups, self.hashes[at])

    @property
    def octets(self) -> int:
        """About how many it holds."""
        return sum(map(len, self.kept.text)) + len(self.cells) + sum(map(_size_of, self.odd.values()))

    def packed(self) -> bytes:
        """For ``unpacked``, in another process."""
        columns: Any = self.kept[:-1]
        beside: Any = (self.line, self.said, self.numbers, self.custom, self.groups)
        return marshal.dumps((columns, beside, pickle.dumps(self.odd), self.cells))


class Lines(NamedTuple):
    """Where rows come from and what they say beside their cards: a list of each, as in ``Ready``."""

    line: Sequence[int]
    cells: Sequence[tuple[str, ...]]
    custom: Sequence[dict[int, tuple[str, ...]]]
    groups: Sequence[tuple[str, ...]]


def _joined(rows: Sequence[tuple[str, ...]]) -> tuple[list[int], str | list[str]]:
    """How many cells each row has, and all in one text, which is soon packed; not in one if there is a NUL in them."""
    cells = list(chain.from_iterable(rows))
    whole = _NUL.join(cells)
    return list(map(len, rows)), whole if whole.count(_NUL) < len(cells) else cells


def _split(counts: Iterable[int], cells: str | list[str]) -> list[tuple[str, ...]]:
    """The rows that were joined."""
    each = iter(cells.split(_NUL) if isinstance(cells, str) else cells)
    return [tuple(islice(each, count)) for count in counts]


def unpacked(written: bytes) -> Block:
    """The block that was packed."""
    columns, (line, said, numbers, custom, groups), odd, cells = marshal.loads(written)
    kept = Columns._make((*columns, [{}] * len(line)))
    return Block(line, kept, said, numbers, custom, groups, pickle.loads(odd), cells, [])  # noqa: S301 - our own process


def cut(rows: Iterable[Ready], most: int) -> Iterator[Block]:
    """All rows, at most so many in a block."""
    return map(_block, some_at_a_time(rows, most, _size_of))  # which keeps none: a row may be large


def _block(rows: Sequence[Ready]) -> Block:
    made = {at: made_of(row) for at, row in enumerate(rows)}
    odd = {at: row for at, row in enumerate(rows) if made[at] is None}
    columns = zip(*[found or NOTHING for found in made.values()], strict=True)
    cells = [() if at in odd else row.cells for at, row in enumerate(rows)]
    line, custom, groups = zip(*[(row.line, row.custom, row.groups) for row in rows], strict=True)
    return Block.of(list(map(list, columns)), odd, Lines(line, cells, custom, groups))


def some_at_a_time(rows: Iterable[Any], most: int, size_of: Callable[[Any], int]) -> Iterator[list[Any]]:
    """Rows of a block: so many, or fewer that are large."""
    some, octets = list[Any](), 0
    for row in rows:
        some.append(row)
        octets += size_of(row)
        del row  # it is not kept while the next is made
        if len(some) == most or octets > _OCTETS:
            yield some
            some, octets = [], 0
    if some:
        yield some


def _size_of(row: Ready) -> int:
    """About how many octets a row holds."""
    cells, kept = sum(map(len, row.cells)), row.kept
    return cells if kept is None else cells + kept.size + sum(map(len, kept.originals.values()))
