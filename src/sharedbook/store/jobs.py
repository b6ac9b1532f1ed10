"""Statements of jobs and of the rows that wait for a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from sharedbook.store.database import insert_many
from sharedbook.store.schema import job_rows, jobs


def add(connection: Connection, row: Mapping[str, Any]) -> int:
    """Adds a job and returns its id."""
    key = connection.execute(insert(jobs).values(**row)).inserted_primary_key
    assert key is not None  # noqa: S101 - an identity column always has one
    return int(key[0])


def change(
    connection: Connection, job_id: int, *, state: str, counts: str, finished: datetime | None, columns: str | None = None
) -> None:
    """Writes how far a job is; ``columns`` None leaves them as they are."""
    values: dict[str, Any] = {"state": state, "counts": counts, "finished": finished}
    if columns is not None:
        values["columns"] = columns
    connection.execute(update(jobs).where(jobs.c.id == job_id).values(**values))


def get(connection: Connection, job_id: int) -> RowMapping | None:
    """One job."""
    return connection.execute(select(jobs).where(jobs.c.id == job_id)).mappings().one_or_none()


def listing(connection: Connection, actor: str | None, limit: int) -> Sequence[RowMapping]:
    """The newest ``limit`` jobs, newest first: all, or those of one actor."""
    statement = select(jobs).order_by(jobs.c.id.desc()).limit(limit)
    if actor is not None:
        statement = statement.where(jobs.c.actor == actor)
    return connection.execute(statement).mappings().all()


def add_rows(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Adds rows that wait for a person."""
    insert_many(connection, job_rows, rows)


def rows(connection: Connection, job_id: int, after: int, limit: int) -> Sequence[RowMapping]:
    """The next ``limit`` rows of a job behind line ``after``, by line."""
    statement = select(job_rows).where(job_rows.c.job_id == job_id, job_rows.c.line > after)
    return connection.execute(statement.order_by(job_rows.c.line).limit(limit)).mappings().all()


def every_cells(connection: Connection) -> Iterator[tuple[int, int, str]]:
    """Job id, line and cells of every row of every job."""
    statement = select(job_rows.c.job_id, job_rows.c.line, job_rows.c.cells)
    for row in connection.execute(statement):
        yield row.job_id, row.line, row.cells


def delete_rows(connection: Connection, keys: Sequence[tuple[int, int]]) -> None:
    """Deletes rows by job id and line."""
    for job_id, line in keys:
        connection.execute(delete(job_rows).where(job_rows.c.job_id == job_id, job_rows.c.line == line))
