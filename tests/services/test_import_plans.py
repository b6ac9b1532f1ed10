"""A dry run of an import is a plan: done later it does just what was shown, or is refused."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from sharedbook.app import App
from sharedbook.domain.errors import InvalidFile, JobNotFound, JobStopped, PlanOutdated
from sharedbook.domain.model import Progress
from sharedbook.formats.vcards import vcard
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts, custom_fields, search
from sharedbook.services.erasing import erasure
from sharedbook.services.imports import importing, ready, transfer
from sharedbook.services.imports.decisions import Duplicates
from sharedbook.services.imports.transfer import JobReport
from sharedbook.services.jobs import bulk, jobs
from sharedbook.services.jobs.jobs import Job, State
from sharedbook.services.tx import Tx
from tests.services.transfers import all_of, counts, etags, run, table
from tests.support.sites import CLIENT, CONSOLE, Mold, as_console, card

HEADER = ("name", "email", "title", "groups")
ROWS = [
    ("Ada Lovelace", "ada@example.com", "Countess", "people"),
    ("Bob Stone", "bob@example.com", "", "people"),
    ("Cho Kim", "no mail", "", "people"),
    ("Dan Gray", "dan@example.com", "", "people; press"),
    ("Dan Gray", "dan@example.com", "", "people"),
]
SHOWN = {"added": 2, "updated": 1, "unchanged": 1, "error": 1}


def prepared(site: App) -> App:
    """Two groups; Ada is there, whom a row of the file updates, and Eve, who has nothing to do with it."""
    with as_console(site) as tx:
        for name in ("People", "Press"):
            groups.add(tx, name)
        custom_fields.add(tx, "Grade")
        for uid, name in (("ada", "Ada Lovelace"), ("eve", "Eve Brown")):
            found = vcard.parse(card(uid, name, f"EMAIL:{uid}@example.com"))
            contacts.add(tx, groups.get(tx, "people"), found)
    return site


@pytest.fixture(scope="module")
def mold(tmp_path_factory: pytest.TempPathFactory) -> Mold:
    return Mold(tmp_path_factory.mktemp("plans"))


@pytest.fixture
def site(mold: Mold) -> Iterator[App]:
    """A site on SQLite."""
    cast = prepared(mold.cast())
    yield cast
    cast.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "in.csv"
    path.write_text(table((*HEADER, "Grade"), [(*row, "A") for row in ROWS]))
    return path


def planned(site: App, source: Path, group: str | None = None, duplicates: Duplicates = Duplicates.UPDATE) -> int:
    report = run(site, source, group, duplicates=duplicates, dry_run=True, plan=True)
    assert report.job_id is not None
    return report.job_id


def job_of(site: App, job_id: int) -> Job:
    with as_console(site, write=False) as tx:
        return jobs.get(tx, job_id)


def applied(site: App, plan: int) -> JobReport:
    transfer.apply(site, CONSOLE, CLIENT, plan)
    return transfer.resume(site, CONSOLE, CLIENT, plan)


def of_name(tx: Tx, name: str) -> int:
    return next(each.id for each in search.find(tx, search.Search()) if each.name == name)


def edit(tx: Tx, name: str) -> None:
    contacts.edit(tx, [of_name(tx, name)], lambda found: vcard.parse(found.text.replace("FN:", "NOTE:new\r\nFN:")))


def add(tx: Tx, name: str, mail: str, group: str) -> None:
    contacts.add(tx, groups.get(tx, group), vcard.parse(card(f"{name}-{group}", name, f"EMAIL:{mail}")))


def test_a_plan_does_what_it_has_shown_whatever_happens_to_others(app: App, file: Path, tmp_path: Path) -> None:
    """A namesake of a new contact, too, makes its row no other one: it is only looked at more closely."""
    site = prepared(app)
    plan = planned(site, file)
    job = job_of(site, plan)
    assert (job.state, job.done, job.total) == (State.PLANNED, 0, len(ROWS))
    assert not any(text in json.dumps(job.params) for row in ROWS for text in row[:3] if text)
    with as_console(site) as tx:
        edit(tx, "Eve Brown")
        add(tx, "Bob Stone", "another@example.com", "people")
        add(tx, "Bob Stone", "bob@example.com", "press")
    report = applied(site, plan)
    assert (report.job_id, counts(report)) == (plan, SHOWN)
    assert job_of(site, plan).state is State.PART
    with as_console(site) as tx:
        (row,) = jobs.rows(tx, plan)
        assert row.cells[:2] == ROWS[2][:2]
        undone = bulk.add(tx, *bulk.undo_of(tx, plan))
    bulk.run(site, CONSOLE, CLIENT, undone.id)
    assert sorted(each.name for each in all_of(site)) == ["Ada Lovelace", "Bob Stone", "Eve Brown"]
    with pytest.raises(JobStopped, match="is not a plan: it is part"):
        transfer.apply(site, CONSOLE, CLIENT, plan)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tx: edit(tx, "Ada Lovelace"), "have changed since"),
        (lambda tx: contacts.delete(tx, [of_name(tx, "Ada Lovelace")]), r"added: 3 \(planned: 2\), updated: 0"),
        (lambda tx: add(tx, "Bob Stone", "bob@example.com", "people"), r"added: 1 \(planned: 2\)"),
    ],
    ids=["edited", "deleted", "added"],
)
def test_what_rows_fit_has_changed(site: App, file: Path, change: Callable[[Tx], object], message: str) -> None:
    plan = planned(site, file)
    with as_console(site) as tx:
        change(tx)
    before = etags(site)
    with pytest.raises(PlanOutdated, match=message) as refused:
        transfer.apply(site, CONSOLE, CLIENT, plan)
    assert "--dry-run again" in refused.value.hint
    assert etags(site) == before and job_of(site, plan).state is State.PLANNED


@pytest.mark.parametrize("duplicates", list(Duplicates))
def test_a_contact_that_only_one_row_fits_counts_for_each_way(site: App, file: Path, duplicates: Duplicates) -> None:
    plan = planned(site, file, "people", duplicates)
    with as_console(site) as tx:
        edit(tx, "Ada Lovelace")
    if duplicates is Duplicates.ADD:  # asks for no contact
        assert counts(applied(site, plan)) == {"added": 4, "error": 1}
        return
    with pytest.raises(PlanOutdated, match="have changed since"):
        transfer.apply(site, CONSOLE, CLIENT, plan)


def test_the_group_of_a_new_contact_is_another_one(site: App, tmp_path: Path) -> None:
    source = tmp_path / "new.csv"
    source.write_text(table(HEADER, [("Fay", "fay@example.com", "", "Press")]))
    plan = planned(site, source)
    with as_console(site) as tx:
        groups.rename(tx, "press", "Old press")
        groups.rename(tx, "people", "Press")
    with pytest.raises(PlanOutdated, match="groups"):
        transfer.apply(site, CONSOLE, CLIENT, plan)


def test_the_file_is_another_one_or_gone(site: App, file: Path, tmp_path: Path) -> None:
    plan = planned(site, file)
    data = file.read_bytes()
    file.write_text("no table\n")
    with pytest.raises(PlanOutdated, match=r"in\.csv was changed since the plan was made"):
        transfer.apply(site, CONSOLE, CLIENT, plan)
    file.unlink()
    with pytest.raises(InvalidFile, match="No such file"):
        transfer.apply(site, CONSOLE, CLIENT, plan)
    file.write_bytes(data)
    assert counts(applied(site, plan)) == SHOWN


def test_a_folder_is_planned_and_stdin_is_not(site: App, file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    shutil.copy(file, folder)
    plan, other = planned(site, folder), planned(site, folder)
    assert counts(applied(site, plan)) == SHOWN
    (folder / "more.vcf").write_text(card("more", "More"))
    with pytest.raises(PlanOutdated, match="was changed"):
        transfer.apply(site, CONSOLE, CLIENT, other)
    report = transfer.import_file(
        site, CONSOLE, CLIENT, io.BytesIO(b"name\nFay\n"), group="people", dry_run=True, plan=True
    )
    assert (counts(report), report.job_id) == ({"added": 1}, None)


def test_there_is_no_plan_of_what_would_change_nothing(site: App, file: Path) -> None:
    applied(site, planned(site, file))
    report = run(site, file, None, dry_run=True, plan=True)
    assert (counts(report), report.job_id) == ({"skipped_duplicate": 4, "error": 1}, None)
    assert run(site, file, None, duplicates=Duplicates.ADD, dry_run=True).job_id is None, "none was asked for"


def test_an_applied_import_goes_on_after_it_was_cancelled(
    site: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows are planned by one process and tried again by two; one has a namesake by then, and is looked at."""
    source = tmp_path / "many.csv"
    rows = [(f"Person {each}", f"p{each}@example.com") for each in range(99)]
    source.write_text(table(HEADER[:2], [*rows, ("Mere Name", "")]))
    monkeypatch.setattr(ready, "CHUNK_ROWS", 20)
    plan = planned(site, source, "people", Duplicates.SKIP)
    monkeypatch.setattr(ready, "WORTH_A_PROCESS", 1)
    monkeypatch.setattr(importing, "BATCH_ROWS", 20)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    with as_console(site) as tx:
        add(tx, "Mere Name", "another@example.com", "people")
    transfer.apply(site, CONSOLE, CLIENT, plan)
    assert job_of(site, plan).state is State.WAITING

    def stop(progress: Progress) -> None:
        if progress.done == 40:
            with as_console(site) as tx:
                jobs.cancel(tx, plan)

    with pytest.raises(JobStopped):
        transfer.resume(site, CONSOLE, CLIENT, plan, progress=stop)
    assert len(all_of(site)) == 43
    assert counts(transfer.resume(site, CONSOLE, CLIENT, plan)) == {"added": 100}
    assert len(all_of(site)) == 103


def test_an_erasure_and_the_housekeeping_forget_a_plan_as_other_jobs(site: App, file: Path) -> None:
    named = file.rename(file.with_name("ada@example.com.csv"))
    plan = planned(site, named)
    with as_console(site) as tx:
        key = of_name(tx, "Ada Lovelace")
    erasure.erase(site.site, CONSOLE, CLIENT, [key])
    assert job_of(site, plan).texts is None
    with pytest.raises(JobStopped, match="no longer knows its file"):
        transfer.apply(site, CONSOLE, CLIENT, plan)
    with as_console(site) as tx:
        assert jobs.tidy(tx, tx.now + timedelta(days=1)) > 0
        with pytest.raises(JobNotFound):
            jobs.get(tx, plan)
