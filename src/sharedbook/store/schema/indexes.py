"""What is extracted from cards, to search them by: ``reindex`` makes it anew."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text, and_, literal_column, text

from sharedbook.store.schema.base import metadata
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
# ``folded`` of most ASCII values is not stored but made of the value: it would double the table.
FOLDED = "coalesce(folded, (' ' || replace(lower(value), ' ', '  ')) || ' ')"
# PostgreSQL refuses index entries over 2,700 bytes, and few texts are the same that far: longer ones are then compared.
FOLDED_KEY = 24

# Names of which nobody seeks a whole value or how one begins, as nearly all cards have the same or each has its own:
# VERSION, PRODID, REV, kind; N, ADR, address, street, the notes, phone (of which each form is sought). Parts of values
# are found as fast without an index. It is used by a statement that asks for ``SOUGHT`` in these words.
NOT_SOUGHT = ("v", "p", "z", "k", "N", "a", "b", "s", "m", "h")
# Compared one by one: for a list SQLite builds a table anew at each row that is inserted.
SOUGHT = and_(*(properties.c.name != literal_column(f"'{name}'") for name in NOT_SOUGHT))
Index(
    "ix_properties_name_folded",
    properties.c.name,
    text(f"substr({FOLDED}, 1, {FOLDED_KEY})"),
    sqlite_where=SOUGHT,
)

# Parts of mail addresses are what people search most. SQLite finds them in this index alone, without a look at the
# rows, for a statement that asks for ``IN_MAIL`` in these words.
MAIL = "e"
IN_MAIL = f"(name = '{MAIL}' OR name = 'EMAIL' OR name = 'email')"
_c = properties.c
Index("ix_properties_mail", _c.name, _c.value, _c.folded, _c.cased, sqlite_where=text(IN_MAIL)).ddl_if(dialect="sqlite")

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
