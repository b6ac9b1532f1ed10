"""The audit: one row a write, ids and shapes only, chained by hash so that a missing row shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from sharedbook.store.prepared import Prepared
from sharedbook.store.schema import audit

_LAST = Prepared(select(audit.c.chain).order_by(audit.c.id.desc()).limit(1))
_ADD = Prepared(insert(audit), ("at", "actor", "client", "action", "ids", "chain"))


def last_chain(connection: Connection) -> str:
    """The last row's hash, "" before the first."""
    rows = _LAST.rows(connection, {})
    return str(rows[0][0]) if rows else ""


def append(connection: Connection, row: Mapping[str, Any]) -> None:
    """Adds a row."""
    _ADD.run(connection, row)


PAGE = 1000
"""Rows that are read at once."""
START = -(2**63)
"""An id before every row, also one that somebody has slipped in."""


def page(connection: Connection, after: int, since: datetime | None = None) -> Sequence[Row[Any]]:
    """The next ``PAGE`` rows behind the id ``after`` and from a time on, the oldest first; none at the end."""
    statement = select(audit).where(audit.c.id > after).order_by(audit.c.id).limit(PAGE)
    if since is not None:
        statement = statement.where(audit.c.at >= since)
    return connection.execute(statement).all()


def rows(connection: Connection) -> Iterator[Row[Any]]:
    """Every row, the oldest first, page by page."""
    after = START
    while found := page(connection, after):
        yield from found
        after = found[-1].id
