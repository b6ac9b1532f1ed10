"""What is extracted from cards, to search them by: ``reindex`` makes it anew."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text, and_, literal_column, text

from sharedbook.store.migrations.first_tables.base import metadata
from sharedbook.store.types import Exact, Id

properties = Table(
    "properties",
    metadata,
    Column("contact_id", Id, ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True),
    Column("pos", Integer, primary_key=True),
    Column("name", Exact, nullable=False),
    Column("params", Text, nullable=False),
    Column("value", Exact, nullable=False),
    Column("folded", Exact),
    Column("cased", Exact),
    sqlite_with_rowid=False,
)
FOLDED = "coalesce(folded, (' ' || replace(lower(value), ' ', '  ')) || ' ')"
FOLDED_KEY = 24

NOT_SOUGHT = ("v", "p", "z", "k", "N", "a", "b", "s", "m", "h")
SOUGHT = and_(*(properties.c.name != literal_column(f"'{name}'") for name in NOT_SOUGHT))
Index(
    "ix_properties_name_folded",
    properties.c.name,
    text(f"substr({FOLDED}, 1, {FOLDED_KEY})"),
    sqlite_where=SOUGHT,
)

MAIL = "e"
IN_MAIL = f"(name = '{MAIL}' OR name = 'EMAIL' OR name = 'email')"
_c = properties.c
Index("ix_properties_mail", _c.name, _c.value, _c.folded, _c.cased, sqlite_where=text(IN_MAIL)).ddl_if(dialect="sqlite")

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
