"""Rows of contacts for tests of statements, without the services: a card's text is its instances as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from sharedbook.domain.query import Instance
from sharedbook.store import contacts, indexed, sought

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def read(text: str) -> list[Instance]:
    """The instances of such a card."""
    return [
        Instance(name, value, tuple((each, tuple(words)) for each, words in params))
        for name, value, params in json.loads(text)
    ]


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
    }
    instances = list(instances)
    row["vcard"] = json.dumps(instances)
    row |= values
    columns = {name: [row[name]] for name in ("key", "uid", "etag", "size", "name", "sort", "vcard")}
    (contact_id,) = contacts.add_many(connection, contacts.NewRows(**row | columns), NOW)
    sought.replace(connection, contact_id, indexed.of(instances))
    return contact_id
