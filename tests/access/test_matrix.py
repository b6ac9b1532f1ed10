"""The access matrix, tried live: six kinds of people x five actions x three visibilities, through every door.

What should happen is computed here from plain sets, as docs/access.md words it, not by the product's own table.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import ldap3
import pytest
from click.testing import CliRunner

from sharedbook import cli
from sharedbook.app import App
from sharedbook.domain.model import PRIVATE, VISIBLE_TO_ALL, Contact, Right, Visibility, VisibilityKind
from sharedbook.formats.vcards import vcard
from sharedbook.services.books import cards, groups
from sharedbook.services.contacts import contacts
from sharedbook.services.members import grants, members
from sharedbook.services.people import subjects, teams
from tests.carddav.dav import Client
from tests.carddav.served import start
from tests.support.eventually import eventually
from tests.support.ports import free_port
from tests.support.processes import Server
from tests.support.sites import as_console, card, new_site

RIGHTS = {
    "outsider": Right(0),
    "viewer": Right.VIEW,
    "editor": Right.VIEW | Right.ADD | Right.EDIT | Right.DELETE,
    "teammate": Right.VIEW | Right.EDIT,
    "owner": Right.VIEW,
    "postmaster": Right.VIEW,
}
LISTED = {"editor", "teammate", "owner"}
"""Who may see the restricted contact: the editor and the team are on its list, the owner always may."""

VISIBILITIES = ("visible", "restricted", "private")
ACTIONS = ("view", "add", "edit", "delete", "move")
HERE, THERE = "here", "there"


def expected(person: str, action: str, visibility: str) -> bool:
    """Whether it should be allowed."""
    rights = RIGHTS[person]
    sees = (
        bool(rights & Right.VIEW)
        and {
            "visible": True,
            "restricted": person in LISTED,
            "private": person in {"owner", "postmaster"},
        }[visibility]
    )
    owns = person == "owner"
    out = sees and (owns or bool(rights & Right.DELETE))
    return {
        "view": sees,
        "add": bool(rights & Right.ADD),
        "edit": sees and (owns or bool(rights & Right.EDIT)),
        "delete": out,
        "move": out and bool(rights & Right.ADD),
    }[action]


@dataclass
class Matrix:
    """A site with one person of each kind; ``passwords`` by login."""

    app: App
    passwords: dict[str, str]
    listed: frozenset[int]
    numbers: Iterator[int]

    def contact(self, visibility: str) -> tuple[Contact, str]:
        """A new contact in the group ``here``, owned by the owner, and its href."""
        number = next(self.numbers)
        wanted = {
            "visible": VISIBLE_TO_ALL,
            "restricted": Visibility(VisibilityKind.LISTED, self.listed),
            "private": PRIVATE,
        }[visibility]
        with as_console(self.app) as tx:
            owner = members.get(tx, "owner").id
            text = card(f"uid-{number}", f"Person{number}", f"EMAIL:person{number}@example.org")
            here = groups.get(tx, HERE)
            added = contacts.add(tx, here, vcard.parse(text), owner_id=owner, visibility=wanted)
            book = groups.book(tx, HERE)
            href = next(found.href for found in cards.all_cards(tx, book) if found.contact_id == added.id)
        return added, href

    def state(self, contact: Contact) -> tuple[str, tuple[int, ...], bool]:
        """What a refusal must leave as it is."""
        with as_console(self.app, write=False) as tx:
            now = contacts.get(tx, contact.id)
        return now.vcard, now.groups, now.trashed_at is not None


@pytest.fixture
def matrix(tmp_path: Path, database_url: str) -> Iterator[Matrix]:
    app = new_site(tmp_path / "site", database_url)
    passwords: dict[str, str] = {}
    with as_console(app) as tx:
        team = teams.add(tx, "insiders")
        for slug in (HERE, THERE):
            groups.add(tx, slug)
        for person, rights in RIGHTS.items():
            members.add(tx, person, postmaster=person == "postmaster")
            doors = frozenset({"carddav", "ldap"})
            passwords[person] = members.app_password_add(tx, person, "test", doors=doors, write=True)
            subject = person
            if person == "teammate":
                teams.join(tx, "insiders", person)
                subject = "@insiders"
            for slug in (HERE, THERE) if rights else ():
                grants.grant(tx, slug, subject, rights)
        listed = frozenset({team.id, subjects.resolve(tx, "editor").id})
    yield Matrix(app, passwords, listed, itertools.count(1))
    app.close()


Attempt = Callable[[str, str, Contact, str], bool]
"""(person, action, contact, href) -> whether it was done."""


def differences(matrix: Matrix, attempt: Attempt, actions: tuple[str, ...] = ACTIONS) -> list[str]:
    """Every cell in which the product does other than it should, or a refusal left a trace."""
    wrong: list[str] = []
    for person, action, visibility in itertools.product(RIGHTS, actions, VISIBILITIES):
        contact, href = matrix.contact(visibility)
        before = matrix.state(contact)
        done = attempt(person, action, contact, href)
        should = expected(person, action, visibility)
        cell = f"{person} {action} {visibility}"
        if done is not should:
            wrong.append(f"{cell}: {'done' if done else 'refused'}")
        elif not done and matrix.state(contact) != before:
            wrong.append(f"{cell}: refused, but it changed the contact")
        elif done and action in ("edit", "delete", "move") and matrix.state(contact) == before:
            wrong.append(f"{cell}: done, but nothing changed")
    return wrong


def test_carddav(matrix: Matrix, tmp_path: Path) -> None:
    server, port = start(matrix.app, tmp_path, plain=False)
    with server:
        clients = {person: Client(port, person, secret) for person, secret in matrix.passwords.items()}

        def attempt(person: str, action: str, contact: Contact, href: str) -> bool:
            client, book = clients[person], f"/{person}/{HERE}/"
            edited = contact.vcard.replace("END:VCARD", "NOTE:edited\r\nEND:VCARD")
            reply = {
                "view": lambda: client.get(book + href),
                "add": lambda: client.put(f"{book}new-{contact.id}.vcf", card(f"new-{contact.id}", "New")),
                "edit": lambda: client.put(book + href, edited),
                "delete": lambda: client.request("DELETE", book + href),
                "move": lambda: client.request(
                    "MOVE", book + href, Destination=f"http://127.0.0.1:{port}/{person}/{THERE}/{href}"
                ),
            }[action]()
            assert reply.status in (200, 201, 204, 403, 404, 409), (person, action, reply.status, reply.text)
            return reply.status < 300

        assert differences(matrix, attempt) == []


def test_command_line(matrix: Matrix) -> None:
    runner = CliRunner()
    environment = matrix.app.settings.as_environment()

    def attempt(person: str, action: str, contact: Contact, href: str) -> bool:
        ref = str(contact.id)
        words = {
            "view": ["contact", "show", ref],
            "add": ["contact", "add", "--group", HERE, "--name", f"New {contact.id}"],
            "edit": ["contact", "set", ref, "title=Edited"],
            "delete": ["contact", "delete", ref, "--yes"],
            "move": ["contact", "move", ref, "--from", HERE, "--to", THERE, "--yes"],
        }[action]
        with mock.patch.dict(os.environ, environment):
            result = runner.invoke(cli.command, ["--as", person, *words], standalone_mode=False)
        code = cli.report(result.exception) if result.exception else result.return_value
        assert code in (0, None, 4, 5), (person, action, code, result.output)
        return code in (0, None)

    assert differences(matrix, attempt) == []


def test_ldap(matrix: Matrix) -> None:
    port = free_port()
    settings = {**matrix.app.settings.as_environment(), "SHAREDBOOK_LDAP_LISTEN": f"127.0.0.1:{port}"}
    base = matrix.app.settings.ldap_base
    with Server([sys.executable, "-m", "ldap_gateway.server"], env=settings) as server:
        server.wait_for_line(f"ldap listening on ldap://127.0.0.1:{port}")
        connections = {
            person: ldap3.Connection(
                ldap3.Server("127.0.0.1", port, get_info=ldap3.NONE),
                f"uid={person},ou=members,{base}",
                secret,
                auto_bind=True,
            )
            for person, secret in matrix.passwords.items()
        }

        def attempt(person: str, action: str, contact: Contact, href: str) -> bool:
            sought = f"(mail={contact.name.lower()}@example.org)"
            # the owner sees each contact: once he does, the index knows it
            eventually(lambda: connections["owner"].search(base, sought), True)
            connections[person].search(base, sought, attributes=["cn"])
            return [entry["attributes"]["cn"] for entry in connections[person].response] == [[contact.name]]

        assert differences(matrix, attempt, ("view",)) == []
        for connection in connections.values():
            connection.unbind()
