"""The database itself: what it says when it cannot, and that an error tells no values."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from sharedbook.domain.errors import Busy
from sharedbook.store import database as database_module
from sharedbook.store.database import POOL_SIZE, Database


def test_a_request_without_a_connection_is_told_to_try_again(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "BUSY_SECONDS", 0.1)
    database = Database(database_url)
    held = [database.connect(write=False) for _ in range(2 * POOL_SIZE)]
    with pytest.raises(Busy) as refused:
        database.connect(write=False)
    assert refused.value.hint
    for connection in held:
        connection.close()
    database.close()


def test_an_error_of_the_database_shows_no_values(database_url: str) -> None:
    database = Database(database_url)
    connection = database.connect(write=False)
    with pytest.raises(DBAPIError) as error:
        connection.execute(text("SELECT 1 FROM nowhere WHERE name = :name"), {"name": "Zoltan Quixote"})
    assert "Zoltan" not in str(error.value)
    connection.close()
    database.close()
