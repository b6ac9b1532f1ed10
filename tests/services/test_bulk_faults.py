"""A bulk action when the disk is full or the database locked: it ends between two batches, goes on, and is undone."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sharedbook.app import App
from sharedbook.domain.errors import Busy, Unavailable
from sharedbook.domain.model import Progress
from sharedbook.formats.vcards import vcard
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts
from sharedbook.services.jobs import actions, batches, bulk, jobs
from sharedbook.services.jobs.jobs import Job, State
from tests.services.bulk_sites import dump, undo
from tests.support.sites import CLIENT, CONSOLE, as_console, card, new_site

COUNT = 60


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """A site of our own file, as PostgreSQL knows nothing of pages and locks; batches of 20."""
    monkeypatch.setattr(batches, "BATCH_CONTACTS", 20)
    monkeypatch.setattr(batches, "CHUNK_CONTACTS", 10)
    made = new_site(tmp_path / "own")
    with as_console(made) as tx:
        cards = [vcard.parse(card(f"uid-{number}", f"Person {number}", "NOTE:" + "x" * 500)) for number in range(COUNT)]
        contacts.add_many(tx, groups.default(tx), cards)
    yield made
    made.close()


def begin(site: App) -> Job:
    with as_console(site) as tx:
        return bulk.add(tx, actions.Tag(("vip",), ()), range(1, COUNT + 1))


def tagged(site: App) -> int:
    with as_console(site, write=False) as tx:
        return sum("CATEGORIES" in contacts.get(tx, key).vcard for key in range(1, COUNT + 1))


def after_20(site: App, pragma: str, then: Callable[[], object] = lambda: None) -> Callable[[Progress], None]:
    """Sets a pragma of the connection that the job uses."""

    def look(progress: Progress) -> None:
        if progress.done == 20:
            with site.site.database.begin(write=False) as connection:
                pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
                connection.exec_driver_sql(f"PRAGMA {pragma.format(pages=pages)}")
            then()

    return look


def finish(site: App, job_id: int, before: dict[str, list[object]]) -> None:
    """What stopped between two batches goes on with the rest, and all of it can be undone."""
    with as_console(site, write=False) as tx:
        stopped = jobs.get(tx, job_id)
    assert (stopped.done, stopped.state.ended, tagged(site)) == (20, False, 20)
    done = bulk.run(site, CONSOLE, CLIENT, job_id)
    assert (done.state, dict(done.counts), tagged(site)) == (State.DONE, {"done": COUNT}, COUNT)
    assert undo(site, job_id).state is State.DONE
    assert dump(site) == before


def test_a_full_disk_ends_it_between_two_batches(site: App) -> None:
    job, before = begin(site), dump(site)
    with pytest.raises(Unavailable, match="disk is full"):
        bulk.run(site, CONSOLE, CLIENT, job.id, after_20(site, "max_page_count={pages}"))
    site.site.database.close()  # there is room again
    finish(site, job.id, before)


def test_a_lock_that_is_not_let_go_ends_it_between_two_batches(site: App) -> None:
    job, before = begin(site), dump(site)
    assert site.site.database.path is not None
    other = sqlite3.connect(site.site.database.path, isolation_level=None)
    with pytest.raises(Busy, match="locked"):
        look = after_20(site, "busy_timeout=50", lambda: other.execute("BEGIN IMMEDIATE"))
        bulk.run(site, CONSOLE, CLIENT, job.id, look)
    other.close()
    finish(site, job.id, before)
