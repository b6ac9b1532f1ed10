"""Each kind of bulk action is undone to the very same site, and touches nothing that was changed since."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sharedbook.app import App
from sharedbook.domain.errors import Forbidden, NameTaken, NotUndoable, UidConflict
from sharedbook.domain.model import VISIBLE_TO_ALL, ChangeKind, Event, Right, VisibilityKind
from sharedbook.formats.entries import column_edits
from sharedbook.formats.vcards import vcard
from sharedbook.services import feed
from sharedbook.services.books import cards, groups
from sharedbook.services.contacts import contacts, trash
from sharedbook.services.erasing import erasure
from sharedbook.services.jobs import actions, bulk, jobs, snapshots
from sharedbook.services.jobs.actions import Action
from sharedbook.services.jobs.jobs import State
from sharedbook.services.jobs.snapshots import Past
from sharedbook.services.members import grants, members
from sharedbook.services.people import subjects, teams
from sharedbook.services.tx import Tx
from sharedbook.store import jobs as rows
from sharedbook.store import memberships
from tests.services.bulk_sites import ALL, deletion_of, dump, fill, group_id, member_deletion, start, undo
from tests.services.people import add_contact
from tests.support.sites import CLIENT, CONSOLE, as_console, as_member, card, delete_group

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
    "merge": (lambda _: actions.Merge(((1, 2, 3), (8, 7))), [1, 2, 3, 8, 7]),
}


def test_undo_of_every_kind_gives_everything_back_and_can_be_undone(app: App) -> None:
    fill(app)
    for case, (make, ids) in CASES.items():
        with as_console(app) as tx:
            if case == "restore":
                contacts.delete(tx, ids)
            action = make(tx)
        before = dump(app)
        job = start(app, action, ids)
        after = dump(app)
        assert job.state is State.DONE and job.counts["done"] > 1 and after != before, case
        undone = undo(app, job.id)
        assert (undone.state, undone.undoes) == (State.DONE, job.id)
        assert dump(app) == before, case
        if case == "restore":
            start(app, action, ids)
            continue
        again = undo(app, undone.id)
        assert again.state is State.DONE, case
        assert without_times(dump(app)) == without_times(after), case
        assert undo(app, again.id).state is State.DONE, case
        assert dump(app) == before, case


def without_times(dumped: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """A dump to compare by, but for the time at which a group was closed."""
    return {**dumped, "groups": [(*row[:3], row[3] is None) for row in dumped["groups"]]}


def test_what_was_changed_since_is_listed_and_not_touched(filled: App) -> None:
    with as_console(filled) as tx:
        action = actions.Owner(members.get(tx, "carol").id)
    job = start(filled, action, ALL)
    with as_console(filled) as tx:
        contacts.share(tx, [1], False)
        contacts.edit(tx, [7], lambda card: column_edits.tag(card, ["later"], [], tx.site.limits))
        mine = {key: contacts.get(tx, key) for key in (1, 7)}
        contacts.delete(tx, [8])
    erasure.erase(filled.site, CONSOLE, CLIENT, [9])
    undone = undo(filled, job.id)
    assert (undone.state, undone.total, dict(undone.counts)) == (State.PART, 11, {"done": 8, "error": 3})
    with as_console(filled) as tx:
        told = list(jobs.told(tx, undone.id))
        assert [(each.contact_id, each.code) for each in told] == [
            (1, "not-undoable"),
            (7, "not-undoable"),
            (8, "not-undoable"),
        ]
        assert {key: contacts.get(tx, key) for key in mine} == mine
        assert contacts.get(tx, 2).owner_id == members.get(tx, "alice").id


def test_a_group_or_member_that_got_more_since_is_not_deleted_again(filled: App) -> None:
    with as_console(filled) as tx:
        group, member = deletion_of(tx, "move:partners"), member_deletion(tx, "carol")
    undone = {action.KIND: undo(filled, start(filled, action, []).id) for action in (group, member)}
    with as_console(filled) as tx:
        add_contact(tx, groups.get(tx, "clients"), "Newcomer", owner="bob", visibility=VISIBLE_TO_ALL)
        told = {"clients has contacts that came since: 13": "group delete clients --contacts move:partners"}
        told |= {"bob has contacts that came since: 13": "member delete bob --give-to carol"}
        for job, (message, command) in zip(undone.values(), told.items(), strict=True):
            with pytest.raises(NotUndoable, match=f"{message}.*sharedbook {command}"):
                bulk.Undo(job.id).check(tx)
        contacts.delete(tx, [13])
        contacts.give_to(tx, [13], None)
        teams.join(tx, "sales", "carol")
        teams.leave(tx, "sales", "bob")
        with pytest.raises(NotUndoable, match="teams or grants of bob were changed since"):
            bulk.Undo(undone["delete-member"].id).check(tx)
    erasure.erase(filled.site, CONSOLE, CLIENT, [13])
    with as_console(filled) as tx:
        contacts.edit(tx, [1], lambda card: column_edits.tag(card, ["later"], [], tx.site.limits))
    again = undo(filled, undone["delete-group"].id)
    assert again.state is State.PART
    with as_console(filled) as tx:
        refused = [each.contact_id for each in jobs.told(tx, again.id) if each.code]
        assert 1 in refused and groups.held_ids(tx, group_id(tx, "clients")) == refused, "it is open for them"


def test_what_was_merged_and_restored_is_merged_again_by_undo(filled: App) -> None:
    start(filled, actions.Merge(((1, 2),)), [1, 2])
    before = dump(filled)
    restored = start(filled, actions.Restore(), [2])
    assert dump(filled)["merged"] == [] != before["merged"]
    assert undo(filled, restored.id).state is State.DONE
    assert dump(filled) == before


def test_an_undo_of_what_is_forgotten_cannot_be_undone(filled: App) -> None:
    job = start(filled, actions.Tag(("vip",), ()), [1, 2])
    undone = undo(filled, job.id)
    with as_console(filled) as tx:
        rows.remove(tx.db, job.id)
        with pytest.raises(NotUndoable, match=f"what job {undone.id} has undone is forgotten"):
            bulk.Undo(undone.id).check(tx)


def test_an_empty_group_comes_back_once_and_not_under_a_name_that_is_taken(filled: App) -> None:
    with as_console(filled) as tx:
        groups.add(tx, "Empty")
        found = groups.plan_deletion(tx, "empty", contacts_to="keep")
    job = start(filled, actions.DeleteGroup(found.group.id, found.word, found.target.id), [])
    with as_console(filled) as tx:
        assert bulk.can_undo(tx, job)
        other = groups.add(tx, "Empty")
        assert other.slug == "empty-2"
    with pytest.raises(NameTaken):
        undo(filled, job.id)
    with as_console(filled) as tx:
        groups.rename(tx, other.slug, "Another")
    assert undo(filled, job.id).state is State.DONE
    with as_console(filled) as tx:
        assert groups.get(tx, "empty").emptied_at is None
        with pytest.raises(NotUndoable):
            bulk.undo_of(tx, job.id)


def test_a_detached_contact_is_its_directorys_again(filled: App) -> None:
    with as_console(filled) as tx:
        made = contacts.add(tx, groups.default(tx), vcard.parse(card("u", "Dana")), source="ldap://directory.example/")
    before = dump(filled)
    job = start(filled, actions.Detach(), [made.id])
    with as_console(filled) as tx:
        assert contacts.get(tx, made.id).source is None
        seq = tx.tick(ChangeKind.CONTACT, made.id)
    assert undo(filled, job.id).state is State.DONE
    assert dump(filled) == before
    with as_console(filled) as tx:
        assert [each.id for each in feed.log(tx, seq) if each.kind is ChangeKind.CONTACT] == [made.id]
        assert contacts.history(tx, made.id)[-1].event is Event.SOURCE


def test_what_lay_in_the_trash_stays_there_all_the_time(filled: App) -> None:
    with as_console(filled) as tx:
        contacts.delete(tx, [5])
        action = member_deletion(tx, "carol")
    undo(filled, start(filled, action, []).id)
    with as_console(filled) as tx:
        events = [step.event for step in contacts.history(tx, 5)]
    assert (events.count(Event.OWNER), events.count(Event.DELETED), events.count(Event.RESTORED)) == (2, 1, 0)


def test_a_contact_gets_its_name_back_though_its_tombstone_is_forgotten(filled: App) -> None:
    before = dump(filled)
    with as_console(filled) as tx:
        action = actions.Move(group_id(tx, "clients"), group_id(tx, "suppliers"))
    job = start(filled, action, [1, 3])
    with as_console(filled) as tx:
        assert memberships.prune_tombstones(tx.db, tx.now + timedelta(days=1)) > 0
    assert undo(filled, job.id).state is State.DONE
    assert dump(filled) == before


def test_a_contact_cannot_come_back_into_a_group_that_is_gone(filled: App) -> None:
    with as_console(filled) as tx:
        action = actions.Move(group_id(tx, "clients"), group_id(tx, "suppliers"))
    job = start(filled, action, [3, 5])
    with as_console(filled) as tx:
        deletion = deletion_of(tx, "keep")
    start(filled, deletion, [])
    before = dump(filled)
    undone = undo(filled, job.id)
    with as_console(filled, write=False) as tx:
        told = [(each.contact_id, each.code, each.message) for each in jobs.told(tx, undone.id)]
    assert told == [(key, "not-undoable", f"a group that held contact {key} is gone") for key in (3, 5)]
    assert dump(filled) == before


def test_a_contact_cannot_go_back_to_an_owner_who_is_gone(filled: App) -> None:
    with as_console(filled) as tx:
        action = actions.Owner(members.get(tx, "carol").id)
    job = start(filled, action, [5])
    with as_console(filled) as tx:
        deletion = member_deletion(tx, None)
    start(filled, deletion, [])
    before = dump(filled)
    undone = undo(filled, job.id)
    with as_console(filled, write=False) as tx:
        [told] = jobs.told(tx, undone.id)
    assert told.message == "the owner of contact 5, or a subject on its list, was deleted since"
    assert dump(filled) == before


def test_a_name_that_another_card_has_by_now_is_not_taken_back(filled: App) -> None:
    with as_console(filled) as tx:
        grants.grant(tx, "clients", "alice", Right.VIEW | Right.ADD)
        move = actions.Move(group_id(tx, "clients"), group_id(tx, "suppliers"))
        href, other = (names[move.source] for names in (snapshots.take(tx, [3, 5])[key].places for key in (3, 5)))
    job = start(filled, move, [3, 5])
    with as_member(filled, "alice", write=True) as tx:
        new = cards.put(tx, groups.book(tx, "clients"), href, card("uid-new", "New")).card.contact_id
    undone = undo(filled, job.id)
    with as_console(filled, write=False) as tx:
        [told] = jobs.told(tx, undone.id)
        assert (told.contact_id, told.message) == (3, "another card has its name in clients; it got a new one")
        found = {key: each.places for key, each in snapshots.take(tx, [3, 5, new]).items()}
    assert found[new] == {move.source: href} and found[5] == {move.source: other}
    assert found[3].keys() == {move.source} and found[3][move.source] != href


def test_one_comes_out_of_the_trash_into_the_default_group_only_with_a_uid_of_its_own(filled: App) -> None:
    with as_console(filled) as tx:
        uid = contacts.get(tx, 3).uid
        delete_group(tx, "clients", contacts_to="trash")
        contacts.add(tx, groups.default(tx), vcard.parse(card(uid, "Another")))
        with pytest.raises(UidConflict):
            trash.restore(tx, [3])


def test_no_undo_does_what_its_member_may_not_do_by_hand(filled: App) -> None:
    """Bob may edit contact 1, which is Alice's, and no more."""
    with as_console(filled) as tx:
        then, bob = snapshots.take(tx, [1])[1], members.get(tx, "bob").id
        suppliers, partners, now = group_id(tx, "suppliers"), group_id(tx, "partners"), tx.now
        before = contacts.get(tx, 1)
    with as_member(filled, "bob", write=True) as tx:
        assert snapshots.give_back(tx, {1: Past(then, 0, 0)}) == {} and contacts.get(tx, 1) == before
    for other in (
        replace(then, owner=bob),
        replace(then, source="ldap://directory.example/"),
        replace(then, visibility=VisibilityKind.PRIVATE),
        replace(then, places={suppliers: then.places[suppliers]}),
        replace(then, places={**then.places, partners: "a.vcf"}),
        replace(then, trashed=now),
    ):
        with as_member(filled, "bob", write=True) as tx, pytest.raises(Forbidden):
            snapshots.give_back(tx, {1: Past(other, 0, 0)})
