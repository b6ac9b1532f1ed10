"""Import of a csv file beside the least that anybody could do: the same rows into one table by csv and executemany.

Both run in turn, each in a process of its own; the table gives the medians, for a file without an empty cell and for
the same people as other products export them. While the first file is imported once more, a CardDAV client polls the
book that it goes into; then commands are timed on that site, with their start.

    python -m tests.bench.importing [COUNT ...]
"""

from __future__ import annotations

import csv
import json
import os
import random
import re
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from sharedbook import app as composition
from sharedbook.app import App
from sharedbook.services.imports import transfer
from sharedbook.settings import Settings
from tests.bench import book
from tests.bench.book import SYLLABLES
from tests.bench.carddav import ours
from tests.bench.layouts import Layout, layouts
from tests.bench.names import name
from tests.bench.requests import Asker
from tests.support.sites import CLIENT, CONSOLE

COUNTS = (50_000, 200_000)
ROUNDS = 3
MOST_TIMES, MOST_MEGABYTES, MOST_MILLISECONDS = 8, 200, 100
MOST_TO_FIND, MOST_TO_HELP = 0.5, 0.3
POLL_EVERY = 0.05
DENSE = next(iter(layouts().values()))


def rows(count: int) -> Iterator[list[str]]:
    """As many people, about 330 bytes each: those of ``book.people`` with shorter notes and without photos."""
    chance = random.Random(7)
    for number in range(count):
        who = name(chance, number)
        company = "".join(chance.choices(SYLLABLES, k=3)).title()
        yield [
            who.given,
            who.family,
            company,
            chance.choice(SYLLABLES).title(),
            f"{chance.choice(SYLLABLES).title()} Manager",
            f"{who.mail}@{company.lower()}.example",
            f"{''.join(chance.choices(SYLLABLES, k=4))}{number}@mail.example",
            f"+82 10-{chance.randrange(1000, 9999)}-{number % 10000:04d}",
            f"+82 2-{chance.randrange(100, 999)}-{chance.randrange(1000, 9999)}",
            f"{number} Street",
            f"{company}ville",
            f"{number % 99999:05d}",
            "Korea",
            " ".join(chance.choices(SYLLABLES, k=chance.randrange(10, 100))),
        ]


def write(path: Path, count: int, layout: Layout = DENSE) -> None:
    """The file to import."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(layout.header)
        writer.writerows(map(layout.row, rows(count)))


@dataclass(frozen=True)
class Cost:
    """What a run took: seconds by the clock and of the processor, its children's too; megabytes of the largest.

    ``own``: without the pages of the database that it has mapped, which the system takes back when it needs them.
    """

    seconds: float
    processor: float
    megabytes: float
    own: float


def least(file: Path, database: Path) -> None:
    """The rows of a csv file into one table, durable as our own database is."""
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    with file.open(newline="", encoding="utf-8") as source:
        reader = csv.reader(source)
        names = next(reader)
        connection.execute(f"CREATE TABLE rows ({', '.join(f'c{place} TEXT' for place in range(len(names)))})")
        connection.execute("BEGIN")
        connection.executemany(f"INSERT INTO rows VALUES ({', '.join('?' * len(names))})", reader)
        connection.execute("COMMIT")
    connection.close()


def import_into(site: Path, file: Path) -> None:
    """The same as ``sharedbook import``."""
    app = composition.open(Settings(data_dir=site, limits_contacts=10**7, limits_file_bytes=10**9))
    report = transfer.import_file(app, CONSOLE, CLIENT, file, group="bench")
    app.close()
    if set(report.counts) - {"added"} and sum(report.counts.values()) != report.counts["added"]:
        raise RuntimeError(f"not all rows were added: {report.counts}")


def _work(what: str, *paths: str) -> None:
    started, before = time.perf_counter(), _processor()
    {"least": least, "import": import_into}[what](*map(Path, paths))
    seconds, processor = time.perf_counter() - started, _processor() - before
    own = re.search(r"^RssAnon:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert own is not None
    cost = Cost(seconds, processor, max(each.ru_maxrss for each in _usage()) / 1024, int(own[1]) / 1024)
    print(json.dumps(asdict(cost)))


def _usage() -> list[resource.struct_rusage]:
    return [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]


def _processor() -> float:
    return sum(each.ru_utime + each.ru_stime for each in _usage())


def _in_a_process(what: str, *paths: Path) -> Cost:
    command = [sys.executable, "-m", "tests.bench.importing", what, *map(str, paths)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Cost(**json.loads(done.stdout))


def poll(app: App, folder: Path, secret: str, over: threading.Event) -> list[float]:
    """Milliseconds of a client's polls until the event."""
    running = ours(app, folder, secret)
    asker = Asker(running, 30.0)
    found = [asker.poll()]
    while not over.wait(POLL_EVERY):
        found.append(asker.poll())
    asker.close()
    running.stop()
    return found[1:]


def command(site: Path, *words: str) -> tuple[float, float]:
    """Seconds by the clock and of the processor of a ``sharedbook`` command: the medians, after a first time.

    As it is installed: its modules are compiled, which the first time sees to.
    """
    found = []
    program = [str(Path(sys.executable).with_name("sharedbook")), *words]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for _ in range(6):
        started, before = time.perf_counter(), _processor()
        subprocess.run(program, check=True, capture_output=True, env=environment | {"SHAREDBOOK_DATA_DIR": str(site)})
        found.append((time.perf_counter() - started, _processor() - before))
    found = found[1:]
    return statistics.median(each[0] for each in found), statistics.median(each[1] for each in found)


def measure(folder: Path, count: int, layout: Layout = DENSE, *, polled: bool) -> tuple[Cost, Cost, list[float]]:
    """What the least took, what the import took, and the polls meanwhile, if any."""
    file, site = folder / f"{count}.csv", folder / "site"
    write(file, count, layout)
    app, secret = book.empty(site, count)
    beside = _in_a_process("least", file, folder / "least.sqlite")
    polls: list[float] = []
    over = threading.Event()
    client = threading.Thread(target=lambda: polls.extend(poll(app, folder, secret, over)))
    if polled:
        client.start()
    try:
        cost = _in_a_process("import", site, file)
    finally:
        over.set()
        if polled:
            client.join()
        app.close()
    return beside, cost, polls


def _median(costs: list[Cost]) -> Cost:
    return Cost(*(statistics.median(getattr(each, name) for each in costs) for name in Cost.__dataclass_fields__))


def _show(count: int, product: str, layout: Layout, rounds: int) -> None:
    """Measures so often, and prints the medians."""
    found = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            found.append(measure(Path(folder), count, layout, polled=False))
    beside, cost = _median([each[0] for each in found]), _median([each[1] for each in found])
    print(
        f"| {count:,} | {product} | {beside.seconds:.2f} | {beside.processor:.2f} | {cost.seconds:.2f} |"
        f" {cost.processor:.2f} | {cost.seconds / beside.seconds:.1f} | {cost.processor / beside.processor:.1f} |"
        f" {cost.megabytes:.0f} | {cost.own:.0f} |",
        flush=True,
    )


def main(counts: list[int]) -> None:
    print("| rows | as | least: s | processor | import: s | processor | times (clock) | times (processor) | MB | own |")
    print("|---|---|---|---|---|---|---|---|---|---|", flush=True)
    for product, layout in layouts().items():
        _show(counts[0], product, layout, ROUNDS)
    for count in counts[1:]:
        _show(count, *next(iter(layouts().items())), 1)
    with tempfile.TemporaryDirectory() as name_:
        _, _, polls = measure(Path(name_), counts[0], polled=True)
        words = {"contact find ayre": MOST_TO_FIND, "--help": MOST_TO_HELP}
        commands = {each: command(Path(name_) / "site", *each.split()) for each in words}
    slowest = statistics.quantiles(polls, n=20)[-1]
    print(f"\nAimed at: {MOST_TIMES} times at {COUNTS[0]:,} rows, {MOST_MEGABYTES} MB whatever the size.")
    print(f"{len(polls)} polls meanwhile: 95 of 100 under {slowest:.0f} ms (aimed at: {MOST_MILLISECONDS} ms).")
    for each, (seconds, processor) in commands.items():
        print(f"sharedbook {each}: {seconds:.2f} s, {processor:.2f} of the processor (aimed at: {words[each]} s).")


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in ("least", "import"):
        _work(*sys.argv[1:])
    else:
        main([int(each) for each in sys.argv[1:]] or list(COUNTS))
