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

    ``numbers``: as in ``Said``; ``said``: lines of its keys (``matches.line``), its name's first.
    """

    text: str
    uid: str
    name: str
    sort: str
    texts: str
    notes: str
    keys: tuple[int, ...]
    hashes: tuple[int, ...]
    numbers: str
    said: str


_KEPT = Made._fields.index("hashes")


def made_of(row: Ready) -> Made | None:
    """The same of a row; None for one that is more or less than that."""
    said, kept = row.said, row.kept
    if said is None or kept is None or row.row is not None:
        return None
    if said.uid or not said.names or kept.originals:
        return None
    lines = indexed.LINE.join(map(matches.line, said.keys()))
    return Made._make([*Columns.flat(kept)[:-1], row.hashes, said.numbers, lines])


def odd(hashes: tuple[int, ...]) -> Made:
    """What stands in the columns for any other row, of which only the hashes count."""
    return Made("", "", "", "", "", "", (), hashes, "", "")


class Block(NamedTuple):
    """Rows in the order of the file: every list has one entry a row.

    ``kept``: of new cards. ``numbers``: as in ``Said``. ``odd``: rows, by place, that are
    more than a new card with a name; of their columns only the hashes count. ``rest``: what else is in the other rows,
    packed.
    """

    line: Sequence[int]
    kept: Columns
    hashes: list[tuple[int, ...]]
    numbers: list[str]
    custom: Sequence[dict[int, tuple[str, ...]]]
    groups: Sequence[tuple[str, ...]]
    odd: dict[int, Ready]
    rest: bytes

    @classmethod
    def of(cls, made: Sequence[list[Any]], odd: dict[int, Ready], lines: Lines) -> Block:
        """Of columns as ``Made`` names them, one row at least."""
        line, cells, custom, groups = lines
        kept = Columns._make([*made[:_KEPT], [{}] * len(line)])
        hashes, numbers, said = made[_KEPT:]
        return cls(line, kept, hashes, numbers, custom, groups, odd, marshal.dumps((_joined(cells), said)))

    def rows(self, places: Iterable[int]) -> Iterator[tuple[int, Ready]]:
        """Rows whole, each with its place, in their order."""
        cells: Sequence[tuple[str, ...]] = ()
        said: Sequence[str] = ()
        for at in sorted(places):
            row = self.odd.get(at)
            if row is None:
                if not said:
                    joined, said = marshal.loads(self.rest)
                    cells = _split(*joined)
                row = self._row(at, cells[at], said[at])
            yield at, row

    def _row(self, at: int, cells: tuple[str, ...], said: str) -> Ready:
        keys = Said.of(map(matches.key_of, said.split(indexed.LINE)), self.numbers[at])
        kept, custom, groups = self.kept.at(at), self.custom[at], self.groups[at]
        return Ready(self.line[at], cells, None, keys, kept, None, custom, None, groups, self.hashes[at])

    @property
    def octets(self) -> int:
        """About how many it holds."""
        return sum(map(len, self.kept.text)) + len(self.rest) + sum(map(_size_of, self.odd.values()))

    def packed(self) -> bytes:
        """For ``unpacked``, in another process."""
        columns: Any = self.kept[:-1]
        odd = pickle.dumps(self.odd)
        rest: Any = (self.line, self.hashes, self.numbers, self.custom, self.groups, odd, self.rest)
        return marshal.dumps((columns, *rest))


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
    columns, line, hashes, numbers, custom, groups, odd, rest = marshal.loads(written)
    kept = Columns._make((*columns, [{}] * len(line)))
    return Block(line, kept, hashes, numbers, custom, groups, pickle.loads(odd), rest)  # noqa: S301 - our own process


def cut(rows: Iterable[Ready], most: int) -> Iterator[Block]:
    """All rows, at most so many in a block."""
    for some in some_at_a_time(rows, most, _size_of):
        made = {at: made_of(row) for at, row in enumerate(some)}
        odd_rows = {at: row for at, row in enumerate(some) if made[at] is None}
        columns = zip(*[found or odd(some[at].hashes) for at, found in made.items()], strict=True)
        lines = Lines(*zip(*[(row.line, row.cells, row.custom, row.groups) for row in some], strict=True))
        yield Block.of(list(map(list, columns)), odd_rows, lines)


def some_at_a_time(rows: Iterable[Any], most: int, size_of: Callable[[Any], int]) -> Iterator[list[Any]]:
    """Rows of a block: so many, or fewer that are large."""
    some, octets = list[Any](), 0
    for row in rows:
        some.append(row)
        octets += size_of(row)
        if len(some) == most or octets > _OCTETS:
            yield some
            some, octets = [], 0
    if some:
        yield some


def _size_of(row: Ready) -> int:
    """About how many octets a row holds."""
    cells, kept = sum(map(len, row.cells)), row.kept
    return cells if kept is None else cells + kept.size + sum(map(len, kept.originals.values()))
