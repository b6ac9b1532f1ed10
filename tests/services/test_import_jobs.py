"""An import as a job: killed and resumed, cancelled, undone; its file changed, the disk full, the database locked."""

from __future__ import annotations

import random
import shutil
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sharedbook.app import App
from sharedbook.domain.errors import Busy, InvalidFile, JobStopped, Unavailable
from sharedbook.domain.model import Progress
from sharedbook.services.books import groups
from sharedbook.services.contacts import custom_fields
from sharedbook.services.imports import importing, ready, transfer
from sharedbook.services.imports.transfer import JobReport
from sharedbook.services.jobs import bulk, jobs
from sharedbook.services.jobs.jobs import Job, State
from sharedbook.services.members import members
from tests.services.transfers import HEADER, all_of, counts, etags, people, run, table
from tests.support.processes import Server
from tests.support.sites import CLIENT, CONSOLE, as_console, new_site

ROWS = 200


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH_ROWS", 20)
    monkeypatch.setattr(ready, "CHUNK_ROWS", 20)


@pytest.fixture
def app(app: App) -> App:
    """A site with a group."""
    with as_console(app) as tx:
        groups.add(tx, "People")
    return app


@pytest.fixture
def sqlite_site(tmp_path: Path) -> Iterator[App]:
    """A site of our own file, with a group: of a full disk and a lock PostgreSQL knows nothing."""
    site = new_site(tmp_path / "own")
    with as_console(site) as tx:
        groups.add(tx, "People")
    yield site
    site.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Some people."""
    path = tmp_path / "people.csv"
    path.write_text(table(HEADER[:4], people(ROWS)), encoding="utf-8")
    return path


def last_job(app: App) -> Job:
    with as_console(app, write=False) as tx:
        return jobs.list_jobs(tx, 1)[0]


def resume(app: App, progress: Callable[[Progress], None] | None = None) -> JobReport:
    return transfer.resume(app, CONSOLE, CLIENT, last_job(app).id, progress=progress)


def undo(app: App) -> Job:
    with as_console(app) as tx:
        job = bulk.add(tx, *bulk.undo_of(tx, last_job(app).id))
    return bulk.run(app, CONSOLE, CLIENT, job.id)


def cancel_at(app: App, row: int) -> Callable[[Progress], None]:
    def look(progress: Progress) -> None:
        if progress.done == row:
            with as_console(app) as tx:
                jobs.cancel(tx, jobs.list_jobs(tx, 1)[0].id)

    return look


# ---- killed, cancelled, resumed

PROGRAM = """
import sys
from pathlib import Path
from sharedbook import app
from sharedbook.domain.model import Client
from sharedbook.services.imports import importing, ready, transfer
from sharedbook.services.tx import Console
from sharedbook.settings import Settings
importing.BATCH_ROWS = ready.CHUNK_ROWS = 20
site = app.open(Settings(data_dir=Path(sys.argv[1]), database_url=sys.argv[2]))
group, stop = sys.argv[4], int(sys.argv[5])
def look(progress):
    if progress.done >= stop:
        print("there", flush=True)
        sys.stdin.read()
transfer.import_file(site, Console("root"), Client("cli", "test"), Path(sys.argv[3]), group=group, progress=look)
"""


def killed(app: App, file: Path, group: str, row: int) -> None:
    """Imports in another process until so many rows are committed, and kills it."""
    settings = app.settings
    program = [sys.executable, "-c", PROGRAM, settings.data_dir, settings.database_url, file, group, str(row)]
    with Server(program) as server:
        server.wait_for_line("^there$")
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()


@pytest.mark.soak
def test_killed_at_a_random_row_and_resumed(app: App, tmp_path: Path, soak: bool) -> None:
    chance = random.Random(7)
    for turn in range(40 if soak else 1):
        file, rows, group = tmp_path / f"{turn}.csv", ROWS + turn, f"killed-{turn}"
        file.write_text(table(HEADER[:4], people(rows)), encoding="utf-8")
        with as_console(app) as tx:
            groups.add(tx, group)
        killed(app, file, group, chance.randrange(1, rows - 20))
        assert last_job(app).state is State.KILLED
        assert 0 < len(all_of(app, group)) == last_job(app).done < rows
        first = etags(app, group)
        assert counts(resume(app)) == {"added": rows}
        found = etags(app, group)
        assert len(found) == rows and first.items() <= found.items()
        assert last_job(app).state is State.DONE
        assert counts(run(app, file, group)) == {"skipped_duplicate": rows}


def test_another_writer_comes_between_two_batches(app: App, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH_ROWS", ROWS)  # so nothing is read between two batches
    monkeypatch.setattr(importing, "BATCH_SECONDS", 0)
    monkeypatch.setattr(ready, "CHUNK_ROWS", 4)
    begun, written, waited = threading.Event(), threading.Event(), list[bool]()

    def write() -> None:
        begun.wait()
        with as_console(app) as tx:
            groups.add(tx, "meanwhile")
        written.set()

    def look(progress: Progress) -> None:
        begun.set()
        waited.append(not written.is_set())

    other = threading.Thread(target=write)
    other.start()
    report = transfer.import_file(app, CONSOLE, CLIENT, file, group="people", progress=look)
    other.join()
    assert counts(report) == {"added": ROWS}
    assert sum(waited) <= len(waited) / 2, f"it waited for {sum(waited)} of {len(waited)} batches"


def test_cancelled_and_resumed(app: App, file: Path) -> None:
    with pytest.raises(JobStopped):
        transfer.import_file(app, CONSOLE, CLIENT, file, group="people", progress=cancel_at(app, 40))
    assert (last_job(app).state, last_job(app).done, last_job(app).total) == (State.CANCELLED, 40, ROWS)
    assert len(all_of(app)) == 40
    assert counts(resume(app)) == {"added": ROWS}
    assert len(all_of(app)) == ROWS
    with pytest.raises(JobStopped, match="done"):
        resume(app)


def test_one_that_waited_knows_who_may_look_after_contacts(sqlite_site: App, tmp_path: Path) -> None:
    (path := tmp_path / "people.csv").write_text("name,Assigned\nAda,bob\nBob,nobody\n", encoding="utf-8")
    with as_console(sqlite_site) as tx:
        members.add(tx, "bob")
    run(sqlite_site, path, wait=True)
    assert counts(resume(sqlite_site)) == {"added": 1, "error": 1}
    with as_console(sqlite_site, write=False) as tx:
        assert custom_fields.assigned_to(tx, "bob") == [all_of(sqlite_site)[0].id]


def test_what_cannot_go_on(app: App, file: Path) -> None:
    with pytest.raises(JobStopped):
        transfer.import_file(app, CONSOLE, CLIENT, file, group="people", progress=cancel_at(app, 20))
    file.write_text(table(HEADER[:4], people(ROWS + 1)), encoding="utf-8")
    with pytest.raises(InvalidFile, match="changed"):
        resume(app)
    file.unlink()
    with pytest.raises(InvalidFile, match="cannot be read"):
        resume(app)
    assert (last_job(app).state, len(all_of(app))) == (State.CANCELLED, 20)
    with pytest.raises(JobStopped):
        run(app, table(HEADER[:4], people(ROWS)), progress=cancel_at(app, 40))
    with pytest.raises(JobStopped, match="import it again"):
        resume(app)


@pytest.mark.parametrize("kind", ["zip", "folder"])
def test_several_files_go_on_behind_the_last_row(sqlite_site: App, tmp_path: Path, kind: str) -> None:
    rows, folder = people(ROWS), tmp_path / "files"
    (folder / "b").mkdir(parents=True)
    (folder / "a.csv").write_text(table(HEADER[:4], rows[:50]), encoding="utf-8")
    (folder / "b" / "b.csv").write_text(table(HEADER[:4], rows[50:]), encoding="utf-8")
    source = Path(shutil.make_archive(str(folder), "zip", folder)) if kind == "zip" else folder
    with pytest.raises(JobStopped):
        transfer.import_file(sqlite_site, CONSOLE, CLIENT, source, group="people", progress=cancel_at(sqlite_site, 60))
    moved = source.rename(tmp_path / "moved")
    with pytest.raises(InvalidFile, match="cannot be read"):
        resume(sqlite_site)
    moved.rename(source)
    if kind == "folder":
        last = (folder / "b" / "b.csv").rename(folder / "c.csv")
        with pytest.raises(InvalidFile, match="changed"):
            resume(sqlite_site)
        last.rename(folder / "b" / "b.csv")
    assert counts(resume(sqlite_site)) == {"added": ROWS}
    assert len(all_of(sqlite_site)) == ROWS
    if kind == "folder":
        (folder / "a.csv").unlink()
        assert run(sqlite_site, source, wait=True).job_id == last_job(sqlite_site).id
        assert counts(resume(sqlite_site)) == {"skipped_duplicate": ROWS - 50}


# ---- undo


def test_undo_takes_what_was_added_and_gives_back_what_was_changed(app: App, tmp_path: Path) -> None:
    with as_console(app) as tx:
        custom_fields.add(tx, "Floor")
    header = (*HEADER[:4], "note", "custom:Floor")
    old = [("Ann", "Old", "ann@example.com", "", "first", "1"), ("Bob", "Old", "bob@example.com", "", "first", "1")]
    run(app, table(header, old))
    before = {contact.id: contact.vcard for contact in all_of(app)}
    new = [
        ("Ann", "New", "ann@example.com", "+82 2 1", "second", "2"),
        ("Ann", "Newer", "ann@example.com", "", "third", "3"),
        ("Bob", "New", "bob@example.com", "", "second", "2"),
        ("Cho", "New", "cho@example.com", "", "second", "2"),
    ]
    report = run(app, table(header, new), duplicates=transfer.Duplicates.UPDATE)
    assert counts(report) == {"updated": 3, "added": 1}
    with as_console(app) as tx:
        bob = next(contact for contact in all_of(app) if "bob@" in contact.vcard)
        custom_fields.write(tx, bob.id, {custom_fields.get(tx, "Floor").id: ("9",)})
    job = undo(app)
    assert (job.state, job.counts) == (State.PART, {"done": 2, "error": 1})
    now = {contact.id: contact.vcard for contact in all_of(app)}
    assert {key: text for key, text in now.items() if key != bob.id} == {
        key: text for key, text in before.items() if key != bob.id
    }
    with as_console(app, write=False) as tx:
        [ann] = now.keys() - {bob.id}
        assert custom_fields.values(tx, ann) == {custom_fields.get(tx, "Floor").id: ("1",)}
        assert custom_fields.values(tx, bob.id) == {custom_fields.get(tx, "Floor").id: ("9",)}


def test_an_undone_import_can_be_undone_again(app: App) -> None:
    run(app, table(HEADER[:4], people(25)))
    assert undo(app).counts == {"done": 25}
    assert all_of(app) == []
    assert undo(app).counts == {"done": 25}
    assert len(all_of(app)) == 25


# ---- a disk that is full, a database that is locked


def at_row(site: App, row: int, pragma: str) -> Callable[[Progress], None]:
    """Sets a pragma of the connection that the import uses, at a row."""

    def look(progress: Progress) -> None:
        if progress.done == row:
            with site.site.database.begin(write=False) as connection:
                pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
                connection.exec_driver_sql(f"PRAGMA {pragma.format(pages=pages)}")

    return look


def test_a_full_disk_ends_it_between_two_batches(sqlite_site: App, file: Path) -> None:
    look = at_row(sqlite_site, 60, "max_page_count={pages}")
    with pytest.raises(Unavailable, match="disk is full"):
        transfer.import_file(sqlite_site, CONSOLE, CLIENT, file, group="people", progress=look)
    sqlite_site.site.database.close()  # there is room again
    done = last_job(sqlite_site).done
    assert 60 <= done == len(all_of(sqlite_site)) < ROWS
    assert counts(run(sqlite_site, file)) == {"skipped_duplicate": done, "added": ROWS - done}


def test_a_lock_that_is_not_let_go_ends_it_between_two_batches(sqlite_site: App, file: Path) -> None:
    path = sqlite_site.site.database.path
    assert path is not None
    other = sqlite3.connect(path, isolation_level=None)
    patience = at_row(sqlite_site, 60, "busy_timeout=50")

    def look(progress: Progress) -> None:
        patience(progress)
        if progress.done == 60:
            other.execute("BEGIN IMMEDIATE")

    with pytest.raises(Busy, match="locked"):
        transfer.import_file(sqlite_site, CONSOLE, CLIENT, file, group="people", progress=look)
    other.close()
    assert last_job(sqlite_site).done == len(all_of(sqlite_site)) == 60
    assert counts(run(sqlite_site, file)) == {"skipped_duplicate": 60, "added": ROWS - 60}
