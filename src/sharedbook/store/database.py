"""Where SQLite and PostgreSQL differ, and only there: connecting, beginning, locking, the clean sequence of an erasure.

A read is a snapshot (SQLite: BEGIN on a WAL file; PostgreSQL: REPEATABLE READ, READ ONLY). A write holds the one write
lock (SQLite: BEGIN IMMEDIATE; PostgreSQL: READ COMMITTED and one advisory lock), so changes are committed in seq order.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Engine, Executable, Table, create_engine, event, text
from sqlalchemy import Connection as Connection
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, PendingRollbackError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from sharedbook.domain.errors import Busy, DatabaseExposed, Unavailable
from sharedbook.store import postgres
from sharedbook.store.prepared import Prepared

BUSY_SECONDS = 10
"""How long one waits for another writer, or for a free connection, before giving up."""

POOL_SIZE = 8

WAY_SECONDS, WAY_SHARE = 0.02, 0.1
"""How long a long work leaves the lock to others: so many seconds, or this share of what it took."""

Row = Mapping[str, Any]


class Database:
    """An engine and the two ways to begin. ``url`` as SQLAlchemy has it; SQLite files must be private to their user."""

    def __init__(self, url: str) -> None:
        self.url: URL = make_url(url)
        self.sqlite = self.url.get_backend_name() == "sqlite"
        if self.path is not None:
            _refuse_exposed(self.path)
        self.engine = (_sqlite_engine if self.sqlite else postgres.engine)(
            self.url,
            pool_size=POOL_SIZE,
            max_overflow=POOL_SIZE,
            pool_timeout=BUSY_SECONDS,
            pool_use_lifo=True,  # the last one has what it read in its cache, and its statements prepared
        )

    @property
    def path(self) -> Path | None:
        """The SQLite file, or None on PostgreSQL."""
        return Path(self.url.database) if self.sqlite and self.url.database else None

    def connect(self, *, write: bool) -> Connection:
        """A connection in a begun transaction; the caller commits or not, and closes. Raises Busy, Unavailable."""
        connection = self._open(write)
        try:
            if write or self.sqlite:
                connection.begin()
        except DBAPIError as error:
            connection.close()
            raise _unavailable(error) from error
        except BaseException:  # Ctrl-C while it waited for the lock, which it may have got
            connection.close()
            raise
        return connection

    def _open(self, write: bool) -> Connection:
        connection = self._connect()
        return connection.execution_options(sharedbook_write=True) if write else connection

    @contextmanager
    def begin(self, *, write: bool) -> Iterator[Connection]:
        """A transaction: committed at the end, rolled back by an exception. Raises Busy, Unavailable."""
        connection = self.connect(write=write)
        try:
            yield connection
            connection.commit()
        except DBAPIError as error:
            rollback(connection)
            raise _unavailable(error) from error
        except BaseException:
            rollback(connection)
            raise
        finally:
            connection.close()

    def make_way(self, held: float, gone: float = 0.0) -> None:
        """Between two writes of a long work, the last of which took ``held`` seconds and ended ``gone`` seconds ago.

        Lets others come first.
        SQLite has no queue: who waits looks every 25 to 100 ms whether the lock is free. PostgreSQL serves in turn.
        """
        if self.sqlite:
            threading.Event().wait(max(WAY_SECONDS, held * WAY_SHARE) - gone)

    @contextmanager
    def writing_much(self) -> Iterator[None]:
        """For a long work that writes: with connections for it; who opens it calls ``checkpoint`` between its steps."""
        if not self.sqlite:
            yield
            return
        prepare = partial(_to_write_much)  # of its own, as one may run inside another
        event.listen(self.engine, "connect", prepare)
        self.engine.dispose()
        try:
            yield
        finally:
            event.remove(self.engine, "connect", prepare)
            self.engine.dispose()
            self.checkpoint()

    def checkpoint(self) -> None:
        """Moves what a SQLite log holds into the file, as far as no reader is in its way. Others may write meanwhile.

        Raises Unavailable.
        """
        if self.sqlite:
            with self._alone() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        """Closes every pooled connection."""
        self.engine.dispose()

    def change_counter(self, connection: Connection, last: int) -> int:
        """A number that moves when another connection has committed; never waits. ``last``: what it was.

        On PostgreSQL it moves with what the server has sent. Raises DBAPIError.
        """
        if self.sqlite:
            return int(_DATA_VERSION.rows(connection, {})[0][0])
        driver: Any = connection.connection.dbapi_connection
        dialect = connection.dialect
        assert dialect.dbapi is not None
        try:
            driver.pgconn.consume_input()
        except dialect.dbapi.Error as error:
            raise DBAPIError.instance("LISTEN", (), error, dialect.dbapi.Error, dialect=dialect) from error
        return last + sum(1 for _ in iter(driver.pgconn.notifies, None))

    def listener(self) -> Connection:
        """A connection outside any transaction, for ``change_counter``; on PostgreSQL it hears of commits.

        It no longer belongs to the pool. Raises Busy, Unavailable.
        """
        connection = self._connect().execution_options(sharedbook_autocommit=True)
        if not self.sqlite:
            connection.exec_driver_sql(f"LISTEN {postgres.CHANNEL}")
            connection.detach()
        return connection

    def clean(self) -> Cleaned:
        """The clean sequence: rewrite every table without its dead rows, then empty the log of old pages.

        Not done when a reader still pins old pages. PostgreSQL must run with ``wal_recycle = off``, else it keeps old
        log files under new names. Raises Unavailable.
        """
        try:
            with self._alone() as connection:
                return _clean_sqlite(connection) if self.sqlite else _clean_postgres(connection)
        except Busy:
            return Cleaned(False, ())

    def vacuum_into(self, target: Path) -> None:
        """Copies a SQLite database into an empty file, from one snapshot, without its free pages."""
        with self._alone() as connection:
            connection.exec_driver_sql("VACUUM INTO ?", (str(target),))

    def fold_log(self) -> None:
        """Ends a SQLite file's log, so that it stands alone. Raises Busy when another program has it open."""
        self.close()
        with self._alone() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=DELETE")

    def in_use(self) -> bool:
        """Whether another program has the database open."""
        self.close()
        with self._alone() as connection:
            if not self.sqlite:
                return bool(connection.exec_driver_sql(_OTHERS).scalar_one())
            connection.exec_driver_sql("PRAGMA busy_timeout=0")
            try:  # only who has the file alone may leave the mode with a log
                connection.exec_driver_sql("PRAGMA journal_mode=DELETE")
            except DBAPIError:
                return True
            finally:
                connection.exec_driver_sql(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            return False

    @contextmanager
    def _alone(self) -> Iterator[Connection]:
        """A connection without a transaction."""
        # SQLAlchemy's own AUTOCOMMIT would reset the driver's isolation_level afterwards, hence our option
        connection = self._connect().execution_options(sharedbook_autocommit=True)
        try:
            yield connection
        except DBAPIError as error:
            raise _unavailable(error) from error
        finally:
            connection.close()

    def _connect(self) -> Connection:
        try:
            return self.engine.connect()
        except PoolTimeout as error:
            raise Busy("too many requests at once use the database", hint="try again in a few seconds") from error
        except DBAPIError as error:
            raise _unavailable(error) from error


_DATA_VERSION = Prepared(text("PRAGMA data_version"))


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Whether the clean sequence was done, and its steps, in words."""

    done: bool
    steps: tuple[str, ...]


def _clean_sqlite(connection: Connection) -> Cleaned:
    connection.exec_driver_sql("VACUUM")
    busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
    return Cleaned(not busy, ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"))


_OTHERS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""

# A snapshot older than the erasure keeps the dead rows alive, also through VACUUM FULL; so does a prepared transaction
# or a replication slot.
_HELD = """
    SELECT (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
            AND backend_type <> 'autovacuum worker' AND age(backend_xmin) > age(CAST(:mark AS xid)))
         + (SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database())
         + (SELECT count(*) FROM pg_replication_slots WHERE age(xmin) > age(CAST(:mark AS xid)))
"""


def _clean_postgres(connection: Connection) -> Cleaned:
    mark = connection.exec_driver_sql("SELECT CAST(CAST(pg_current_xact_id() AS xid) AS text)").scalar_one()
    for _ in range(BUSY_SECONDS * 10):
        if not connection.execute(text(_HELD), {"mark": mark}).scalar_one():
            break
        connection.exec_driver_sql("SELECT pg_sleep(0.1)")
    else:
        return Cleaned(False, ())
    connection.exec_driver_sql(f"SET lock_timeout = '{BUSY_SECONDS}s'")
    try:
        # ANALYZE first: its samples of the erased values are in a table that VACUUM FULL rewrites
        steps = [
            _step(connection, step) for step in ("ANALYZE", "VACUUM (FULL)", "SELECT pg_switch_wal()", "CHECKPOINT")
        ]
    finally:
        connection.exec_driver_sql("RESET lock_timeout")
    recycle = connection.exec_driver_sql("SHOW wal_recycle").scalar_one()
    return Cleaned(True, (*steps, f"wal_recycle = {recycle}"))


def _step(connection: Connection, statement: str) -> str:
    """Runs a statement that the role may not be allowed; returns it, in words."""
    try:
        connection.exec_driver_sql(statement)
    except ProgrammingError as error:
        return f"not done: {statement} ({str(error.orig).splitlines()[0]})"
    return statement


_SAVEPOINT = Prepared(text("SAVEPOINT step"))
_KEEP = Prepared(text("RELEASE SAVEPOINT step"))
_UNDO = Prepared(text("ROLLBACK TO SAVEPOINT step"))


def rollback(connection: Connection) -> None:
    """Forgets what was written. Where the connection is lost, the server has done so."""
    with suppress(DBAPIError):
        connection.rollback()


def _settle(connection: Connection) -> None:
    """So that an error of what is inside is not raised outside."""
    if connection.dialect.name == "postgresql":
        postgres.settle(connection)


@contextmanager
def savepoint(connection: Connection) -> Iterator[None]:
    """All or nothing inside a transaction: rolled back to here by an exception. May stand in another."""
    _SAVEPOINT.run(connection, {})
    try:
        yield
        _settle(connection)
    except BaseException:
        with suppress(DBAPIError, PendingRollbackError):
            _settle(connection)
        with suppress(DBAPIError, PendingRollbackError):  # a full disk or Ctrl-C has ended the whole transaction
            _UNDO.run(connection, {})
            _KEEP.run(connection, {})
        raise
    _KEEP.run(connection, {})


def insert_one(connection: Connection, table: Table, row: Row) -> int:
    """Inserts a row and returns the id that it got."""
    return int(connection.execute(table.insert().returning(table.c.id), row).scalar_one())


def insert_many(connection: Connection, table: Any, rows: Sequence[Row]) -> None:
    """Inserts rows, or does nothing when there are none."""
    if rows:
        connection.execute(table.insert(), rows)


_LAST_OF = Prepared(text("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = :table"))


def next_ids(connection: Connection, column: Column[Any], count: int) -> list[int]:
    """Numbers of rows to come, in a table whose numbers are never used again; the caller holds the write lock."""
    table = column.table.name
    if connection.dialect.name == "sqlite":  # AUTOINCREMENT: a larger number that is given is remembered there, too
        last = _LAST_OF.rows(connection, {"table": table})[0][0]
        return list(range(last + 1, last + 1 + count))
    sequence = "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)"
    return list(connection.exec_driver_sql(sequence, (table, column.name, count)).scalars())


def plain(connection: Connection, statement: Executable, values: Row | None = None) -> list[tuple[Any, ...]]:
    """Every row as the driver has it: a tuple, no type converted. For long listings, at half of the time."""
    result = connection.execute(statement, values)
    rows = list(result.cursor.fetchall())
    result.close()
    return rows


_BEGIN, _BEGIN_IMMEDIATE = Prepared(text("BEGIN")), Prepared(text("BEGIN IMMEDIATE"))


def _sqlite_engine(url: URL, **pool: Any) -> Engine:
    engine = create_engine(
        url,
        hide_parameters=True,
        connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS},
        **pool,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        # Python's sqlite3 would commit when a savepoint is released; None leaves BEGIN and COMMIT to us.
        connection.isolation_level = None
        for pragma in (
            "page_size=8192",  # of a new file: cards of some kilobytes fill pages of 4 KB badly
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "cache_size=-32000",
            "mmap_size=268435456",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if not options.get("sharedbook_autocommit"):
            (_BEGIN_IMMEDIATE if options.get("sharedbook_write") else _BEGIN).run(connection, {})

    return engine


def _to_write_much(connection: Any, _record: Any) -> None:
    for pragma in (
        "mmap_size=0",  # what is mapped counts as the process's memory
        "temp_store=MEMORY",  # pages for a savepoint are not written to a file
        "wal_autocheckpoint=0",  # each commit would wait for it
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _refuse_exposed(path: Path) -> None:
    """Raises DatabaseExposed when others on this machine may read the file."""
    if path.exists() and os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise DatabaseExposed(f"others may read {path}", hint=f"run: chmod 600 {path}")


@contextmanager
def failures() -> Iterator[None]:
    """Turns errors of the database, such as a full disk, into Busy or Unavailable."""
    try:
        yield
    except DBAPIError as error:
        raise _unavailable(error) from error


_UNREACHABLE = (
    "connection failed",
    "connection is lost",
    "closed the connection",
    "connection has been closed",
    "terminating connection",
)


def _unavailable(error: DBAPIError) -> Unavailable:
    reason = str(error.orig)
    if "locked" in reason or "lock timeout" in reason:
        return Busy("the database is locked by another writer", hint="try again in a few seconds")
    if "unable to open database file" in reason:
        return Unavailable("the database file cannot be opened", hint="check SHAREDBOOK_DATA_DIR and its permissions")
    if "disk is full" in reason or "No space left" in reason:
        return Unavailable("the disk is full; nothing of this step was written", hint="free space, then run it again")
    if any(words in reason for words in _UNREACHABLE):
        return Unavailable(
            f"the database cannot be reached: {reason.splitlines()[0]}",
            hint="check database.url, and that PostgreSQL runs and lets this machine in (pg_hba.conf)",
        )
    return Unavailable(f"the database answered: {reason.splitlines()[0]}", hint="run: sharedbook doctor")
