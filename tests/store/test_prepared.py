"""Long lists of rows go into a table whole, whatever their number, or their transaction does not."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DBAPIError

from sharedbook.domain.errors import Unavailable
from sharedbook.store import prepared
from sharedbook.store.database import Database
from sharedbook.store.prepared import insert_rows
from sharedbook.store.schema import value_keys
from tests.store.people import add_contact

COLUMNS = (value_keys.c.contact_id, value_keys.c.hash)


def test_rows_of_any_number(connection: Connection) -> None:
    in_one = prepared._VALUES_AT_ONCE // len(COLUMNS)
    for count in (0, 1, in_one - 1, in_one, in_one + 1, 3 * in_one + 7):
        contact = add_contact(connection, f"contact {count}")
        insert_rows(connection, COLUMNS, ((contact, number) for number in range(count)))
        found = select(value_keys.c.hash).where(value_keys.c.contact_id == contact, value_keys.c.hash.between(0, count))
        assert sorted(connection.execute(found).scalars()) == list(range(count))


def test_a_row_that_is_there_already_is_refused(connection: Connection) -> None:
    contact = add_contact(connection, "contact")
    with pytest.raises(DBAPIError):
        insert_rows(connection, COLUMNS, [(contact, number % 999) for number in range(1000)])
        connection.execute(select(1))  # PostgreSQL says it with the next answer


def test_no_row_stays_without_its_contact(database: Database) -> None:
    with pytest.raises(Unavailable), database.begin(write=True) as connection:
        insert_rows(connection, COLUMNS, [(999, 1)])
    with database.begin(write=False) as connection:
        assert connection.execute(select(func.count()).select_from(value_keys)).scalar_one() == 0
