"""Rows of meta: a few facts about the database itself, by name.

The epoch tells one life of the database from another: sync tokens and paging cookies of another epoch are not ours. The
first migration makes it; a restore renews it, and marks every ETag with a part of it.
"""

from __future__ import annotations

import secrets

from sqlalchemy import Connection, delete, insert, select

from sharedbook.store.schema import meta

EPOCH = "epoch"
RESTORED = "restored"
"""What marks every ETag; there is none before the first restore."""
KEY = "site_key"
"""What tells the site.key that the database was made with from any other, and nothing else of it."""


def every(connection: Connection) -> dict[str, str]:
    """Every value by name."""
    return {row.name: row.value for row in connection.execute(select(meta))}


def put(connection: Connection, name: str, value: str) -> None:
    """Sets the value of a name."""
    connection.execute(delete(meta).where(meta.c.name == name))
    connection.execute(insert(meta).values(name=name, value=value))


def renew_epoch(connection: Connection) -> str:
    """Begins a new epoch: every token given out before is invalid. Returns it."""
    value = secrets.token_hex(8)
    put(connection, EPOCH, value)
    put(connection, RESTORED, value[:8])
    return value
