"""The clock: an append-only table of ids. Its seq is the only order there is; all writers hold the write lock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select

from sharedbook.domain.model import Change, ChangeKind
from sharedbook.store.prepared import Prepared, insert_each
from sharedbook.store.schema import changes

_ADD = Prepared(insert_each(changes.c.ref_id, (changes.c.at, changes.c.kind)).returning(changes.c.seq))
_SPAN = Prepared(
    select(select(func.min(changes.c.seq)).scalar_subquery(), select(func.max(changes.c.seq)).scalar_subquery())
)
FROM = Prepared(
    select(changes.c.seq, changes.c.kind, changes.c.ref_id)
    .where(changes.c.seq >= bindparam("seq"))
    .order_by(changes.c.seq)
    .limit(bindparam("most"))
)
_ALL = 2**62


def append(connection: Connection, at: datetime, kind: ChangeKind, ref_ids: Sequence[int]) -> list[int]:
    """Adds a change for each id and returns their seqs in the same order."""
    return sorted([row[0] for row in _ADD.rows(connection, {"ids": ref_ids, "at": at, "kind": kind.value})])


def position(connection: Connection) -> int:
    """The last seq, 0 before the first change."""
    return int(connection.execute(select(func.coalesce(func.max(changes.c.seq), 0))).scalar_one())


def span(connection: Connection) -> tuple[int, int]:
    """The oldest seq still remembered, and the last one; 0 and 0 when there is none."""
    [(oldest, last)] = _SPAN.rows(connection, {})
    return oldest or 0, last or 0


def since(connection: Connection, seq: int) -> list[Change]:
    """Every change after ``seq``, in order."""
    return _changes(FROM.rows(connection, {"seq": seq + 1, "most": _ALL}))


def known_since(connection: Connection, seq: int, most: int = _ALL) -> list[Change] | None:
    """The same, or the first ones; None when they are no longer, or not yet, known."""
    return known(connection, seq, FROM.rows(connection, from_(seq, most)))


def from_(seq: int, most: int = _ALL) -> dict[str, int]:
    """The values of FROM for the change of ``seq`` itself, by which it is known, and those after it."""
    return {"seq": seq, "most": min(most + 1, _ALL)}


def known(connection: Connection, seq: int, rows: Sequence[tuple[Any, ...]]) -> list[Change] | None:
    """What FROM has found, as ``known_since`` says."""
    found = _changes(rows)
    if found and found[0].seq == seq:
        return found[1:]
    oldest, last = span(connection)
    return found if oldest <= seq + 1 <= last + 1 else None


def _changes(rows: Sequence[tuple[Any, ...]]) -> list[Change]:
    return [Change(found, ChangeKind(kind), ref_id) for found, kind, ref_id in rows]


@dataclass(frozen=True, slots=True)
class LoggedChange:
    """A change with its time."""

    seq: int
    at: datetime
    kind: ChangeKind
    id: int


def logged(connection: Connection, limit: int, *, after: int = 0, at: datetime | None = None) -> list[LoggedChange]:
    """The first ``limit`` changes after a seq and from a time on, in order."""
    statement = select(changes).where(changes.c.seq > after).order_by(changes.c.seq).limit(limit)
    if at is not None:
        statement = statement.where(changes.c.at >= at)
    rows = connection.execute(statement)
    return [LoggedChange(row.seq, row.at, ChangeKind(row.kind), row.ref_id) for row in rows]


def prune(connection: Connection, before: datetime) -> int:
    """Forgets changes older than ``before``, but never the last one. Returns how many."""
    last = select(func.max(changes.c.seq)).scalar_subquery()
    return connection.execute(delete(changes).where(changes.c.at < before, changes.c.seq < last)).rowcount
