"""The directory under load: writes while it is searched, and slow connections and wrong passwords beside a good client.

Some seconds in `make test`; in `make soak` ten minutes, 500 connections and 10,000 passwords. Times are printed, never
asserted: what a busy machine takes is no fault of the program.
"""

from __future__ import annotations

import itertools
import json
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import pytest

from ldap_gateway import messages as m
from ldap_gateway import wire
from ldap_gateway.messages import Code
from sharedbook.app import App
from sharedbook.domain.model import ALL_RIGHTS
from sharedbook.formats.vcards import vcard
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts
from sharedbook.services.members import grants, members
from tests.bench.ldap_rows import any_of, like
from tests.carddav.dav import Client
from tests.carddav.served import start
from tests.ldap.served import BASE, Site, heard, make, serve
from tests.ldap.wiring import Answer, octets
from tests.support.processes import Server
from tests.support.sites import as_console, card

SECONDS, SOAK_SECONDS = 5.0, 600.0
A_SECOND = 20
MOST_GROWTH = 32 * 1024 * 1024


class Reader:
    """A logged-in LDAP connection that asks one thing after the other."""

    def __init__(self, site: Site, login: str, secret: str) -> None:
        self._socket, self._ids = site.raw(), itertools.count(1)
        assert self.ask(m.Bind(3, login.encode(), None, secret.encode()))[-1].code == Code.SUCCESS

    def ask(self, operation: m.Operation) -> list[Answer]:
        """The whole answer to a request."""
        self._socket.sendall(octets(m.Message(next(self._ids), operation)))
        found: list[Answer] = []
        while not found or found[-1].tag == wire.ENTRY:
            found += heard(self._socket, 1)
        return found

    def autocomplete(self, needle: str) -> int:
        """How many people are offered."""
        return self.offered(compose(needle))

    def offered(self, request: m.Search) -> int:
        """The same, of a request that was made beforehand."""
        *entries, done = self.ask(request)
        assert done.code in (Code.SUCCESS, Code.SIZE_LIMIT_EXCEEDED)
        return len(entries)

    def close(self) -> None:
        """Ends the connection."""
        self._socket.close()


def compose(needle: str) -> m.Search:
    """What a mail client asks when someone types a name."""
    found = any_of(("cn", "mail", "givenName", "sn"), lambda attribute: like(attribute, needle.encode()))
    return m.Search(BASE.encode(), m.Scope.SUBTREE, 100, 0, False, found, ("cn", "mail"))


class Writer:
    """Adds, edits and deletes by turns: a mail client over CardDAV, and the postmaster's command line."""

    def __init__(self, app: App, client: Client) -> None:
        self._app, self._client, self._id = app, client, 0

    def write(self, number: int) -> tuple[str, int]:
        """One of six writes in turn; returns a name, and how many people have it from then on."""
        turn, round_ = number % 6, number // 6
        name = f"{'Written' if turn < 2 else 'Rewritten'}{round_:06}"
        if turn % 2 == 0:
            self._dav(turn, f"/walter/load/dav{round_}.vcf", card(f"dav-{round_}", f"Dav {name}"))
        else:
            self._cli(turn, card(f"cli-{round_}", f"Cli {name}"))
        return name, (1, 2, 1, 2, 1, 0)[turn]

    def _dav(self, turn: int, path: str, text: str) -> None:
        done = self._client.request("DELETE", path) if turn == 4 else self._client.put(path, text)
        assert done.status in (200, 201, 204), done.status

    def _cli(self, turn: int, text: str) -> None:
        with as_console(self._app) as tx:
            if turn == 1:
                self._id = contacts.add(tx, groups.get(tx, "load"), vcard.parse(text)).id
            elif turn == 3:
                contacts.replace(tx, self._id, vcard.parse(text))
            else:
                contacts.delete(tx, [self._id])


def spread(times: Sequence[float]) -> str:
    """Median, 95th and 99th percentile in milliseconds."""
    cuts = statistics.quantiles(times, n=100)
    return f"p50 {cuts[49] * 1000:.1f} ms, p95 {cuts[94] * 1000:.1f} ms, p99 {cuts[98] * 1000:.1f} ms of {len(times)}"


@contextmanager
def until_done(work: Callable[[], None], count: int) -> Iterator[None]:
    """Threads that repeat some work while the block runs; what fails in one fails here."""
    over = threading.Event()

    def repeat() -> None:
        while not over.is_set():
            work()

    with ThreadPoolExecutor(count) as pool:
        running: list[Future[None]] = [pool.submit(repeat) for _ in range(count)]
        try:
            yield
        finally:
            over.set()
        for each in running:
            each.result()


def resident(site: Site) -> int:
    """Octets of memory that the LDAP server holds."""
    pages = Path(f"/proc/{site.server.process.pid}/statm").read_text().split()[1]
    return int(pages) * 4096


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    made = make(tmp_path / "site", hold_minimum=100_000)  # the writer deletes more than a mail client may
    with as_console(made) as tx:
        groups.add(tx, "Load")
        members.add(tx, "walter")
        grants.grant(tx, "load", "walter", ALL_RIGHTS)
    yield made
    made.close()


def secret_of(app: App) -> str:
    """A password of the member who reads and writes."""
    with as_console(app) as tx:
        return members.app_password_add(tx, "walter", "load", doors=frozenset({"carddav", "ldap"}), write=True)


@pytest.mark.soak
def test_each_write_is_seen_at_once_while_others_search(app: App, tmp_path: Path, soak: bool) -> None:
    seconds, secret = SOAK_SECONDS if soak else SECONDS, secret_of(app)
    mix = [sys.executable, "-m", "tests.reliability.ldap_mix"]
    with ExitStack() as open_:
        site = open_.enter_context(serve(app))
        dav, port = start(app, tmp_path, plain=False)
        open_.enter_context(dav)
        writer = Writer(app, Client(port, "walter", secret))
        reader = open_.enter_context(closing(Reader(site, "walter", secret)))
        clients = open_.enter_context(Server([*mix, str(site.port), "walter", secret, str(seconds)]))
        clients.wait_for_line("^ready$")
        seen, memory = written(writer, reader, lambda: resident(site), seconds)
        searched = json.loads(clients.wait_for_line("^{.*}$").group())
        assert "Traceback" not in site.server.output + dav.output
    assert set(searched["codes"]) <= {"0", "4"}, searched["codes"]
    print(f"visible: {spread(seen)} writes; beside: {spread(searched['times'])} searches; memory: {memory}")
    assert not soak or memory[-1] - memory[len(memory) // 4] < MOST_GROWTH


def written(writer: Writer, reader: Reader, memory: Callable[[], int], seconds: float) -> tuple[list[float], list[int]]:
    """Writes, A_SECOND a second.

    The seconds until each was seen, and the octets of memory ten times on the way.
    """
    began, seen, sizes = time.monotonic(), list[float](), list[int]()
    pause = threading.Event()
    while (passed := time.monotonic() - began) < seconds:
        if passed >= len(sizes) * seconds / 10:
            sizes.append(memory())
        number = len(seen)
        name, wanted = writer.write(number)
        committed, request = time.monotonic(), compose(name)
        while reader.offered(request) != wanted:
            assert time.monotonic() - committed < 60, f"write {number} is not seen"
        seen.append(time.monotonic() - committed)
        pause.wait(max(0.0, began + (number + 1) / A_SECOND - time.monotonic()))
    return seen, [*sizes, memory()]


@pytest.mark.soak
def test_slow_connections_and_wrong_passwords_hold_nobody_up(app: App, soak: bool) -> None:
    """Connections that send one octet now and then, and wrong passwords for many logins, beside one good client."""
    slow, wrong = (500, 10_000) if soak else (60, 300)
    secret, request = secret_of(app), octets(m.Message(1, compose("kim")))
    times: list[float] = []
    codes: list[int] = []
    with ExitStack() as open_:
        limits = {"SHAREDBOOK_LDAP_CONNECTIONS_PER_ADDRESS": str(slow + 50)}
        site = open_.enter_context(serve(app, **limits))
        good = open_.enter_context(closing(Reader(site, "walter", secret)))
        crawling = [open_.enter_context(site.raw()) for _ in range(slow)]
        numbers = itertools.count()

        def guess() -> None:
            number = next(numbers)
            if number >= wrong:
                return
            with suppress(OSError):  # the server lets go whom a message takes too long
                crawling[number % slow].sendall(request[number // slow :][:1])
            with site.raw() as connection:
                bind = m.Bind(3, f"nobody{number % 50}".encode(), None, b"wrong")
                connection.sendall(octets(m.Message(1, bind)))
                codes.extend(each.code for each in heard(connection, 1))

        with until_done(guess, 4):
            expected = good.autocomplete("kim")
            while len(codes) < wrong or len(times) < 100:
                began = time.monotonic()
                assert good.autocomplete("kim") == expected
                times.append(time.monotonic() - began)
        again = open_.enter_context(closing(Reader(site, "walter", secret)))
        assert again.autocomplete("kim") == expected
        assert "Traceback" not in site.server.output
    assert set(codes) <= {Code.INVALID_CREDENTIALS, Code.BUSY} and len(codes) == wrong
    assert codes.count(Code.BUSY) > wrong // 2, "guessing is slowed down"
    print(f"good client: {spread(times)} searches beside {slow} slow connections and {wrong} wrong passwords")
