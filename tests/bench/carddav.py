"""CardDAV and LDAP of sharedbook beside Radicale's own storage, in one run, with 1,000, 10,000 and 50,000 contacts.

Both servers run at once and are asked in turn, so that noise hits both; the table gives medians and their ratio.

    python -m tests.bench.carddav [COUNT ...]
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.bench import book, ldap_client
from tests.bench.requests import MEASURES, Asker
from tests.carddav.served import RADICALE, start
from tests.support.ports import free_port
from tests.support.processes import Server

COUNTS = (1_000, 10_000, 50_000)
ROUNDS = 15
SLOW_SECONDS = 20
"""A server that needs this long for one measurement is asked only once a row."""

RADICALE_CONFIG = """
[server]
hosts = 127.0.0.1:{port}
timeout = 900
[auth]
type = none
[rights]
type = authenticated
[storage]
filesystem_folder = {folder}
[web]
type = none
[logging]
level = error
"""


def radicale(folder: Path) -> tuple[Server, int]:
    """Radicale with its own storage, on a free port."""
    port = free_port()
    config = folder / "radicale.conf"
    config.write_text(RADICALE_CONFIG.format(port=port, folder=folder))
    server = Server([RADICALE, "--config", config], cwd=folder)
    server.wait_for_port(port)
    return server, port


def measure(ours: Asker, theirs: Asker) -> dict[str, tuple[float, float]]:
    """Row -> (our median, their median) in milliseconds."""
    table: dict[str, tuple[float, float]] = {}
    for row, ask in MEASURES.items():
        times: tuple[list[float], list[float]] = ([], [])
        ask(ours)
        slow = False
        for _ in range(ROUNDS):
            times[0].append(ask(ours))
            if not slow:
                times[1].append(ask(theirs))
                slow = times[1][-1] > SLOW_SECONDS * 1000 / ROUNDS
        table[row] = (statistics.median(times[0]), statistics.median(times[1]))
        print(
            f"  {row:<26} {table[row][0]:>10.2f} {table[row][1]:>12.1f} {table[row][1] / table[row][0]:>9.0f} x",
            flush=True,
        )
    return table


def run(count: int) -> dict[str, float]:
    """One size: prints its table and returns our medians by row."""
    with tempfile.TemporaryDirectory(prefix="sharedbook-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        started = time.perf_counter()
        app, secret = book.fill_ours(folder / "site", count)
        book.fill_radicale(folder / "radicale", count)
        print(f"\n{count:,} contacts, filled in {time.perf_counter() - started:.0f} s (both)")
        server, port = start(app, folder, plain=False)
        stack.enter_context(server)
        peer, peer_port = radicale(folder / "radicale")
        stack.enter_context(peer)
        ours, theirs = Asker(port, secret), Asker(peer_port, "any")
        print(f"  {'milliseconds, medians':<26} {'sharedbook':>10} {'Radicale':>12} {'ratio':>11}")
        first = ours.prepare(), theirs.prepare()
        print(
            f"  {'first full listing':<26} {first[0]:>10.2f} {first[1]:>12.1f} {first[1] / first[0]:>9.0f} x",
            flush=True,
        )
        ours_only = {row: pair[0] for row, pair in measure(ours, theirs).items()}
        ours.close()
        theirs.close()
        ours_only["LDAP autocomplete"] = ldap_client.autocomplete(app, secret)
        print(f"  {'LDAP autocomplete':<26} {ours_only['LDAP autocomplete']:>10.2f}")
        app.close()
    return ours_only


def main() -> None:
    """Runs every size and closes with the growth of our medians."""
    counts = [int(word) for word in sys.argv[1:]] or list(COUNTS)
    version = subprocess.run([sys.executable, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    print(f"{version}; each server in its own process on this machine, one keep-alive connection, asked in turn")
    results = {count: run(count) for count in counts}
    if len(results) > 1:
        small, large = min(results), max(results)
        print(f"\ngrowth of our medians from {small:,} to {large:,} contacts")
        for row, milliseconds in results[large].items():
            print(f"  {row:<26} {milliseconds / results[small][row]:>10.2f} x")


if __name__ == "__main__":
    main()
