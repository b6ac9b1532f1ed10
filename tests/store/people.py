"""Rows of contacts for tests of statements, without the services."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from sharedbook.domain.query import Instance
from sharedbook.store import contacts, indexed, sought

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def add_contact(connection: Connection, key: str, instances: Iterable[Instance] = (), **values: Any) -> int:
    """A contact with these values; its id."""
    row = {
        "key": key,
        "uid": key,
        "etag": '""',
        "size": 0,
        "name": key,
        "sort": key,
        "owner_id": None,
        "source": None,
        "visibility": "all",
        "index_version": 1,
        "vcard": "",
    }
    (contact_id,) = contacts.add_many(connection, [contacts.NewRow(**row | values)], NOW)
    sought.replace(connection, contact_id, indexed.of(instances))
    return contact_id
