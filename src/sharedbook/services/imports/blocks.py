"""Rows made ready, some hundred at a time: in columns, which go into the tables as they are, and each row when asked.

Most rows are new contacts, of which the writer needs no more than a few columns; so what else is in a row stays packed
until somebody asks for it.
"""

from __future__ import annotations

import marshal
import pickle
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sharedbook.formats.entries.incoming import Incoming
from sharedbook.formats.rows.problems import Problem
from sharedbook.services.imports.said import Said
from sharedbook.services.writing.kept import Columns, Kept
from sharedbook.store.indexed import Indexed

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


class Block(NamedTuple):
    """Rows in the order of the file: every list has one entry a row.

    ``kept``: of new cards. ``numbers``: E.164 digits that the row is matched by. ``odd``: rows, by place, that are
    more than a new card with a name; their columns say little. ``rest``: what else is in the other rows, packed.
    """

    line: list[int]
    kept: Columns
    hashes: list[tuple[int, ...]]
    numbers: list[tuple[str, ...]]
    custom: list[dict[int, tuple[str, ...]]]
    groups: list[tuple[str, ...]]
    odd: dict[int, Ready]
    rest: bytes

    @classmethod
    def of(cls, rows: Sequence[Ready]) -> Block:
        """These rows."""
        odd = {at: row for at, row in enumerate(rows) if _is_odd(row)}
        said = [row.said or _NOTHING for row in rows]
        rest = [(row.cells, each.external, each.emails, each.names) for row, each in zip(rows, said, strict=True)]
        return cls(
            line=[row.line for row in rows],
            kept=Columns.of([_NO_CARD if at in odd else row.kept or _NO_CARD for at, row in enumerate(rows)]),
            hashes=[row.hashes for row in rows],
            numbers=[tuple(each.numbers) for each in said],
            custom=[row.custom for row in rows],
            groups=[row.groups for row in rows],
            odd=odd,
            rest=marshal.dumps(rest),
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
        return sum(self.kept.size) + len(self.rest) + sum(map(_size_of, self.odd.values()))

    def packed(self) -> bytes:
        """For ``unpacked``, in another process."""
        *columns, _originals = self.kept
        odd = pickle.dumps(self.odd)
        return marshal.dumps((columns, self.line, self.hashes, self.numbers, self.custom, self.groups, odd, self.rest))


_NOTHING = Said((), "", (), (), frozenset())
_NO_CARD = Kept("", "", "", 0, "", "", Indexed("", "", ()), {})


def unpacked(written: bytes) -> Block:
    """The block that was packed."""
    columns, line, hashes, numbers, custom, groups, odd, rest = marshal.loads(written)
    kept = Columns._make((*columns, [{}] * len(line)))
    return Block(line, kept, hashes, numbers, custom, groups, pickle.loads(odd), rest)  # noqa: S301 - our own process


def _is_odd(row: Ready) -> bool:
    said, kept = row.said, row.kept
    if said is None or kept is None or row.row is not None:
        return True
    return said.uid != "" or not said.names or kept.originals != {}


def cut(rows: Iterable[Ready], most: int) -> Iterator[Block]:
    """All rows, at most so many in a block."""
    some, octets = list[Ready](), 0
    for row in rows:
        some.append(row)
        octets += _size_of(row)
        if len(some) == most or octets > _OCTETS:
            yield Block.of(some)
            some, octets = [], 0
    if some:
        yield Block.of(some)


def _size_of(row: Ready) -> int:
    """About how many octets a row holds."""
    cells, kept = sum(map(len, row.cells)), row.kept
    return cells if kept is None else cells + kept.size + sum(map(len, kept.originals.values()))
