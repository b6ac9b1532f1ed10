"""A database at the newest version, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sharedbook.store import upgrade
from sharedbook.store.database import Connection, Database


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An upgraded database without contacts."""
    database = Database(database_url)
    upgrade.upgrade(database)
    yield database
    database.close()


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    """A write transaction, rolled back at the end."""
    connection = database.connect(write=True)
    yield connection
    connection.rollback()
    connection.close()
