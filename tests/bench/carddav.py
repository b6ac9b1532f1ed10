"""CardDAV of sharedbook beside Radicale's own storage, Xandikos, Cyrus and sabre/dav, in one run.

All servers run at once and are asked in turn, so that noise hits all; the tables give medians, our ratio to the server
that docs/bench.md compares a row with, and whether it reaches what was aimed at.

    python -m tests.bench.carddav [--ours] [COUNT ...]

``--ours`` leaves the others out: how our own times grow, in a few minutes.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sharedbook.app import App
from tests.bench import book, peers
from tests.bench.peers import NotHere, Running
from tests.bench.requests import Asker, Measure
from tests.carddav.served import start

COUNTS = (1_000, 10_000, 50_000)
ROUNDS = 15
IN_A_ROW, QUICK = 8, 20.0
"""Quick answers (milliseconds) are measured some in a row: the first after a pause finds cold caches."""

ROW_SECONDS = 4.0
"""A server that has taken so long for one row is not asked again for it."""

PEER_SECONDS = 150.0
"""What one peer may take in all at one size; what comes after is left out, and that is said."""

CLIENTS, LOAD_SECONDS, LOAD_ROUNDS = 8, 3.0, 3
OURS = "sharedbook"
FLAT = 1.3
CPU_MICROSECONDS = 2.0
FIRST_REQUEST = 2.0
DISK = 2.5


@dataclass(frozen=True)
class Row:
    """One line of the table. ``beside``: the peer it is compared with ("": the fastest); ``most``: of its time."""

    name: str
    measure: Measure
    beside: str
    most: float
    flat: bool = True


ROWS = (
    Row("poll (ctag + token)", Asker.poll, "Cyrus", 1.0),
    Row("home, depth 1", Asker.home, "Cyrus", 1.0),
    Row("sync, nothing new", Asker.sync_nothing, "sabre", 0.7),
    Row("sync after one change", Asker.sync_one, "sabre", 0.8),
    Row("GET card", Asker.get, "Xandikos", 0.8),
    Row("multiget of 100", Asker.multiget, "Cyrus", 0.5),
    Row("PUT new", Asker.put, "sabre", 1.0),
    Row("sync, empty token", Asker.first, "Cyrus", 0.5, flat=False),
    Row("query, EMAIL equals", Asker.equals, "", 0.15, flat=False),
    Row("query, EMAIL contains", Asker.contains, "", 0.15, flat=False),
    Row("whole initial sync", Asker.whole, "Cyrus", 0.5, flat=False),
)
LOAD = f"{CLIENTS} clients, requests/s"
LOAD_BESIDE, LOAD_LEAST = "sabre", 1.0


@dataclass
class Asked:
    """A server under measurement. ``medians``: by row; ``over``: why no more is asked."""

    running: Running
    asker: Asker
    spent: float = 0.0
    over: str = ""
    medians: dict[str, float] = field(default_factory=dict)

    @property
    def is_peer(self) -> bool:
        """Whether it is not ours."""
        return self.running.name != OURS

    def ask(self, row: Row) -> float | None:
        """One measurement; None when the server is out of the race."""
        self.asker.patience(max(PEER_SECONDS - self.spent, 1.0))
        started = time.monotonic()
        try:
            return row.measure(self.asker)
        except (TimeoutError, RuntimeError, ConnectionError) as error:
            print(f"{self.running.name}: {row.name}: {type(error).__name__} {error}", file=sys.stderr)
            return None
        finally:
            self.spent += time.monotonic() - started
            if self.is_peer and self.spent > PEER_SECONDS:
                self.over = f"{self.running.name} has had its {PEER_SECONDS:.0f} s before the row {row.name!r} ended"


def measure(row: Row, servers: Sequence[Asked]) -> None:
    """Asks every server in turn, and keeps the medians."""
    times: dict[str, list[float]] = {each.running.name: [] for each in servers}
    going = [each for each in servers if not each.over]
    for _ in range(ROUNDS + 1):  # the first warms up, and counts where there is no second
        for each in list(going):
            found = times[each.running.name]
            some = _in_a_row(each, row)
            if some:
                found.append(statistics.median(some))
            if not some or each.over or sum(found) * len(some) > ROW_SECONDS * 1000:
                going.remove(each)
    for each in servers:
        found = times[each.running.name]
        if found:
            each.medians[row.name] = statistics.median(found[1:] or found)


def _in_a_row(server: Asked, row: Row) -> list[float]:
    """Milliseconds of some requests, one after the other while they are quick; empty when the server fails."""
    found: list[float] = []
    while len(found) < IN_A_ROW and (not found or found[-1] < QUICK):
        milliseconds = server.ask(row)
        if milliseconds is None:
            return []
        found.append(milliseconds)
    return found


def load(servers: Sequence[Asked]) -> None:
    """Clients that poll (80 %), sync (10 %) and put (10 %) at once, as fast as they are answered."""
    rates: dict[str, list[float]] = {}
    for _ in range(LOAD_ROUNDS):
        for each in servers:
            if not each.over:
                rates.setdefault(each.running.name, []).append(_rate(each))
    for each in servers:
        if each.running.name in rates:
            each.medians[LOAD] = statistics.median(rates[each.running.name])


def _rate(server: Asked) -> float:
    end = time.monotonic() + LOAD_SECONDS

    def work(seed: int) -> int:
        asker, chance, done = Asker(server.running, PEER_SECONDS), random.Random(seed), 0
        asker.token = server.asker.token
        while time.monotonic() < end:
            _one(asker, chance.random())
            done += 1
        asker.close()
        return done

    started = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as pool:
        done = sum(pool.map(work, range(CLIENTS)))
    seconds = time.monotonic() - started
    server.spent += seconds
    return done / seconds


def _one(asker: Asker, chance: float) -> None:
    if chance < 0.8:
        asker.poll()
    elif chance < 0.9:
        asker.sync_nothing()
    else:
        asker.put()


# ---- what only ours is asked


def cpu_of_empty_sync(server: Asked, rounds: int = 10) -> float:
    """Microseconds of processor time for each card of a sync with an empty token."""
    group = server.running.servers[0].process.pid
    before = _cpu_seconds(group)
    for _ in range(rounds):
        server.asker.first()
    return (_cpu_seconds(group) - before) * 1e6 / rounds / len(server.asker.hrefs)


def _cpu_seconds(group: int) -> float:
    """Of all processes of a process group until now."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[2]) == group:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def first_request(app: App, folder: Path, secret: str, idle: Asker) -> tuple[float, float]:
    """The first poll that a server answers after its start, and then one of a server that had nothing to do meanwhile.

    Medians of three starts. Both find the processor's caches cold; only the first finds what a start leaves undone.
    """
    found, beside = [], []
    for _ in range(3):
        running = ours(app, folder, secret)
        asker = Asker(running, 30.0)
        found.append(asker.poll())
        beside.append(idle.poll())
        asker.close()
        running.stop()
    return statistics.median(found), statistics.median(beside)


def ours(app: App, folder: Path, secret: str) -> Running:
    """Our server of a site."""
    server, port = start(app, folder, plain=False)
    path = app.site.database.path
    assert path is not None
    return Running(OURS, port, "/alice/", "/alice/bench/", secret, (server,), path)


def disk(path: Path, count: int) -> float:
    """Bytes of our database for each byte of a card, its log folded in."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return path.stat().st_size / sum(len(text.encode()) for _, text in book.people(count))


# ---- the tables


@contextmanager
def serving(folder: Path, count: int, others: Sequence[peers.Peer]) -> Iterator[tuple[list[Asked], App, str]]:
    """Ours and every other that is here, filled and running."""
    with ExitStack() as stack:
        app, secret = book.fill_ours(folder / "site", count)
        stack.callback(app.close)
        runnings = [ours(app, folder, secret)]
        held = disk(runnings[0].stored, count)
        print(f"- database: {held:.2f} x the bytes of the cards ({_verdict(held <= DISK)})", flush=True)
        stack.callback(runnings[0].stop)
        for fill in others:
            started = time.monotonic()
            try:
                running = fill(folder / fill.__name__, count)
            except NotHere as error:
                print(f"- left out: {error}")
                continue
            stack.callback(running.stop)
            runnings.append(running)
            print(f"- {running.name} filled in {time.monotonic() - started:.0f} s", flush=True)
        yield [Asked(each, Asker(each, PEER_SECONDS)) for each in runnings], app, secret


def run(count: int, others: Sequence[peers.Peer]) -> dict[str, float]:
    """One size: prints its table; returns our medians by row."""
    print(f"\n## {count:,} contacts, {_date()}, load {os.getloadavg()[0]:.1f}\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="sharedbook-bench-") as name:
        folder = Path(name)
        with serving(folder, count, others) as (servers, app, secret):
            first = Row("first listing", Asker.first, "", 1.0)
            for each in servers:
                if each.ask(first) is None:
                    each.over = each.over or f"{each.running.name} does not list its cards"
            _heading(servers)
            for row in ROWS:
                measure(row, servers)
                _line(row.name, servers, *_judged(row, servers))
            load(servers)
            _line(LOAD, servers, *_judged_load(servers))
            print()
            for each in servers:
                if each.over:
                    print(f"- {each.over}")
            _only_ours(servers[0], app, folder, secret)
            for each in servers:
                each.asker.close()
            return servers[0].medians


def _heading(servers: Iterable[Asked]) -> None:
    names = [each.running.name for each in servers]
    print(f"| milliseconds | {' | '.join(names)} | ratio | to reach | |\n|---|{'---|' * (len(names) + 3)}", flush=True)


def _line(name: str, servers: Iterable[Asked], ratio: str, aim: str, verdict: str) -> None:
    cells = [_number(each.medians.get(name)) for each in servers]
    print(f"| {name} | {' | '.join(cells)} | {ratio} | {aim} | {verdict} |", flush=True)


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def _other(row: str, beside: str, servers: Sequence[Asked], *, best: bool = False) -> tuple[str, float] | None:
    """The peer to compare with, and its value; Cyrus where sabre is not here."""
    found = {each.running.name: each.medians[row] for each in servers[1:] if row in each.medians}
    if not found:
        return None
    name = min(found, key=found.__getitem__) if best else beside if beside in found else "Cyrus"
    return (name, found[name]) if name in found else None


def _judged(row: Row, servers: Sequence[Asked]) -> tuple[str, str, str]:
    other = _other(row.name, row.beside, servers, best=not row.beside)
    if other is None or row.name not in servers[0].medians:
        return "-", "-", "not measured"
    ratio = servers[0].medians[row.name] / other[1]
    return f"{ratio:.2f}", f"{row.most} x {other[0]}", _verdict(ratio <= row.most)


def _judged_load(servers: Sequence[Asked]) -> tuple[str, str, str]:
    other = _other(LOAD, LOAD_BESIDE, servers)
    if other is None:
        return "-", "-", "not measured"
    ratio = servers[0].medians[LOAD] / other[1]
    return f"{ratio:.2f}", f"{LOAD_LEAST} x {other[0]}", _verdict(ratio >= LOAD_LEAST)


def _verdict(reached: bool) -> str:
    return "reached" if reached else "**missed**"


def _only_ours(ours: Asked, app: App, folder: Path, secret: str) -> None:
    cpu = cpu_of_empty_sync(ours)
    print(f"- CPU of a sync with an empty token: {cpu:.1f} us a card ({_verdict(cpu <= CPU_MICROSECONDS)})")
    warm, (first, idle) = ours.medians["poll (ctag + token)"], first_request(app, folder, secret, ours.asker)
    verdict = _verdict(first <= FIRST_REQUEST * warm)
    beside = f"{first / idle:.1f} x one of a server that was idle meanwhile"
    print(
        f"- first poll after a start: {first:.2f} ms, {first / warm:.1f} x a warm one ({verdict}), {beside}", flush=True
    )


def _date() -> str:
    return time.strftime("%d %B %Y %H:%M")


def growth(results: dict[int, dict[str, float]]) -> None:
    """How our medians grow from the smallest to the largest size."""
    small, large = min(results), max(results)
    print(f"\n## Growth from {small:,} to {large:,} contacts\n\n| request | ratio | |\n|---|---|---|")
    for row in ROWS:
        if row.name in results[small] and row.name in results[large]:
            ratio = results[large][row.name] / results[small][row.name]
            print(f"| {row.name} | {ratio:.2f} | {_verdict(ratio <= FLAT) if row.flat else ''} |")


def main() -> None:
    """Runs every size, and closes with the growth of our medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", action="store_true", help="leave the others out")
    parser.add_argument("counts", type=int, nargs="*", default=COUNTS, metavar="COUNT")
    wanted = parser.parse_args()
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}")
    others = () if wanted.ours else peers.PEERS
    results = {count: run(count, others) for count in wanted.counts}
    if len(results) > 1:
        growth(results)


if __name__ == "__main__":
    main()
