"""A clean-up that erases in the background: batch by batch, each proved; stopped, killed, gone on with."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from sharedbook.app import App
from sharedbook.domain.errors import NotUndoable
from sharedbook.domain.model import Progress
from sharedbook.formats.vcards import vcard
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts, trash
from sharedbook.services.erasing import cleanup, erasure, ledger
from sharedbook.services.erasing.cleanup import Wanted
from sharedbook.services.jobs import bulk, jobs
from sharedbook.services.jobs.jobs import Job, State
from sharedbook.services.merging import merging
from sharedbook.services.notices import notices
from tests.support.processes import Server
from tests.support.sites import CLIENT, CONSOLE, as_console, card, new_site

TRASHED = Wanted(no_viewers=False, no_owner=False, trashed=True, group=None, older_than=None)
IDS = [1, 2, 3, 4, 5]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """Five persons in the trash, and one who stays and names two of them."""
    monkeypatch.setattr(cleanup, "BATCH_CONTACTS", 2)
    made = new_site(tmp_path / "site")
    with as_console(made) as tx:
        for number in IDS:
            lines = ["NOTE:zanzibar"] if number == 5 else []
            person = card(f"uid-{number}", f"Quixote the {number}th", *lines)
            contacts.add(tx, groups.default(tx), vcard.parse(person))
        friend = card("uid-friend", "Friend", "RELATED:uid-1", "RELATED:uid-5")
        contacts.add(tx, groups.default(tx), vcard.parse(friend))
        contacts.delete(tx, IDS)
    yield made
    made.close()


def add(site: App) -> Job:
    with as_console(site) as tx:
        found = cleanup.find(tx, TRASHED)
        return cleanup.add_erasing(tx, TRASHED, [each.id for each in found], "clean up: erase")


def certificates(site: App) -> list[list[int]]:
    """The contacts of each certificate: proved gone."""
    with as_console(site, write=False) as tx:
        found = [json.loads(each.certificate or "") for each in erasure.list_erasures(tx)]
    assert all(each["scan"]["found"] == {} for each in found)
    return [[contact["id"] for contact in each["removed"]["contacts"]] for each in found]


def test_a_clock_that_goes_behind_leaves_nothing_out(site: App) -> None:
    with as_console(site) as tx:
        tx.now -= timedelta(minutes=1)
        assert sorted(each.id for each in cleanup.find(tx, TRASHED)) == IDS
        assert cleanup.find(tx, replace(TRASHED, older_than=1)) == []


def test_each_batch_is_proved_and_nothing_can_be_undone(site: App) -> None:
    job = add(site)
    seen: list[int] = []
    ended = cleanup.run_erasing(site, CONSOLE, CLIENT, job.id, lambda done: seen.append(done.done))
    assert (ended.state, dict(ended.counts), ended.total, seen) == (State.DONE, {"erased": 5}, 5, [2, 4, 5])
    assert certificates(site) == [[1, 2], [3, 4], [5]]
    with as_console(site, write=False) as tx:
        assert "RELATED" not in contacts.get(tx, 6).vcard
        assert [each.subject for each in notices.list_notices(tx)] == ["clean-up: 5 contacts erased"]
        with pytest.raises(NotUndoable, match="gone for good"):
            bulk.undo_of(tx, job.id)


def test_what_came_back_meanwhile_is_left_alone(site: App) -> None:
    job = add(site)

    def cancel(done: Progress) -> None:
        if done.done == 2:
            with as_console(site) as tx:
                jobs.cancel(tx, job.id)

    stopped = cleanup.run_erasing(site, CONSOLE, CLIENT, job.id, cancel)
    assert (stopped.state, stopped.done, certificates(site)) == (State.CANCELLED, 2, [[1, 2]])
    with as_console(site) as tx:
        trash.restore(tx, [4])
    ended = cleanup.run_erasing(site, CONSOLE, CLIENT, job.id)
    assert (ended.state, dict(ended.counts)) == (State.PART, {"erased": 4, "error": 1})
    with as_console(site, write=False) as tx:
        assert [each.contact_id for each in jobs.told(tx, job.id)] == [4]
        assert contacts.get(tx, 4).name == "Quixote the 4th" and trash.list_trash(tx) == []


def test_what_was_merged_goes_along_and_counts_once(site: App) -> None:
    with as_console(site) as tx:
        trash.restore(tx, [1, 5])
        merging.merge(tx, [1, 5])
        contacts.delete(tx, [1])
    job = add(site)
    assert dict(cleanup.run_erasing(site, CONSOLE, CLIENT, job.id).counts) == {"erased": 5}


def test_a_reader_that_holds_old_pages_is_told(impatient: None, site: App) -> None:
    job = add(site)
    with as_console(site, write=False) as tx:
        contacts.get(tx, 6)
        held = cleanup.run_erasing(site, CONSOLE, CLIENT, job.id)
    assert (held.state, held.done) == (State.PART, 5) and "sharedbook erase resume" in held.error
    erasure.resume(site.site)
    assert certificates(site) == [[1, 2], [3, 4], [5]]


def test_what_is_found_again_is_told_of_its_own_batch(site: App) -> None:
    (site.settings.data_dir / "forgotten.txt").write_text("zanzibar")
    job = add(site)
    with as_console(site) as tx:
        trash.restore(tx, [1])
    ended = cleanup.run_erasing(site, CONSOLE, CLIENT, job.id)
    assert ended.counts == {"erased": 4, "error": 1}
    assert (ended.state, ended.error) == (
        State.FAILED,
        "pieces of what was erased are still there: see the certificate of erasure 3",
    )
    with as_console(site, write=False) as tx:
        scans = [json.loads(each.certificate or "")["scan"] for each in erasure.list_erasures(tx)]
    assert [each["found"].keys() for each in scans] == [set(), set(), {"forgotten.txt"}]


PROGRAM = """
import sys
from pathlib import Path
from sharedbook import app
from sharedbook.domain.model import Client
from sharedbook.services.erasing import cleanup, erasure
from sharedbook.services.tx import Console
from sharedbook.settings import Settings
cleanup.BATCH_CONTACTS = 2
site = app.open(Settings(data_dir=Path(sys.argv[1])))
def stop(*_):
    print("there", flush=True)
    sys.stdin.read()
erasure.enter = stop
cleanup.run_erasing(site, Console("root"), Client("cli", "test"), int(sys.argv[2]))
"""


def test_killed_behind_a_commit_it_goes_on_and_all_is_proved(site: App) -> None:
    """Before the ledger knows of the batch."""
    job = add(site)
    with Server([sys.executable, "-c", PROGRAM, site.settings.data_dir, str(job.id)]) as server:
        server.wait_for_line("^there$")
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
    with as_console(site, write=False) as tx:
        killed = jobs.get(tx, job.id)
    assert (killed.state, killed.done) == (State.KILLED, 2)
    ended = cleanup.run_erasing(site, CONSOLE, CLIENT, job.id)
    assert (ended.state, dict(ended.counts)) == (State.DONE, {"erased": 5})
    assert certificates(site) == [[1, 2], [3, 4], [5]]
    assert len(ledger.read(erasure.ledger_path(site.site))) == 5
