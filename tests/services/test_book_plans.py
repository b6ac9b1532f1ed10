"""A group made what a file says, on both databases: in batches, stopped and gone on with, and undone."""

from __future__ import annotations

import pytest

from sharedbook.app import App
from sharedbook.domain.errors import InvalidFile, QuotaExceeded
from sharedbook.formats.vcards import vcard
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts, trash
from sharedbook.services.jobs import book_plans, bulk, follow_file
from sharedbook.services.jobs.jobs import Job, State
from sharedbook.services.members import members
from tests.support.sites import CLIENT, CONSOLE, as_console, card

FIVE = "group: clients\ngrants: {bob: [view]}\ncontacts: [" + ", ".join(
    f"{{external_id: C-{number}, name: Person {number}, fields: {{assigned: bob}}}}" for number in range(5)
)  # all in one line


@pytest.fixture
def site(app: App) -> App:
    """The member bob, and a contact in the group clients."""
    with as_console(app) as tx:
        members.add(tx, "bob")
        contacts.add(tx, groups.add(tx, "clients"), vcard.parse(card("old", "Old")))
    return app


def plan(app: App, text: str) -> int:
    wanted = book_plans.read(app, CONSOLE, CLIENT, text.encode())
    with as_console(app, write=False) as tx:
        found = book_plans.compare(tx, wanted)
    return bulk.plan(app, CONSOLE, CLIENT, found.action, found.contact_ids).job.id


def apply(app: App, plan_id: int) -> Job:
    with as_console(app) as tx:
        bulk.apply(tx, plan_id)
    return bulk.run(app, CONSOLE, CLIENT, plan_id)


def names(app: App) -> list[str]:
    with as_console(app, write=False) as tx:
        ids = groups.held_ids(tx, groups.get(tx, "clients").id)
        return sorted(each.name for each in contacts.get_many(tx, ids) if each.trashed_at is None)


def test_new_contacts_come_in_batches_once_and_go_again(site: App, monkeypatch: pytest.MonkeyPatch) -> None:
    before = book_plans.export(site, CONSOLE, CLIENT, "clients")
    monkeypatch.setattr(follow_file, "BATCH", 2)
    plan_id = plan(site, FIVE + "]")
    assert names(site) == ["Old"]
    add_many, calls = contacts.add_many, 0

    def failing(*arguments: object, **more: object) -> list[int]:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise QuotaExceeded("no room")
        return add_many(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(contacts, "add_many", failing)
    with pytest.raises(QuotaExceeded):
        apply(site, plan_id)
    assert names(site) == ["Person 0", "Person 1"]
    done = bulk.run(site, CONSOLE, CLIENT, plan_id)
    assert (done.state, done.counts, done.total) == (State.DONE, {"done": 6}, 6)
    assert names(site) == [f"Person {number}" for number in range(5)]
    wanted = book_plans.read(site, CONSOLE, CLIENT, f"{FIVE}]".encode())
    with as_console(site, write=False) as tx:
        found = book_plans.compare(tx, wanted)
        assert not found.changes and not found.grants
    with as_console(site) as tx:
        undone = bulk.add(tx, *bulk.undo_of(tx, plan_id))
    assert bulk.run(site, CONSOLE, CLIENT, undone.id).state is State.DONE
    assert book_plans.export(site, CONSOLE, CLIENT, "clients") == before
    with as_console(site) as tx:
        assert len(trash.list_trash(tx)) == 5


def test_a_number_that_two_contacts_have(site: App) -> None:
    apply(site, plan(site, FIVE + "]"))
    with as_console(site) as tx:
        contacts.add(tx, groups.get(tx, "clients"), vcard.parse(card("twin", "Twin", "X-EXTERNAL-ID:C-3")))
    with pytest.raises(InvalidFile, match=r"line 3, column \d+: contacts \d+ and \d+ have this external_id"):
        plan(site, FIVE + "]")
