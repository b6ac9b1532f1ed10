"""Who there is: subjects, what they log in with, and their rights on groups."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, LargeBinary, SmallInteger, String, Table, Text, text

from sharedbook.store.migrations.first_tables.base import metadata, row_id, where
from sharedbook.store.types import Exact, Id, Time

subjects = Table(
    "subjects",
    metadata,
    row_id(),
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
    Index("uq_subjects_kind_name", "kind", "name", unique=True, **where("deleted_at IS NULL")),
    Index("ix_subjects_email", "email"),
    sqlite_autoincrement=True,
)

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
    row_id(),
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

lost_views = Table(
    "lost_views",
    metadata,
    Column("member_id", Id, ForeignKey("subjects.id"), primary_key=True),
    Column("group_id", Id, ForeignKey("groups.id"), primary_key=True),
    Column("at", Time, nullable=False),
)
