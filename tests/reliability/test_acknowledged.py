"""What the server has acknowledged is kept: through kill -9, and through two members who edit at once."""

from __future__ import annotations

import http.client
import itertools
import random
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sharedbook.app import App
from sharedbook.domain.model import ALL_RIGHTS
from sharedbook.services.books import groups
from sharedbook.services.members import grants, members
from tests.carddav.dav import Client
from tests.carddav.served import start
from tests.support.sites import as_console, card, new_site

PUTS = 200
WRITERS = 4


@pytest.fixture
def site(tmp_path: Path) -> Iterator[App]:
    app = new_site(tmp_path / "site")
    with as_console(app) as tx:
        groups.add(tx, "Clients")
    yield app
    app.close()


def secret_of(app: App, login: str) -> str:
    with as_console(app) as tx:
        members.add(tx, login)
        grants.grant(tx, "clients", login, ALL_RIGHTS)
        return members.app_password_add(tx, login, "test", doors=frozenset({"carddav"}), write=True)


@pytest.mark.soak
def test_no_acknowledged_put_is_lost_by_kill_9(site: App, tmp_path: Path, seed: int, soak: bool) -> None:
    secret = secret_of(site, "alice")
    print(f"seed {seed}")
    chance = random.Random(seed)
    acknowledged: dict[str, str] = {}
    for cycle in range(60 if soak else 20):
        server, port = start(site, tmp_path, plain=False)
        with server:
            client = Client(port, "alice", secret)
            listed = client.propfind("/alice/clients/", "{DAV:}getetag", depth="1").etags()
            missing = acknowledged.keys() - listed.keys()
            assert not missing, f"cycle {cycle} (seed {seed}): {len(missing)} acknowledged cards are gone"
            acknowledged |= put_until_killed(server, client, cycle, kill_after=chance.randrange(1, PUTS))
    server, port = start(site, tmp_path, plain=False)
    with server:
        client = Client(port, "alice", secret)
        for href, text in chance.sample(sorted(acknowledged.items()), min(100, len(acknowledged))):
            assert client.get(href).text == text


def put_until_killed(server: object, client: Client, cycle: int, *, kill_after: int) -> dict[str, str]:
    """200 PUTs from some threads; the server is killed when so many are acknowledged. Returns those that were."""
    acknowledged: dict[str, str] = {}
    enough = threading.Event()

    def put(number: int) -> None:
        if enough.is_set():
            return
        href, text = f"/alice/clients/{cycle}-{number}.vcf", card(f"{cycle}-{number}", f"Person {number} of {cycle}")
        try:
            status = client.put(href, text).status
        except (OSError, http.client.HTTPException):  # an answer that was cut off
            return
        assert status == 201
        acknowledged[href] = text
        if len(acknowledged) >= kill_after:
            enough.set()

    with ThreadPoolExecutor(WRITERS) as pool:
        puts = [pool.submit(put, number) for number in range(PUTS)]
        assert enough.wait(60)
        server.kill()  # type: ignore[attr-defined]
        for each in puts:
            each.result()
    return acknowledged


def test_two_members_who_edit_at_once_lose_nothing(site: App, tmp_path: Path) -> None:
    secrets = {login: secret_of(site, login) for login in ("alice", "bob")}
    marks = itertools.count(1)
    server, port = start(site, tmp_path, plain=False)
    with server:
        first = Client(port, "alice", secrets["alice"])
        assert first.put("/alice/clients/a.vcf", card("a", "Shared")).status == 201

        def edit(login: str) -> set[str]:
            """Adds 25 lines, one edit each, with If-Match; a 412 means: read again and repeat."""
            client, path, done = Client(port, login, secrets[login]), f"/{login}/clients/a.vcf", set()
            while len(done) < 25:
                read = client.get(path)
                line = f"X-MARK-{next(marks)}"
                text = read.text.replace("END:VCARD", f"{line}:{login}\r\nEND:VCARD")
                status = client.put(path, text, If_Match=read.headers["etag"]).status
                assert status in (201, 204, 412)
                if status != 412:
                    done.add(line)
            return done

        with ThreadPoolExecutor(2) as pool:
            acknowledged = set().union(*pool.map(edit, secrets))
        kept = set(re.findall(r"X-MARK-\d+", first.get("/alice/clients/a.vcf").text))
    assert kept == acknowledged
    assert len(kept) == 50
