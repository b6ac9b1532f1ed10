"""What bulk actions, their plans and their undo do not do: without the right, after what they need is gone, or half."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from sharedbook.app import App
from sharedbook.domain.errors import Forbidden, JobStopped, PlanOutdated
from sharedbook.domain.model import Progress, Right, VisibilityKind
from sharedbook.formats.entries import column_edits
from sharedbook.services.audit import audit_log
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts, custom_fields
from sharedbook.services.erasing import erasure
from sharedbook.services.jobs import actions, batches, bulk, jobs
from sharedbook.services.jobs.actions import Action
from sharedbook.services.jobs.jobs import State
from sharedbook.services.members import grants
from sharedbook.services.tx import MemberActor
from tests.services.bulk_sites import ALL, deletion_of, group_id, member_deletion, start, undo
from tests.support.sites import CLIENT, CONSOLE, as_console

BOB = MemberActor("bob")
MAIL = "kim@wyvern.example"


def bob_does(app: App, action: Action, ids: Sequence[int]) -> int:
    with app.begin(BOB, CLIENT, write=True) as tx:
        job = bulk.add(tx, action, ids)
    assert bulk.run(app, BOB, CLIENT, job.id).state is State.DONE
    return job.id


def refused(app: App, job_id: int) -> dict[int, str]:
    """Contact -> code of what the undo of a job by Bob is refused."""
    with app.begin(BOB, CLIENT, write=True) as tx:
        job = bulk.add(tx, *bulk.undo_of(tx, job_id))
    bulk.run(app, BOB, CLIENT, job.id)
    with app.begin(BOB, CLIENT) as tx:
        return {each.contact_id: each.code for each in jobs.told(tx, job.id)}


def version_of(app: App, contact_id: int) -> int:
    with as_console(app, write=False) as tx:
        return contacts.get(tx, contact_id).version


def interrupt(_progress: Progress) -> None:
    raise KeyboardInterrupt


def test_only_postmasters_begin_what_is_theirs(filled: App) -> None:
    with as_console(filled) as tx:
        theirs = [actions.Restore(), actions.Owner(None), actions.Detach()]
        theirs += [deletion_of(tx, "keep"), member_deletion(tx, None)]
    with filled.begin(BOB, CLIENT, write=True) as tx:
        for action in theirs:
            with pytest.raises(Forbidden):
                bulk.add(tx, action, [1])
        assert jobs.list_jobs(tx) == []


def test_undo_asks_for_the_rights_of_doing_it_by_hand(filled: App) -> None:
    """Bob may edit in clients; 7 is his own, 9 nobody's."""
    with as_console(filled) as tx:
        grants.grant(tx, "suppliers", "bob", Right.VIEW | Right.ADD)
        suppliers = group_id(tx, "suppliers")
    tagged = bob_does(filled, actions.Tag(("vip",), ()), [1])
    assert refused(filled, tagged) == {}
    copied = bob_does(filled, actions.Copy(suppliers), [9])
    assert refused(filled, copied) == {9: "forbidden"}
    hide = actions.SetVisibility(VisibilityKind.PRIVATE.value)
    hidden = bob_does(filled, hide, [7])
    version = version_of(filled, 7)
    assert refused(filled, hidden) == {} and version_of(filled, 7) > version
    hidden = bob_does(filled, hide, [7])
    with as_console(filled) as tx:
        grants.revoke(tx, "clients", "bob")
    assert refused(filled, hidden) == {7: "forbidden"}
    with as_console(filled, write=False) as tx:
        assert suppliers in contacts.get(tx, 9).groups
        assert contacts.get(tx, 7).visibility.kind is VisibilityKind.PRIVATE
        undone = [each.ids["contacts"] for each in audit_log.entries(tx) if each.action == "job.undo"]
    assert undone == [[1], [7]]


def test_what_an_erasure_has_forgotten_is_not_given_back(filled: App) -> None:
    with as_console(filled) as tx:
        contacts.edit(tx, [1], lambda card: column_edits.tag(card, [MAIL], [], tx.site.limits))
    job = start(filled, actions.Tag((), (MAIL,)), [1])
    erasure.erase(filled.site, CONSOLE, CLIENT, [9], subject=MAIL)
    undone = undo(filled, job.id)
    with as_console(filled, write=False) as tx:
        assert [each.message for each in jobs.told(tx, undone.id)] == ["what it was before was erased"]


def test_the_values_of_a_field_that_is_gone_are_not_given_back(filled: App) -> None:
    with as_console(filled) as tx:
        field = custom_fields.add(tx, "Size")
        custom_fields.write(tx, 9, {field.id: ("41",)})
        custom_fields.write(tx, 10, {field.id: ("42",)})
    merged = start(filled, actions.Merge(((9, 10),), chosen=(("custom:Size", 10),)), [9, 10])
    with as_console(filled) as tx:
        assert custom_fields.values(tx, 9) == {field.id: ("42",)}
        custom_fields.remove(tx, "Size")
    assert undo(filled, merged.id).state is State.DONE
    with as_console(filled, write=False) as tx:
        assert contacts.get(tx, 10).trashed_at is None and custom_fields.values(tx, 9) == {}


def test_a_plan_is_outdated_when_a_contact_of_it_is_gone(filled: App) -> None:
    plan = bulk.plan(filled, CONSOLE, CLIENT, actions.Delete(), [1, 9])
    erasure.erase(filled.site, CONSOLE, CLIENT, [9])
    with as_console(filled) as tx, pytest.raises(PlanOutdated, match="contacts that are gone"):
        bulk.apply(tx, plan.job.id)


def test_a_dry_run_that_is_stopped_leaves_no_plan(filled: App) -> None:
    with pytest.raises(KeyboardInterrupt):
        bulk.plan(filled, CONSOLE, CLIENT, actions.Delete(), ALL, interrupt)
    with as_console(filled, write=False) as tx:
        assert jobs.list_jobs(tx) == []


def test_the_plan_of_an_undo_is_not_applied_while_its_job_goes_on(filled: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH_CONTACTS", 2)
    with as_console(filled) as tx:
        job = bulk.add(tx, actions.Copy(groups.default(tx).id), ALL)
    with pytest.raises(KeyboardInterrupt):
        bulk.run(filled, CONSOLE, CLIENT, job.id, interrupt)
    with as_console(filled) as tx:
        action, ids = bulk.undo_of(tx, job.id)
    plan = bulk.plan(filled, CONSOLE, CLIENT, action, ids)
    with as_console(filled) as tx:
        jobs.wait(tx, job.id)
        with pytest.raises(JobStopped, match="can be undone once it has ended"):
            bulk.apply(tx, plan.job.id)
