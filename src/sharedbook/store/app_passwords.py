"""Statements on app passwords: found by their HMAC, never by a comparison. A revoked one stays as a row. No rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from sharedbook.store.schema import app_passwords as table


@dataclass(frozen=True, slots=True)
class AppPassword:
    """A row that was not revoked; ``doors`` are a subset of carddav and ldap."""

    id: int
    member_id: int
    label: str
    doors: frozenset[str]
    write: bool
    created: datetime
    expires: datetime | None
    last_used: datetime | None


def add(
    connection: Connection,
    member_id: int,
    label: str,
    *,
    hmac: bytes,
    doors: frozenset[str],
    write: bool,
    created: datetime,
    expires: datetime | None,
) -> None:
    """Adds an app password of one member."""
    connection.execute(
        insert(table).values(
            member_id=member_id,
            label=label,
            hmac=hmac,
            doors=",".join(sorted(doors)),
            write=write,
            created=created,
            expires=expires,
        )
    )


def of_member(connection: Connection, member_id: int) -> list[AppPassword]:
    """Those of one member, the revoked left out, the oldest first."""
    return [
        _read(row) for row in connection.execute(_LIVING.where(table.c.member_id == member_id).order_by(table.c.id))
    ]


def revoke(connection: Connection, member_id: int, now: datetime, *, label: str | None = None) -> None:
    """Revokes one of a member's, or all."""
    statement = update(table).where(table.c.member_id == member_id, table.c.revoked_at.is_(None))
    if label is not None:
        statement = statement.where(table.c.label == label)
    connection.execute(statement.values(revoked_at=now))


def used(connection: Connection, app_password_id: int, now: datetime) -> None:
    """Notes when one was last used."""
    connection.execute(update(table).where(table.c.id == app_password_id).values(last_used=now))


_LIVING = select(
    table.c.id,
    table.c.member_id,
    table.c.label,
    table.c.doors,
    table.c.write,
    table.c.created,
    table.c.expires,
    table.c.last_used,
).where(table.c.revoked_at.is_(None))


def _read(row: Any) -> AppPassword:
    return AppPassword(
        row.id,
        row.member_id,
        row.label,
        frozenset(row.doors.split(",")),
        row.write,
        row.created,
        row.expires,
        row.last_used,
    )
