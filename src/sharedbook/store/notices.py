"""Rows of notices: what postmasters are told, how it went out, and when the next try is. Statements, no rules."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, func, insert, or_, select, update

from sharedbook.store.schema import notices

_N = notices.c
WAYS = ("mailed", "posted")
"""Columns that say when a notice went out, and by which way."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A row. ``sent``: way -> when it went out that way, None while it has not; ``error``: of the last try, or "".

    ``taken``: ids of the members to whom it was mailed while the server refused it for others.
    """

    id: int
    at: datetime
    kind: str
    subject: str
    text: str
    ids: Mapping[str, int]
    sent: Mapping[str, datetime | None]
    tries: int
    error: str
    taken: frozenset[int] = frozenset()


def add(connection: Connection, at: datetime, kind: str, subject: str, text: str, ids: Mapping[str, int]) -> None:
    """Adds a notice that waits to be sent."""
    row = {"at": at, "kind": kind, "subject": subject, "text": text, "ids": json.dumps(ids), "next_try": at}
    connection.execute(insert(notices).values(**row, tries=0, error=""))


def latest(connection: Connection, limit: int) -> list[Notice]:
    """The newest so many, the newest first."""
    statement = select(notices).order_by(_N.id.desc()).limit(limit)
    return [_notice(row) for row in connection.execute(statement).mappings()]


def last_told(connection: Connection, kind: str, ids: Mapping[str, int] | None = None) -> datetime | None:
    """When there was last a notice of this kind, about these very ids or about any; None for never."""
    statement = select(func.max(_N.at)).where(_N.kind == kind)
    if ids is not None:
        statement = statement.where(_N.ids == json.dumps(ids))
    return connection.execute(statement).scalar()


def due(connection: Connection, ways: Collection[str], now: datetime, since: datetime) -> list[Notice]:
    """Those from a time on that did not go out by one of the ways, and may be tried now; the oldest first."""
    unsent = or_(*(_N[way].is_(None) for way in ways))
    statement = select(notices).where(unsent, _N.next_try <= now, _N.at > since).order_by(_N.id)
    return [_notice(row) for row in connection.execute(statement).mappings()]


def unsent(connection: Connection, ways: Collection[str]) -> int:
    """How many were tried by one of these ways and did not go out."""
    failed = or_(*(_N[way].is_(None) for way in ways))
    statement = select(func.count()).select_from(notices).where(failed, _N.error != "")
    return int(connection.execute(statement).scalar_one())


def claim(connection: Connection, notice_id: int, *, tries: int, next_try: datetime) -> bool:
    """Counts one more try, unless it was tried more often by now; returns whether it did."""
    statement = update(notices).where(_N.id == notice_id, _N.tries == tries)
    return connection.execute(statement.values(tries=tries + 1, next_try=next_try)).rowcount == 1


def change(connection: Connection, notice_id: int, **values: Any) -> None:
    """Sets columns of one notice."""
    connection.execute(update(notices).where(_N.id == notice_id).values(**values))


def take(connection: Connection, notice_id: int, member_ids: Collection[int]) -> None:
    """Notes to whom it was mailed."""
    change(connection, notice_id, taken=json.dumps(sorted(member_ids)))


def prune(connection: Connection, before: datetime) -> int:
    """Forgets what is older; returns how many."""
    return connection.execute(delete(notices).where(_N.at < before)).rowcount


def _notice(row: RowMapping) -> Notice:
    plain = {name: row[name] for name in ("id", "at", "kind", "subject", "text", "tries", "error")}
    taken = frozenset(json.loads(row["taken"]))
    return Notice(**plain, ids=json.loads(row["ids"]), sent={way: row[way] for way in WAYS}, taken=taken)
