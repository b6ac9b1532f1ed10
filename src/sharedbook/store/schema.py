"""Every table, once. Migrations build them; a test compares the two.

Ids are never reused (AUTOINCREMENT / identity). ``seq`` columns hold numbers of the one clock, ``changes.seq``.
Large text stands last in its row, so that reading the rest does not walk overflow pages.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    DDL,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
    text,
)

from sharedbook.store.types import NAMES, Exact, Id, Time

metadata = MetaData(naming_convention=NAMES)


def _where(condition: str) -> dict[str, Any]:
    """What makes an index hold only some rows."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


def _id() -> Column[int]:
    return Column("id", Id, Identity(always=False), primary_key=True)


meta = Table("meta", metadata, Column("name", String(40), primary_key=True), Column("value", Text, nullable=False))

subjects = Table(
    "subjects",
    metadata,
    _id(),
    Column("kind", String(12), nullable=False),
    Column("name", Exact, nullable=False),
    Column("display_name", Text, nullable=False, server_default=""),
    Column("email", Exact, nullable=False, server_default=""),
    Column("password", Text),
    Column("disabled", Boolean, nullable=False, server_default=text("false")),
    Column("source", Text),
    Column("merged_book", Boolean, nullable=False, server_default=text("false")),
    Column("switched_at", Time),
    Column("switched_since", Id, nullable=False, server_default=text("0")),
    Column("since", Id, nullable=False),
    Column("created", Time, nullable=False),
    Column("deleted_at", Time),
    Index("uq_subjects_kind_name", "kind", "name", unique=True, **_where("deleted_at IS NULL")),
    Index("ix_subjects_email", "email"),
    sqlite_autoincrement=True,
)

# The postmasters are a team too (model.POSTMASTERS_ID). Who left stays as a row.
team_members = Table(
    "team_members",
    metadata,
    Column("team_id", Id, ForeignKey("subjects.id"), primary_key=True),
    Column("member_id", Id, ForeignKey("subjects.id"), primary_key=True),
    Column("since", Id, nullable=False),
    Column("left_at", Time),
    Index("ix_team_members_member_id", "member_id"),
)

app_passwords = Table(
    "app_passwords",
    metadata,
    _id(),
    Column("member_id", Id, ForeignKey("subjects.id"), nullable=False),
    Column("label", Text, nullable=False),
    Column("hmac", LargeBinary(32), nullable=False, unique=True),
    Column("doors", String(20), nullable=False),
    Column("write", Boolean, nullable=False),
    Column("created", Time, nullable=False),
    Column("expires", Time),
    Column("last_used", Time),
    Column("revoked_at", Time),
    Index("ix_app_passwords_member_id", "member_id"),
    sqlite_autoincrement=True,
)

groups = Table(
    "groups",
    metadata,
    _id(),
    Column("slug", Exact, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("position", Integer, nullable=False),
    Column("is_default", Boolean, nullable=False, server_default=text("false")),
    Column("seq", Id, nullable=False),
    Column("floor_seq", Id, nullable=False),
    Column("modified", Time, nullable=False),
    Column("emptied_at", Time),
    Column("removed_at", Time),
    sqlite_autoincrement=True,
)

grants = Table(
    "grants",
    metadata,
    Column("group_id", Id, ForeignKey("groups.id"), primary_key=True),
    Column("subject_id", Id, ForeignKey("subjects.id"), primary_key=True),
    Column("mask", SmallInteger, nullable=False),
    Column("since", Id, nullable=False),
    Column("revoked_at", Time),
    Index("ix_grants_subject_id", "subject_id"),
)

# Who viewed a group until a grant or a team membership ended: the book is shown empty for a while, unless it is viewed
# in another way. It cannot be told from grants and team_members: they do not know who was in a team at which time.
lost_views = Table(
    "lost_views",
    metadata,
    Column("member_id", Id, ForeignKey("subjects.id"), primary_key=True),
    Column("group_id", Id, ForeignKey("groups.id"), primary_key=True),
    Column("at", Time, nullable=False),
)

contacts = Table(
    "contacts",
    metadata,
    _id(),
    Column("key", Exact, nullable=False, unique=True),
    Column("uid", Exact, nullable=False),
    Column("etag", Exact, nullable=False),
    Column("size", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("sort", Exact, nullable=False),
    Column("owner_id", Id, ForeignKey("subjects.id")),
    Column("visibility", String(8), nullable=False),
    Column("version", Integer, nullable=False),
    Column("created", Time, nullable=False),
    Column("modified", Time, nullable=False),
    Column("trashed_at", Time),
    Column("index_version", SmallInteger, nullable=False),
    Column("source", Text),
    Column("vcard", Text, nullable=False),
    Index("ix_contacts_uid", "uid"),
    Index("ix_contacts_owner_id", "owner_id"),
    Index("ix_contacts_sort", "sort", "id"),
    Index("ix_contacts_restricted", "visibility", **_where("visibility <> 'all'")),
    Index("ix_contacts_trashed_at", "trashed_at", **_where("trashed_at IS NOT NULL")),
    sqlite_autoincrement=True,
)

contact_visibility = Table(
    "contact_visibility",
    metadata,
    Column("contact_id", Id, ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True),
    Column("subject_id", Id, ForeignKey("subjects.id"), primary_key=True),
    Index("ix_contact_visibility_subject_id", "subject_id"),
)

# ``state`` is a model.CardState. A living row: contact_id is set, etag and state repeat the contact's: a listing
# reads this table alone.
# A tombstone: contact_id is NULL, was_contact_id and reason tell what died; it refuses stale PUTs until it is pruned.
memberships = Table(
    "memberships",
    metadata,
    Column("group_id", Id, ForeignKey("groups.id"), primary_key=True),
    Column("href", Exact, primary_key=True),
    Column("contact_id", Id, ForeignKey("contacts.id")),
    Column("was_contact_id", Id),
    Column("uid", Exact, nullable=False),
    Column("etag", Exact, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("seq", Id, nullable=False),
    Column("since", Id, nullable=False),
    Column("reason", String(8)),
    Column("died_at", Time),
    UniqueConstraint("contact_id", "group_id"),
    Index("uq_memberships_group_id_uid", "group_id", "uid", unique=True, **_where("state < 2")),
    Index("ix_memberships_dead", "group_id", "uid", **_where("state >= 2")),
    Index("ix_memberships_group_id_seq", "group_id", "seq"),
    CheckConstraint("(contact_id IS NULL) = (reason IS NOT NULL)", name="dead_or_alive"),
)

# Who lost sight of which href, and since when they had seen it: it tells what a client of any old token holds.
# ``key`` and ``uid`` are the contact's, for merged books: it may be gone.
departures = Table(
    "departures",
    metadata,
    Column("group_id", Id, ForeignKey("groups.id"), primary_key=True),
    Column("seq", Id, primary_key=True),
    Column("href", Exact, primary_key=True),
    Column("subject_id", Id, primary_key=True),
    Column("since", Id, nullable=False),
    Column("at", Time, nullable=False),
    Column("key", Exact, nullable=False),
    Column("uid", Exact, nullable=False),
)

# What one member's clients must fetch again, as a write of theirs was refused. ``etag``: the card's then, "" for none.
# ``group_id`` is model.MERGED_ID for the merged book.
refetches = Table(
    "refetches",
    metadata,
    Column("member_id", Id, ForeignKey("subjects.id"), primary_key=True),
    Column("group_id", Id, primary_key=True),
    Column("href", Exact, primary_key=True),
    Column("etag", Exact, nullable=False),
    Column("seq", Id, nullable=False),
    Column("at", Time, nullable=False),
    Index("ix_refetches_member_id_group_id_seq", "member_id", "group_id", "seq"),
)

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
FOLDED_KEY = 32
Index("ix_properties_name_folded", properties.c.name, text(f"substr({FOLDED}, 1, {FOLDED_KEY})"))

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

revisions = Table(
    "revisions",
    metadata,
    _id(),
    Column("contact_id", Id, ForeignKey("contacts.id", ondelete="CASCADE"), nullable=False),
    Column("at", Time, nullable=False),
    Column("actor", Text, nullable=False),
    Column("client", Text, nullable=False),
    Column("event", String(10), nullable=False),
    Column("custom", Text),
    Column("before", Text),
    Index("ix_revisions_contact_id", "contact_id"),
    sqlite_autoincrement=True,
)

# Photos that are served reduced, as they came. ``served``: the SHA-256 (hex) of the picture that a card has instead.
photos = Table(
    "photos",
    metadata,
    Column("contact_id", Id, ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True),
    Column("served", String(64), primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

# Refused edits, for who may make them. The text that each was made on is kept: the contact may move on.
suggestions = Table(
    "suggestions",
    metadata,
    _id(),
    Column("contact_id", Id, ForeignKey("contacts.id", ondelete="CASCADE"), nullable=False),
    Column("member_id", Id, ForeignKey("subjects.id"), nullable=False),
    Column("at", Time, nullable=False),
    Column("client", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("base", Text, nullable=False),
    Column("wanted", Text, nullable=False),
    UniqueConstraint("contact_id", "member_id"),
    Index("ix_suggestions_member_id", "member_id"),
    sqlite_autoincrement=True,
)

# The site's own fields. Values stand beside the card: no client sees them, none can lose them.
custom_fields = Table(
    "custom_fields",
    metadata,
    _id(),
    Column("key", Exact, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("kind", String(4), nullable=False),
    Column("several", Boolean, nullable=False),
    Column("position", Integer, nullable=False),
    sqlite_autoincrement=True,
)

custom_values = Table(
    "custom_values",
    metadata,
    Column("contact_id", Id, ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True),
    Column("field_id", Id, ForeignKey("custom_fields.id", ondelete="CASCADE"), primary_key=True),
    Column("pos", SmallInteger, primary_key=True),
    Column("value", Text, nullable=False),
    Index("ix_custom_values_field_id", "field_id"),
)

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
    _id(),
    Column("at", Time, nullable=False),
    Column("actor", Text, nullable=False),
    Column("client", Text, nullable=False),
    Column("action", String(40), nullable=False),
    Column("ids", Text, nullable=False),
    Column("chain", String(64), nullable=False),
    sqlite_autoincrement=True,
)

jobs = Table(
    "jobs",
    metadata,
    _id(),
    Column("kind", String(20), nullable=False),
    Column("state", String(12), nullable=False),
    Column("actor", Text, nullable=False),
    Column("started", Time, nullable=False),
    Column("finished", Time),
    Column("counts", Text, nullable=False),
    Column("columns", Text, nullable=False),
    sqlite_autoincrement=True,
)

# Only rows that need a person: refused ones with what was in the file, so that they can be fixed and imported again.
job_rows = Table(
    "job_rows",
    metadata,
    Column("job_id", Id, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("result", String(20), nullable=False),
    Column("code", String(40), nullable=False),
    Column("column_name", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("cells", Text, nullable=False),
)

# One row an irreversible deletion; without a certificate it is pending. The certificate holds ids and hashes only.
erasures = Table(
    "erasures",
    metadata,
    _id(),
    Column("at", Time, nullable=False),
    Column("actor", Text, nullable=False),
    Column("contacts", Integer, nullable=False),
    Column("certificate", Text),
    sqlite_autoincrement=True,
)

# A client that took a large part of a group away and is held back from deleting there until a postmaster has looked.
# ``state`` is a model.HoldState; ``until``: the end of a release.
holds = Table(
    "holds",
    metadata,
    _id(),
    Column("group_id", Id, ForeignKey("groups.id"), nullable=False),
    Column("member_id", Id, ForeignKey("subjects.id"), nullable=False),
    Column("client", Text, nullable=False),
    Column("state", String(9), nullable=False),
    Column("at", Time, nullable=False),
    Column("until", Time),
    Column("taken", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    Index("ix_holds_client", "group_id", "member_id", "client"),
    sqlite_autoincrement=True,
)

# One row a card that a mail client took out of a group: counted, and what ``hold discard`` brings back. Ids only: the
# contact's outlives it, ``name`` is a keyed hash of the href. ``size``: cards that the member saw, once it mattered.
removals = Table(
    "removals",
    metadata,
    _id(),
    Column("group_id", Id, ForeignKey("groups.id"), nullable=False),
    Column("member_id", Id, ForeignKey("subjects.id"), nullable=False),
    Column("client", Text, nullable=False),
    Column("at", Time, nullable=False),
    Column("contact_id", Id, nullable=False),
    Column("name", String(66), nullable=False),
    Column("to_group_id", Id),
    Column("size", Integer),
    Column("hold_id", Id, ForeignKey("holds.id", ondelete="CASCADE")),
    Index("ix_removals_counted", *("group_id", "member_id", "client", "at", "size"), **_where("hold_id IS NULL")),
    Index("ix_removals_hold_id", "hold_id"),
    Index("ix_removals_contact_id", "contact_id"),
    sqlite_autoincrement=True,
)

# What postmasters are told: sent by mail and to a webhook where these are set, and kept either way.
notices = Table(
    "notices",
    metadata,
    _id(),
    Column("at", Time, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("ids", Text, nullable=False),
    Column("mailed", Time),
    Column("posted", Time),
    Column("tries", Integer, nullable=False),
    Column("next_try", Time, nullable=False),
    Column("error", Text, nullable=False),
    sqlite_autoincrement=True,
)

# Personal data is never stored compressed, so that a byte scan can prove it gone: PostgreSQL compresses long values.
for _table in metadata.tables.values():
    _long = [each.name for each in _table.columns if isinstance(each.type, Text | LargeBinary)]
    _uncompressed = ", ".join(f'ALTER COLUMN "{name}" SET STORAGE EXTERNAL' for name in _long)
    if _long:
        _storage = DDL(f'ALTER TABLE "{_table.name}" {_uncompressed}')  # type: ignore[no-untyped-call]
        event.listen(_table, "after_create", _storage.execute_if(dialect="postgresql"))
