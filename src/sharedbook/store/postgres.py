"""How a transaction is asked on PostgreSQL, in few round trips: on a busy machine each of them costs a turn.

The driver begins nothing by itself. What nobody waits for is kept and sent with the next statement whose answer is: the
BEGIN of a read; BEGIN and the one write lock of a write, and what it writes; the last of it goes with COMMIT. An error
of such a statement is raised by the one that it went with. A read is ended without waiting: what the server says to
that is heard when the connection is used again.
"""

from __future__ import annotations

import logging
import select
from collections.abc import Callable, Iterable, Iterator, Sequence
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

_BEGIN_READ = ("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",)
# The listeners are told when the transaction is committed, once, and not at all when it is rolled back.
_BEGIN_WRITE = (
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
    f"SELECT pg_advisory_xact_lock({WRITE_LOCK}), pg_notify('{CHANNEL}', '')",
)
_UNSENT = "sharedbook_unsent"
MOST_KEPT = 100
"""More statements or rows are sent at once: they take memory, and whoever measures a batch is to measure them, too."""


def engine(url: URL, **pool: Any) -> Engine:
    """An engine that knows ``sharedbook_write`` and ``sharedbook_autocommit`` as options of a connection."""
    logging.getLogger("psycopg").setLevel(logging.ERROR)  # what it warns of, a failed pipeline, is raised
    made = create_engine(url, isolation_level="AUTOCOMMIT", pool_reset_on_return=None, hide_parameters=True, **pool)
    event.listen(made, "before_cursor_execute", lambda connection, *_: settle(connection))
    event.listen(made, "commit", _commit)
    event.listen(made, "rollback", _forget)
    event.listen(made, "reset", _end)
    event.listen(made, "checkout", _use_again)
    return made


class Asked:
    """As the driver's connection: what is kept goes along with the next statement."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def execute(self, text: str, values: Any = None, /) -> Any:
        driver = _driver(self._connection)
        if not _waits(self._connection, driver):
            return driver.execute(text, values)
        with together(self._connection):
            return driver.execute(text, values)

    def cursor(self) -> Any:
        settle(self._connection)
        return _driver(self._connection).cursor()


class Told:
    """As the driver's connection, for what nobody needs an answer to: in a write it is kept."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def execute(self, text: str, values: Any = None, /) -> Any:
        self._keep(lambda driver: driver.execute(text, values))

    def cursor(self) -> Any:
        return self

    def executemany(self, text: str, rows: Iterable[Any]) -> None:
        given = list(rows)
        self._keep(lambda driver: driver.cursor().executemany(text, given), len(given))

    def _keep(self, ask: Callable[[Any], object], rows: int = 1) -> None:
        if self._connection.get_execution_options().get("sharedbook_write"):
            kept = self._connection.info.setdefault(_UNSENT, [])
            kept.append(ask)
            if max(rows, len(kept)) > MOST_KEPT:
                settle(self._connection)
        else:
            with together(self._connection) as driver:
                ask(driver)


@contextmanager
def together(connection: Connection) -> Iterator[Any]:
    """The driver's connection: what it is asked inside and what was kept is one round trip; read the answers after."""
    driver = _driver(connection)
    with driver.pipeline():
        for text in _opening(connection, driver):
            driver.execute(text)
        for ask in connection.info.pop(_UNSENT, ()):
            ask(driver)
        yield driver


def settle(connection: Connection) -> None:
    """Sends what was kept, so that its errors are raised. Raises DBAPIError."""
    if not _waits(connection, _driver(connection)):
        return
    dialect = connection.dialect
    assert dialect.dbapi is not None
    try:
        with together(connection):
            pass
    except dialect.dbapi.Error as error:
        raise DBAPIError.instance("", (), error, dialect.dbapi.Error, hide_parameters=True, dialect=dialect) from error


def _driver(connection: Connection) -> Any:
    return connection.connection.dbapi_connection


def _waits(connection: Connection, driver: Any) -> bool:
    """Whether something must be sent before the next statement."""
    return bool(_opening(connection, driver) or connection.info.get(_UNSENT))


def _opening(connection: Connection, driver: Any) -> Sequence[str]:
    """What must be sent before anything else: nothing once the transaction has begun."""
    options = connection.get_execution_options()
    if driver.pgconn.transaction_status != IDLE or options.get("sharedbook_autocommit"):
        return ()
    return _BEGIN_WRITE if options.get("sharedbook_write") else _BEGIN_READ


def _commit(connection: Connection) -> None:
    """Sends COMMIT with what was kept; SQLAlchemy's own then finds nothing to do."""
    if connection.info.get(_UNSENT):
        Told(connection).execute("COMMIT", None)
        settle(connection)


def _forget(connection: Connection) -> None:
    if not connection.invalidated:
        connection.info.pop(_UNSENT, None)


def _end(driver: Any, record: Any, _: Any) -> None:
    """Rolls back what is open, and does not wait for the answer."""
    if record is None:  # the listener's, which is no longer the pool's
        return
    record.info.pop(_UNSENT, None)
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
