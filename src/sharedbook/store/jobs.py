"""Statements of jobs and of the rows that wait for a person."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from sharedbook.store.database import insert_many
from sharedbook.store.schema import job_rows, jobs


def add(connection: Connection, row: Mapping[str, Any]) -> int:
    """Adds a job and returns its id."""
    key = connection.execute(insert(jobs).values(**row)).inserted_primary_key
    assert key is not None  # an identity column always has one
    return int(key[0])


def change(connection: Connection, job_id: int, *, state: str, counts: str, finished: datetime | None) -> None:
    """Writes how far a job is."""
    values = {"state": state, "counts": counts, "finished": finished}
    connection.execute(update(jobs).where(jobs.c.id == job_id).values(**values))


def get(connection: Connection, job_id: int) -> dict[str, Any] | None:
    """One job."""
    row = connection.execute(select(jobs).where(jobs.c.id == job_id)).mappings().one_or_none()
    return None if row is None else dict(row)


def listing(connection: Connection, actor: str | None, limit: int) -> list[dict[str, Any]]:
    """The newest ``limit`` jobs, newest first: all, or those of one actor."""
    statement = select(jobs).order_by(jobs.c.id.desc()).limit(limit)
    if actor is not None:
        statement = statement.where(jobs.c.actor == actor)
    return [dict(row) for row in connection.execute(statement).mappings()]


def add_rows(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Adds rows that wait for a person; ``cells`` is a sequence of texts."""
    insert_many(connection, job_rows, [{**row, "cells": _write_cells(row["cells"])} for row in rows])


def rows(connection: Connection, job_id: int, after: int, limit: int) -> list[dict[str, Any]]:
    """The next ``limit`` rows of a job behind line ``after``, by line; ``cells`` is a list of texts."""
    statement = select(job_rows).where(job_rows.c.job_id == job_id, job_rows.c.line > after)
    found = connection.execute(statement.order_by(job_rows.c.line).limit(limit)).mappings()
    return [{**row, "cells": json.loads(row["cells"])} for row in found]


def every_cells(connection: Connection) -> Iterator[tuple[int, int, str]]:
    """Job id, line and cells (one text, a line each) of every row of every job."""
    statement = select(job_rows.c.job_id, job_rows.c.line, job_rows.c.cells)
    for row in connection.execute(statement):
        yield row.job_id, row.line, "\n".join(json.loads(row.cells))


def _write_cells(cells: Sequence[str]) -> str:
    """JSON; octets that were no UTF-8, kept as half surrogates, are escaped: no database takes them."""
    text = json.dumps(cells, ensure_ascii=False)
    return re.sub("[\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", text)


def delete_rows(connection: Connection, keys: Sequence[tuple[int, int]]) -> None:
    """Deletes rows by job id and line."""
    for job_id, line in keys:
        connection.execute(delete(job_rows).where(job_rows.c.job_id == job_id, job_rows.c.line == line))
