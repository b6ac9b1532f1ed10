"""The audit: one row a write, ids and shapes only, chained by hash so that a missing row shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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


def rows(connection: Connection, since: datetime | None) -> Iterator[Row[Any]]:
    """Every row from a time on, the oldest first, streamed."""
    statement = select(audit).order_by(audit.c.id)
    if since is not None:
        statement = statement.where(audit.c.at >= since)
    yield from connection.execute(statement, execution_options={"yield_per": 1000})
