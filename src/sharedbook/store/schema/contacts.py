"""What people wrote about whom. Each of these goes with its contact (CASCADE)."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from sharedbook.store.schema.base import metadata, reference, row_id, where
from sharedbook.store.types import Exact, Id, Time

contacts = Table(
    "contacts",
    metadata,
    row_id(),
    Column("key", Exact, nullable=False, unique=True),
    Column("uid", Exact, nullable=False),
    Column("etag", Exact, nullable=False),
    Column("size", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("sort", Exact, nullable=False),
    Column("owner_id", Id, reference("subjects.id")),
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
    Index("ix_contacts_restricted", "visibility", **where("visibility <> 'all'")),
    Index("ix_contacts_trashed_at", "trashed_at", **where("trashed_at IS NOT NULL")),
    sqlite_autoincrement=True,
)

contact_visibility = Table(
    "contact_visibility",
    metadata,
    Column("contact_id", Id, ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True),
    Column("subject_id", Id, ForeignKey("subjects.id"), primary_key=True),
    Index("ix_contact_visibility_subject_id", "subject_id"),
)

# ``before`` is the card's text before a step; ``naming``: it may name other contacts, which an erasure looks for.
revisions = Table(
    "revisions",
    metadata,
    row_id(),
    Column("contact_id", Id, ForeignKey("contacts.id", ondelete="CASCADE"), nullable=False),
    Column("at", Time, nullable=False),
    Column("actor", Text, nullable=False),
    Column("client", Text, nullable=False),
    Column("event", String(10), nullable=False),
    Column("naming", Boolean, nullable=False),
    Column("custom", Text),
    Column("before", Text),
    Index("ix_revisions_contact_id", "contact_id"),
    Index("ix_revisions_naming", "id", **where("naming")),
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
    row_id(),
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
    row_id(),
    Column("key", Exact, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("kind", String(6), nullable=False),
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

# Pairs that a person has looked at and found to be two: suggested no more, merged no more. ``low`` is the lower id.
distinct_pairs = Table(
    "distinct_pairs",
    metadata,
    Column("low", Id, ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True),
    Column("high", Id, ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True),
    Column("at", Time, nullable=False),
    Index("ix_distinct_pairs_high", "high"),
)

# Contacts in the trash that were merged into another: what came from them is erased with the other, too.
merged_contacts = Table(
    "merged_contacts",
    metadata,
    Column("contact_id", Id, ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True),
    Column("into_id", Id, ForeignKey("contacts.id", ondelete="CASCADE"), nullable=False),
    Index("ix_merged_contacts_into_id", "into_id"),
)
