"""Grants: what is granted, since when, and who sees what through them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from sharedbook.app import App
from sharedbook.domain.errors import ContactNotFound, GroupNotFound, InvalidValue, SubjectNotFound
from sharedbook.domain.model import NO_RIGHTS, PRIVATE, VISIBLE_TO_ALL, ChangeKind, Right, Visibility, VisibilityKind
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts
from sharedbook.services.members import grants, members
from sharedbook.services.people import teams
from sharedbook.services.tx import Tx
from sharedbook.store import grants as rows
from sharedbook.store.schema import grants as table
from tests.services.people import Journal, add_contact, add_members, viewer
from tests.support.sites import as_console


def row(tx: Tx) -> tuple[int, int, bool]:
    """Mask, since, and whether it was revoked, of the one grant."""
    found = tx.db.execute(select(table)).one()
    return found.mask, found.since, found.revoked_at is not None


def test_a_grant_holds_since_it_was_first_made(app: App) -> None:
    add_members(app, "alice")
    with as_console(app) as tx:
        made = grants.grant(tx, "Contacts", "Alice", Right.EDIT)
        assert made.rights == Right.EDIT | Right.VIEW
        mask, since, revoked = row(tx)
        assert (Right(mask), revoked) == (made.rights, False)
        assert viewer(tx, "alice").view_since == {made.group_id: since}

        assert grants.grant(tx, "contacts", "alice", Right.VIEW).rights == Right.VIEW
        assert row(tx) == (Right.VIEW, since, False)

        grants.revoke(tx, "contacts", "alice")
        assert row(tx) == (0, since, True)
        assert viewer(tx, "alice").lost == {made.group_id}

        grants.grant(tx, "contacts", "alice", Right.ADD)
        mask, again, revoked = row(tx)
        assert (Right(mask), revoked) == (Right.ADD | Right.VIEW, False)
        assert again > since
        assert viewer(tx, "alice").lost == set()


def test_a_wrong_grant_changes_nothing(app: App) -> None:
    add_members(app, "alice")
    journal = Journal(app)
    with as_console(app) as tx:
        with pytest.raises(InvalidValue):
            grants.grant(tx, "contacts", "alice", NO_RIGHTS)
        with pytest.raises(GroupNotFound):
            grants.grant(tx, "nowhere", "alice", Right.VIEW)
        with pytest.raises(SubjectNotFound):
            grants.grant(tx, "contacts", "@nobody", Right.VIEW)
        with pytest.raises(SubjectNotFound, match="alice has no grant on contacts"):
            grants.revoke(tx, "contacts", "alice")
    assert journal.read() == ([], [])


def test_each_change_ticks_for_its_group_and_is_audited_once(app: App) -> None:
    with as_console(app) as tx:
        group = groups.default(tx)
    steps: list[tuple[str, Callable[[Tx], object]]] = [
        ("grant.set", lambda tx: grants.grant(tx, "contacts", "everyone", Right.VIEW)),
        ("grant.set", lambda tx: grants.grant(tx, "contacts", "everyone", Right.EDIT)),
        ("grant.revoke", lambda tx: grants.revoke(tx, "contacts", "everyone")),
        ("grant.set", lambda tx: grants.grant(tx, "contacts", "everyone", Right.VIEW)),
    ]
    for action, step in steps:
        journal = Journal(app)
        with as_console(app) as tx:
            step(tx)
        ticks, audited = journal.read()
        assert ([(tick.kind, tick.id) for tick in ticks], audited) == ([(ChangeKind.GROUP, group.id)], [action])


def test_grants_are_listed_by_group(app: App) -> None:
    add_members(app, "alice")
    with as_console(app) as tx:
        teams.add(tx, "sales")
        second = groups.add(tx, "Second")
        grants.grant(tx, "second", "@sales", Right.VIEW)
        for subject in ("postmasters", "everyone", "alice"):
            grants.grant(tx, "contacts", subject, Right.VIEW)
        grants.grant(tx, "second", "everyone", Right.VIEW)
        grants.revoke(tx, "second", "everyone")
        assert [grant.subject.label for grant in grants.list_grants(tx)] == [
            "everyone", "alice", "postmasters", "@sales",
        ]  # fmt: skip
        assert [(grant.group_id, grant.subject.label) for grant in grants.list_grants(tx, "second")] == [
            (second.id, "@sales")
        ]


# ---- lost books


def test_only_who_viewed_a_group_has_lost_it(app: App) -> None:
    add_members(app, "alice", "bob")
    with as_console(app) as tx:
        group = groups.default(tx)
        teams.add(tx, "sales")
        teams.join(tx, "sales", "alice")
        teams.leave(tx, "sales", "alice")
        grants.grant(tx, "contacts", "@sales", Right.VIEW)
        assert viewer(tx, "alice").lost == set(), "the grant came after alice had left"
        teams.join(tx, "sales", "bob")
        grants.revoke(tx, "contacts", "@sales")
        teams.join(tx, "sales", "alice")
        members.add(tx, "carol")
        assert viewer(tx, "alice").lost == set(), "the grant had gone when alice came back"
        assert viewer(tx, "bob").lost == {group.id}
        grants.grant(tx, "contacts", "everyone", Right.VIEW)
        grants.revoke(tx, "contacts", "everyone")
        members.add(tx, "dave")
        assert viewer(tx, "carol").lost == {group.id}
        assert viewer(tx, "dave").lost == set(), "dave is new"


def test_a_lost_book_goes_after_departure_days(app: App) -> None:
    add_members(app, "alice")
    days = app.settings.departure_days
    with as_console(app) as tx:
        group, alice = groups.default(tx), members.get(tx, "alice")
        now = datetime.now(UTC)
        rows.lose(tx.db, [alice.id], [group.id], now - timedelta(days=days, minutes=-1))
        assert viewer(tx, "alice").lost == {group.id}
        rows.lose(tx.db, [alice.id], [group.id], now - timedelta(days=days, minutes=1))
        assert viewer(tx, "alice").lost == set()


# ---- who can see


def test_who_can_see_names_members_and_their_groups(app: App) -> None:
    add_members(app, "alice", "bob", "carol", "dave", "erin")
    with as_console(app) as tx:
        first, second = groups.default(tx), groups.add(tx, "Second")
        team = teams.add(tx, "sales")
        teams.join(tx, "sales", "bob", "dave")
        members.change(tx, "erin", postmaster=True)
        grants.grant(tx, "contacts", "everyone", Right.VIEW)
        grants.grant(tx, "second", "@sales", Right.EDIT)
        members.disable(tx, "dave")

        def seers(visibility: Visibility, owner: str | None = None) -> dict[str, tuple[int, ...]]:
            contact = add_contact(tx, first, f"{owner}{visibility}", owner=owner, visibility=visibility)
            contacts.copy(tx, [contact.id], second)
            return {seer.member.name: seer.groups for seer in grants.who_can_see(tx, contact.id)}

        everyone = {"alice": (first.id,), "bob": (first.id, second.id), "carol": (first.id,), "erin": (first.id,)}
        assert seers(VISIBLE_TO_ALL) == everyone
        assert grants.viewers(tx, second.id) == ["bob"]
        assert seers(Visibility(VisibilityKind.LISTED, frozenset({team.id})), "carol") == {
            "bob": everyone["bob"],
            "carol": everyone["carol"],
        }
        assert seers(PRIVATE, "alice") == {"alice": everyone["alice"], "erin": everyone["erin"]}
        grants.revoke(tx, "contacts", "everyone")
        assert seers(VISIBLE_TO_ALL, "alice") == {"bob": (second.id,)}


def test_nobody_sees_the_trash(app: App) -> None:
    add_members(app, "alice")
    with as_console(app) as tx:
        grants.grant(tx, "contacts", "everyone", Right.VIEW)
        contact = add_contact(tx, groups.default(tx), "x", visibility=VISIBLE_TO_ALL)
        assert len(grants.who_can_see(tx, contact.id)) == 1
        contacts.delete(tx, [contact.id])
        assert grants.who_can_see(tx, contact.id) == []
        with pytest.raises(ContactNotFound):
            grants.who_can_see(tx, contact.id + 1)
