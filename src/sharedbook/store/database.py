"""Where SQLite and PostgreSQL differ, and only there: connecting, beginning, locking, the clean sequence of an erasure.

A read is a snapshot (SQLite: BEGIN on a WAL file; PostgreSQL: REPEATABLE READ, READ ONLY). A write holds the one write
lock (SQLite: BEGIN IMMEDIATE; PostgreSQL: READ COMMITTED and one advisory lock), so changes are committed in seq order.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection as Connection
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, OperationalError

from sharedbook.domain.errors import Busy, DatabaseExposed, Unavailable

WRITE_LOCK = 7236823
"""The advisory lock's number on PostgreSQL; any constant that nobody else in this database uses."""

BUSY_SECONDS = 10
"""How long a writer waits for another one before it gives up."""

POOL_SIZE = 8

Row = Mapping[str, Any]


class Database:
    """An engine and the two ways to begin. ``url`` as SQLAlchemy has it; SQLite files must be private to their user."""

    def __init__(self, url: str) -> None:
        self.url: URL = make_url(url)
        self.sqlite = self.url.get_backend_name() == "sqlite"
        if self.path is not None:
            _refuse_exposed(self.path)
        self.engine = _sqlite_engine(self.url) if self.sqlite else _postgres_engine(self.url)

    @property
    def path(self) -> Path | None:
        """The SQLite file, or None on PostgreSQL."""
        return Path(self.url.database) if self.sqlite and self.url.database else None

    def connect(self, *, write: bool) -> Connection:
        """A connection in a begun transaction; the caller commits or not, and closes. Raises Busy, Unavailable."""
        connection = self._open(write)
        try:
            connection.begin()
            if write and not self.sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": WRITE_LOCK})
        except DBAPIError as error:
            connection.close()
            raise _unavailable(error) from error
        return connection

    def _open(self, write: bool) -> Connection:
        try:
            connection = self.engine.connect()
        except DBAPIError as error:
            raise _unavailable(error) from error
        if self.sqlite:
            return connection.execution_options(sharedbook_write=write)
        return connection.execution_options(
            isolation_level="READ COMMITTED" if write else "REPEATABLE READ", postgresql_readonly=not write
        )

    @contextmanager
    def begin(self, *, write: bool) -> Iterator[Connection]:
        """A transaction: committed at the end, rolled back by an exception. Raises Busy, Unavailable."""
        connection = self.connect(write=write)
        try:
            yield connection
            connection.commit()
        except DBAPIError as error:
            connection.rollback()
            raise _unavailable(error) from error
        except BaseException:
            connection.rollback()
            raise
        finally:
            connection.close()

    def close(self) -> None:
        """Closes every pooled connection."""
        self.engine.dispose()

    def change_counter(self, connection: Connection) -> int:
        """A number that moves when another connection has committed (SQLite), or the clock itself (PostgreSQL)."""
        statement = "PRAGMA data_version" if self.sqlite else "SELECT COALESCE(max(seq), 0) FROM changes"
        return int(connection.exec_driver_sql(statement).scalar_one())

    def vacuum(self) -> bool:
        """The clean sequence: rewrite every table without its dead rows, then empty the log of old pages.

        Returns False when a reader still pins old pages (SQLite's checkpoint reports busy). PostgreSQL's replicas and
        WAL archives are out of reach; the certificate says so.
        """
        # SQLAlchemy's own AUTOCOMMIT would reset the driver's isolation_level afterwards, hence our option on SQLite.
        connection = self.engine.connect().execution_options(
            **({"sharedbook_autocommit": True} if self.sqlite else {"isolation_level": "AUTOCOMMIT"})
        )
        try:
            if not self.sqlite:
                connection.exec_driver_sql("VACUUM (FULL, ANALYZE)")
                connection.exec_driver_sql("CHECKPOINT")
                return True
            connection.exec_driver_sql("VACUUM")
            busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
            return not busy
        except OperationalError as error:
            if self.sqlite and "locked" in str(error):
                return False
            raise _unavailable(error) from error
        finally:
            connection.close()


def insert_many(connection: Connection, table: Any, rows: Sequence[Row]) -> None:
    """Inserts rows, or does nothing when there are none."""
    if rows:
        connection.execute(table.insert(), rows)


def _sqlite_engine(url: URL) -> Engine:
    engine = create_engine(
        url,
        pool_size=POOL_SIZE,
        max_overflow=POOL_SIZE,
        connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        # Python's sqlite3 would commit when a savepoint is released; None leaves BEGIN and COMMIT to us.
        connection.isolation_level = None
        for pragma in (
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
            connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("sharedbook_write") else "BEGIN")

    return engine


def _postgres_engine(url: URL) -> Engine:
    return create_engine(url, pool_size=POOL_SIZE, max_overflow=POOL_SIZE, pool_pre_ping=True)


def _refuse_exposed(path: Path) -> None:
    """Raises DatabaseExposed when others on this machine may read the file."""
    if path.exists() and os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise DatabaseExposed(f"others may read {path}", hint=f"run: chmod 600 {path}")


def _unavailable(error: DBAPIError) -> Unavailable:
    reason = str(error.orig)
    if "locked" in reason or "lock timeout" in reason:
        return Busy("the database is locked by another writer", hint="try again in a few seconds")
    if "unable to open database file" in reason:
        return Unavailable("the database file cannot be opened", hint="check SHAREDBOOK_DATA_DIR and its permissions")
    if "disk is full" in reason or "No space left" in reason:
        return Unavailable("the disk is full; nothing of this step was written", hint="free space, then run it again")
    return Unavailable(f"the database answered: {reason.splitlines()[0]}", hint="run: sharedbook doctor")
