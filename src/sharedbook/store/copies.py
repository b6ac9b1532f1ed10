"""A whole database as one SQLite file, and back: what backup and restore are made of, on both databases.

SQLite's ``VACUUM INTO`` takes the copy from one snapshot while others read and write, and leaves out the free pages, in
which deleted rows still stand. A PostgreSQL database is copied row by row into the same tables of a SQLite file: no
program of PostgreSQL's is needed, and a backup of one database can be restored into the other.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, delete, func, insert, select, text

from sharedbook.domain.errors import Conflict, Unavailable
from sharedbook.store import upgrade
from sharedbook.store.database import Database
from sharedbook.store.schema import metadata

BATCH = 2000


def save(database: Database, target: Path) -> None:
    """Writes the database into a new file, readable by its owner only and on the disk. Raises Unavailable, OSError."""
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    if database.sqlite:
        database.vacuum_into(target)
    else:
        with opened(target) as copy:
            upgrade.upgrade(copy)
            with database.begin(write=False) as source, copy.begin(write=True) as sink:
                _copy(source, sink)
            copy.clean()
    with target.open("rb") as file:
        os.fsync(file.fileno())


def fill(database: Database, source: Path) -> None:
    """Replaces all rows of an upgraded PostgreSQL database by those of a file of the same version: all or nothing."""
    with opened(source) as copy, copy.begin(write=False) as read, database.begin(write=True) as sink:
        _copy(read, sink)


@contextmanager
def opened(path: Path) -> Iterator[Database]:
    """A SQLite file as a database; at the end it stands alone, without a log beside it."""
    database = Database(f"sqlite:///{path}")
    try:
        yield database
        database.fold_log()
    finally:
        database.close()


def check(path: Path) -> None:
    """Raises Unavailable when the file is damaged."""
    with opened(path) as copy, copy.begin(write=False) as connection:
        said = [row[0] for row in connection.execute(text("PRAGMA integrity_check"))]
        broken = connection.execute(text("PRAGMA foreign_key_check")).first()
    if said != ["ok"] or broken is not None:
        raise Unavailable(f"{path} is damaged: {'; '.join(said[:3])}", hint="take another backup")


def counts(connection: Connection) -> dict[str, int]:
    """Rows by table."""
    return {
        table.name: int(connection.execute(select(func.count()).select_from(table)).scalar_one())
        for table in metadata.sorted_tables
    }


def refuse_used(database: Database) -> None:
    """Raises Conflict while another program has the database open."""
    if database.in_use():
        raise Conflict("another program has the database open", hint="stop `sharedbook serve`, then restore again")


def _copy(source: Connection, sink: Connection) -> None:
    for table in reversed(metadata.sorted_tables):
        sink.execute(delete(table))
    for table in metadata.sorted_tables:
        rows = source.execute(select(table), execution_options={"yield_per": BATCH}).mappings()
        for some in rows.partitions(BATCH):
            sink.execute(insert(table), [dict(row) for row in some])
        _keep_numbers(source, sink, table.name)


def _keep_numbers(source: Connection, sink: Connection, table: str) -> None:
    """Ids are never used again, also those of rows that are gone: the copy goes on counting where the other stands."""
    column = next((c.name for c in metadata.tables[table].columns if c.identity is not None), None)
    if column is None:
        return
    last = _last_number(source, table, column)
    if sink.dialect.name == "sqlite":
        sink.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": table})
        sink.execute(
            text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)"), {"name": table, "last": last}
        )
    else:
        sink.execute(
            text("SELECT setval(pg_get_serial_sequence(:name, :column), :next, false)"),
            {"name": table, "column": column, "next": last + 1},
        )


def _last_number(source: Connection, table: str, column: str) -> int:
    if source.dialect.name == "sqlite":
        statement = "SELECT COALESCE((SELECT seq FROM sqlite_sequence WHERE name = :name), 0)"
    else:
        statement = "SELECT COALESCE(pg_sequence_last_value(pg_get_serial_sequence(:name, :column)), 0)"
    return int(source.execute(text(statement), {"name": table, "column": column}).scalar_one())
