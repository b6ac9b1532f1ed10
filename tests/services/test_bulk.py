"""Bulk actions as jobs: what refuses one contact, plans, killed and cancelled runs, what an erasure forgets."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from sharedbook.app import App
from sharedbook.domain.errors import (
    Forbidden,
    GroupNotFound,
    JobNotFound,
    JobStopped,
    NotUndoable,
    PlanOutdated,
    Unavailable,
)
from sharedbook.domain.model import Progress, Right
from sharedbook.formats.entries import column_edits
from sharedbook.formats.vcards import vcard
from sharedbook.services.books import cards, groups
from sharedbook.services.contacts import contacts, search, trash
from sharedbook.services.erasing import erasure
from sharedbook.services.jobs import actions, batches, bulk, jobs, runner
from sharedbook.services.jobs.actions import Action
from sharedbook.services.jobs.jobs import Job, State
from sharedbook.services.members import grants, members
from sharedbook.services.notices import notices
from sharedbook.services.tx import MemberActor, Tx
from sharedbook.services.upkeep import housekeeping
from sharedbook.store.schema import job_items
from sharedbook.store.schema import jobs as job_rows
from sharedbook.store.schema import revisions as revision_rows
from tests.services.bulk_sites import ALL, dump, group_id, start, undo
from tests.support.sites import CLIENT, CONSOLE, as_console, card, delete_group


def test_what_refuses_one_stops_no_other(filled: App) -> None:
    """Contacts that are not in the group, one in the trash, and one whose UID the target has by now."""
    with as_console(filled) as tx:
        to = groups.get(tx, "suppliers")
        contacts.delete(tx, [5])
        contacts.add(tx, to, vcard.parse(card("Person 2", "Another")))
        action = actions.Move(group_id(tx, "clients"), to.id)
    job = start(filled, action, ALL)
    assert (job.state, dict(job.counts)) == (State.PART, {"done": 4, "error": 8})
    with as_console(filled, write=False) as tx:
        codes = {each.contact_id: each.code for each in jobs.told(tx, job.id)}
    assert codes == {3: "uid-conflict", 5: "protected", **dict.fromkeys((2, 4, 6, 8, 10, 12), "contact-not-found")}


class Killed(BaseException):
    """Nothing is written any more by this process."""


def run_until_killed(filled: App, job_id: int, rounds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs a job whose process dies inside a later batch: what that has done is rolled back, and nobody says so."""
    record = jobs.record

    def dying(tx: Tx, *arguments: Any, **more: Any) -> None:
        nonlocal rounds
        if not rounds:
            raise Killed
        rounds -= 1
        record(tx, *arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "record", dying)
        patch.setattr(runner, "me", lambda: "another-boot ns 1 1")
        with pytest.raises(Killed):
            bulk.run(filled, CONSOLE, CLIENT, job_id)
    with as_console(filled) as tx:
        tx.db.execute(update(job_rows).values(beat=tx.now - 2 * runner.SILENCE))


@pytest.mark.parametrize("rounds", [0, 2, 5])
def test_a_killed_job_goes_on_with_the_rest(filled: App, rounds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH_CONTACTS", 2)
    monkeypatch.setattr(batches, "CHUNK_CONTACTS", 2)
    before = dump(filled)
    with as_console(filled) as tx:
        job = bulk.add(tx, actions.Copy(group_id(tx, "suppliers")), ALL)
    run_until_killed(filled, job.id, rounds, monkeypatch)
    with as_console(filled, write=False) as tx:
        killed = jobs.get(tx, job.id)
        assert (killed.state, killed.done, killed.total) == (State.KILLED, 2 * rounds, 12)
    done = bulk.run(filled, CONSOLE, CLIENT, job.id)
    assert (done.state, dict(done.counts)) == (State.DONE, {"done": 9, "unchanged": 3})
    with as_console(filled, write=False) as tx:
        events = [str(step.event) for key in ALL for step in contacts.history(tx, key)]
    assert events.count("copied") == 9 + 3, "each once; three were copied before"
    assert undo(filled, job.id).state is State.DONE
    assert dump(filled) == before


def test_a_job_of_another_process_is_not_run_twice(filled: App, monkeypatch: pytest.MonkeyPatch) -> None:
    with as_console(filled) as tx:
        job = bulk.add(tx, actions.Delete(), ALL)
        monkeypatch.setattr(runner, "me", lambda: "another-boot ns 1 1")
        assert jobs.claim(tx, job.id).state is State.RUNNING
        monkeypatch.undo()
    with pytest.raises(JobStopped):
        bulk.run(filled, CONSOLE, CLIENT, job.id)
    with as_console(filled, write=False) as tx:
        assert jobs.get(tx, job.id).state is State.RUNNING


def test_cancelled_between_two_batches_and_resumed(filled: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH_CONTACTS", 4)
    monkeypatch.setattr(batches, "CHUNK_CONTACTS", 2)

    def cancel(found: Progress) -> None:
        if found.done == 8:
            with as_console(filled) as tx:
                jobs.cancel(tx, job.id)

    before = dump(filled)
    with as_console(filled) as tx:
        job = bulk.add(tx, actions.Delete(), ALL)
    stopped = bulk.run(filled, CONSOLE, CLIENT, job.id, cancel)
    assert (stopped.state, stopped.done) == (State.CANCELLED, 8)
    assert undo(filled, job.id).counts == {"done": 8}
    assert dump(filled) == before
    rest = bulk.run(filled, CONSOLE, CLIENT, job.id)
    assert (rest.state, rest.done) == (State.DONE, 12)
    with as_console(filled, write=False) as tx:
        assert [contact.id for contact in trash.list_trash(tx)] == [12, 11, 10, 9]


def test_undo_of_a_job_that_did_nothing_says_why(filled: App, monkeypatch: pytest.MonkeyPatch) -> None:
    with as_console(filled) as tx:
        waiting, running, cancelled = (bulk.add(tx, actions.Delete(), ALL).id for _ in range(3))
        jobs.claim(tx, running)
        jobs.cancel(tx, cancelled)
    failed = start_and_fail(filled, monkeypatch)
    unchanged = start(filled, actions.Share(True), [1]).id
    undone = start(filled, actions.Share(False), [1]).id
    by = undo(filled, undone).id
    twice = start(filled, actions.Tag(("twice",), ()), [1]).id
    with as_console(filled) as tx:
        first = bulk.add(tx, *bulk.undo_of(tx, twice)).id
    says = {
        waiting: f"is waiting.*job cancel {waiting}",
        running: f"is running.*job cancel {running}",
        cancelled: f"is cancelled, and had done nothing.*job resume {cancelled}",
        failed: f"is failed, and had done nothing.*job resume {failed}",
        unchanged: "changed nothing",
        undone: f"undone by job {by}.*sharedbook job undo {by}",
        twice: f"job {first} undoes job {twice} already.*job watch {first}",
    }
    with as_console(filled, write=False) as tx:
        for job_id, text in says.items():
            with pytest.raises((JobStopped, NotUndoable), match=text):
                bulk.undo_of(tx, job_id)


def start_and_fail(filled: App, monkeypatch: pytest.MonkeyPatch) -> int:
    """A job that an error ends before its first batch."""
    with as_console(filled) as tx:
        job = bulk.add(tx, actions.Delete(), ALL)
    with monkeypatch.context() as patch:
        patch.setattr(jobs, "hold", lambda *_: (_ for _ in ()).throw(Unavailable("the disk is full")))
        with pytest.raises(Unavailable):
            bulk.run(filled, CONSOLE, CLIENT, job.id)
    with as_console(filled) as tx:
        jobs.give_up(tx, job.id, Unavailable("the disk is full"))
    return job.id


def test_a_job_that_was_cancelled_while_it_waited_does_not_begin(filled: App) -> None:
    with as_console(filled) as tx:
        job = bulk.add(tx, actions.Delete(), ALL)
        jobs.cancel(tx, job.id)
    with as_console(filled) as tx, pytest.raises(JobStopped, match="waits no more: it is cancelled"):
        jobs.take_over(tx, job.id)
    with as_console(filled) as tx:
        jobs.wait(tx, job.id)
    with as_console(filled) as tx:
        jobs.take_over(tx, job.id)
        assert jobs.get(tx, job.id).state is State.RUNNING
    assert bulk.run(filled, CONSOLE, CLIENT, job.id).state is State.DONE, "it is this process's already"


def test_ctrl_c_cancels_and_an_error_fails(filled: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH_CONTACTS", 5)
    monkeypatch.setattr(batches, "CHUNK_CONTACTS", 5)
    for error, state in ((KeyboardInterrupt(), State.CANCELLED), (Unavailable("the disk is full"), State.FAILED)):

        def stop(_found: Progress, error: BaseException = error) -> None:
            raise error

        with as_console(filled) as tx:
            job = bulk.add(tx, actions.Share(False), ALL)
        with pytest.raises(type(error)):
            bulk.run(filled, CONSOLE, CLIENT, job.id, stop)
        with as_console(filled, write=False) as tx:
            stopped = jobs.get(tx, job.id)
        assert (stopped.state, stopped.done, stopped.error) == (state, 5, str(error) or "Ctrl-C")
        assert bulk.run(filled, CONSOLE, CLIENT, job.id).state is State.DONE


def test_housekeeping_tells_of_killed_jobs_and_forgets_old_ones(filled: App, monkeypatch: pytest.MonkeyPatch) -> None:
    old = start(filled, actions.Delete(), [1, 2])
    with as_console(filled) as tx:
        job = bulk.add(tx, actions.Share(False), ALL[2:])
    run_until_killed(filled, job.id, 0, monkeypatch)
    long_ago = datetime.now(UTC) - timedelta(days=filled.settings.history_days + 1)
    with as_console(filled) as tx:
        tx.db.execute(update(job_rows).where(job_rows.c.id == old.id).values(beat=long_ago))
    assert housekeeping.run(filled.site).jobs == 1
    with as_console(filled, write=False) as tx:
        (left,) = jobs.list_jobs(tx)
        assert (left.id, left.state, left.error) == (job.id, State.FAILED, "its process was killed")
        assert [each.kind for each in notices.list_notices(tx)] == ["job.failed"]
        assert {row.job_id for row in tx.db.execute(select(job_items))} == {job.id}
    assert bulk.run(filled, CONSOLE, CLIENT, job.id).state is State.DONE


def plan(filled: App, action: Action, ids: list[int]) -> bulk.Plan:
    return bulk.plan(filled, CONSOLE, CLIENT, action, ids)


def test_a_plan_changes_nothing_and_is_done_as_it_was_shown(filled: App) -> None:
    before = dump(filled)
    with as_console(filled) as tx:
        action = actions.Copy(group_id(tx, "suppliers"))
    shown = plan(filled, action, ALL)
    assert dump(filled) == before and shown.counts == {"done": 9, "unchanged": 3}
    with as_console(filled) as tx:
        with pytest.raises(JobStopped):
            jobs.claim(tx, shown.job.id)
        with pytest.raises(JobStopped, match=r"nothing was done yet.*sharedbook apply"):
            bulk.undo_of(tx, shown.job.id)
        bulk.apply(tx, shown.job.id)
    done = bulk.run(filled, CONSOLE, CLIENT, shown.job.id)
    assert (done.state, done.counts) == (State.DONE, shown.counts)
    with as_console(filled) as tx, pytest.raises(JobStopped):
        bulk.apply(tx, shown.job.id)


MOVED: dict[str, Callable[[Tx], object]] = {
    "contact": lambda tx: contacts.share(tx, [1], False),
    "group": lambda tx: groups.describe(tx, "suppliers", "Those who sell to us"),
    "grant": lambda tx: grants.grant(tx, "suppliers", "@sales", Right.VIEW),
    "deleted group": lambda tx: delete_group(tx, "suppliers", contacts_to="keep"),
}


def test_a_plan_is_refused_when_what_it_names_has_changed(filled: App) -> None:
    with as_console(filled) as tx:
        action = actions.Copy(group_id(tx, "suppliers"))
    for what, change in MOVED.items():
        shown = plan(filled, action, ALL[:4])
        other = plan(filled, actions.Delete(), [9])
        with as_console(filled) as tx:
            change(tx)
        before = dump(filled)
        with as_console(filled) as tx, pytest.raises((PlanOutdated, GroupNotFound)):
            bulk.apply(tx, shown.job.id)
        assert dump(filled) == before, what
        with as_console(filled) as tx:
            assert bulk.apply(tx, other.job.id).state is State.WAITING


def test_an_erasure_leaves_nothing_in_jobs(filled: App) -> None:
    """Names in the jobs' data, and what they were told to write, which no other contact has."""
    href, tag = "zoltan-quixote-the-third.vcf", "friends of Zoltan Quixote"
    with as_console(filled) as tx:
        found = cards.put(tx, groups.book(tx, "clients"), href, card("uid-zoltan", "Zoltan Quixote")).card.contact_id
    job = start(filled, actions.Tag((tag,), ()), [1, found])
    start(filled, actions.Delete(), [found])
    shown = plan(filled, actions.Tag((), (tag,)), [1, found])
    assert undo(filled, job.id).state is State.PART
    with as_console(filled) as tx:
        contacts.edit(tx, [1], lambda each: column_edits.tag(each, [], [tag], tx.site.limits))
        tx.db.execute(delete(revision_rows).where(revision_rows.c.contact_id == 1))
    report = erasure.erase(filled.site, CONSOLE, CLIENT, [found])
    assert report.residue == {}
    with as_console(filled, write=False) as tx:
        rows = [str(tuple(row)) for table in (job_rows, job_items) for row in tx.db.execute(select(table))]
        assert len(rows) > 4 and not [row for row in rows if "oltan" in row]
        with pytest.raises(JobStopped):
            bulk.load(jobs.get(tx, shown.job.id))


def test_members_undo_what_they_may_do(filled: App) -> None:
    """Bob may edit in clients; what he did there he may undo as long as he may edit, and his jobs are his own."""
    bob, alice = MemberActor("bob"), MemberActor("alice")
    with filled.begin(bob, CLIENT, write=True) as tx:
        ids = [each.id for each in search.find(tx, search.Search(group="clients"))]
        job = bulk.add(tx, actions.Tag(("vip",), ()), ids)
    assert bulk.run(filled, bob, CLIENT, job.id).state is State.DONE
    with filled.begin(alice, CLIENT) as tx, pytest.raises(JobNotFound):
        bulk.undo_of(tx, job.id)
    with as_console(filled) as tx:
        grants.grant(tx, "clients", "bob", Right.VIEW)
    with filled.begin(bob, CLIENT, write=True) as tx:
        undoing = bulk.add(tx, *bulk.undo_of(tx, job.id))
    refused = bulk.run(filled, bob, CLIENT, undoing.id)
    owned = sum(contact_id in range(5, 9) for contact_id in ids)
    assert refused.counts == {"done": owned, "error": len(ids) - owned}


def test_members_take_back_what_they_deleted_and_might_delete_again(filled: App) -> None:
    """Bob may delete in clients, and owns 5 to 8 wherever they are."""
    bob = MemberActor("bob")
    with as_console(filled) as tx:
        grants.grant(tx, "clients", "bob", Right.VIEW | Right.DELETE)
        grants.grant(tx, "suppliers", "bob", Right.VIEW | Right.DELETE)
    before = dump(filled)

    def run(*, undoes: int | None = None) -> Job:
        with filled.begin(bob, CLIENT, write=True) as tx:
            ids = [each.id for each in search.find(tx, search.Search(group="clients"))]
            job = bulk.add(tx, *(bulk.undo_of(tx, undoes) if undoes else (actions.Delete(), ids)))
        return bulk.run(filled, bob, CLIENT, job.id)

    deleted = run()
    assert deleted.state is State.DONE and deleted.done > 3
    with filled.begin(bob, CLIENT) as tx, pytest.raises(Forbidden):
        trash.restore(tx, [1])
    assert run(undoes=deleted.id).state is State.DONE
    assert dump(filled) == before
    deleted = run()
    with as_console(filled) as tx:
        trash.restore(tx, [7])
        grants.grant(tx, "suppliers", "bob", Right.VIEW)
    undone = run(undoes=deleted.id)
    with filled.begin(bob, CLIENT) as tx:
        refused = {each.contact_id: each.code for each in jobs.told(tx, undone.id)}
    assert refused == {1: "forbidden", 7: "not-undoable"}, "1 lies in suppliers, too; 7 is there again"


def test_who_gets_a_deleted_member_s_login_gets_none_of_his_jobs(filled: App) -> None:
    bob = MemberActor("bob")
    with filled.begin(bob, CLIENT, write=True) as tx:
        job = bulk.add(tx, actions.Tag(("vip",), ()), [each.id for each in search.find(tx, search.Search())])
    assert bulk.run(filled, bob, CLIENT, job.id).counts["done"]
    with as_console(filled) as tx:
        members.delete(tx, "bob", give_to=None)
        members.add(tx, "bob")
    with filled.begin(bob, CLIENT) as tx:
        assert jobs.list_jobs(tx) == []
        for look in (jobs.get, jobs.cancel, bulk.undo_of):
            with pytest.raises(JobNotFound):
                look(tx, job.id)
    with as_console(filled, write=False) as tx:
        assert jobs.get(tx, job.id).actor == "bob"


def test_a_runner_is_known_to_be_gone(filled: App) -> None:
    now = datetime.now(UTC)
    mine = runner.me()
    assert runner.alive(mine, now, now)
    machine, pid, began = mine.rsplit(" ", 2)
    assert runner.alive(mine, now - 2 * runner.SILENCE, now), "on this machine the system knows"
    assert not runner.alive(f"{machine} {pid} {int(began) - 1}", now, now), "its number was given to another process"
    assert runner.alive("elsewhere ns 1 1", now - runner.SILENCE / 2, now)
    assert not runner.alive("elsewhere ns 1 1", now - 2 * runner.SILENCE, now)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        name = f"{machine} {child.pid} {runner._start_of(child.pid)}"
        assert runner.alive(name, now, now)
        child.kill()
        child.wait()
        assert not runner.alive(name, now, now)
