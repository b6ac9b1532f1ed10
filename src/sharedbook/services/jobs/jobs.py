"""Jobs: what a bulk action is, how far it is, who runs it, and what waits for a person.

A job belongs to its member, by id: a login may come to somebody else. Postmasters on the command line see every job;
another one's job is not found. Its runner
writes how far it is in the transaction that did it, and looks there first whether it was cancelled; so what a job says
is what was done, also when its process was killed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, BinaryIO

from sharedbook.domain import access
from sharedbook.domain.errors import InvalidValue, JobNotFound, JobStopped, SharedbookError
from sharedbook.domain.model import Client
from sharedbook.formats.files import outgoing
from sharedbook.formats.rows.problems import Problem
from sharedbook.services.jobs import runner
from sharedbook.services.notices import notices
from sharedbook.services.tx import Actor, App, Tx
from sharedbook.store import changes
from sharedbook.store import jobs as store

PAGE = 500
"""Rows that are read from the database at once."""


class State(StrEnum):
    """PLANNED: a dry run made it, and ``apply`` runs it. WAITING for its process. RUNNING. KILLED while it ran.

    CANCELLED between two batches. DONE. PART: done, but for what was refused. FAILED: an error ended it.
    """

    PLANNED = "planned"
    WAITING = "waiting"
    RUNNING = "running"
    KILLED = "killed"
    CANCELLED = "cancelled"
    DONE = "done"
    PART = "part"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """Whether there is nothing more to do."""
        return self in (State.DONE, State.PART)

    @property
    def stopped(self) -> bool:
        """Whether it can go on with the rest."""
        return self in (State.WAITING, State.KILLED, State.CANCELLED, State.FAILED)


class Result(StrEnum):
    """What became of one row, or of one contact. UNDONE: it was done, and another job has undone it."""

    ADDED = "added"
    UPDATED = "updated"
    DONE = "done"
    ERASED = "erased"
    UNCHANGED = "unchanged"
    SKIPPED_DUPLICATE = "skipped_duplicate"
    NEEDS_DECISION = "needs_decision"
    ERROR = "error"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class Job:
    """A bulk action. ``counts``: rows or contacts by ``Result``; ``total``: how many there are, None while unknown.

    ``params`` and ``texts``: what it was told to do (``texts`` None: forgotten by an erasure), not in a list of jobs.
    ``seq``: the clock when it was planned. ``spent``: how long it has run. ``undoes``: the job that it undoes.
    ``error``: what ended it, or "". ``format`` and ``columns``: of the file it read.
    """

    id: int
    kind: str
    label: str
    state: State
    actor: str
    counts: Mapping[str, int]
    done: int
    total: int | None
    seq: int
    started: datetime
    finished: datetime | None
    spent: timedelta
    undoes: int | None
    error: str
    params: Mapping[str, Any]
    texts: Mapping[str, Any] | None
    format: str
    columns: tuple[str, ...]

    @property
    def rate(self) -> float | None:
        """Rows or contacts a second; None before there is one."""
        return self.done / self.spent.total_seconds() if self.done and self.spent else None

    @property
    def left(self) -> timedelta | None:
        """How long it will still take at this rate; None while that is unknown."""
        rate = self.rate
        if self.total is None or not rate or self.state is not State.RUNNING:
            return None
        return timedelta(seconds=(self.total - self.done) / rate)


@dataclass(frozen=True, slots=True)
class Told:
    """What is to be said of one contact of a job. ``code`` "": it was done, and this is worth knowing."""

    contact_id: int
    code: str
    message: str


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


def start(
    tx: Tx,
    kind: str,
    state: State = State.RUNNING,
    *,
    total: int | None = None,
    params: Mapping[str, Any] | None = None,
    texts: Mapping[str, Any] | None = None,
    undoes: int | None = None,
    label: str = "",
    format: str = "",
    columns: Sequence[str] = (),
) -> int:
    """Opens a job of this actor, by default one that this process runs, and returns its id.

    ``params``: ids and words of the program; what people wrote goes into ``texts``. ``label``: what it does, in words.
    """
    return store.add(
        tx.db,
        {
            "kind": kind,
            "label": label,
            "state": state.value,
            "actor": tx.viewer.name,
            "member_id": tx.viewer.member_id,
            "seq": changes.position(tx.db),
            "started": tx.now,
            "beat": tx.now,
            "runner": runner.me(),
            "total": total,
            "undoes": undoes,
            "counts": "{}",
            "columns": json.dumps({"format": format, "columns": list(columns)}, ensure_ascii=False),
            "params": json.dumps(params or {}),
            "texts": json.dumps(texts, ensure_ascii=False) if texts else None,
        },
    )


def wait(tx: Tx, job_id: int) -> None:
    """Lets a job that has stopped wait for its process. Raises JobNotFound, JobStopped."""
    require_stopped(tx, get(tx, job_id))
    store.change(tx.db, job_id, state=State.WAITING.value, beat=tx.now, finished=None)


def claim(tx: Tx, job_id: int) -> Job:
    """Makes this process the runner of a job that waits or has stopped. Raises JobNotFound, JobStopped."""
    require_stopped(tx, get(tx, job_id))
    store.change(tx.db, job_id, state=State.RUNNING.value, runner=runner.me(), beat=tx.now, finished=None, error="")
    return get(tx, job_id)


def take_over(tx: Tx, job_id: int) -> None:
    """Makes this process the runner of a job that waits for it. Raises JobStopped when it was cancelled meanwhile."""
    job = get(tx, job_id)
    if job.state is not State.WAITING:
        raise JobStopped(f"job {job_id} waits no more: it is {job.state}", hint=f"see: sharedbook job show {job_id}")
    claim(tx, job_id)


def _is_mine(tx: Tx, job_id: int) -> bool:
    row = store.get(tx.db, job_id)
    return row is not None and row["state"] == State.RUNNING and row["runner"] == runner.me()


def give_up(tx: Tx, job_id: int, error: SharedbookError) -> None:
    """Ends a job of this process that could not even begin; one that has ended stays as it is."""
    if _is_mine(tx, job_id):
        record(tx, job_id, State.FAILED, get(tx, job_id).counts, error=reason_of(error))


def require_stopped(tx: Tx, job: Job) -> None:
    """Raises JobStopped unless the job can go on with the rest, or this process runs it already."""
    if not (job.state.stopped or _is_mine(tx, job.id)):
        planned = job.state is State.PLANNED
        hint = f"run: sharedbook apply {job.id}" if planned else f"see: sharedbook job show {job.id}"
        raise JobStopped(f"job {job.id} is {job.state}", hint=hint)


def hold(tx: Tx, job_id: int) -> None:
    """To be called first in each batch. Raises JobStopped when the job was cancelled or runs in another process."""
    if not _is_mine(tx, job_id):
        raise JobStopped(f"job {job_id} was stopped", hint=f"see: sharedbook job show {job_id}")


def record(
    tx: Tx,
    job_id: int,
    state: State,
    counts: Mapping[str, int],
    rows: Sequence[JobRow] = (),
    *,
    error: str = "",
    **values: Any,
) -> None:
    """Writes how far the job is, in the transaction that did it. A state other than RUNNING ends this run of it.

    ``values``: other columns to write.
    """
    row = store.get(tx.db, job_id)
    if row is None:
        return
    run = tx.now - row["beat"] if row["runner"] == runner.me() else timedelta()
    store.change(
        tx.db,
        job_id,
        state=state.value,
        counts=json.dumps(counts),
        done=sum(counts.values()),
        finished=None if state is State.RUNNING else tx.now,
        spent=row["spent"] + round(run.total_seconds() * 1000),
        beat=tx.now,
        error=error,
        **values,
    )
    store.add_rows(tx.db, [_row_values(job_id, row) for row in rows])
    if state is State.FAILED:
        notices.add(
            tx,
            "job.failed",
            f"job {job_id} failed",
            f"It stopped early; what was done stays. See:\n\n  sharedbook job show {job_id}\n",
            job=job_id,
        )


@contextmanager
def running(app: App, actor: Actor, client: Client, job_id: int) -> Iterator[None]:
    """Around a job's work: an exception ends it as failed, Ctrl-C as cancelled; all but JobStopped is raised again."""
    try:
        yield
    except BaseException as error:
        state = State.CANCELLED if isinstance(error, KeyboardInterrupt) else State.FAILED
        with suppress(SharedbookError), app.begin(actor, client, write=True) as tx:  # the first reason counts
            hold(tx, job_id)
            record(tx, job_id, state, get(tx, job_id).counts, error=reason_of(error))
        if not isinstance(error, JobStopped):
            raise


def reason_of(error: BaseException) -> str:
    """What a job keeps of what ended it: of a fault only its kind, as its text may hold what stands in a contact."""
    if isinstance(error, KeyboardInterrupt):
        return "Ctrl-C"
    return str(error) if isinstance(error, SharedbookError) else type(error).__name__


def cancel(tx: Tx, job_id: int) -> Job:
    """Ends a job: a running one after its present batch. What is done stays. Raises JobNotFound, JobStopped."""
    job = get(tx, job_id)
    if job.state.ended or job.state in (State.PLANNED, State.CANCELLED):
        raise JobStopped(
            f"job {job_id} is {job.state}: there is nothing to cancel", hint=f"see: sharedbook job show {job_id}"
        )
    store.change(tx.db, job_id, state=State.CANCELLED.value, finished=tx.now)
    tx.audit("job.cancel", job=job_id)
    return get(tx, job_id)


def stopped_here(tx: Tx) -> int | None:
    """The id of the last job that this process ran and that stopped before its end."""
    states = [State.CANCELLED.value, State.FAILED.value]
    return next((row["id"] for row in store.listing(tx.db, 1, states=states, runner=runner.me())), None)


def tidy(tx: Tx, before: datetime) -> int:
    """Ends jobs whose process was killed, and forgets those not heard of since ``before``; returns how many."""
    for job in (_job(tx, row) for row in store.listing(tx.db, PAGE, states=[State.RUNNING.value])):
        if job.state is State.KILLED:
            record(tx, job.id, State.FAILED, job.counts, error="its process was killed")
    return store.prune(tx.db, before)


def list_jobs(
    tx: Tx,
    limit: int = 100,
    *,
    before: int | None = None,
    state: State | None = None,
    kind: str | None = None,
    actor: str | None = None,
) -> list[Job]:
    """The newest jobs that the actor may see, newest first: only those before a job, in a state, of a kind or actor."""
    nobody = 0
    member_id = None if access.may_manage(tx.viewer) else tx.viewer.member_id or nobody
    wanted = {"kind": kind, "actor": actor, "member_id": member_id}
    equal = {name: value for name, value in wanted.items() if value is not None}
    found: list[Job] = []
    states = _STORED.get(state, [state.value]) if state else []
    while page := store.listing(tx.db, limit, before=before, states=states, **equal):
        found += [job for job in (_job(tx, row) for row in page) if state in (None, job.state)]
        if len(found) >= limit or len(page) < limit:
            break
        before = page[-1]["id"]
    return found[:limit]


_STORED = {State.KILLED: [State.RUNNING.value, State.WAITING.value]}
"""What stands in the database of a job that is killed: nobody was there to write it."""


def killed(tx: Tx) -> list[Job]:
    """Every job whose process was killed."""
    return list_jobs(tx, PAGE, state=State.KILLED)


def get(tx: Tx, job_id: int) -> Job:
    """One job. Raises JobNotFound."""
    row = store.get(tx.db, job_id)
    if row is None or not access.may_see_job(tx.viewer, row["member_id"]):
        raise JobNotFound(f"there is no job {job_id}", hint="see: sharedbook job list")
    return _job(tx, row)


def rows(tx: Tx, job_id: int, after: int = 0) -> Iterator[JobRow]:
    """The rows behind line ``after`` that wait for a person, by line. Raises JobNotFound."""
    get(tx, job_id)
    while page := store.rows(tx.db, job_id, after, PAGE):
        for row in page:
            problem = Problem(row["line"], row["column_name"], row["code"], row["message"])
            yield JobRow(Result(row["result"]), problem, tuple(row["cells"]))
        after = page[-1]["line"]


def told(tx: Tx, job_id: int, after: int = 0) -> Iterator[Told]:
    """What there is to say of contacts of a job behind the id ``after``, refused or not, by id. Raises JobNotFound."""
    get(tx, job_id)
    while page := store.told(tx.db, job_id, after, PAGE):
        yield from (Told(row["contact_id"], row["code"] or "", row["message"]) for row in page)
        after = page[-1]["contact_id"]


def contacts_of(tx: Tx, job_id: int) -> list[int]:
    """Ids of the contacts that a job is about, those that are gone left out. Raises JobNotFound."""
    get(tx, job_id)
    return store.item_ids(tx.db, job_id)


def kind_of_errors(tx: Tx, job_id: int) -> str:
    """How the name of a file ends that ``error_file`` writes. Raises as that does."""
    return outgoing.kind_of_refused(_of_file(tx, job_id).format)


def error_file(tx: Tx, job_id: int, target: BinaryIO) -> int:
    """Writes the rows that wait for a person in the columns of the file they came from; returns how many.

    They come in its format, those of any sheet as xlsx. Each has its reason beside it, where the import ignores it, so
    that the fixed file can be imported as it is. Raises JobNotFound, InvalidValue for a job that read no file.
    """
    job = _of_file(tx, job_id)
    refused = ((row.cells, row.problem.message) for row in rows(tx, job_id))
    return outgoing.write_refused(job.format, target, job.columns, refused)


def _of_file(tx: Tx, job_id: int) -> Job:
    job = get(tx, job_id)
    if not job.format:
        raise InvalidValue(f"job {job_id} read no file", field="output", hint=f"see: sharedbook job errors {job_id}")
    return job


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


def _job(tx: Tx, row: Mapping[str, Any]) -> Job:
    file, state = json.loads(row["columns"]), State(row["state"])
    if state is State.RUNNING and not runner.alive(row["runner"], row["beat"], tx.now):
        state = State.KILLED
    if state is State.WAITING and tx.now - row["beat"] > runner.SILENCE:
        state = State.KILLED
    return Job(
        id=row["id"],
        kind=row["kind"],
        label=row["label"] or row["kind"],
        state=state,
        actor=row["actor"],
        counts=json.loads(row["counts"]),
        done=row["done"],
        total=row["total"],
        seq=row["seq"],
        started=row["started"],
        finished=row["finished"],
        spent=timedelta(milliseconds=row["spent"]),
        undoes=row["undoes"],
        error=row["error"],
        params=json.loads(row.get("params", "{}")),
        texts=json.loads(row.get("texts") or "null"),
        format=file["format"],
        columns=tuple(file["columns"]),
    )
