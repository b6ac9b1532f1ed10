"""The audit: one row a write, ids and shapes only, chained by hash so that a missing row shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from sharedbook.store.schema import audit

_LAST = select(audit.c.chain).order_by(audit.c.id.desc()).limit(1)
_ADD = insert(audit)


def last_chain(connection: Connection) -> str:
    """The last row's hash, "" before the first."""
    return connection.execute(_LAST).scalar() or ""


def append(connection: Connection, row: Mapping[str, Any]) -> None:
    """Adds a row."""
    connection.execute(_ADD, row)


def rows(connection: Connection, since: datetime | None) -> Iterator[Row[Any]]:
    """Every row from a time on, the oldest first, streamed."""
    statement = select(audit).order_by(audit.c.id)
    if since is not None:
        statement = statement.where(audit.c.at >= since)
    yield from connection.execute(statement, execution_options={"yield_per": 1000})
