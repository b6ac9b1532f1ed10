"""Teams: who is in which, since when, and what the end of a team does."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from sharedbook.app import App
from sharedbook.domain.errors import InvalidName, NameTaken, SubjectNotFound
from sharedbook.domain.model import ChangeKind, Right, Visibility, VisibilityKind
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts
from sharedbook.services.members import grants, members
from sharedbook.services.people import subjects, teams
from sharedbook.services.tx import Tx
from sharedbook.store.schema import departures, team_members
from tests.services.people import Journal, add_contact, add_members, viewer
from tests.support.sites import as_console


def names(tx: Tx) -> dict[str, list[str]]:
    """Team -> logins."""
    return {info.team.name: [member.login for member in info.members] for info in teams.list_teams(tx)}


def test_teams_hold_members_under_a_folded_name(app: App) -> None:
    add_members(app, "bob", "alice")
    with as_console(app) as tx:
        assert teams.add(tx, "@Vertrieb Süd").name == "vertrieb süd"
        teams.add(tx, "it")
        teams.join(tx, "Vertrieb SÜD", "Bob", "alice", "bob")
        teams.join(tx, "vertrieb süd", "alice")
        assert names(tx) == {"it": [], "vertrieb süd": ["alice", "bob"]}
        teams.leave(tx, "@vertrieb süd", "BOB")
        assert names(tx)["vertrieb süd"] == ["alice"]
        with pytest.raises(NameTaken):
            teams.add(tx, "IT")


def test_what_cannot_be_a_team(app: App) -> None:
    with as_console(app) as tx:
        for name in ("", "@", "a,b", "a\nb@c", "-a", "a/b", "x" * 101):
            with pytest.raises(InvalidName):
                teams.add(tx, name)


def test_one_wrong_name_and_nobody_moves(app: App) -> None:
    add_members(app, "alice", "bob")
    with as_console(app) as tx:
        teams.add(tx, "sales")
        teams.join(tx, "sales", "alice")
        with pytest.raises(SubjectNotFound):
            teams.join(tx, "sales", "bob", "nobody")
        with pytest.raises(SubjectNotFound):
            teams.join(tx, "support", "bob")
        with pytest.raises(SubjectNotFound, match="bob is not in @sales"):
            teams.leave(tx, "sales", "alice", "bob")
        assert names(tx) == {"sales": ["alice"]}


def test_joining_leaving_and_joining_again(app: App) -> None:
    add_members(app, "alice")
    with as_console(app) as tx:
        team = teams.add(tx, "sales")
        teams.join(tx, "sales", "alice")
        first = viewer(tx, "alice").subject_since[team.id]
        teams.leave(tx, "sales", "alice")
        assert team.id not in viewer(tx, "alice").subjects
        row = tx.db.execute(select(team_members).where(team_members.c.team_id == team.id)).one()
        assert (row.since, row.left_at is not None) == (first, True)
        teams.join(tx, "sales", "alice")
        row = tx.db.execute(select(team_members).where(team_members.c.team_id == team.id)).one()
        assert row.left_at is None
        assert viewer(tx, "alice").subject_since[team.id] == row.since > first


def test_each_who_joins_or_leaves_ticks(app: App) -> None:
    add_members(app, "alice", "bob", "carol")
    with as_console(app) as tx:
        ids = {login: members.get(tx, login).id for login in ("alice", "bob", "carol")}
        teams.add(tx, "sales")
        teams.join(tx, "sales", "carol")
    journal = Journal(app)
    with as_console(app) as tx:
        teams.join(tx, "sales", "alice", "bob", "carol")
    ticks, audited = journal.read()
    assert [(tick.kind, tick.id) for tick in ticks] == [(ChangeKind.SUBJECT, ids[each]) for each in ("alice", "bob")]
    assert audited == ["team.join"]
    journal = Journal(app)
    with as_console(app) as tx:
        teams.leave(tx, "sales", "bob")
    ticks, audited = journal.read()
    assert ([tick.id for tick in ticks], audited) == ([ids["bob"]], ["team.leave"])
    journal = Journal(app)
    with as_console(app) as tx:
        teams.join(tx, "sales", "alice")
    assert journal.read() == ([], [])


def test_a_deleted_team_is_named_nowhere(app: App) -> None:
    add_members(app, "alice", "bob")
    with as_console(app) as tx:
        group = groups.default(tx)
        team = teams.add(tx, "sales")
        teams.join(tx, "sales", "alice")
        grants.grant(tx, group.slug, "@sales", Right.EDIT)
        bob = members.get(tx, "bob").id
        listing = add_contact(tx, group, "x", visibility=Visibility(VisibilityKind.LISTED, frozenset({team.id, bob})))
        assert [seer.member.name for seer in grants.who_can_see(tx, listing.id)] == ["alice"]
    journal = Journal(app)
    with as_console(app) as tx:
        teams.delete(tx, "@Sales")
    ticks, audited = journal.read()
    alice = next(tick.id for tick in ticks)
    assert {(tick.kind, tick.id) for tick in ticks} == {
        (ChangeKind.SUBJECT, alice),
        (ChangeKind.SUBJECT, team.id),
        (ChangeKind.GROUP, group.id),
        (ChangeKind.CONTACT, listing.id),
    }
    assert audited == ["team.delete"]
    with as_console(app) as tx:
        who = viewer(tx, "alice")
        assert not who.rights
        assert who.lost == {group.id}
        assert team.id not in who.subjects
        assert names(tx) == {}
        assert grants.list_grants(tx) == []
        assert contacts.get(tx, listing.id).visibility.listed == {bob}
        left = tx.db.execute(select(departures.c.subject_id, departures.c.since)).all()
        assert sorted(row.subject_id for row in left) == sorted([team.id, bob])
        with pytest.raises(SubjectNotFound):
            subjects.resolve(tx, "@sales")
        assert teams.add(tx, "sales").id > team.id
