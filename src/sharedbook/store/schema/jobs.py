"""Bulk actions: what each is, how far it is, what it did to which contact, and what undo needs of that."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text, text

from sharedbook.store.schema.base import metadata, row_id, where
from sharedbook.store.types import Id, Time

# ``params`` holds ids and words of the program; what people wrote is in ``texts``, which an erasure forgets with
# ``label``, what the job does in words.
# ``actor``: the name that is shown; ``member_id``: whose job it is, NULL for the console's.
# ``seq``: the clock when it was planned. ``runner``: the process that runs it, heard of last at ``beat``.
# ``spent``: milliseconds that it has run. ``undoes``: the job that it undoes.
jobs = Table(
    "jobs",
    metadata,
    row_id(),
    Column("kind", String(20), nullable=False),
    Column("label", Text, nullable=False),
    Column("state", String(12), nullable=False),
    Column("actor", Text, nullable=False),
    Column("member_id", Id),
    Column("seq", Id, nullable=False),
    Column("started", Time, nullable=False),
    Column("finished", Time),
    Column("runner", Text, nullable=False, server_default=""),
    Column("beat", Time, nullable=False),
    Column("spent", Integer, nullable=False, server_default=text("0")),
    Column("done", Integer, nullable=False, server_default=text("0")),
    Column("total", Integer),
    Column("undoes", Id),
    Column("error", Text, nullable=False, server_default=""),
    Column("counts", Text, nullable=False),
    Column("columns", Text, nullable=False),
    Column("params", Text, nullable=False),
    Column("texts", Text),
    sqlite_autoincrement=True,
)

# One row a contact that a job is about. ``result`` NULL: not yet done. What it did are the contact's revisions after
# ``first`` up to ``last``; ``before``: what no revision holds of the contact before it, NULL for one that it added.
job_items = Table(
    "job_items",
    metadata,
    Column("job_id", Id, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("contact_id", Id, ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True),
    Column("result", String(20)),
    Column("first", Id),
    Column("last", Id),
    Column("code", String(40)),
    Column("message", Text),
    Column("before", Text),
    Index("ix_job_items_contact_id", "contact_id"),
    Index("ix_job_items_told", "job_id", "contact_id", **where("message IS NOT NULL")),
    sqlite_with_rowid=False,
)

# Rows of a file that need a person: refused ones with what was in the file, so that they can be fixed and imported
# again.
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
