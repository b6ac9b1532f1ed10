"""History: what each step changed, who last changed a field, back to an earlier text; with what time has taken."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from sharedbook.app import App
from sharedbook.domain.errors import ContactNotFound, Forbidden, InvalidValue, NotFound, Protected, UidConflict
from sharedbook.domain.model import Event, Right, Visibility, VisibilityKind
from sharedbook.formats.vcards import vcard
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts, history
from sharedbook.services.members import grants, members
from sharedbook.services.upkeep import housekeeping
from sharedbook.store.schema import revisions
from tests.support.owners import set_owner
from tests.support.sites import as_console, as_member, card

FIRST = card("u-1", "Minji Kim", "TITLE:Clerk", "X-ODD;A=b:kept\\, as  it is", "EMAIL:a@example.com")
SECOND = card("u-1", "Minji Kim", "TITLE:Head", "EMAIL:a@example.com", "EMAIL:b@example.com")
THIRD = card("u-1", "Minji Kim", "EMAIL:b@example.com", "CATEGORIES:vip")


@pytest.fixture
def site(app: App) -> App:
    """Contact 1 of the group clients: added by the console, edited by alice and then by bob."""
    with as_console(app) as tx:
        for login in ("alice", "bob", "carol"):
            members.add(tx, login)
        clients = groups.add(tx, "Clients")
        for login in ("alice", "bob"):
            grants.grant(tx, "clients", login, Right.VIEW | Right.EDIT)
        grants.grant(tx, "clients", "carol", Right.VIEW)
        contacts.add(tx, clients, vcard.parse(FIRST))
    edit(app, "alice", SECOND)
    edit(app, "bob", THIRD)
    return app


def edit(site: App, login: str, text: str) -> None:
    with as_member(site, login, write=True) as tx:
        contacts.replace(tx, 1, vcard.parse(text))


def steps(site: App) -> list[history.Step]:
    with as_console(site, write=False) as tx:
        return history.steps(tx, 1)


def why(site: App, field: str) -> history.Origin:
    with as_console(site, write=False) as tx:
        return history.why(tx, 1, field)


def age(site: App, days: int, *events: Event) -> None:
    """Makes the steps written so far so many days older, as if the clock had moved."""
    with as_console(site) as tx:
        for key, at, event in tx.db.execute(select(revisions.c.id, revisions.c.at, revisions.c.event)).all():
            if not events or event in events:
                tx.db.execute(update(revisions).where(revisions.c.id == key).values(at=at - timedelta(days=days)))


def test_each_step_has_the_texts_around_it_and_says_what_changed(site: App) -> None:
    found = steps(site)
    assert [(step.revision.event, step.revision.actor) for step in found] == [
        (Event.ADDED, "root"), (Event.EDITED, "alice"), (Event.EDITED, "bob"),
    ]  # fmt: skip
    assert [(step.before, step.after) for step in found] == [(None, FIRST), (FIRST, SECOND), (SECOND, THIRD)]
    assert all(step.known and step.whole for step in found)
    assert {(each.name, each.before, each.after) for each in found[1].by_field} == {
        ("title", "Clerk", "Head"), ("X-ODD", "kept, as  it is", None), ("email.2", None, "b@example.com"),
    }  # fmt: skip
    assert {(each.name, each.before, each.after) for each in found[1].by_property} == {
        ("TITLE", "TITLE:Clerk", "TITLE:Head"),
        ("X-ODD", "X-ODD;A=b:kept\\, as  it is", None),
        ("EMAIL", None, "EMAIL:b@example.com"),
    }
    assert {each.name: each.after for each in found[0].by_field}["title"] == "Clerk"


def test_a_step_beside_the_card_changes_no_field(site: App) -> None:
    with as_console(site) as tx:
        set_owner(tx, [1], "carol")
    last = steps(site)[-1]
    assert (last.revision.event, last.by_field, last.by_property) == (Event.OWNER, [], [])
    assert last.before == last.after == THIRD


@pytest.mark.parametrize(
    ("field", "actor", "value", "before"),
    [
        ("name", "root", "Minji Kim", None),
        ("title", "bob", None, "Head"),
        ("email", "alice", "b@example.com", "a@example.com"),
        ("tags", "bob", "vip", None),
        ("x-odd", "alice", None, "kept, as  it is"),
    ],
)
def test_a_field_has_who_changed_it_last(
    site: App, field: str, actor: str, value: str | None, before: str | None
) -> None:
    """A value that only went from the second place to the first comes from who brought it."""
    found = why(site, field)
    assert (found.revision.actor, found.value, found.before, found.certain) == (actor, value, before, True)
    assert found.revision.client.startswith("carddav" if actor != "root" else "cli")


def test_what_never_was_has_no_origin(site: App) -> None:
    for field, says in (("birthday", "never had"), ("photo", "never had"), ("titel", "title")):
        with pytest.raises(InvalidValue, match=says):
            why(site, field)
    with as_member(site, "carol") as tx:
        assert history.why(tx, 1, "title").revision.actor == "bob"
        with pytest.raises(ContactNotFound):
            history.why(tx, 2, "title")


def test_reverting_gives_back_the_exact_bytes_as_a_new_step(site: App) -> None:
    for place, text in ((0, FIRST), (1, SECOND), (0, FIRST)):
        with as_member(site, "alice", write=True) as tx:
            done = history.revert(tx, 1, steps(site)[place].revision.id)
        assert (done.contact.vcard, done.changed, done.notes) == (text, True, [])
    last = steps(site)[-1]
    assert (last.revision.event, last.revision.actor, last.after) == (Event.REVERTED, "alice", FIRST)
    assert why(site, "title").revision.id == last.revision.id
    with as_console(site) as tx:
        assert not history.revert(tx, 1, steps(site)[0].revision.id).changed
    assert len(steps(site)) == 6


def test_reverting_says_what_it_leaves(site: App) -> None:
    with as_console(site) as tx:
        contacts.copy(tx, [1], groups.add(tx, "Press"))
        set_owner(tx, [1], "carol")
        contacts.set_visibility(tx, [1], Visibility(VisibilityKind.LISTED, frozenset({members.get(tx, "alice").id})))
        done = history.revert(tx, 1, history.steps(tx, 1)[0].revision.id)
        assert [note.split(":")[0] for note in done.notes] == ["groups", "owner", "visibility"]
        assert len(done.contact.groups) == 2 and done.contact.owner_id is not None


def test_reverting_is_refused_where_it_cannot_be(site: App) -> None:
    ids = [step.revision.id for step in steps(site)]
    with as_member(site, "carol", write=True) as tx, pytest.raises(Forbidden):
        history.revert(tx, 1, ids[0])
    with as_console(site) as tx:
        contacts.add(tx, groups.get(tx, "clients"), vcard.parse(card("u-2", "Other")))
        other = history.steps(tx, 2)[0].revision.id
        for wrong in (other, 999_999):
            with pytest.raises(NotFound, match="no revision"):
                history.revert(tx, 1, wrong)
        tx.db.execute(update(revisions).where(revisions.c.id == ids[1]).values(before=card("u-2", "Minji Kim")))
        with pytest.raises(UidConflict):
            history.revert(tx, 1, ids[0])
        contacts.delete(tx, [1])
        with pytest.raises(Protected, match="trash"):
            history.revert(tx, 1, ids[1])
    with as_console(site, write=False) as tx:
        assert contacts.get(tx, 1).vcard == THIRD


def test_an_erased_text_is_not_guessed(site: App) -> None:
    with as_console(site) as tx:
        ids = [step.revision.id for step in history.steps(tx, 1)]
        tx.db.execute(update(revisions).where(revisions.c.id == ids[2]).values(before=None))
    found = steps(site)
    assert [step.known for step in found] == [True, False, False]
    assert found[1].by_field == found[2].by_property == []
    with as_console(site) as tx, pytest.raises(Protected, match="erased"):
        history.revert(tx, 1, ids[1])
    assert (why(site, "title").certain, why(site, "title").revision.id) == (False, ids[2])


def test_edits_go_after_sixty_days_and_the_first_text_stays(site: App) -> None:
    age(site, 59)
    assert housekeeping.run(site.site).revisions == 0
    age(site, 2)
    assert all(step.whole for step in steps(site))  # old, but none is forgotten yet
    edit(site, "alice", SECOND)
    assert housekeeping.run(site.site).revisions == 1
    found = steps(site)
    assert [step.revision.actor for step in found] == ["root", "alice", "alice"]
    assert [step.after for step in found] == [FIRST, THIRD, SECOND]
    assert [step.whole for step in found] == [True, False, True]
    assert (why(site, "title").certain, why(site, "X-ODD").certain, why(site, "name").certain) == (True, False, True)
    with as_console(site) as tx:
        assert "forgotten" in history.revert(tx, 1, found[1].revision.id).notes[0]
        assert history.revert(tx, 1, found[0].revision.id).contact.vcard == FIRST
    age(site, 1000)
    housekeeping.run(site.site)
    assert [(step.revision.event, step.after) for step in steps(site)] == [(Event.ADDED, FIRST), (Event.EDITED, FIRST)]


def test_the_beginning_is_never_too_old(site: App) -> None:
    age(site, 10_000, Event.ADDED)
    assert housekeeping.run(site.site).revisions == 0
    assert [step.after for step in steps(site)] == [FIRST, SECOND, THIRD]
