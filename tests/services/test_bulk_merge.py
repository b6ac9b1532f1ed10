"""All suggestions of one kind merged as one job: whole sets, wherever their batches end, and all of it back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sharedbook.app import App
from sharedbook.domain.model import Progress, Right
from sharedbook.formats.vcards import vcard
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts
from sharedbook.services.erasing import erasure
from sharedbook.services.jobs import batches, bulk, jobs
from sharedbook.services.jobs.actions import Action, Merge
from sharedbook.services.jobs.jobs import Job, State
from sharedbook.services.members import grants
from sharedbook.services.merging import duplicates
from sharedbook.services.merging.duplicates import Confidence, Shared
from tests.services.bulk_sites import dump
from tests.services.people import add_members
from tests.support.sites import CLIENT, CONSOLE, as_console, card, new_site

PEOPLE = 6
FRIEND, TAKEN = 2 * PEOPLE + 1, 2 * PEOPLE + 2
SETS = tuple((number, number + PEOPLE) for number in range(1, PEOPLE + 1))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """Persons 1 to 6 in clients, and again as 7 to 12 in partners, which only bob views.

    1 names 8, 9 names 10, and so does a friend. The UID of 5 is taken in partners by another.
    """
    monkeypatch.setattr(batches, "BATCH_CONTACTS", 4)
    monkeypatch.setattr(batches, "CHUNK_CONTACTS", 2)
    made = new_site(tmp_path / "site")
    add_members(made, "ann", "bob")
    with as_console(made) as tx:
        clients, partners = groups.add(tx, "clients"), groups.add(tx, "partners")
        for slug, login in (("clients", "ann"), ("clients", "bob"), ("partners", "bob")):
            grants.grant(tx, slug, login, Right.VIEW)
        related = {1: ["RELATED:urn:uuid:uid-8"], 9: ["RELATED;TYPE=friend:uid-10"]}
        for number in range(1, 2 * PEOPLE + 1):
            person = (number - 1) % PEOPLE + 1
            lines = [f"EMAIL:person{person}@example.com", *related.get(number, [])]
            text = card(f"uid-{number}", f"Person {person}", *lines)
            contacts.add(tx, clients if number <= PEOPLE else partners, vcard.parse(text))
        contacts.add(tx, clients, vcard.parse(card("uid-friend", "Friend", "RELATED:uid-10")))
        contacts.add(tx, partners, vcard.parse(card("uid-5", "Somebody Else")))
    yield made
    made.close()


def found(site: App) -> Merge:
    """What the command makes of the suggestions."""
    with as_console(site, write=False) as tx:
        sets = [each.contacts for each in duplicates.find(tx, shared=Shared.MAIL, sure=Confidence.CERTAIN)]
        assert tuple(sorted(sets)) == SETS
        versions = [(key, contacts.get(tx, key).version) for some in sets for key in some]
    return Merge(tuple(sets), (), tuple(versions))


def add(site: App, action: Action, ids: list[int]) -> Job:
    with as_console(site) as tx:
        return bulk.add(tx, action, ids)


def run(site: App) -> Job:
    return bulk.run(site, CONSOLE, CLIENT, add(site, found(site), [key for some in SETS for key in some]).id)


def undo(site: App, job_id: int) -> Job:
    with as_console(site, write=False) as tx:
        action, ids = bulk.undo_of(tx, job_id)
    return bulk.run(site, CONSOLE, CLIENT, add(site, action, ids).id)


def named(site: App, contact_id: int) -> list[str]:
    """The UIDs that a contact names."""
    with as_console(site, write=False) as tx:
        return [line.text() for line in vcard.load(contacts.get(tx, contact_id).vcard).all("RELATED")]


def refused(site: App, job: Job) -> dict[int, str]:
    with as_console(site, write=False) as tx:
        return {each.contact_id: each.code for each in jobs.told(tx, job.id) if each.code}


def test_each_set_is_merged_whole_or_not_at_all_and_comes_back(site: App) -> None:
    before = dump(site)
    job = run(site)
    assert (job.state, job.total, dict(job.counts)) == (State.PART, 2 * PEOPLE + 1, {"done": 11, "error": 2})
    assert refused(site, job) == dict.fromkeys(SETS[4], "uid-conflict")
    with as_console(site, write=False) as tx:
        trashed = {key for key in range(1, TAKEN + 1) if contacts.get(tx, key).trashed_at}
        assert trashed == {7, 8, 9, 10, 12}
        assert [each.member.name for each in grants.who_can_see(tx, 1)] == ["bob"], "ann did not see both"
    assert (named(site, 1), named(site, 3), named(site, FRIEND)) == (["urn:uuid:uid-2"], ["uid-4"], ["uid-4"])
    merged = dump(site)
    undone = undo(site, job.id)
    assert (undone.state, dict(undone.counts)) == (State.DONE, {"done": 11})
    assert dump(site) == before
    again = undo(site, undone.id)
    assert (again.state, dict(again.counts)) == (State.DONE, {"done": 11})
    assert dump(site) == merged
    assert undo(site, again.id).state is State.DONE
    assert dump(site) == before


def test_who_began_to_name_one_of_a_set_in_between_follows_when_it_is_merged_again(site: App) -> None:
    undone = undo(site, run(site).id)
    with as_console(site) as tx:
        contacts.replace(tx, TAKEN, vcard.parse(card("uid-5", "Somebody Else", "RELATED:uid-7")))
    between = dump(site)
    again = undo(site, undone.id)
    assert (again.state, dict(again.counts)) == (State.DONE, {"done": 12})
    assert named(site, TAKEN) == ["uid-1"]
    assert undo(site, again.id).state is State.DONE
    assert dump(site) == between


def test_a_set_is_merged_again_whole_or_not_at_all(site: App) -> None:
    undone = undo(site, run(site).id)
    with as_console(site) as tx:
        contacts.replace(tx, 8, vcard.parse(card("uid-8", "Edited")))
    erasure.erase(site.site, CONSOLE, CLIENT, [3])
    again = undo(site, undone.id)
    assert refused(site, again) == dict.fromkeys((2, 8, 9), "not-undoable")
    with as_console(site, write=False) as tx:
        assert {key for key in range(1, TAKEN + 1) if key != 3 and contacts.get(tx, key).trashed_at} == {7, 10, 12}
        assert contacts.get(tx, 8).name == "Edited"


def test_a_stop_between_two_batches_leaves_no_half_set(site: App) -> None:
    before = dump(site)
    job = add(site, found(site), [key for some in SETS for key in some])

    def cancel(_done: Progress) -> None:
        with as_console(site) as tx:
            if jobs.get(tx, job.id).state is State.RUNNING:
                jobs.cancel(tx, job.id)

    stopped = bulk.run(site, CONSOLE, CLIENT, job.id, cancel)
    assert (stopped.state, stopped.done) == (State.CANCELLED, 4)
    with as_console(site, write=False) as tx:
        assert [key for key in range(1, TAKEN + 1) if contacts.get(tx, key).trashed_at] == [7, 8]
    assert bulk.run(site, CONSOLE, CLIENT, job.id).counts == {"done": 11, "error": 2}
    assert undo(site, job.id).state is State.DONE
    assert dump(site) == before


def test_what_was_changed_meanwhile_refuses_its_set_only(site: App) -> None:
    action = found(site)
    with as_console(site) as tx:
        contacts.replace(tx, 8, vcard.parse(card("uid-8", "Edited")))
    job = bulk.run(site, CONSOLE, CLIENT, add(site, action, [key for some in SETS for key in some]).id)
    assert refused(site, job) == {2: "version-conflict", 8: "version-conflict", 5: "uid-conflict", 11: "uid-conflict"}


def test_undo_leaves_a_set_of_which_one_was_erased(site: App) -> None:
    job = run(site)
    with as_console(site) as tx:
        contacts.replace(tx, 6, vcard.parse(card("uid-6", "Edited")))
    erasure.erase(site.site, CONSOLE, CLIENT, [9])
    assert refused(site, undo(site, job.id)) == dict.fromkeys((3, 6), "not-undoable")
    with as_console(site, write=False) as tx:
        back = {key: contacts.get(tx, key) for key in (4, 6, 10, 12)}
    assert not any(each.trashed_at for each in back.values()) and back[6].name == "Edited"
