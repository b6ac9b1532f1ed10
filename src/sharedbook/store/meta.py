"""Rows of meta: a few facts about the database itself, by name.

The epoch tells one life of the database from another: sync tokens and paging cookies of another epoch are not ours. The
first migration makes it; a restore renews it.
"""

from __future__ import annotations

import secrets

from sqlalchemy import Connection, delete, insert, select

from sharedbook.store.schema import meta

EPOCH = "epoch"


def get(connection: Connection, name: str) -> str | None:
    """The value of a name, None when there is none."""
    return connection.execute(select(meta.c.value).where(meta.c.name == name)).scalar()


def put(connection: Connection, name: str, value: str) -> None:
    """Sets the value of a name."""
    connection.execute(delete(meta).where(meta.c.name == name))
    connection.execute(insert(meta).values(name=name, value=value))


def epoch(connection: Connection) -> str:
    """The database's epoch, 16 hexadecimal digits."""
    return get(connection, EPOCH) or ""


def renew_epoch(connection: Connection) -> str:
    """Begins a new epoch: every token given out before is invalid. Returns it."""
    value = secrets.token_hex(8)
    put(connection, EPOCH, value)
    return value
