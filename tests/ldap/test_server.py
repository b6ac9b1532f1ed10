"""Logins at the running server, and how soon a change is visible to a client."""

from __future__ import annotations

import ldap3
import pytest

from ldap_gateway import messages as m
from ldap_gateway import schema
from ldap_gateway.messages import Code
from sharedbook.domain.model import PRIVATE, VISIBLE_TO_ALL, Right
from sharedbook.formats.vcards import fields, vcard
from sharedbook.services.books import cards, groups
from sharedbook.services.contacts import contacts, trash
from sharedbook.services.erasing import erasure
from sharedbook.services.members import grants, members
from sharedbook.services.people import teams
from tests.ldap.served import BASE, Site, code_of, people, soon
from tests.support.fail2ban import offenders
from tests.support.guesses import guess_much
from tests.support.owners import set_owner
from tests.support.sites import CLIENT, CONSOLE, as_console, as_member, card, delete_group

MEMBERS = f"ou=members,{BASE}"
MOST_SENT = 64 * 1024 * 1024
WHO = m.Extended(schema.WHO_AM_I, None)


# ---- logins


@pytest.mark.parametrize("name", ["bob", "BOB", "bob@demo.example", f"uid=bob,{MEMBERS}"])
def test_passwords(site: Site, name: str) -> None:
    assert code_of(site, name, "demo-bob") == Code.SUCCESS


def test_wrong_and_unknown(site: Site) -> None:
    assert code_of(site, "erin", "wrong") == code_of(site, "nobody-at-all", "wrong") == Code.INVALID_CREDENTIALS
    assert code_of(site, f"uid=erin,{MEMBERS}", "demo-bob") == Code.INVALID_CREDENTIALS


def test_app_passwords(site: Site) -> None:
    login, secret = site.member()
    assert code_of(site, login, secret) == Code.SUCCESS
    assert code_of(site, "bob", secret) == Code.INVALID_CREDENTIALS
    with as_console(site.app) as tx:
        other = members.app_password_add(tx, login, "books", doors=frozenset({"carddav"}), write=True)
    assert code_of(site, login, other) == Code.INVALID_CREDENTIALS
    with as_console(site.app) as tx:
        members.app_password_revoke(tx, login, "test")
    soon(lambda: code_of(site, login, secret) == Code.INVALID_CREDENTIALS)


def test_a_changed_password_is_the_only_one(site: Site) -> None:
    login, _ = site.member()
    for password in ("first-password", "second-password"):
        with as_console(site.app) as tx:
            members.set_password(tx, login, password)
        assert code_of(site, login, password) == code_of(site, login, password) == Code.SUCCESS
    soon(lambda: code_of(site, login, "first-password") == Code.INVALID_CREDENTIALS)


def test_who_is_bound_stays_so_only_while_the_proof_holds(site: Site) -> None:
    """A connection ends with the password, or the app password, that opened it."""
    login, secret = site.member()
    with as_console(site.app) as tx:
        members.set_password(tx, login, "first-password")
    bound = [site.connect(login, secret), site.connect(login, "first-password")]
    assert all(each.search(BASE, "(objectClass=*)", ldap3.BASE) for each in bound)
    with as_console(site.app) as tx:
        members.set_password(tx, login, "second-password")
    soon(lambda: not bound[1].search(BASE, "(objectClass=*)", ldap3.BASE))
    assert bound[1].result["result"] == Code.INSUFFICIENT_ACCESS_RIGHTS
    assert bound[0].search(BASE, "(objectClass=*)", ldap3.BASE)
    with as_console(site.app) as tx:
        members.app_password_revoke(tx, login, "test")
    soon(lambda: not bound[0].search(BASE, "(objectClass=*)", ldap3.BASE))


def test_too_many_wrong_passwords(site: Site) -> None:
    """After five free tries each is 51, also the right one; but not what is remembered, nor an app password."""
    login, secret = site.member()
    with as_console(site.app) as tx:
        members.set_password(tx, login, "right-password")
    assert [code_of(site, login, "wrong") for _ in range(5)] == [Code.INVALID_CREDENTIALS] * 5
    guess_much(site.app, login)
    assert code_of(site, login, "wrong") == Code.BUSY
    soon(lambda: offenders(site.server.output)[-5:] == ["127.0.0.1"] * 5)
    assert code_of(site, login, "right-password") == Code.BUSY
    assert code_of(site, login, secret) == Code.SUCCESS
    remembered, _ = site.member()
    with as_console(site.app) as tx:
        members.set_password(tx, remembered, "right-password")
    assert code_of(site, remembered, "right-password") == Code.SUCCESS
    for _ in range(8):
        code_of(site, remembered, "wrong")
    assert code_of(site, remembered, "right-password") == Code.SUCCESS


def test_a_right_password_forgives_the_wrong_ones(site: Site) -> None:
    login, _ = site.member()
    with as_console(site.app) as tx:
        members.set_password(tx, login, "right-password")
    for _ in range(3):
        assert [code_of(site, login, "wrong") for _ in range(4)] == [Code.INVALID_CREDENTIALS] * 4
        assert code_of(site, login, "right-password") == Code.SUCCESS


def test_disabled_members(site: Site) -> None:
    login, secret = site.member()
    connection = site.connect(login, secret)
    assert connection.search(BASE, "(objectClass=*)", ldap3.BASE)
    with as_console(site.app) as tx:
        members.disable(tx, login)
    soon(lambda: code_of(site, login, secret) == Code.INVALID_CREDENTIALS)
    soon(lambda: not connection.search(BASE, "(objectClass=*)", ldap3.BASE))
    assert connection.result["result"] == Code.INSUFFICIENT_ACCESS_RIGHTS


# ---- what members see is what they may see, and soon


@pytest.mark.parametrize("login", ["alice", "bob", "carol", "dave", "erin"])
def test_ldap_shows_what_carddav_shows(site: Site, login: str) -> None:
    """Each contact once, of all the member's books together, and each book below ou=groups."""
    connection = site.connect(login, f"demo-{login}")
    everyone: dict[int, str] = {}
    with as_member(site.app, login) as tx:
        for book in groups.books(tx):
            held = {
                each.contact_id: fields.read(vcard.parse(each.vcard)).full_name for each in cards.all_cards(tx, book)
            }
            base = f"ou={book.group.slug},ou=groups,{BASE}"
            assert people(connection, base=base) == sorted(held.values())
            everyone |= held
    assert people(connection) == sorted(everyone.values())
    assert len(everyone) > 20


class Watched:
    """A book, a member without rights on it, and what he sees of it over one connection."""

    def __init__(self, site: Site) -> None:
        self.app, self.book = site.app, site.group()
        self.login, secret = site.member()
        self._connection = site.connect(self.login, secret)
        self._slowest = 0.0

    def add(self, name: str) -> int:
        """Adds a contact to the book; its id."""
        text = card(f"{self.login}-{name}", name, f"EMAIL:{name.replace(' ', '')}@{self.login}.example")
        with as_console(self.app) as tx:
            return contacts.add(tx, self.book, vcard.parse(text)).id

    def sees(self, *names: str) -> None:
        """Waits until exactly these are seen."""
        asked = f"(mail=*@{self.login}.example)"
        self._slowest = max(self._slowest, soon(lambda: people(self._connection, asked) == sorted(names)))
        print(f"slowest change: {self._slowest * 1000:.0f} ms")


@pytest.fixture
def watched(site: Site) -> Watched:
    """A fresh book that is watched."""
    return Watched(site)


def test_each_change_of_a_contact_is_soon_visible(watched: Watched) -> None:
    app, book, login = watched.app, watched.book, watched.login
    with as_console(app) as tx:
        grants.grant(tx, book.slug, login, Right.VIEW)
    one, two = watched.add("One"), watched.add("Two")
    watched.sees("One", "Two")
    with as_console(app) as tx:
        newer = contacts.get(tx, one).vcard.replace("FN:One", "FN:Newer")
        contacts.replace(tx, one, vcard.parse(newer))
    watched.sees("Newer", "Two")
    with as_console(app) as tx:
        contacts.set_visibility(tx, [one], PRIVATE)
    watched.sees("Two")
    with as_console(app) as tx:
        set_owner(tx, [one], login)
    watched.sees("Newer", "Two")
    with as_console(app) as tx:
        set_owner(tx, [one], None)
    watched.sees("Two")
    with as_console(app) as tx:
        contacts.set_visibility(tx, [one], VISIBLE_TO_ALL)
        contacts.delete(tx, [two])
    watched.sees("Newer")
    with as_console(app) as tx:
        trash.restore(tx, [two])
    watched.sees("Newer", "Two")
    erasure.erase(app.site, CONSOLE, CLIENT, [two])
    watched.sees("Newer")


def test_each_change_of_a_group_is_soon_visible(watched: Watched, site: Site) -> None:
    app, book, login, elsewhere = watched.app, watched.book, watched.login, site.group()
    one = watched.add("One")
    watched.sees()
    with as_console(app) as tx:
        grants.grant(tx, book.slug, login, Right.VIEW)
    watched.sees("One")
    with as_console(app) as tx:
        contacts.move(tx, [one], book, elsewhere)
    watched.sees()
    with as_console(app) as tx:
        grants.grant(tx, elsewhere.slug, "everyone", Right.VIEW)
    watched.sees("One")
    with as_console(app) as tx:
        grants.revoke(tx, elsewhere.slug, "everyone")
    watched.sees()
    with as_console(app) as tx:
        contacts.copy(tx, [one], book)
    watched.sees("One")
    with as_console(app) as tx:
        delete_group(tx, book.slug, contacts_to="trash")
    watched.sees()


def test_each_change_of_a_team_is_soon_visible(watched: Watched) -> None:
    app, book, login = watched.app, watched.book, watched.login
    team = f"team-{login}"
    watched.add("One")
    with as_console(app) as tx:
        teams.add(tx, team)
        grants.grant(tx, book.slug, f"@{team}", Right.VIEW)
    watched.sees()
    with as_console(app) as tx:
        teams.join(tx, team, login)
    watched.sees("One")
    with as_console(app) as tx:
        teams.leave(tx, team, login)
    watched.sees()
    with as_console(app) as tx:
        teams.join(tx, team, login)
    watched.sees("One")
    with as_console(app) as tx:
        teams.delete(tx, team)
    watched.sees()


def test_an_import_is_followed(site: Site) -> None:
    """Many changes in one commit."""
    login, secret = site.member()
    book = site.group()
    connection = site.connect(login, secret)
    with as_console(site.app) as tx:
        grants.grant(tx, book.slug, login, Right.VIEW)
        made = [
            vcard.parse(card(f"many-{book.id}-{n}", f"Many {n:03}", f"EMAIL:m{n}@many.example")) for n in range(300)
        ]
        contacts.add_many(tx, book, made)
    soon(lambda: len(people(connection, "(mail=*@many.example)")) == 300)
    with as_console(site.app) as tx:
        delete_group(tx, book.slug, contacts_to="trash")
    soon(lambda: people(connection, "(mail=*@many.example)") == [])
