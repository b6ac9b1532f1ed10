"""What postmasters hear of without asking: once while it lasts, and nothing that stands in a contact."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from sharedbook.app import App
from sharedbook.formats.vcards import vcard
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts, trash
from sharedbook.services.erasing import erasure
from sharedbook.services.jobs import jobs
from sharedbook.services.notices import notices
from sharedbook.services.notices.notices import Notice
from sharedbook.services.upkeep import alarms, housekeeping
from sharedbook.store import erasures
from sharedbook.store.schema import contacts as contact_rows
from sharedbook.store.schema import jobs as job_rows
from sharedbook.store.schema import notices as rows
from tests.support.sites import CLIENT, CONSOLE, as_console, card, new_site

PAST = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[App]:
    """A site that takes 10 contacts and has 8."""
    made = new_site(tmp_path / "site", limits_contacts=10)
    add(made, 8)
    yield made
    made.close()


def add(site: App, count: int) -> None:
    with as_console(site) as tx:
        number = contacts_of(site)
        made = [vcard.parse(card(f"u-{at}", f"Contact {at}")) for at in range(number, number + count)]
        contacts.add_many(tx, groups.default(tx), made)


def contacts_of(site: App) -> int:
    with as_console(site, write=False) as tx:
        return len(tx.db.execute(select(contact_rows.c.id)).all())


def told(site: App) -> list[Notice]:
    with as_console(site, write=False) as tx:
        return notices.list_notices(tx)


def later(site: App, days: int) -> None:
    with as_console(site) as tx:
        for key, at in tx.db.execute(select(rows.c.id, rows.c.at)).all():
            tx.db.execute(update(rows).where(rows.c.id == key).values(at=at - timedelta(days=days)))


def test_a_site_that_is_nearly_full(site: App) -> None:
    housekeeping.run(site.site)
    assert told(site) == []
    add(site, 1)
    for _ in range(2):
        housekeeping.run(site.site)
    [notice] = told(site)
    assert (notice.kind, notice.subject, notice.ids) == ("quota.near", "9 of 10 contacts", {"contacts": 9})
    later(site, 7)
    housekeeping.run(site.site)
    assert [each.kind for each in told(site)] == ["quota.near"] * 2
    with as_console(site) as tx:
        contacts.delete(tx, [1, 2])
        doomed = [each.id for each in trash.list_trash(tx)]
    erasure.erase(site.site, CONSOLE, CLIENT, doomed)
    later(site, 7)
    housekeeping.run(site.site)
    assert len(told(site)) == 2, "ids say at least how many there are, no more"


def test_a_pending_erasure(site: App) -> None:
    for _ in range(2):
        with as_console(site) as tx:
            erasures.add(tx.db, tx.now, "root", 1)
            alarms.look(tx)
    [notice] = told(site)
    assert notice.kind == "erasure.pending" and "sharedbook erase resume" in notice.text


def test_a_step_that_fails_is_told_and_keeps_no_other_from_its_work(site: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "CHANGES_DAYS", 10**12)
    with as_console(site) as tx:
        contacts.delete(tx, [1])
        tx.db.execute(update(contact_rows).where(contact_rows.c.id == 1).values(trashed_at=tx.now - timedelta(days=99)))
    for _ in range(2):
        with pytest.raises(OverflowError):
            housekeeping.run(site.site)
    [notice] = told(site)
    assert (notice.kind, notice.subject) == ("housekeeping.failed", "housekeeping failed: changes")
    assert "changes: OverflowError" in notice.text
    assert contacts_of(site) == 7, "the trash was emptied all the same"


def test_a_job_that_was_killed(site: App) -> None:
    with as_console(site) as tx:
        job = jobs.start(tx, "import", format="csv", columns=())
        running = jobs.start(tx, "import", format="csv", columns=())
    assert running > job
    for _ in range(2):
        with as_console(site) as tx:
            tx.db.execute(update(job_rows).where(job_rows.c.id == job).values(runner="another-boot ns 1 1", beat=PAST))
            alarms.look(tx)
    [notice] = told(site)
    assert (notice.kind, notice.ids) == ("job.killed", {"job": job}) and f"job resume {job}" in notice.text


def test_a_job_that_fails(site: App) -> None:
    with as_console(site) as tx:
        job = jobs.start(tx, "import", format="csv", columns=())
        jobs.record(tx, job, jobs.State.FAILED, {})
    [notice] = told(site)
    assert (notice.kind, notice.ids) == ("job.failed", {"job": job})
    assert f"sharedbook job show {job}" in notice.text
