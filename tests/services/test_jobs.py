"""Jobs: who may see them, and that what a row held comes back as it was."""

from __future__ import annotations

import io

import pytest

from sharedbook.app import App
from sharedbook.domain.errors import JobNotFound
from sharedbook.domain.model import Client
from sharedbook.formats.rows import csv_rows
from sharedbook.formats.rows.problems import Problem
from sharedbook.services.jobs import jobs, runner
from sharedbook.services.jobs.jobs import JobRow, Result, State
from sharedbook.services.tx import MemberActor
from sharedbook.store import jobs as store
from tests.services.people import add_members
from tests.support.sites import as_console

CLIENT = Client("cli", "test")
CELLS = ("Kim", '=cmd|"x", y\nz', "", "김민지 \\u00e9", "m\udcfcller")


def job_of(app: App, login: str, *, format: str = "csv", columns: tuple[str, ...] = ("a", "b", "c", "d", "e")) -> int:
    with app.begin(MemberActor(login), CLIENT, write=True) as tx:
        return jobs.start(tx, "import", format=format, columns=columns)


def waiting(line: int, cells: tuple[str, ...] = CELLS) -> JobRow:
    return JobRow(Result.ERROR, Problem(line, "b", "too-long", f"b: too long in {line}"), cells)


def test_own_jobs_and_all_jobs(app: App) -> None:
    add_members(app, "alice", "bob")
    first, second = job_of(app, "alice"), job_of(app, "bob")
    with app.begin(MemberActor("alice"), CLIENT) as tx:
        assert [job.id for job in jobs.list_jobs(tx)] == [first]
        assert jobs.get(tx, first).actor == "alice"
        for read in (
            jobs.get,
            lambda tx, job: list(jobs.rows(tx, job)),
            lambda tx, job: jobs.error_file(tx, job, io.BytesIO()),
        ):
            with pytest.raises(JobNotFound):
                read(tx, second)
            with pytest.raises(JobNotFound):
                read(tx, second + 1)
    with as_console(app, write=False) as tx:
        assert [job.id for job in jobs.list_jobs(tx)] == [second, first]
        assert [job.id for job in jobs.list_jobs(tx, limit=1)] == [second]


def test_jobs_by_state_kind_and_member_page_by_page(app: App) -> None:
    """The first is killed, others wait or are done, the newest are another member's."""
    add_members(app, "alice", "bob")
    with app.begin(MemberActor("alice"), CLIENT, write=True) as tx:
        lost = jobs.start(tx, "import")
        store.change(tx.db, lost, beat=tx.now - 2 * runner.SILENCE, runner="another 1 2")
        done = [jobs.start(tx, "tag", State.DONE, texts={"add": ["vip"]}) for _ in range(130)]
    with app.begin(MemberActor("bob"), CLIENT, write=True) as tx:
        waiting = [jobs.start(tx, "tag", State.WAITING) for _ in range(3)]
    newest = [*reversed(waiting), *reversed(done), lost]
    with as_console(app, write=False) as tx:
        assert [job.id for job in jobs.list_jobs(tx, 4)] == newest[:4]
        assert [job.id for job in jobs.list_jobs(tx, 4, before=newest[3])] == newest[4:8]
        assert [job.id for job in jobs.list_jobs(tx, 2, state=State.KILLED)] == [lost], "behind more that wait"
        assert [job.id for job in jobs.killed(tx)] == [lost]
        assert [job.id for job in jobs.list_jobs(tx, 2, state=State.DONE, kind="tag", actor="alice")] == newest[3:5]
        assert jobs.list_jobs(tx, state=State.DONE, actor="bob") == []
        assert jobs.get(tx, lost).left is None
    with app.begin(MemberActor("bob"), CLIENT) as tx:
        assert [job.id for job in jobs.list_jobs(tx, actor="bob")] == newest[:3]
        assert jobs.list_jobs(tx, actor="alice") == []


def test_a_job_from_start_to_end(app: App) -> None:
    add_members(app, "alice")
    job_id = job_of(app, "alice")
    with as_console(app) as tx:
        running = jobs.get(tx, job_id)
        assert (running.kind, running.state, running.finished, dict(running.counts)) == (
            "import",
            State.RUNNING,
            None,
            {},
        )
        jobs.record(tx, job_id, State.RUNNING, {"added": 1}, [waiting(2)])
        jobs.record(tx, job_id, State.PART, {"added": 2, "error": 2}, [waiting(9)])
    with as_console(app, write=False) as tx:
        done = jobs.get(tx, job_id)
        assert (done.state, dict(done.counts)) == (State.PART, {"added": 2, "error": 2})
        assert done.finished is not None
        assert done.finished >= done.started
        assert list(jobs.rows(tx, job_id)) == [waiting(2), waiting(9)]


def test_more_rows_than_a_page(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "PAGE", 3)
    add_members(app, "alice")
    job_id = job_of(app, "alice")
    with as_console(app) as tx:
        jobs.record(tx, job_id, State.PART, {}, [waiting(line) for line in range(1, 8)])
    with as_console(app, write=False) as tx:
        assert [row.line for row in jobs.rows(tx, job_id)] == list(range(1, 8))


def test_the_error_file_has_the_cells_as_they_were(app: App) -> None:
    add_members(app, "alice")
    job_id = job_of(app, "alice")
    cells = (*CELLS[:4], "'=1")
    target = io.BytesIO()
    with as_console(app) as tx:
        jobs.record(tx, job_id, State.PART, {}, [waiting(3, cells), waiting(4, ("only", "two"))])
        assert jobs.error_file(tx, job_id, target) == 2
    table = csv_rows.open_table(target)
    assert table.header == ("import_error", "a", "b", "c", "d", "e")
    first, second = table.rows()
    assert first.cells == ("b: too long in 3", *cells)
    assert second.cells[:3] == ("b: too long in 4", "only", "two")
    assert b"'=cmd" in target.getvalue(), "a spreadsheet must not take it for a formula"
