"""A request to the application of one CardDAV worker, in this process, where its statements can be counted."""

from __future__ import annotations

import base64
import io
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from radicale_storage import auth, server
from radicale_storage import site as opened
from sharedbook.domain.model import ALL_RIGHTS
from sharedbook.services.books import groups
from sharedbook.services.members import grants, members
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
    for name, value in app.settings.as_environment().items():
        monkeypatch.setenv(name, value)
    opened.app.cache_clear()
    auth.limits.cache_clear()
    application = server.application()

    def ask(method: str, path: str, body: str = "") -> tuple[int, str]:
        statuses: list[str] = []
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_DEPTH": "1" if path == "/alice/" else "0",
            "HTTP_AUTHORIZATION": "Basic " + base64.b64encode(f"alice:{secret}".encode()).decode(),
            "wsgi.input": io.BytesIO(body.encode()),
            "wsgi.errors": sys.stderr,
            "wsgi.url_scheme": "http",
        }
        answer = b"".join(application(environ, lambda status, _: statuses.append(status)))
        return int(statuses[0][:3]), answer.decode()

    yield ask
    opened.app().close()
    opened.app.cache_clear()
    auth.limits.cache_clear()


def token(answer: str) -> str:
    """The sync token in an answer."""
    found = re.search("<D:sync-token>([^<]+)", answer)
    assert found
    return found[1]
