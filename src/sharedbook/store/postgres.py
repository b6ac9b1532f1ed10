"""How a transaction begins and ends on PostgreSQL, in few round trips: on a busy machine each of them costs a turn.

The driver begins nothing by itself. A read begins together with its first statement and is ended without waiting: what
the server says to that is heard when the connection is used again. A write begins and takes the one write lock in one
round trip; its COMMIT is waited for.
"""

from __future__ import annotations

import select
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, InvalidatePoolError

WRITE_LOCK = 7236823
"""The advisory lock's number; any constant that nobody else in this database uses."""

CHANNEL = "sharedbook"
"""Where the server tells listeners that a write was committed."""

IDLE, ACTIVE, INTRANS, INERROR = range(4)
"""libpq's PGTransactionStatusType; the driver itself is loaded only where there is a PostgreSQL."""

_BEGIN_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
# The listeners are told when the transaction is committed, once, and not at all when it is rolled back.
_BEGIN_WRITE = (
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; "
    f"SELECT pg_advisory_xact_lock({WRITE_LOCK}), pg_notify('{CHANNEL}', '')"
)


def engine(url: URL, **pool: Any) -> Engine:
    """An engine that knows ``sharedbook_write`` and ``sharedbook_autocommit`` as options of a connection."""
    made = create_engine(url, isolation_level="AUTOCOMMIT", pool_reset_on_return=None, hide_parameters=True, **pool)
    event.listen(made, "begin", _begin_write)
    event.listen(made, "before_cursor_execute", _begin_read)
    event.listen(made, "reset", _end)
    event.listen(made, "checkout", _use_again)
    return made


def begun(connection: Connection) -> Any:
    """The driver's connection; or, before the first statement of a read, one that begins with that."""
    driver = _driver(connection)
    return _Opening(connection) if _is_unbegun(connection, driver) else driver


@contextmanager
def together(connection: Connection) -> Iterator[Any]:
    """The driver's connection: what it is asked inside is one round trip, whose answers are to be read afterwards."""
    driver = _driver(connection)
    with driver.pipeline():
        if _is_unbegun(connection, driver):
            driver.execute(_BEGIN_READ)
        yield driver


class _Opening:
    """A connection on which BEGIN and the next statement are one round trip."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def execute(self, text: str, values: Any) -> Any:
        with together(self._connection) as driver:
            return driver.execute(text, values)

    def cursor(self) -> Any:
        _run(self._connection, _BEGIN_READ)
        return _driver(self._connection).cursor()


def _driver(connection: Connection) -> Any:
    return connection.connection.dbapi_connection


def _is_unbegun(connection: Connection, driver: Any) -> bool:
    idle = driver.pgconn.transaction_status == IDLE
    return idle and not connection.get_execution_options().get("sharedbook_autocommit")


def _begin_read(connection: Connection, *_: Any) -> None:
    """Before a statement that SQLAlchemy runs by itself."""
    if _is_unbegun(connection, _driver(connection)):
        _run(connection, _BEGIN_READ)


def _begin_write(connection: Connection) -> None:
    if connection.get_execution_options().get("sharedbook_write"):
        _run(connection, _BEGIN_WRITE)


def _run(connection: Connection, text: str) -> None:
    driver, dialect = _driver(connection), connection.dialect
    assert dialect.dbapi is not None
    try:
        driver.execute(text, prepare=False)
    except dialect.dbapi.Error as error:
        raise DBAPIError.instance(text, (), error, dialect.dbapi.Error, dialect=dialect) from error


def _end(driver: Any, *_: Any) -> None:
    """Rolls back what is open, and does not wait for the answer."""
    if driver.pgconn.transaction_status in (INTRANS, INERROR):
        driver.pgconn.send_query(b"ROLLBACK")
        driver.pgconn.flush()


def _use_again(driver: Any, *_: Any) -> None:
    """Hears that answer. Raises InvalidatePoolError when the server has ended the connection meanwhile."""
    from psycopg import Error
    from psycopg.generators import fetch_many

    try:
        if driver.pgconn.transaction_status == ACTIVE:
            driver.wait(fetch_many(driver.pgconn))
        said = select.poll()
        said.register(driver, select.POLLIN)
        if said.poll(0):  # unasked: the end, or a mere notice
            driver.execute(";")
    except Error as error:
        raise InvalidatePoolError from error
    if driver.pgconn.transaction_status != IDLE:
        raise InvalidatePoolError
