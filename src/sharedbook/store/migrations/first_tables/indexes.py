"""What is extracted from cards, to search them by: ``reindex`` makes it anew."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary, String, Table, Text

from sharedbook.store.migrations.first_tables.base import metadata, reference
from sharedbook.store.types import Exact, Id

sought = Table(
    "sought",
    metadata,
    Column("contact_id", Id, reference("contacts.id", "CASCADE"), primary_key=True),
    Column("custom", Exact, nullable=False, server_default=""),
    Column("texts", Exact, nullable=False),
    Column("notes", Exact, nullable=False),
)

value_keys = Table(
    "value_keys",
    metadata,
    Column("contact_id", Id, reference("contacts.id", "CASCADE"), primary_key=True),
    Column("hash", BigInteger, primary_key=True, index=True),
    sqlite_with_rowid=False,
)

directory_entries = Table(
    "directory_entries",
    metadata,
    Column("contact_id", Id, ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("stamp", String(32), nullable=False),
    Column("start", Integer, nullable=False),
    Column("entry", LargeBinary, nullable=False),
    Column("more", LargeBinary, nullable=False),
    Column("texts", Text, nullable=False),
)
