"""Members: names, the last postmaster, who may do what, what a deletion passes on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from sharedbook.app import App
from sharedbook.domain.access import Viewer
from sharedbook.domain.errors import (
    Forbidden,
    InvalidName,
    InvalidValue,
    NameTaken,
    Protected,
    SharedbookError,
    SubjectNotFound,
)
from sharedbook.domain.model import PRIVATE, ChangeKind, Event, Member, Right, SubjectKind, Visibility, VisibilityKind
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts
from sharedbook.services.members import grants, member_import, members, password_links
from sharedbook.services.members.member_import import Result
from sharedbook.services.people import subjects, teams
from sharedbook.services.tx import Tx
from sharedbook.store.schema import app_passwords, departures
from sharedbook.store.schema import subjects as rows
from tests.services.people import PASSWORD, Journal, add_contact, add_members, viewer
from tests.support.sites import CLIENT, as_console, as_member

BOTH = frozenset({"carddav", "ldap"})


def test_a_login_is_folded_and_found_in_any_case(app: App) -> None:
    with as_console(app) as tx:
        added = members.add(tx, " Alice.Ｋim@Example.com", display_name=" Alice  Kim ", email="A.Kim@Example.COM")
        assert added == Member(added.id, "alice.kim@example.com", "Alice Kim", "a.kim@example.com", False, False)
        assert members.get(tx, "ALICE.KIM@example.com") == added
        with pytest.raises(NameTaken):
            members.add(tx, "ALICE.kim@example.com")


def test_what_cannot_be_a_login(app: App) -> None:
    wrong = ["", " ", "a b", "@alice", ".alice", "-v", "alice/bob", "김", "a" * 101, "Everyone", "postmasters"]
    with as_console(app) as tx:
        for login in wrong:
            with pytest.raises(InvalidName):
                members.add(tx, login)


def test_what_cannot_be_a_mail_address(app: App) -> None:
    with as_console(app) as tx:
        for email in ["alice", "@example.com", "alice@", "al ice@example.com", "a" * 250 + "@b.cd"]:
            with pytest.raises(InvalidValue) as raised:
                members.add(tx, "alice", email=email)
            assert raised.value.field == "email"


def test_what_cannot_be_a_display_name(app: App) -> None:
    with as_console(app) as tx:
        for name in ("a" * 101, "a\x00b"):
            with pytest.raises(InvalidValue):
                members.add(tx, "alice", display_name=name)


def test_a_login_may_be_given_again_but_its_id_is_new(app: App) -> None:
    with as_console(app) as tx:
        first = members.add(tx, "alice", display_name="Alice", email="alice@example.com", password=PASSWORD)
        members.delete(tx, "alice", give_to=None)
        assert members.list_members(tx) == []
        with pytest.raises(SubjectNotFound):
            members.get(tx, "alice")
        second = members.add(tx, "alice")
        assert second.id > first.id
        assert subjects.by_ids(tx, [first.id, second.id, 99999]).keys() == {first.id, second.id}
        buried = tx.db.execute(select(rows).where(rows.c.id == first.id)).one()
        assert (buried.name, buried.display_name, buried.email, buried.password) == ("alice", "", "", None)


def test_change_keeps_what_is_not_given(app: App) -> None:
    with as_console(app) as tx:
        members.add(tx, "alice", display_name="Alice", email="alice@example.com")
        changed = members.change(tx, "Alice", email="")
        assert (changed.display_name, changed.email, changed.postmaster) == ("Alice", "", False)
        assert members.change(tx, "alice", postmaster=True).postmaster
        assert viewer(tx, "alice").postmaster


# ---- the last postmaster

ENDS: list[Callable[[Tx, str], object]] = [
    lambda tx, login: members.change(tx, login, postmaster=False),
    members.disable,
    lambda tx, login: members.delete(tx, login, give_to=None),
]


@pytest.mark.parametrize("end", ENDS)
def test_the_last_postmaster_stays(app: App, end: Callable[[Tx, str], object]) -> None:
    add_members(app, "alice", "bob", "carol", postmaster=True)
    with as_console(app) as tx:
        members.disable(tx, "carol")
        end(tx, "bob")
    with as_console(app) as tx:
        with pytest.raises(Protected, match="alice is the last postmaster"):
            end(tx, "alice")
        end(tx, "carol")
        assert members.get(tx, "alice").postmaster


# ---- who may

MANAGING: list[Callable[[Tx], object]] = [
    lambda tx: members.add(tx, "dave"),
    members.list_members,
    lambda tx: members.get(tx, "bob"),
    lambda tx: members.change(tx, "alice", display_name="A"),
    lambda tx: members.disable(tx, "alice"),
    lambda tx: members.enable(tx, "alice"),
    lambda tx: members.set_password(tx, "bob", PASSWORD),
    lambda tx: members.delete(tx, "alice", give_to=None),
    lambda tx: members.app_password_add(tx, "bob", "phone", doors=BOTH, write=True),
    lambda tx: members.app_password_list(tx, "bob"),
    lambda tx: members.app_password_revoke(tx, "bob", "phone"),
    lambda tx: teams.add(tx, "sales"),
    teams.list_teams,
    lambda tx: teams.join(tx, "sales", "alice"),
    lambda tx: teams.leave(tx, "sales", "alice"),
    lambda tx: teams.delete(tx, "sales"),
    lambda tx: grants.grant(tx, "contacts", "alice", Right.VIEW),
    lambda tx: grants.revoke(tx, "contacts", "alice"),
    grants.list_grants,
    lambda tx: grants.who_can_see(tx, 1),
    lambda tx: grants.viewers(tx, 1),
    lambda tx: members.plan_deletion(tx, "alice", give_to=None),
    lambda tx: members.contacts_of(tx, members.get(tx, "alice")),
    lambda tx: members.release(tx, members.get(tx, "alice"), [1], None),
    lambda tx: members.revive(tx, "alice", 1, members.Past((), ())),
    lambda tx: password_links.make(tx, "alice", timedelta(hours=1)),
    lambda tx: member_import.run(tx, "ldap://directory.example/", [], disable_gone=True),
]


def test_only_postmasters_on_the_console_manage(app: App) -> None:
    add_members(app, "alice", "bob", postmaster=True)
    journal = Journal(app)
    for action in MANAGING:
        with as_member(app, "alice", write=True) as tx, pytest.raises(Forbidden):
            action(tx)
    assert journal.read() == ([], [])


def test_members_of_two_directories(app: App) -> None:
    one, other = "ldap://one.example/", "ldap://other.example/"
    entries = [member_import.Entry(f"uid={login}", login, "", "") for login in ("alice", "dana")]
    add_members(app, "alice")
    with as_console(app) as tx:
        added = member_import.run(tx, one, entries, disable_gone=True)
        assert [each.message.partition(" (")[0] for each in added] == ["alice was added here", ""]
        clash = member_import.run(tx, other, entries[1:], disable_gone=True)
        assert [(each.code, each.message.partition(" (")[0]) for each in clash] == [
            ("name-taken", f"dana comes from {one}")
        ]
        assert member_import.run(tx, other, [], disable_gone=True) == []
        gone = [member_import.run(tx, one, [], disable_gone=True) for _ in range(2)]
        assert [[(each.login, each.result) for each in some] for some in gone] == [
            [("dana", Result.DISABLED)],
            [("dana", Result.GONE)],
        ]


def test_a_member_keeps_his_own_password_and_app_passwords(app: App) -> None:
    add_members(app, "alice")
    with as_member(app, "alice", write=True) as tx:
        assert members.get(tx, "Alice").login == "alice"
        members.set_password(tx, "alice", PASSWORD)
        members.app_password_add(tx, "alice", "phone", doors=BOTH, write=True)
        assert [each.label for each in members.app_password_list(tx, "alice")] == ["phone"]
        members.app_password_revoke(tx, "alice", "phone")
        assert members.app_password_list(tx, "alice") == []


def test_who_logged_in_to_read_cannot_set_his_password(app: App) -> None:
    add_members(app, "alice")
    with as_console(app) as tx:
        who: Viewer = viewer(tx, "alice").as_read_only()
    with app.begin(who, CLIENT, write=True) as tx, pytest.raises(Forbidden):
        members.set_password(tx, "alice", PASSWORD)


# ---- each write: the clock and the audit


def test_each_write_ticks_for_its_member_and_is_audited_once(app: App) -> None:
    with as_console(app) as tx:
        alice = members.add(tx, "alice", postmaster=True).id
        bob = members.add(tx, "bob").id
    steps: list[tuple[Callable[[Tx], object], str]] = [
        (lambda tx: members.change(tx, "bob", display_name="Bob", postmaster=True), "member.change"),
        (lambda tx: members.disable(tx, "bob"), "member.disable"),
        (lambda tx: members.enable(tx, "bob"), "member.enable"),
        (lambda tx: members.set_password(tx, "bob", PASSWORD), "member.password"),
        (lambda tx: members.app_password_add(tx, "bob", "x", doors=BOTH, write=False), "member.app-password.add"),
        (lambda tx: members.app_password_revoke(tx, "bob", "x"), "member.app-password.revoke"),
        (lambda tx: members.delete(tx, "bob", give_to="alice"), "member.delete"),
    ]
    for step, action in steps:
        journal = Journal(app)
        with as_console(app) as tx:
            step(tx)
        ticks, audited = journal.read()
        assert {(tick.kind, tick.id) for tick in ticks} == {(ChangeKind.SUBJECT, bob)}, action
        assert audited == [action]
    assert alice != bob


def test_a_link_changes_nothing_and_is_audited(app: App) -> None:
    add_members(app, "alice")
    journal = Journal(app)
    with as_console(app) as tx:
        password_links.make(tx, "alice", timedelta(hours=1))
    assert journal.read() == ([], ["member.link"])


@pytest.mark.parametrize("step", [members.disable, members.enable])
def test_doing_it_twice_writes_once(app: App, step: Callable[[Tx, str], Member]) -> None:
    add_members(app, "alice")
    with as_console(app) as tx:
        step(tx, "alice")
    journal = Journal(app)
    with as_console(app) as tx:
        step(tx, "alice")
    assert journal.read() == ([], [])


def test_enabling_begins_anew(app: App) -> None:
    add_members(app, "alice")
    with as_console(app) as tx:
        before = viewer(tx, "alice").subject_since
        members.disable(tx, "alice")
        members.enable(tx, "alice")
        after = viewer(tx, "alice").subject_since
    assert before.keys() == after.keys()
    assert all(after[subject] > before[subject] for subject in before)


# ---- deletion


def _listed(tx: Tx, *logins: str) -> Visibility:
    return Visibility(VisibilityKind.LISTED, frozenset(members.get(tx, login).id for login in logins))


def test_a_deleted_members_contacts_pass_on_and_no_list_names_him(app: App) -> None:
    add_members(app, "alice", "bob", "carol")
    with as_console(app) as tx:
        group = groups.default(tx)
        alice, bob = members.get(tx, "alice").id, members.get(tx, "bob").id
        own = add_contact(tx, group, "own", owner="alice", visibility=PRIVATE)
        listing = add_contact(tx, group, "listing", owner="carol", visibility=_listed(tx, "alice", "bob"))
        others = add_contact(tx, group, "others", owner="carol", visibility=_listed(tx, "bob"))
        grants.grant(tx, group.slug, "alice", Right.VIEW)
        members.app_password_add(tx, "alice", "phone", doors=BOTH, write=True)
    with as_console(app) as tx:
        assert members.delete(tx, "alice", give_to="Bob") == 1
        assert contacts.get(tx, own.id).owner_id == bob
        assert contacts.get(tx, own.id).visibility == PRIVATE
        assert contacts.get(tx, listing.id).visibility.listed == {bob}
        assert contacts.get(tx, others.id) == others
        assert grants.list_grants(tx) == []
        assert tx.db.execute(select(app_passwords.c.revoked_at)).scalar_one() is not None
        gone = tx.db.execute(select(departures.c.subject_id).where(departures.c.subject_id == alice)).scalars().all()
        assert gone == [alice, alice]
        assert contacts.history(tx, own.id)[-1].event is Event.OWNER
        assert contacts.history(tx, listing.id)[-1].event is Event.VISIBILITY


def test_contacts_become_unowned_without_an_heir(app: App) -> None:
    add_members(app, "alice")
    with as_console(app) as tx:
        own = add_contact(tx, groups.default(tx), "own", owner="alice", visibility=PRIVATE)
        assert members.delete(tx, "alice", give_to=None) == 1
        assert contacts.get(tx, own.id).owner_id is None


@pytest.mark.parametrize(("heir", "error"), [("nobody", SubjectNotFound), ("ALICE", InvalidValue)])
def test_a_wrong_heir_deletes_nobody(app: App, heir: str, error: type[SharedbookError]) -> None:
    add_members(app, "alice")
    journal = Journal(app)
    with as_console(app) as tx, pytest.raises(error):
        members.delete(tx, "alice", give_to=heir)
    assert journal.read() == ([], [])


# ---- app passwords and references


def test_what_cannot_be_an_app_password(app: App) -> None:
    add_members(app, "alice")
    now = datetime.now(UTC)
    with as_console(app) as tx:
        for label, doors, expires in [
            ("", BOTH, None),
            ("a" * 101, BOTH, None),
            ("a\x07b", BOTH, None),
            ("x", frozenset[str](), None),
            ("x", frozenset({"imap"}), None),
            ("x", BOTH, now - timedelta(days=1)),
        ]:
            with pytest.raises(InvalidValue):
                members.app_password_add(tx, "alice", label, doors=doors, write=True, expires=expires)
        members.app_password_add(tx, "alice", "x", doors=BOTH, write=True)
        with pytest.raises(NameTaken):
            members.app_password_add(tx, "alice", " x ", doors=BOTH, write=True)
        with pytest.raises(SubjectNotFound):
            members.app_password_revoke(tx, "alice", "y")


def test_a_revoked_label_may_be_given_again(app: App) -> None:
    add_members(app, "alice")
    later = datetime.now(UTC) + timedelta(days=1)
    with as_console(app) as tx:
        first = members.app_password_add(tx, "alice", "x", doors=BOTH, write=True)
        members.app_password_revoke(tx, "alice", "x")
        second = members.app_password_add(tx, "alice", "x", doors=frozenset({"ldap"}), write=False, expires=later)
        (found,) = members.app_password_list(tx, "alice")
    assert first != second
    assert (sorted(found.doors), found.write, found.last_used) == (["ldap"], False, None)
    assert found.expires is not None and abs(found.expires - later) < timedelta(milliseconds=1)


def test_subjects_are_named_as_on_the_command_line(app: App) -> None:
    add_members(app, "alice")
    with as_console(app) as tx:
        teams.add(tx, "Sales")
        found = {ref: subjects.resolve(tx, ref) for ref in ("Alice", "@SALES", "everyone", "Postmasters")}
        assert [(each.kind, each.label) for each in found.values()] == [
            (SubjectKind.MEMBER, "alice"),
            (SubjectKind.TEAM, "@sales"),
            (SubjectKind.EVERYONE, "everyone"),
            (SubjectKind.POSTMASTERS, "postmasters"),
        ]
        for ref in ("sales", "@alice", "", "@", "bob"):
            with pytest.raises(SubjectNotFound):
                subjects.resolve(tx, ref)
