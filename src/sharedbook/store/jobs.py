"""Statements of jobs, of the rows of files that wait for a person, and of what each job did to which contact."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select, text, update

from sharedbook.store.contacts import batches
from sharedbook.store.database import insert_many, insert_one
from sharedbook.store.prepared import Prepared, insert_each
from sharedbook.store.schema import job_items, job_rows, jobs


def add(connection: Connection, row: Mapping[str, Any]) -> int:
    """Adds a job and returns its id."""
    return insert_one(connection, jobs, row)


def change(connection: Connection, job_id: int, **values: Any) -> None:
    """Sets columns of a job."""
    connection.execute(update(jobs).where(jobs.c.id == job_id).values(**values))


def get(connection: Connection, job_id: int) -> dict[str, Any] | None:
    """One job."""
    row = connection.execute(select(jobs).where(jobs.c.id == job_id)).mappings().one_or_none()
    return None if row is None else dict(row)


_TOLD = [column for column in jobs.c if column.name not in ("params", "texts")]


def listing(
    connection: Connection, limit: int, *, before: int | None = None, states: Collection[str] = (), **equal: Any
) -> list[dict[str, Any]]:
    """The newest ``limit`` jobs, newest first, without what they were told to do, which may be long.

    ``before``: only those of a lower id; ``states``: only those in one of these; ``equal``: with these values.
    """
    statement = select(*_TOLD).order_by(jobs.c.id.desc()).limit(limit)
    statement = statement.where(*(jobs.c[name] == value for name, value in equal.items()))
    if before is not None:
        statement = statement.where(jobs.c.id < before)
    if states:
        statement = statement.where(jobs.c.state.in_(states))
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


def worded(connection: Connection) -> Iterator[tuple[int, str]]:
    """Id and words of every job that has some: what it was told to write or to read, its label, what ended it."""
    for row in connection.execute(select(jobs.c.id, jobs.c.label, jobs.c.texts, jobs.c.error)):
        if text_of := "\n".join(filter(None, row[1:])):
            yield row.id, text_of


def about(connection: Connection, contact_ids: Sequence[int]) -> set[int]:
    """Ids of the jobs that were about one of these contacts and were told what people wrote."""
    found = set[int]()
    for some in batches(contact_ids):
        items = select(job_items.c.job_id).where(job_items.c.contact_id.in_(some))
        found.update(
            connection.execute(select(jobs.c.id).where(jobs.c.texts.is_not(None), jobs.c.id.in_(items))).scalars()
        )
    return found


def forget_texts(connection: Connection, job_ids: Collection[int]) -> None:
    """Forgets all words of jobs (``worded``)."""
    for some in batches([*job_ids]):
        connection.execute(update(jobs).where(jobs.c.id.in_(some)).values(texts=None, label="", error=""))


def remove(connection: Connection, job_id: int) -> None:
    """Forgets a job."""
    connection.execute(delete(jobs).where(jobs.c.id == job_id))


def prune(connection: Connection, before: datetime) -> int:
    """Forgets jobs that nothing was heard of since before; returns how many."""
    return connection.execute(delete(jobs).where(jobs.c.beat < before)).rowcount


def undone(connection: Connection, job_id: int) -> int | None:
    """The last job that has undone this one and come to its end."""
    statement = select(func.max(jobs.c.id)).where(jobs.c.undoes == job_id, jobs.c.state.in_(("done", "part")))
    return connection.execute(statement).scalar()


def undoing(connection: Connection, job_id: int) -> list[int]:
    """Jobs that undo this one and have not come to an end."""
    statement = select(jobs.c.id).where(jobs.c.undoes == job_id, jobs.c.state.in_(("waiting", "running")))
    return list(connection.execute(statement).scalars())


# ---- the contacts that a job is about

_I = job_items.c


def add_items(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Adds contacts to jobs."""
    insert_many(connection, job_items, rows)


def pending(connection: Connection, job_id: int, after: int, limit: int) -> list[int]:
    """The next ``limit`` contacts behind the id ``after`` to which the job is not done yet."""
    statement = select(_I.contact_id).where(_I.job_id == job_id, _I.contact_id > after, _I.result.is_(None))
    return list(connection.execute(statement.order_by(_I.contact_id).limit(limit)).scalars())


_SET = (
    update(job_items)
    .where(_I.job_id == bindparam("job"), _I.contact_id == bindparam("contact"))
    .values({name: bindparam(name) for name in ("result", "first", "last", "code", "message", "before")})
)


def set_items(connection: Connection, job_id: int, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes what a job did: each row has ``contact`` and every column but the keys."""
    connection.execute(_SET, [{**row, "job": job_id} for row in rows])


_ADD_DONE = Prepared(
    text(
        "INSERT INTO job_items (job_id, contact_id, result, first, last, before)"
        " VALUES (:job, :contact, 'done', :first, :last, :before)"
        " ON CONFLICT (job_id, contact_id) DO UPDATE SET last = excluded.last"
    )
)


def add_done(connection: Connection, job_id: int, before: Mapping[int, str], first: int, last: int) -> None:
    """Adds contacts as done by a job, each with what it was before (see ``schema``); one that is there keeps that."""
    rows = ({"job": job_id, "contact": key, "first": first, "last": last, "before": was} for key, was in before.items())
    _ADD_DONE.run_many(connection, rows)


_ADD_NEW = Prepared(insert_each(_I.contact_id, (_I.job_id, _I.result, _I.first, _I.last)))


def add_new(connection: Connection, job_id: int, contact_ids: Sequence[int], first: int, last: int) -> None:
    """Adds contacts that a job has just made."""
    did = {"job_id": job_id, "result": "done", "first": first, "last": last}
    _ADD_NEW.run(connection, {"ids": contact_ids, **did})


def set_results(connection: Connection, job_id: int, contact_ids: Sequence[int], result: str) -> None:
    """Gives contacts of a job another result."""
    for some in batches(contact_ids):
        connection.execute(update(job_items).where(_I.job_id == job_id, _I.contact_id.in_(some)).values(result=result))


def items(connection: Connection, job_id: int, contact_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """What a job did to these contacts, by their id."""
    found: dict[int, dict[str, Any]] = {}
    for some in batches(contact_ids):
        rows = connection.execute(select(job_items).where(_I.job_id == job_id, _I.contact_id.in_(some))).mappings()
        found |= {row["contact_id"]: dict(row) for row in rows}
    return found


def item_ids(connection: Connection, job_id: int, result: str | None = None) -> list[int]:
    """The contacts of a job, or those with one result."""
    statement = select(_I.contact_id).where(_I.job_id == job_id).order_by(_I.contact_id)
    if result is not None:
        statement = statement.where(_I.result == result)
    return list(connection.execute(statement).scalars())


def told(connection: Connection, job_id: int, after: int, limit: int) -> list[dict[str, Any]]:
    """The next ``limit`` contacts of a job behind the id ``after`` of which there is something to say."""
    statement = select(job_items).where(_I.job_id == job_id, _I.contact_id > after, _I.message.is_not(None))
    return [dict(row) for row in connection.execute(statement.order_by(_I.contact_id).limit(limit)).mappings()]
