"""Bulk actions."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, String, Table, Text

from sharedbook.store.migrations.first_tables.base import metadata, row_id
from sharedbook.store.types import Id, Time

jobs = Table(
    "jobs",
    metadata,
    row_id(),
    Column("kind", String(20), nullable=False),
    Column("state", String(12), nullable=False),
    Column("actor", Text, nullable=False),
    Column("started", Time, nullable=False),
    Column("finished", Time),
    Column("counts", Text, nullable=False),
    Column("columns", Text, nullable=False),
    sqlite_autoincrement=True,
)

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
