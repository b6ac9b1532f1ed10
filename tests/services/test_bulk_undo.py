"""Each kind of bulk action is undone to the very same site, and touches nothing that was changed since."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sharedbook.app import App
from sharedbook.domain.errors import NameTaken, NotUndoable
from sharedbook.domain.model import VISIBLE_TO_ALL
from sharedbook.formats.entries import column_edits
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts
from sharedbook.services.erasing import erasure
from sharedbook.services.jobs import actions, bulk, jobs
from sharedbook.services.jobs.actions import Action
from sharedbook.services.jobs.jobs import State
from sharedbook.services.members import members
from sharedbook.services.people import subjects, teams
from sharedbook.services.tx import Tx
from sharedbook.store import jobs as rows
from tests.services.bulk_sites import ALL, deletion_of, dump, fill, group_id, member_deletion, start, undo
from tests.services.people import add_contact
from tests.support.sites import CLIENT, CONSOLE, as_console

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
