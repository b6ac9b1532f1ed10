"""Rows made ready, some hundred at a time: in columns, which go into the tables as they are, and each row when asked.

Most rows are new contacts, of which the writer needs no more than a few columns; so what else is in a row stays packed
until somebody asks for it.
"""

from __future__ import annotations

import marshal
import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sharedbook.formats.entries.incoming import Incoming
from sharedbook.formats.rows.problems import Problem
from sharedbook.services.imports.said import Said
from sharedbook.services.writing.kept import Columns, Kept
from sharedbook.store.matches import Key

_OCTETS = 1_000_000
"""Rows of a block hold hardly more: memory shall not depend on what is in them."""


class Ready(NamedTuple):
    """A row: its cells as they stood in the file, and the problem that makes it none, or what it says.

    ``hashes``: of all that can be looked up but a UID, its name's last; what no contact has is quickly told by them.
    ``kept``: of a new card; None, and ``refusal``, where none can be made. ``row``: what changes a contact that is
    there already, only when it is asked for. ``groups``: slugs or names of those it shall go into.
    """

    line: int
    cells: tuple[str, ...]
    problem: Problem | None = None
    said: Said | None = None
    kept: Kept | None = None
    refusal: Problem | None = None
    custom: dict[int, tuple[str, ...]] = {}  # noqa: RUF012 - never written to
    row: Incoming | None = None
    groups: tuple[str, ...] = ()
    hashes: tuple[int, ...] = ()


class Made(NamedTuple):
    """A row that is a new card with a name and nothing odd: its entry in each column of a block, in their order."""

    text: str
    uid: str
    name: str
    sort: str
    texts: str
    notes: str
    keys: tuple[int, ...]
    hashes: tuple[int, ...]
    numbers: tuple[str, ...]
    external: tuple[Key, ...]
    emails: tuple[Key, ...]
    names: tuple[Key, ...]


_KEPT = Made._fields.index("hashes")
_PACKED = Made._fields.index("external")
_ODD = Made("", "", "", "", "", "", (), (), (), (), (), ())


def made_of(row: Ready) -> Made | None:
    """The same of a row; None for one that is more or less than that."""
    said, kept = row.said, row.kept
    if said is None or kept is None or row.row is not None:
        return None
    if said.uid or not said.names or kept.originals:
        return None
    numbers = tuple(sorted(said.numbers))
    return Made(
        *(kept.text, kept.uid, kept.name, kept.sort, *kept.indexed),
        *(row.hashes, numbers, said.external, said.emails, said.names),
    )


Line = tuple[int, tuple[str, ...], dict[int, tuple[str, ...]], tuple[str, ...]]
"""Of a row: the line of the file, cells, custom fields and groups, as in ``Ready``."""


def line_of(row: Ready) -> Line:
    """The same of a row."""
    return row.line, row.cells, row.custom, row.groups


class Block(NamedTuple):
    """Rows in the order of the file: every list has one entry a row.

    ``kept``: of new cards. ``numbers``: E.164 digits that the row is matched by. ``odd``: rows, by place, that are
    more than a new card with a name; of their columns only the hashes count. ``rest``: what else is in the other rows,
    packed.
    """

    line: Sequence[int]
    kept: Columns
    hashes: list[tuple[int, ...]]
    numbers: list[tuple[str, ...]]
    custom: Sequence[dict[int, tuple[str, ...]]]
    groups: Sequence[tuple[str, ...]]
    odd: dict[int, Ready]
    rest: bytes

    @classmethod
    def of(cls, found: Sequence[Made | Ready], lines: Sequence[Line]) -> Block:
        """These rows, one at least; ``lines``: what each says beside its contact."""
        odd = {at: row for at, row in enumerate(found) if isinstance(row, Ready)}
        made = [_ODD._replace(hashes=row.hashes) if isinstance(row, Ready) else row for row in found]
        columns: list[list[Any]] = list(map(list, zip(*made, strict=True)))
        line, cells, custom, groups = zip(*lines, strict=True)
        return cls(
            line=line,
            kept=Columns._make([*columns[:_KEPT], [{}] * len(found)]),
            hashes=columns[_KEPT],
            numbers=columns[_KEPT + 1],
            custom=custom,
            groups=groups,
            odd=odd,
            rest=marshal.dumps(list(zip(cells, *columns[_PACKED:], strict=True))),
        )

    def rows(self, places: Iterable[int]) -> Iterator[tuple[int, Ready]]:
        """Rows whole, each with its place, in their order."""
        rest: list[Any] | None = None
        for at in sorted(places):
            row = self.odd.get(at)
            if row is None:
                rest = rest or marshal.loads(self.rest)
                row = self._row(at, *rest[at])
            yield at, row

    def _row(self, at: int, cells: tuple[str, ...], external: Any, emails: Any, names: Any) -> Ready:
        said = Said(external, "", emails, names, frozenset(self.numbers[at]))
        kept, custom, groups = self.kept.at(at), self.custom[at], self.groups[at]
        return Ready(self.line[at], cells, None, said, kept, None, custom, None, groups, self.hashes[at])

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


def unpacked(written: bytes) -> Block:
    """The block that was packed."""
    columns, line, hashes, numbers, custom, groups, odd, rest = marshal.loads(written)
    kept = Columns._make((*columns, [{}] * len(line)))
    return Block(line, kept, hashes, numbers, custom, groups, pickle.loads(odd), rest)  # noqa: S301 - our own process


def cut(rows: Iterable[Ready], most: int) -> Iterator[Block]:
    """All rows, at most so many in a block."""
    for some in some_at_a_time(rows, most, _size_of):
        yield Block.of([made_of(row) or row for row in some], list(map(line_of, some)))


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
