"""Jobs: what a bulk action did, and the rows that wait for a person, as a file to fix and import again.

A job belongs to its actor. Postmasters on the command line see every job; another one's job is not found.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, BinaryIO

from sharedbook.domain import access
from sharedbook.domain.errors import JobNotFound
from sharedbook.formats import outgoing
from sharedbook.formats.problems import Problem
from sharedbook.services import notices
from sharedbook.services.tx import Tx
from sharedbook.store import jobs as store

PAGE = 500
"""Rows that are read from the database at once."""


class State(StrEnum):
    """RUNNING (or killed while it ran), DONE, PART: done but for rows that were refused, FAILED: it stopped early."""

    RUNNING = "running"
    DONE = "done"
    PART = "part"
    FAILED = "failed"


class Result(StrEnum):
    """What became of one row."""

    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    SKIPPED_DUPLICATE = "skipped_duplicate"
    NEEDS_DECISION = "needs_decision"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Job:
    """A bulk action. ``counts``: rows by ``Result``; ``format`` and ``columns``: of the file it read."""

    id: int
    kind: str
    state: State
    actor: str
    counts: Mapping[str, int]
    started: datetime
    finished: datetime | None
    format: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JobRow:
    """A row that was refused or needs a decision. ``cells``: as it stood in the file; for vcf the card's text alone."""

    result: Result
    problem: Problem
    cells: tuple[str, ...]

    @property
    def line(self) -> int:
        """Line of the file on which the row begins, from 1."""
        return self.problem.line


def start(tx: Tx, kind: str, *, format: str, columns: Sequence[str]) -> int:
    """Opens a job of this actor, RUNNING, and returns its id."""
    return store.add(
        tx.db,
        {
            "kind": kind,
            "state": State.RUNNING.value,
            "actor": tx.viewer.name,
            "started": tx.now,
            "counts": "{}",
            "columns": json.dumps({"format": format, "columns": list(columns)}, ensure_ascii=False),
        },
    )


def record(tx: Tx, job_id: int, state: State, counts: Mapping[str, int], rows: Sequence[JobRow] = ()) -> None:
    """Writes how far the job is, in the transaction that did it. A state other than RUNNING ends the job."""
    finished = None if state is State.RUNNING else tx.now
    store.change(tx.db, job_id, state=state.value, counts=json.dumps(counts), finished=finished)
    store.add_rows(tx.db, [_row_values(job_id, row) for row in rows])
    if state is State.FAILED:
        notices.add(
            tx,
            "job.failed",
            f"job {job_id} failed",
            f"It stopped early; what was done stays. See:\n\n  sharedbook job show {job_id}\n",
            job=job_id,
        )


def list_jobs(tx: Tx, limit: int = 100) -> list[Job]:
    """The newest jobs that the actor may see, newest first."""
    viewer = tx.viewer
    actor = None if access.may_manage(viewer) else viewer.name
    return [_job(row) for row in store.listing(tx.db, actor, limit)]


def get(tx: Tx, job_id: int) -> Job:
    """One job. Raises JobNotFound."""
    row = store.get(tx.db, job_id)
    if row is None or not (access.may_manage(tx.viewer) or row["actor"] == tx.viewer.name):
        raise JobNotFound(f"there is no job {job_id}", hint="see: sharedbook job list")
    return _job(row)


def rows(tx: Tx, job_id: int) -> Iterator[JobRow]:
    """The rows that wait for a person, by line. Raises JobNotFound."""
    get(tx, job_id)
    after = -1
    while page := store.rows(tx.db, job_id, after, PAGE):
        for row in page:
            problem = Problem(row["line"], row["column_name"], row["code"], row["message"])
            yield JobRow(Result(row["result"]), problem, tuple(row["cells"]))
        after = page[-1]["line"]


def error_file(tx: Tx, job_id: int, target: BinaryIO) -> int:
    """Writes the rows that wait for a person in the columns of the file they came from; returns how many.

    They come in its format, those of any sheet as xlsx. Each has its reason beside it, where the import ignores it, so
    that the fixed file can be imported as it is. Raises JobNotFound.
    """
    job = get(tx, job_id)
    refused = ((row.cells, row.problem.message) for row in rows(tx, job_id))
    return outgoing.write_refused(job.format, target, job.columns, refused)


def _row_values(job_id: int, row: JobRow) -> dict[str, Any]:
    return {
        "job_id": job_id,
        "line": row.line,
        "result": row.result.value,
        "code": row.problem.code,
        "column_name": row.problem.column,
        "message": row.problem.message,
        "cells": row.cells,
    }


def _job(row: Mapping[str, Any]) -> Job:
    file = json.loads(row["columns"])
    return Job(
        id=row["id"],
        kind=row["kind"],
        state=State(row["state"]),
        actor=row["actor"],
        counts=json.loads(row["counts"]),
        started=row["started"],
        finished=row["finished"],
        format=file["format"],
        columns=tuple(file["columns"]),
    )
