"""Rows of erasures: one an irreversible deletion, without a certificate until it is proved. Statements, no rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, update

from sharedbook.store.database import insert_one
from sharedbook.store.schema import erasures


@dataclass(frozen=True, slots=True)
class Erasure:
    """A row. ``contacts`` counts them; ``certificate`` is JSON, None while the erasure is pending."""

    id: int
    at: datetime
    actor: str
    contacts: int
    certificate: str | None


def add(connection: Connection, at: datetime, actor: str, contacts: int) -> int:
    """Adds a pending erasure and returns its id."""
    return insert_one(connection, erasures, {"at": at, "actor": actor, "contacts": contacts})


def every(connection: Connection, *, pending: bool = False) -> list[Erasure]:
    """All erasures, or those without a certificate, the oldest first."""
    statement = select(erasures).order_by(erasures.c.id)
    if pending:
        statement = statement.where(erasures.c.certificate.is_(None))
    return [Erasure(**row) for row in connection.execute(statement).mappings()]


def complete(connection: Connection, erasure_id: int, certificate: str) -> None:
    """Ends an erasure; one that another process has ended meanwhile keeps its certificate."""
    ended = update(erasures).where(erasures.c.id == erasure_id, erasures.c.certificate.is_(None))
    connection.execute(ended.values(certificate=certificate))
