"""Requests to the application of one CardDAV worker, in this process, where its statements can be counted."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from radicale_storage import auth, server, wsgi
from radicale_storage import site as opened
from sharedbook.app import App
from sharedbook.domain.model import ALL_RIGHTS
from sharedbook.services.books import groups
from sharedbook.services.members import grants, members
from tests.carddav.dav import Client, Reply
from tests.support.sites import as_console, new_site

Ask = Callable[..., tuple[int, str]]
POLL = '<propfind xmlns="DAV:"><prop><getctag xmlns="http://calendarserver.org/ns/"/><sync-token/></prop></propfind>'
SYNC = (
    '<sync-collection xmlns="DAV:"><sync-token>{}</sync-token><sync-level>1</sync-level><prop><getetag/></prop>'
    "</sync-collection>"
)
MULTIGET = (
    '<C:addressbook-multiget xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav"><prop><C:address-data/></prop>'
    "<href>/alice/friends/a.vcf</href><href>/alice/friends/b.vcf</href></C:addressbook-multiget>"
)
READS = {
    "poll": ("PROPFIND", "/alice/friends/", POLL),
    "home": ("PROPFIND", "/alice/", POLL),
    "nothing new": ("REPORT", "/alice/friends/", SYNC),
    "one change": ("REPORT", "/alice/friends/", SYNC),
    "first sync": ("REPORT", "/alice/friends/", SYNC.format("")),
    "multiget": ("REPORT", "/alice/friends/", MULTIGET),
    "GET": ("GET", "/alice/friends/a.vcf", ""),
}


class Inside(Client):
    """A program whose requests need no server: an application in this process answers them."""

    def __init__(self, application: wsgi.Application, login: str, password: str) -> None:
        super().__init__(0, login, password)
        self._application = application

    def request(self, method: str, path: str, body: bytes | str = b"", **headers: str) -> Reply:
        said: list[tuple[str, list[tuple[str, str]]]] = []
        data = body.encode() if isinstance(body, str) else body
        sent = {**headers, **self._authorization()}
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_LENGTH": str(len(data)),
            "CONTENT_TYPE": sent.pop("Content_Type", ""),
            **{f"HTTP_{name.upper()}": value for name, value in sent.items()},
            "wsgi.input": io.BytesIO(data),
            "wsgi.errors": sys.stderr,
            "wsgi.url_scheme": "http",
        }
        answer = b"".join(self._application(environ, lambda status, named: said.append((status, named))))
        [(status, named)] = said
        return Reply(int(status[:3]), {name.lower(): value for name, value in named}, answer)


@contextmanager
def worker(app: App, monkeypatch: pytest.MonkeyPatch) -> Iterator[wsgi.Application]:
    """The application of one CardDAV worker of a site."""
    for name, value in app.settings.as_environment().items():
        monkeypatch.setenv(name, value)
    opened.app.cache_clear()
    auth.limits.cache_clear()
    yield server.application()
    opened.app().close()
    opened.app.cache_clear()
    auth.limits.cache_clear()


@contextmanager
def asked(folder: Path, monkeypatch: pytest.MonkeyPatch, url: str = "") -> Iterator[Ask]:
    """A request of Alice, who may do everything in the group Friends of a new site; answers status and body."""
    app = new_site(folder, url)
    with as_console(app) as tx:
        groups.add(tx, "Friends")
        members.add(tx, "alice")
        grants.grant(tx, "friends", "alice", ALL_RIGHTS)
        secret = members.app_password_add(tx, "alice", "test", doors=frozenset({"carddav"}), write=True)
    app.close()
    with worker(app, monkeypatch) as application:
        alice = Inside(application, "alice", secret)

        def ask(method: str, path: str, body: str = "") -> tuple[int, str]:
            reply = alice.request(method, path, body, Depth="1" if path == "/alice/" else "0")
            return reply.status, reply.text

        yield ask


def token(answer: str) -> str:
    """The sync token in an answer."""
    found = re.search("<D:sync-token>([^<]+)", answer)
    assert found
    return found[1]
