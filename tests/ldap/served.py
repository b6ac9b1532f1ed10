"""The demo organisation, served over LDAP by a process of its own, on both databases; clients of it by ldap3."""

from __future__ import annotations

import itertools
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import ldap3
import pytest

from sharedbook.app import App
from sharedbook.services.books import groups
from sharedbook.services.demo import site as demo
from sharedbook.services.keys import certificate
from sharedbook.services.members import members
from sharedbook.settings import Address
from tests.ldap.wiring import Answer, answers
from tests.support.eventually import SECONDS
from tests.support.ports import free_ports
from tests.support.processes import Server
from tests.support.sites import as_console, new_site

BASE = "ou=contacts,dc=example,dc=com"
BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.needs("postgres"))]
NAMES = itertools.count(1)


class Site:
    """A site with a running LDAP server."""

    def __init__(self, app: App, server: Server, port: int, tls_port: int) -> None:
        self.app, self.server, self.port, self.tls_port = app, server, port, tls_port

    def member(self, *, postmaster: bool = False) -> tuple[str, str]:
        """A new member with an app password for LDAP: login and secret."""
        with as_console(self.app) as tx:
            login = members.add(tx, f"member{next(NAMES)}", postmaster=postmaster).login
            secret = members.app_password_add(tx, login, "test", doors=frozenset({"ldap"}), write=False)
        return login, secret

    def group(self) -> groups.Group:
        """A new group without rights."""
        with as_console(self.app) as tx:
            return groups.add(tx, f"Group {next(NAMES)}")

    def connect(self, login: str = "", secret: str = "", *, tls: bool = False) -> ldap3.Connection:
        """An ldap3 connection, bound when there is a login."""
        place = ldap3.Server(
            "127.0.0.1",
            self.tls_port if tls else self.port,
            use_ssl=tls,
            tls=ldap3.Tls(validate=ssl.CERT_NONE),
            get_info=ldap3.NONE,
        )
        connection = ldap3.Connection(place, login or None, secret or None, receive_timeout=SECONDS)
        if login:
            assert connection.bind(), connection.result
        return connection

    def raw(self) -> socket.socket:
        """A socket to the clear-text port."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS)


def local(port: int) -> Address:
    """A port of this machine."""
    return Address("127.0.0.1", port)


def make(folder: Path, url: str = "", **settings: object) -> App:
    """A site that holds the demo organisation."""
    app = new_site(folder, url, **settings)
    with as_console(app) as tx:
        demo.fill(tx)
    return app


@contextmanager
def serve(app: App, **environment: str) -> Iterator[Site]:
    """The site's LDAP server, listening in clear text and with TLS."""
    port, tls_port = free_ports(2)
    cert, key = certificate.self_signed(app.settings.data_dir, ["127.0.0.1"])
    settings = {
        **app.settings.as_environment(),
        "SHAREDBOOK_LDAP_LISTEN": f"127.0.0.1:{port}",
        "SHAREDBOOK_LDAPS_LISTEN": f"127.0.0.1:{tls_port}",
        "SHAREDBOOK_TLS_CERT": str(cert),
        "SHAREDBOOK_TLS_KEY": str(key),
        **environment,
    }
    with Server([sys.executable, "-m", "ldap_gateway.server"], env=settings) as server:
        server.wait_for_line(f"ldap listening on ldaps://127.0.0.1:{tls_port}$")
        yield Site(app, server, port, tls_port)


def heard(connection: socket.socket, until: int = 0) -> list[Answer]:
    """The answers until the server closes, or until this many have come."""
    data = b""
    while True:
        try:
            piece = connection.recv(65536)
        except ConnectionResetError:
            piece = b""
        data += piece
        try:
            found = answers(data)
        except ValueError:
            continue  # the last one is not whole yet
        if not piece or (until and len(found) >= until):
            return found


def code_of(site: Site, login: str, password: str) -> int:
    """The result of one bind."""
    connection = site.connect()
    connection.open()
    connection.user, connection.password, connection.authentication = login, password, ldap3.SIMPLE
    connection.bind()
    code: int = connection.result["result"]
    connection.unbind()
    return code


def people(connection: ldap3.Connection, filter_: str = "(uid=*)", base: str = BASE) -> list[str]:
    """The names that a search finds."""
    connection.search(base, filter_, attributes=["cn"])
    return sorted(entry.cn.value for entry in connection.entries)


def soon(what: Callable[[], bool]) -> float:
    """Waits for what must be so soon after a commit; the seconds that it took."""
    began = time.monotonic()
    while time.monotonic() - began < SECONDS:
        if what():
            return time.monotonic() - began
    raise AssertionError("it never came to be")
