"""Bulk actions as jobs: each kind is undone to the very same site, and touches nothing that was changed since."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from sharedbook import app as sharedbook_app
from sharedbook.app import App
from sharedbook.domain.errors import GroupNotFound, JobNotFound, JobStopped, NotUndoable, PlanOutdated
from sharedbook.domain.model import PRIVATE, VISIBLE_TO_ALL, Progress, Right, Visibility, VisibilityKind
from sharedbook.formats import column_edits, vcard
from sharedbook.services import (
    actions,
    bulk,
    cards,
    contacts,
    erasure,
    grants,
    groups,
    jobs,
    members,
    runner,
    search,
    subjects,
    teams,
    trash,
)
from sharedbook.services.actions import Action
from sharedbook.services.jobs import Job, State
from sharedbook.services.tx import MemberActor, Tx
from sharedbook.settings import Settings
from sharedbook.store.schema import contact_visibility, custom_values, job_items, memberships, team_members
from sharedbook.store.schema import contacts as contact_rows
from sharedbook.store.schema import grants as grant_rows
from sharedbook.store.schema import groups as group_rows
from sharedbook.store.schema import jobs as job_rows
from sharedbook.store.schema import revisions as revision_rows
from tests.services.people import add_contact, add_members
from tests.support.sites import CLIENT, CONSOLE, as_console, card, new_site

GROUPS = ("clients", "partners", "suppliers")


def fill(app: App) -> None:
    """Members alice, bob and carol, the team @sales of bob, three groups, and 12 contacts of every kind."""
    add_members(app, "alice", "bob", "carol")
    with as_console(app) as tx:
        teams.add(tx, "sales")
        teams.join(tx, "sales", "bob")
        for name in GROUPS:
            groups.add(tx, name)
        grants.grant(tx, "clients", "bob", Right.VIEW | Right.EDIT)
        grants.grant(tx, "partners", "@sales", Right.VIEW)
        two = frozenset(subjects.resolve(tx, ref).id for ref in ("bob", "@sales"))
        for number in range(12):
            visibility = (VISIBLE_TO_ALL, PRIVATE, Visibility(VisibilityKind.LISTED, two))[number % 3]
            owner = ("alice", "bob", None)[number // 4]
            group = groups.get(tx, GROUPS[number % 2])
            found = add_contact(tx, group, f"Person {number}", owner=owner, visibility=visibility)
            if number % 5 == 0:
                contacts.copy(tx, [found.id], groups.get(tx, "suppliers"))
        contacts.share(tx, [3, 6], False)


@pytest.fixture(scope="module")
def mold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of such a site."""
    folder = tmp_path_factory.mktemp("mold") / "site"
    made = new_site(folder)
    fill(made)
    made.close()
    return folder


@pytest.fixture
def site(mold: Path, tmp_path: Path) -> Iterator[App]:
    """A site like it."""
    copy = Path(shutil.copytree(mold, tmp_path / "copy"))
    opened = sharedbook_app.open(Settings(data_dir=copy))
    yield opened
    opened.close()


@pytest.fixture
def either(app: App) -> App:
    """A site on SQLite and on PostgreSQL."""
    fill(app)
    return app


def dump(app: App) -> dict[str, list[Any]]:
    """What undo has to bring back: cards, custom values, groups and hrefs, owners, visibility, trash, grants, teams."""
    c, m, g = contact_rows.c, memberships.c, group_rows.c
    statements = {
        "contacts": select(c.id, c.uid, c.vcard, c.etag, c.owner_id, c.visibility, c.trashed_at, c.source).order_by(
            c.id
        ),
        "lists": select(contact_visibility).order_by(*contact_visibility.c),
        "custom": select(custom_values).order_by(*custom_values.primary_key),
        "places": select(m.group_id, m.href, m.contact_id, m.etag, m.state)
        .where(m.contact_id.is_not(None))
        .order_by(m.group_id, m.href),
        "groups": select(g.id, g.slug, g.name, g.emptied_at).order_by(g.id),
        "grants": select(grant_rows.c.group_id, grant_rows.c.subject_id, grant_rows.c.mask).order_by(
            grant_rows.c.group_id, grant_rows.c.subject_id
        ),
        "teams": select(team_members.c.team_id, team_members.c.member_id)
        .where(team_members.c.left_at.is_(None))
        .order_by(*team_members.primary_key),
    }
    with as_console(app, write=False) as tx:
        return {name: [tuple(row) for row in tx.db.execute(statement)] for name, statement in statements.items()}


def start(app: App, action: Action, ids: list[int]) -> Job:
    with as_console(app) as tx:
        job = bulk.add(tx, action, ids)
    return bulk.run(app, CONSOLE, CLIENT, job.id)


def undo(app: App, job_id: int) -> Job:
    with as_console(app) as tx:
        job = bulk.add(tx, *bulk.undo_of(tx, job_id))
    return bulk.run(app, CONSOLE, CLIENT, job.id)


def group_id(tx: Tx, slug: str) -> int:
    return groups.get(tx, slug).id


def deletion_of(tx: Tx, to: str) -> Action:
    plan = groups.plan_deletion(tx, "clients", contacts_to=to)
    return actions.DeleteGroup(plan.group.id, plan.word, plan.target.id)


def member_deletion(tx: Tx, heir: str | None) -> Action:
    bob = members.get(tx, "bob")
    past = members.past_of(tx, bob.id)
    return actions.DeleteMember(bob.login, bob.id, heir, past.teams, past.grants)


ALL = list(range(1, 13))
CASES: dict[str, tuple[Callable[[Tx], Action], list[int]]] = {
    "copy": (lambda tx: actions.Copy(group_id(tx, "suppliers")), ALL),
    "move": (lambda tx: actions.Move(group_id(tx, "clients"), group_id(tx, "suppliers")), ALL[::2]),
    "delete": (lambda _: actions.Delete(), ALL),
    "restore": (lambda _: actions.Restore(), [2, 4]),
    "tag": (lambda _: actions.Tag(("vip", "new one"), ()), ALL),
    "visibility to all": (lambda _: actions.SetVisibility("all"), ALL),
    "visibility private": (lambda _: actions.SetVisibility("private"), ALL),
    "visibility list": (lambda tx: actions.SetVisibility(on=(subjects.resolve(tx, "carol").id,)), ALL),
    "share off": (lambda _: actions.Share(False), ALL),
    "share on": (lambda _: actions.Share(True), ALL),
    "assign": (lambda _: actions.Assign("carol"), ALL),
    "owner": (lambda tx: actions.Owner(members.get(tx, "carol").id), ALL),
    "unowned": (lambda _: actions.Owner(None), ALL),
    "group, kept": (lambda tx: deletion_of(tx, "keep"), []),
    "group, trashed": (lambda tx: deletion_of(tx, "trash"), []),
    "group, moved": (lambda tx: deletion_of(tx, "move:partners"), []),
    "member, heir": (lambda tx: member_deletion(tx, "carol"), []),
    "member, unowned": (lambda tx: member_deletion(tx, None), []),
}

AGAIN = {"move", "delete", "visibility list"}
"""Cases whose undo is undone, too."""


def test_undo_of_every_kind_gives_everything_back_and_can_be_undone(either: App) -> None:
    site = either
    for case, (make, ids) in CASES.items():
        with as_console(site) as tx:
            if case == "restore":
                contacts.delete(tx, ids)
            action = make(tx)
        before = dump(site)
        job = start(site, action, ids)
        after = dump(site)
        assert job.state is State.DONE and job.counts["done"] > 1 and after != before, case
        undone = undo(site, job.id)
        assert (undone.state, undone.undoes) == (State.DONE, job.id)
        assert dump(site) == before, case
        if case == "restore":
            start(site, action, ids)
        if action.REVIVES:
            with pytest.raises(NotUndoable):
                undo(site, undone.id)
        if case not in AGAIN:
            continue
        again = undo(site, undone.id)
        assert again.state is State.DONE
        assert without_hrefs(dump(site)) == without_hrefs(after), case
        assert undo(site, again.id).state is State.DONE
        assert dump(site) == before, case


def without_hrefs(dumped: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """A dump to compare by, but for names that were chosen anew, and the time in the trash."""
    places = sorted((group, contact, etag, state) for group, _href, contact, etag, state in dumped["places"])
    rows = [(*row[:6], row[6] is None, row[7]) for row in dumped["contacts"]]
    return {**dumped, "places": places, "contacts": rows}


def test_what_was_changed_since_is_listed_and_not_touched(site: App) -> None:
    with as_console(site) as tx:
        action = actions.Owner(members.get(tx, "carol").id)
    job = start(site, action, ALL)
    with as_console(site) as tx:
        contacts.share(tx, [1], False)
        contacts.edit(tx, [7], lambda card: column_edits.tag(card, ["later"], [], tx.site.limits))
        mine = {key: contacts.get(tx, key) for key in (1, 7)}
        contacts.delete(tx, [8])
    erasure.erase(site.site, CONSOLE, CLIENT, [9])
    undone = undo(site, job.id)
    assert (undone.state, undone.total, dict(undone.counts)) == (State.PART, 11, {"done": 8, "error": 3})
    with as_console(site) as tx:
        told = list(jobs.told(tx, undone.id))
        assert [(each.contact_id, each.code) for each in told] == [
            (1, "not-undoable"),
            (7, "not-undoable"),
            (8, "not-undoable"),
        ]
        assert {key: contacts.get(tx, key) for key in mine} == mine
        assert contacts.get(tx, 2).owner_id == members.get(tx, "alice").id


def test_what_refuses_one_stops_no_other(site: App) -> None:
    """Contacts that are not in the group, one in the trash, and one whose UID the target has by now."""
    with as_console(site) as tx:
        to = groups.get(tx, "suppliers")
        contacts.delete(tx, [5])
        contacts.add(tx, to, vcard.parse(card("Person 2", "Another")))
        action = actions.Move(group_id(tx, "clients"), to.id)
    job = start(site, action, ALL)
    assert (job.state, dict(job.counts)) == (State.PART, {"done": 4, "error": 8})
    with as_console(site, write=False) as tx:
        codes = {each.contact_id: each.code for each in jobs.told(tx, job.id)}
    assert codes == {3: "uid-conflict", 5: "protected", **dict.fromkeys((2, 4, 6, 8, 10, 12), "contact-not-found")}


class Killed(BaseException):
    """Nothing is written any more by this process."""


def run_until_killed(site: App, job_id: int, batches: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs a job whose process dies inside a later batch: what that has done is rolled back, and nobody says so."""
    record = jobs.record

    def dying(tx: Tx, *arguments: Any, **more: Any) -> None:
        nonlocal batches
        if not batches:
            raise Killed
        batches -= 1
        record(tx, *arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "record", dying)
        patch.setattr(runner, "me", lambda: "another-boot ns 1 1")
        with pytest.raises(Killed):
            bulk.run(site, CONSOLE, CLIENT, job_id)
    with as_console(site) as tx:
        tx.db.execute(update(job_rows).values(beat=tx.now - 2 * runner.SILENCE))


@pytest.mark.parametrize("batches", [0, 2, 5])
def test_a_killed_job_goes_on_with_the_rest(site: App, batches: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "BATCH_CONTACTS", 2)
    monkeypatch.setattr(bulk, "CHUNK_CONTACTS", 2)
    before = dump(site)
    with as_console(site) as tx:
        job = bulk.add(tx, actions.Copy(group_id(tx, "suppliers")), ALL)
    run_until_killed(site, job.id, batches, monkeypatch)
    with as_console(site, write=False) as tx:
        killed = jobs.get(tx, job.id)
        assert (killed.state, killed.done, killed.total) == (State.KILLED, 2 * batches, 12)
    done = bulk.run(site, CONSOLE, CLIENT, job.id)
    assert (done.state, dict(done.counts)) == (State.DONE, {"done": 9, "unchanged": 3})
    with as_console(site, write=False) as tx:
        events = [str(step.event) for key in ALL for step in contacts.history(tx, key)]
    assert events.count("copied") == 9 + 3, "each once; three were copied before"
    assert undo(site, job.id).state is State.DONE
    assert dump(site) == before


def test_a_job_of_another_process_is_not_run_twice(site: App, monkeypatch: pytest.MonkeyPatch) -> None:
    with as_console(site) as tx:
        job = bulk.add(tx, actions.Delete(), ALL)
        monkeypatch.setattr(runner, "me", lambda: "another-boot ns 1 1")
        assert jobs.claim(tx, job.id).state is State.RUNNING
        monkeypatch.undo()
    with pytest.raises(JobStopped):
        bulk.run(site, CONSOLE, CLIENT, job.id)
    with as_console(site, write=False) as tx:
        assert jobs.get(tx, job.id).state is State.RUNNING


def test_cancelled_between_two_batches_and_resumed(site: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "BATCH_CONTACTS", 4)
    monkeypatch.setattr(bulk, "CHUNK_CONTACTS", 2)

    def cancel(found: Progress) -> None:
        if found.done == 8:
            with as_console(site) as tx:
                jobs.cancel(tx, job.id)

    before = dump(site)
    with as_console(site) as tx:
        job = bulk.add(tx, actions.Delete(), ALL)
    stopped = bulk.run(site, CONSOLE, CLIENT, job.id, cancel)
    assert (stopped.state, stopped.done) == (State.CANCELLED, 8)
    assert undo(site, job.id).counts == {"done": 8}
    assert dump(site) == before
    rest = bulk.run(site, CONSOLE, CLIENT, job.id)
    assert (rest.state, rest.done) == (State.DONE, 12)
    with as_console(site, write=False) as tx:
        assert [contact.id for contact in trash.list_trash(tx)] == [12, 11, 10, 9]


def plan(site: App, action: Action, ids: list[int]) -> bulk.Plan:
    return bulk.plan(site, CONSOLE, CLIENT, action, ids)


def test_a_plan_changes_nothing_and_is_done_as_it_was_shown(site: App) -> None:
    before = dump(site)
    with as_console(site) as tx:
        action = actions.Copy(group_id(tx, "suppliers"))
    shown = plan(site, action, ALL)
    assert dump(site) == before and shown.counts == {"done": 9, "unchanged": 3}
    with as_console(site) as tx:
        with pytest.raises(JobStopped):
            jobs.claim(tx, shown.job.id)
        bulk.apply(tx, shown.job.id)
    done = bulk.run(site, CONSOLE, CLIENT, shown.job.id)
    assert (done.state, done.counts) == (State.DONE, shown.counts)
    with as_console(site) as tx, pytest.raises(JobStopped):
        bulk.apply(tx, shown.job.id)


MOVED: dict[str, Callable[[Tx], object]] = {
    "contact": lambda tx: contacts.share(tx, [1], False),
    "group": lambda tx: groups.describe(tx, "suppliers", "Those who sell to us"),
    "grant": lambda tx: grants.grant(tx, "suppliers", "@sales", Right.VIEW),
    "deleted group": lambda tx: groups.delete(tx, "suppliers", contacts_to="keep"),
}


def test_a_plan_is_refused_when_what_it_names_has_changed(site: App) -> None:
    with as_console(site) as tx:
        action = actions.Copy(group_id(tx, "suppliers"))
    for what, change in MOVED.items():
        shown = plan(site, action, ALL[:4])
        other = plan(site, actions.Delete(), [9])
        with as_console(site) as tx:
            change(tx)
        before = dump(site)
        with as_console(site) as tx, pytest.raises((PlanOutdated, GroupNotFound)):
            bulk.apply(tx, shown.job.id)
        assert dump(site) == before, what
        with as_console(site) as tx:
            assert bulk.apply(tx, other.job.id).state is State.WAITING


def test_an_erasure_leaves_nothing_in_jobs(site: App) -> None:
    """Names in the jobs' data, and what they were told to write, which no other contact has."""
    href, tag = "zoltan-quixote-the-third.vcf", "friends of Zoltan Quixote"
    with as_console(site) as tx:
        found = cards.put(tx, groups.book(tx, "clients"), href, card("uid-zoltan", "Zoltan Quixote")).card.contact_id
    job = start(site, actions.Tag((tag,), ()), [1, found])
    start(site, actions.Delete(), [found])
    shown = plan(site, actions.Tag((), (tag,)), [1, found])
    assert undo(site, job.id).state is State.PART
    with as_console(site) as tx:
        contacts.edit(tx, [1], lambda each: column_edits.tag(each, [], [tag], tx.site.limits))
        tx.db.execute(delete(revision_rows).where(revision_rows.c.contact_id == 1))
    report = erasure.erase(site.site, CONSOLE, CLIENT, [found])
    assert report.residue == {}
    with as_console(site, write=False) as tx:
        rows = [str(tuple(row)) for table in (job_rows, job_items) for row in tx.db.execute(select(table))]
        assert len(rows) > 4 and not [row for row in rows if "oltan" in row]
        with pytest.raises(JobStopped):
            bulk.load(jobs.get(tx, shown.job.id))


def test_members_undo_what_they_may_do(site: App) -> None:
    """Bob may edit in clients; what he did there he may undo as long as he may edit, and his jobs are his own."""
    bob, alice = MemberActor("bob"), MemberActor("alice")
    with site.begin(bob, CLIENT, write=True) as tx:
        ids = [each.id for each in search.find(tx, search.Search(group="clients"))]
        job = bulk.add(tx, actions.Tag(("vip",), ()), ids)
    assert bulk.run(site, bob, CLIENT, job.id).state is State.DONE
    with site.begin(alice, CLIENT) as tx, pytest.raises(JobNotFound):
        bulk.undo_of(tx, job.id)
    with as_console(site) as tx:
        grants.grant(tx, "clients", "bob", Right.VIEW)
    with site.begin(bob, CLIENT, write=True) as tx:
        undoing = bulk.add(tx, *bulk.undo_of(tx, job.id))
    refused = bulk.run(site, bob, CLIENT, undoing.id)
    owned = sum(contact_id in range(5, 9) for contact_id in ids)
    assert refused.counts == {"done": owned, "error": len(ids) - owned}


def test_a_runner_is_known_to_be_gone(site: App) -> None:
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
