"""A site that is served, books and members on it, and cards to put there.

Doors: the plain ``radicale`` command with the plugin, and what ``sharedbook serve carddav`` runs, on both databases.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import pytest

from sharedbook.app import App
from sharedbook.domain.model import ALL_RIGHTS, Group, Right
from sharedbook.services.books import groups
from sharedbook.services.members import grants, members
from tests.carddav.dav import Client
from tests.support.ports import free_port
from tests.support.processes import Server
from tests.support.sites import as_console

NAMES = itertools.count(1)
PLAIN = """
[server]
hosts = 127.0.0.1:{port}
delay_on_error = 0
[auth]
type = radicale_storage.auth
delay = 0
[rights]
type = radicale_storage.rights
[storage]
type = radicale_storage
[web]
type = none
[logging]
level = critical
"""
"""The configuration that docs/carddav-server.md gives."""

RADICALE = Path(sys.executable).with_name("radicale")

_POSTGRES = pytest.param("serve-postgres", marks=pytest.mark.needs("postgres"))
DOORS = ["plain", "serve", _POSTGRES]
SERVED = pytest.mark.parametrize("site", ["serve", _POSTGRES], indirect=True, scope="session")
"""For what only `sharedbook serve` answers; docs/carddav-server.md lists it."""


class Site:
    """A site with a running server."""

    def __init__(self, app: App, port: int, server: Server, *, plain: bool) -> None:
        self.app, self.port, self.server, self.plain = app, port, server, plain

    def group(self, **rights: Right) -> Group:
        """A new group; ``rights``: what members that exist have on it."""
        with as_console(self.app) as tx:
            group = groups.add(tx, f"Group {next(NAMES)}")
            for login, right in rights.items():
                grants.grant(tx, group.slug, login, right)
            return group

    def member(self, name: str = "member", *, write: bool = True) -> Client:
        """A client of a new member, with an app password."""
        with as_console(self.app) as tx:
            login = members.add(tx, f"{name}{next(NAMES)}").login
            secret = members.app_password_add(tx, login, "test", doors=frozenset({"carddav"}), write=write)
        return Client(self.port, login, secret)


class Book:
    """A group with a member who has all rights on it."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.alice = site.member("alice")
        self.group = site.group(**{self.alice.login: ALL_RIGHTS})

    def path(self, client: Client, name: str = "") -> str:
        """The book, or a card in it, as a member has it."""
        return f"/{client.login}/{self.group.slug}/{name}"

    def of_alice(self, name: str = "") -> str:
        """Alice's path."""
        return self.path(self.alice, name)

    def viewer(self, rights: Right = Right.VIEW) -> Client:
        """Another member with these rights."""
        client = self.site.member("bob")
        self.grant(client, rights)
        return client

    def grant(self, client: Client, rights: Right) -> None:
        """Gives a member these rights, and no others."""
        with as_console(self.site.app) as tx:
            grants.grant(tx, self.group.slug, client.login, rights)


def start(app: App, folder: Path, *, plain: bool, **environment: str) -> tuple[Server, int]:
    """A server on a free port, ready for requests."""
    port = free_port()
    settings = {**app.settings.as_environment(), "SHAREDBOOK_CARDDAV_LISTEN": f"127.0.0.1:{port}", **environment}
    if plain:
        configuration = folder / "radicale.conf"
        configuration.write_text(PLAIN.format(port=port))
        server = Server([RADICALE, "--config", configuration], env=settings, cwd=folder)
        server.wait_for_port(port)
    else:
        server = Server([sys.executable, "-m", "radicale_storage.server"], env=settings, cwd=folder)
        server.wait_for_line(f"^carddav listening on http://127.0.0.1:{port}$")
    return server, port


def vcard(uid: str, name: str = "Ann Example", *lines: str, version: str = "3.0") -> str:
    """A vCard in CRLF."""
    return "\r\n".join(
        ["BEGIN:VCARD", f"VERSION:{version}", f"UID:{uid}", f"FN:{name}", f"N:{name};;;;", *lines, "END:VCARD", ""]
    )
