"""What is extracted from cards, to search them by: ``reindex`` makes it anew."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary, String, Table, Text

from sharedbook.store.schema.base import metadata, reference
from sharedbook.store.types import Exact, Id

# Every value of a contact in one text, folded: see store/indexed.py. Custom fields are written apart from the card;
# notes stand apart as they may be longer than all others together, and are seldom sought.
sought = Table(
    "sought",
    metadata,
    Column("contact_id", Id, reference("contacts.id", "CASCADE"), primary_key=True),
    Column("custom", Exact, nullable=False, server_default=""),
    Column("texts", Exact, nullable=False),
    Column("notes", Exact, nullable=False),
)

# Hashes of the values by which many contacts are looked up at once. Two values may have one: the texts decide.
value_keys = Table(
    "value_keys",
    metadata,
    Column("contact_id", Id, reference("contacts.id", "CASCADE"), primary_key=True),
    Column("hash", BigInteger, primary_key=True, index=True),
    sqlite_with_rowid=False,
)

# What the LDAP directory answers for a contact and finds it by, so that its start need not read cards. It goes with any
# change of the card; a row is good for its version and ``stamp`` (settings and code that made it) only.
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
