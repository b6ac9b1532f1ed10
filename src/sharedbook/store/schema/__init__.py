"""Every table, once, by noun. Migrations build them; a test compares the two.

Ids are never reused (AUTOINCREMENT / identity). ``seq`` columns hold numbers of the one clock, ``changes.seq``.
Large text stands last in its row, so that reading the rest does not walk overflow pages.
"""

from __future__ import annotations

from sqlalchemy import DDL, LargeBinary, Text, event

from sharedbook.store.schema.base import metadata
from sharedbook.store.schema.books import departures, groups, holds, memberships, refetches, removals
from sharedbook.store.schema.contacts import (
    contact_visibility,
    contacts,
    custom_fields,
    custom_values,
    distinct_pairs,
    merged_contacts,
    photos,
    revisions,
    suggestions,
)
from sharedbook.store.schema.indexes import directory_entries, sought, value_keys
from sharedbook.store.schema.jobs import job_items, job_rows, jobs
from sharedbook.store.schema.people import app_passwords, grants, lost_views, subjects, team_members
from sharedbook.store.schema.site import audit, changes, erasures, meta, notices

__all__ = [
    "app_passwords",
    "audit",
    "changes",
    "contact_visibility",
    "contacts",
    "custom_fields",
    "custom_values",
    "departures",
    "directory_entries",
    "distinct_pairs",
    "erasures",
    "grants",
    "groups",
    "holds",
    "job_items",
    "job_rows",
    "jobs",
    "lost_views",
    "memberships",
    "merged_contacts",
    "meta",
    "metadata",
    "notices",
    "photos",
    "refetches",
    "removals",
    "revisions",
    "sought",
    "subjects",
    "suggestions",
    "team_members",
    "value_keys",
]

# Personal data is never stored compressed, so that a byte scan can prove it gone: PostgreSQL compresses long values.
for _table in metadata.tables.values():
    _long = [each.name for each in _table.columns if isinstance(each.type, Text | LargeBinary)]
    _uncompressed = ", ".join(f'ALTER COLUMN "{name}" SET STORAGE EXTERNAL' for name in _long)
    if _long:
        _storage = DDL(f'ALTER TABLE "{_table.name}" {_uncompressed}')  # type: ignore[no-untyped-call]
        event.listen(_table, "after_create", _storage.execute_if(dialect="postgresql"))
