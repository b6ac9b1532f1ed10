"""What the whole site keeps: the clock, the audit, erasures, notices."""

from __future__ import annotations

from sqlalchemy import Column, Identity, Integer, String, Table, Text

from sharedbook.store.migrations.first_tables.base import metadata, row_id
from sharedbook.store.types import Id, Time

meta = Table("meta", metadata, Column("name", String(40), primary_key=True), Column("value", Text, nullable=False))

changes = Table(
    "changes",
    metadata,
    Column("seq", Id, Identity(always=False), primary_key=True),
    Column("at", Time, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("ref_id", Id, nullable=False),
    sqlite_autoincrement=True,
)

audit = Table(
    "audit",
    metadata,
    row_id(),
    Column("at", Time, nullable=False),
    Column("actor", Text, nullable=False),
    Column("client", Text, nullable=False),
    Column("action", String(40), nullable=False),
    Column("ids", Text, nullable=False),
    Column("chain", String(64), nullable=False),
    sqlite_autoincrement=True,
)

erasures = Table(
    "erasures",
    metadata,
    row_id(),
    Column("at", Time, nullable=False),
    Column("actor", Text, nullable=False),
    Column("contacts", Integer, nullable=False),
    Column("certificate", Text),
    sqlite_autoincrement=True,
)

notices = Table(
    "notices",
    metadata,
    row_id(),
    Column("at", Time, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("ids", Text, nullable=False),
    Column("taken", Text, nullable=False, server_default="[]"),
    Column("mailed", Time),
    Column("posted", Time),
    Column("tries", Integer, nullable=False),
    Column("next_try", Time, nullable=False),
    Column("error", Text, nullable=False),
    sqlite_autoincrement=True,
)
