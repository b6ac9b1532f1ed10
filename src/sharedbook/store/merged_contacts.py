"""Rows of contacts in the trash that were merged into another: statements, no rules."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, select

from sharedbook.store.contacts import batches
from sharedbook.store.database import insert_many
from sharedbook.store.schema import merged_contacts

_M = merged_contacts.c


def add(connection: Connection, contact_ids: Sequence[int], into_id: int) -> None:
    """Remembers that these contacts were merged into another one."""
    insert_many(connection, merged_contacts, [{"contact_id": each, "into_id": into_id} for each in contact_ids])


def forget(connection: Connection, contact_ids: Sequence[int]) -> None:
    """These contacts are on their own again."""
    for some in batches(contact_ids):
        connection.execute(delete(merged_contacts).where(_M.contact_id.in_(some)))


def into(connection: Connection, contact_ids: Sequence[int]) -> list[int]:
    """Ids of the contacts that were merged into these, directly or in several steps."""
    found: dict[int, None] = {}
    latest = list(contact_ids)
    while latest:
        rows: list[int] = []
        for some in batches(latest):
            rows += connection.execute(select(_M.contact_id).where(_M.into_id.in_(some))).scalars()
        latest = [each for each in rows if each not in found and each not in contact_ids]
        found.update(dict.fromkeys(latest))
    return sorted(found)


def kept(connection: Connection, contact_ids: Sequence[int]) -> dict[int, int]:
    """By contact id, the contact into which it was merged; those that were not merged are left out."""
    found: dict[int, int] = {}
    for some in batches(contact_ids):
        rows = connection.execute(select(_M.contact_id, _M.into_id).where(_M.contact_id.in_(some)))
        found.update((row.contact_id, row.into_id) for row in rows)
    return found
