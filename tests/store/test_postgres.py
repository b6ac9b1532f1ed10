"""How transactions begin and end on PostgreSQL: reads see one moment and write nothing, and leave nothing open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import DBAPIError

from sharedbook.domain.errors import Unavailable
from sharedbook.store.database import Connection, Database, savepoint
from sharedbook.store.prepared import Prepared, together
from sharedbook.store.schema import meta
from tests.support.eventually import eventually
from tests.support.postgres import Cluster
from tests.support.trips import Trips

_NAMES = Prepared(select(meta.c.name))
_ADD = Prepared(insert(meta), ("name", "value"))
ROW = {"name": "new", "value": "1"}


@pytest.fixture
def database(postgres_cluster: Cluster) -> Iterator[Database]:
    with postgres_cluster.database(schema=True) as url:
        made = Database(url)
        yield made
        made.close()


def names(connection: Connection) -> set[str]:
    return {name for (name,) in _NAMES.rows(connection, {})}


def states(database: Database) -> list[str]:
    """What the other connections to this database are at."""
    with database._alone() as connection:
        others = "datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        return list(connection.execute(text(f"SELECT state FROM pg_stat_activity WHERE {others}")).scalars())


def end_all(database: Database) -> None:
    """Ends every other connection to this database."""
    others = "datname = current_database() AND pid <> pg_backend_pid()"
    with database._alone() as connection:
        connection.execute(text(f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE {others}"))


@pytest.mark.parametrize("by", ["rows", "together", "sqlalchemy"])
def test_a_read_is_one_moment_and_is_over_when_it_is_closed(database: Database, by: str) -> None:
    def read() -> object:
        if by == "rows":
            return names(reading)
        if by == "together":
            return together(reading, (_NAMES, {}), (_NAMES, {}))
        return list(reading.execute(select(meta.c.name)).scalars())

    reading = database.connect(write=False)
    before = read()
    with database.begin(write=True) as writing:
        _ADD.run(writing, ROW)
    assert read() == before
    assert "idle in transaction" in states(database)
    reading.close()
    eventually(lambda: set(states(database)) <= {"idle"}, True)
    with database.begin(write=False) as connection:
        assert "new" in names(connection)


@pytest.mark.parametrize("add", [_ADD.run, lambda connection, row: _ADD.run_many(connection, [row])])
def test_a_read_writes_nothing(database: Database, add: object) -> None:
    assert callable(add)
    with pytest.raises(DBAPIError, match="read-only"):
        connection = database.connect(write=False)
        try:
            add(connection, ROW)
        finally:
            connection.close()
    with database.begin(write=False) as connection:
        assert "new" not in names(connection)


def test_connections_that_the_server_has_ended_are_replaced(database: Database) -> None:
    held = [database.connect(write=False) for _ in range(3)]
    for connection in held:
        names(connection)
        connection.close()
    end_all(database)
    for write in (False, True):
        with database.begin(write=write) as connection:
            assert names(connection)


@pytest.mark.parametrize("write", [False, True])
def test_a_connection_that_is_ended_meanwhile_is_one_error(
    database: Database, caplog: pytest.LogCaptureFixture, *, write: bool
) -> None:
    with pytest.raises(Unavailable, match="cannot be reached"), database.begin(write=write) as connection:
        names(connection)
        end_all(database)
        names(connection)
    assert caplog.text == ""
    with database.begin(write=write) as connection:
        assert names(connection)


def test_who_listens_goes_quietly(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    database.listener().close()
    assert caplog.text == ""


def test_round_trips_of_transactions(database: Database, tmp_path: Path) -> None:
    trips = Trips(database.engine, tmp_path)
    with database.begin(write=False) as connection:
        names(connection)
    assert len(trips.taken()) == 1
    with database.begin(write=False) as connection:
        together(connection, (_NAMES, {}), (_NAMES, {}))
    assert len(trips.taken()) == 1
    with database.begin(write=True) as connection:
        names(connection)
        _ADD.run(connection, ROW)
        _ADD.run_many(connection, [{"name": f"new {number}", "value": "1"} for number in range(9)])
    assert len(trips.taken()) == 2
    with database.begin(write=False) as connection:
        assert len(names(connection)) == 11
    with pytest.raises(ZeroDivisionError), database.begin(write=True) as connection:
        _ADD.run(connection, {"name": "lost", "value": "1"})
        raise ZeroDivisionError
    assert len(trips.taken()) == 1


def test_what_was_not_sent_yet_fails_where_it_belongs(database: Database) -> None:
    with pytest.raises(Unavailable, match="duplicate"), database.begin(write=True) as connection:
        _ADD.run(connection, ROW)
        _ADD.run(connection, ROW)
    with database.begin(write=True) as connection:
        _ADD.run(connection, ROW)
        with pytest.raises(DBAPIError, match="duplicate"), savepoint(connection):
            _ADD.run(connection, {"name": "half", "value": "1"})
            _ADD.run(connection, ROW)
        with pytest.raises(ZeroDivisionError), savepoint(connection):
            _ADD.run(connection, {"name": "half", "value": "1"})
            raise ZeroDivisionError
        connection.execute(update(meta).where(meta.c.name == "new").values(value="2"))
    with database.begin(write=False) as connection:
        assert "half" not in names(connection)
        assert connection.execute(select(meta.c.value).where(meta.c.name == "new")).scalar_one() == "2"
