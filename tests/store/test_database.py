"""The database itself: what it says when it cannot, and that an error tells no values."""

from __future__ import annotations

import pytest
from sqlalchemy import event, insert, inspect, select, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from sharedbook.domain.errors import Busy
from sharedbook.store import database as database_module
from sharedbook.store.database import POOL_SIZE, Connection, Database, savepoint
from sharedbook.store.prepared import Prepared, given
from sharedbook.store.schema import meta, metadata


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


def test_indexes_of_some_rows_are_so_on_both_databases(database_url: str) -> None:
    database = Database(database_url)
    with database.begin(write=True) as connection:
        metadata.create_all(connection)
        found = {each["name"]: each["dialect_options"] for each in inspect(connection).get_indexes("contacts")}
    kind = database.url.get_backend_name()
    assert "all" in str(found["ix_contacts_restricted"][f"{kind}_where"])
    assert not found["ix_contacts_sort"].get(f"{kind}_where")
    database.close()


@pytest.mark.parametrize("prepared", [False, True])
def test_an_error_of_the_database_shows_no_values(database_url: str, prepared: bool) -> None:
    database = Database(database_url)
    connection = database.connect(write=False)
    statement, values = text("SELECT 1 FROM nowhere WHERE name = :name"), {"name": "Zoltan Quixote"}
    with pytest.raises(ProgrammingError if connection.dialect.name == "postgresql" else OperationalError) as error:
        Prepared(statement).rows(connection, values) if prepared else connection.execute(statement, values)
    assert "Zoltan" not in str(error.value)
    connection.close()
    database.close()


def test_a_prepared_statement_takes_lists_of_any_length(database: Database) -> None:
    asked = Prepared(given("texts"))
    with database.begin(write=False) as connection:
        for texts in ([], ["a'b"], ['"', "\\", "김", "\n"], [str(number) for number in range(2000)]):
            assert [text for (text,) in asked.rows(connection, {"texts": texts})] == texts


def test_ctrl_c_in_a_statement_ends_the_transaction_and_is_no_fault(database: Database) -> None:
    def strike(*_: object) -> None:
        event.remove(connection, "before_cursor_execute", strike)
        connection.invalidate()  # as SQLAlchemy does when an exit strikes inside the driver
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), database.begin(write=True) as connection, savepoint(connection):
        connection.execute(insert(meta), {"name": "half", "value": "1"})
        event.listen(connection, "before_cursor_execute", strike)
        connection.execute(select(meta))
    with database.begin(write=True) as connection:
        assert "half" not in set(connection.execute(select(meta.c.name)).scalars())


def test_ctrl_c_while_waiting_for_the_lock_leaves_it_to_others(database: Database) -> None:
    def strike(_connection: Connection) -> None:
        event.remove(database.engine, "begin", strike)
        raise KeyboardInterrupt

    event.listen(database.engine, "begin", strike)
    with pytest.raises(KeyboardInterrupt) as caught:
        database.connect(write=True)
    with database.begin(write=True) as connection:
        connection.execute(insert(meta), {"name": "next", "value": "1"})
    assert caught.value.__traceback__, "which holds the connection as long as it is looked at"


def test_a_savepoint_in_another_undoes_only_its_own_part(database: Database) -> None:
    add = Prepared(insert(meta), ("name", "value"))
    with database.begin(write=True) as connection:
        with savepoint(connection):
            add.run(connection, {"name": "kept", "value": "1"})
            with pytest.raises(ZeroDivisionError), savepoint(connection):
                add.run(connection, {"name": "undone", "value": "1"})
                raise ZeroDivisionError
        names = set(connection.execute(select(meta.c.name)).scalars())
        assert "kept" in names and "undone" not in names
        connection.rollback()
