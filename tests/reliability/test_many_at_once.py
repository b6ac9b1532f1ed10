"""Eight writers over CardDAV, four readers over CardDAV and LDAP, and the command line, on the same few cards."""

from __future__ import annotations

import itertools
import re
import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from sharedbook.app import App
from sharedbook.domain.model import ALL_RIGHTS
from sharedbook.formats.vcards import vcard
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts
from sharedbook.services.members import grants, members
from tests.carddav.dav import Client
from tests.carddav.served import start
from tests.ldap.served import serve
from tests.reliability.test_ldap_load import Reader
from tests.support.sites import as_console, card, new_site

SECONDS, SOAK_SECONDS = 1.5, 60.0
WRITERS, CARDS = 8, 6
COMMAND_SECONDS = 0.2
BOOK = "/walter/clients/"
MARK = re.compile(r"^X-MARK:(\d+)", re.MULTILINE)


class Desk:
    """What each party does once, again and again; ``kept`` is what was acknowledged, by card."""

    def __init__(self, app: App, dav_port: int, secret: str) -> None:
        self.app, self._port, self._secret = app, dav_port, secret
        self.kept: dict[int, set[str]] = defaultdict(set)
        self.stale = 0
        self._marks = itertools.count(1)
        self._lock = threading.Lock()
        self._pause = threading.Event()

    def client(self) -> Client:
        return Client(self._port, "walter", self._secret)

    def write(self) -> None:
        """Adds a line by If-Match; a 412 is read again the next time."""
        client, mark = self.client(), next(self._marks)
        path = f"{BOOK}{mark % CARDS}.vcf"
        read = client.get(path)
        assert read.status == 200, read.status
        text = read.text.replace("END:VCARD", f"X-MARK:{mark}\r\nEND:VCARD")
        done = client.put(path, text, If_Match=read.headers["etag"]).status
        assert done in (204, 412), done
        self._count(mark, written=done == 204)

    def command(self) -> None:
        """What ``contact edit`` does: reads and writes in one transaction, and is started anew for the next."""
        self._pause.wait(COMMAND_SECONDS)
        mark = next(self._marks)
        with as_console(self.app) as tx:
            [found] = contacts.with_uids(tx, [f"uid-{mark % CARDS}"])
            text = found.vcard.replace("END:VCARD", f"X-MARK:{mark}\r\nEND:VCARD")
            contacts.replace(tx, found.id, vcard.parse(text, tx.site.limits))
        self._count(mark, written=True)

    def _count(self, mark: int, *, written: bool) -> None:
        with self._lock:
            self.stale += not written
            if written:
                self.kept[mark % CARDS].add(str(mark))


class Follower:
    """A mail client that keeps a copy in step."""

    def __init__(self, client: Client) -> None:
        self._client, self.copy, self._token = client, dict[str, str](), ""

    def sync(self) -> None:
        """Asks what has changed."""
        reply = self._client.sync(BOOK, self._token)
        assert reply.status == 207, reply.status
        self.copy |= reply.etags()
        self._token = reply.token()


@pytest.fixture
def app(tmp_path: Path) -> App:
    made = new_site(tmp_path / "site", limits_properties=100_000, limits_card_bytes=10_000_000)
    with as_console(made) as tx:
        groups.add(tx, "Clients")
        members.add(tx, "walter")
        grants.grant(tx, "clients", "walter", ALL_RIGHTS)
    return made


@pytest.mark.soak
def test_nothing_is_lost_and_everybody_sees_the_same(app: App, tmp_path: Path, soak: bool) -> None:
    with as_console(app) as tx:
        secret = members.app_password_add(tx, "walter", "all", doors=frozenset({"carddav", "ldap"}), write=True)
    over = threading.Event()

    def repeat(work: Callable[[], None]) -> None:
        while not over.is_set():
            work()

    with ExitStack() as open_:
        open_.callback(app.close)
        dav, port = start(app, tmp_path, plain=False)
        open_.enter_context(dav)
        desk = Desk(app, port, secret)
        for number in range(CARDS):
            put = desk.client().put(f"{BOOK}{number}.vcf", card(f"uid-{number}", f"Shared {number}"))
            assert put.status == 201
        site = open_.enter_context(serve(app))
        searchers = [open_.enter_context(closing(Reader(site, "walter", secret))) for _ in range(2)]
        followers = [Follower(desk.client()) for _ in range(2)]

        def search(reader: Reader) -> None:
            assert reader.autocomplete("shared") == CARDS, "each card is there at any moment, once"

        work: list[Callable[[], None]] = [desk.write] * WRITERS + [desk.command]
        work += [each.sync for each in followers]
        work += [lambda reader=each: search(reader) for each in searchers]
        with ThreadPoolExecutor(len(work)) as pool:
            running = [pool.submit(repeat, each) for each in work]
            over.wait(SOAK_SECONDS if soak else SECONDS)
            over.set()
            for each in running:
                each.result()
        listed = desk.client().propfind(BOOK, "{DAV:}getetag", depth="1").etags()
        for follower in followers:
            follower.sync()
            assert follower.copy == {href: etag for href, etag in listed.items() if href.endswith(".vcf")}
        found = {number: set(MARK.findall(desk.client().get(f"{BOOK}{number}.vcf").text)) for number in range(CARDS)}
        assert "Traceback" not in dav.output + site.server.output
    assert found == desk.kept
    count = sum(map(len, found.values()))
    assert count > CARDS
    print(f"{count} edits kept, {desk.stale} refused as stale")
