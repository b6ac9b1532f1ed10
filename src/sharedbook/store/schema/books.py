"""Which contact stands in which group under which href, and what mail clients hold of it."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from sharedbook.store.schema.base import metadata, reference, row_id, where
from sharedbook.store.types import Exact, Id, Time

groups = Table(
    "groups",
    metadata,
    row_id(),
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

# ``state`` is a model.CardState. A living row: contact_id is set, etag and state repeat the contact's: a listing
# reads this table alone.
# A tombstone: contact_id is NULL, was_contact_id and reason tell what died; it refuses stale PUTs until it is pruned.
# That of an erased contact stays, and tells nothing.
memberships = Table(
    "memberships",
    metadata,
    Column("group_id", Id, reference("groups.id"), primary_key=True),
    Column("href", Exact, primary_key=True),
    Column("contact_id", Id, reference("contacts.id")),
    Column("was_contact_id", Id),
    Column("uid", Exact, nullable=False),
    Column("etag", Exact, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("seq", Id, nullable=False),
    Column("since", Id, nullable=False),
    Column("reason", String(8)),
    Column("died_at", Time),
    UniqueConstraint("contact_id", "group_id"),
    Index("uq_memberships_group_id_uid", "group_id", "uid", unique=True, **where("state < 2")),
    Index("ix_memberships_dead", "group_id", "uid", **where("state >= 2")),
    Index("ix_memberships_was_contact_id", "was_contact_id", **where("was_contact_id IS NOT NULL")),
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

# What one member's clients must fetch again, as a write of theirs was refused. ``has_card``: there was one then.
# ``group_id`` is model.MERGED_ID for the merged book.
refetches = Table(
    "refetches",
    metadata,
    Column("member_id", Id, ForeignKey("subjects.id"), primary_key=True),
    Column("group_id", Id, primary_key=True),
    Column("href", Exact, primary_key=True),
    Column("has_card", Boolean, nullable=False),
    Column("seq", Id, nullable=False),
    Column("at", Time, nullable=False),
    Index("ix_refetches_member_id_group_id_seq", "member_id", "group_id", "seq"),
)

# A client that took a large part of a group away and is held back from deleting there until a postmaster has looked.
# ``state`` is a model.HoldState; ``until``: the end of a release.
holds = Table(
    "holds",
    metadata,
    row_id(),
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
    row_id(),
    Column("group_id", Id, ForeignKey("groups.id"), nullable=False),
    Column("member_id", Id, ForeignKey("subjects.id"), nullable=False),
    Column("client", Text, nullable=False),
    Column("at", Time, nullable=False),
    Column("contact_id", Id, nullable=False),
    Column("name", String(66), nullable=False),
    Column("to_group_id", Id),
    Column("size", Integer),
    Column("hold_id", Id, ForeignKey("holds.id", ondelete="CASCADE")),
    Index("ix_removals_counted", *("group_id", "member_id", "client", "at", "size"), **where("hold_id IS NULL")),
    Index("ix_removals_hold_id", "hold_id"),
    Index("ix_removals_contact_id", "contact_id"),
    sqlite_autoincrement=True,
)
