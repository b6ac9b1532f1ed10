"""How our LDAP gateway grows with the address book: its start, its memory, and one client's autocomplete.

    python -m tests.bench.ldap_growth [COUNT ...]

It starts twice: the first start reads the cards and keeps what it makes of them, the second, which is measured, does
not. Processor times are the gateway's own, so they say the same on a busy machine, or nearly.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from tests.bench import ber_load, book
from tests.bench.ber_load import Load, Target, drive
from tests.bench.ldap import entries_of, ours
from tests.bench.ldap_rows import Requests, bind
from tests.support.ports import free_port

COUNTS = (1_000, 10_000, 100_000)
SECONDS = 3.0
SAMPLED = 50
HEAD = (
    *("contacts", "answers after", "of CPU", "indexed after", "of CPU", "memory", "a contact"),
    *("entries of an answer", "p50", "CPU of a request", "CPU of an entry"),
)


class Use(NamedTuple):
    """What a process has used of a machine until now: seconds of the clock and of a processor, octets of memory."""

    clock: float
    cpu: float
    memory: int


def use(pid: int) -> Use:
    """Reads it from /proc."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks, pages = int(fields[11]) + int(fields[12]), int(fields[21])
    return Use(time.monotonic(), ticks / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE"))


def indexed(port: int) -> bool:
    """Whether the gateway says that its index is built."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        return b'indexed{worker="0"} 1\n' in answer.read()


def measure(count: int) -> list[str]:
    """The cells of a size."""
    with tempfile.TemporaryDirectory(prefix="sharedbook-bench-") as name, ExitStack() as stack:
        folder, metrics = Path(name), free_port()
        app, secret = book.fill_ours(folder / "site", count)
        stack.callback(app.close)
        first, _ = ours(folder, app)
        first.stop()
        began = time.monotonic()
        server, port = ours(folder, app, SHAREDBOOK_LDAP_METRICS_LISTEN=f"127.0.0.1:{metrics}")
        stack.enter_context(server)
        answering = use(server.process.pid)
        pause = threading.Event()
        while not indexed(metrics):
            pause.wait(0.05)
        built = use(server.process.pid)
        base = app.settings.ldap_base
        target = Target(port, bind(f"uid=alice,ou=members,{base}", secret))
        requests = asked(target, base)
        sizes = [len(entries_of(ber_load.whole_answer(target, each))) for each in requests[:SAMPLED]]
        before = use(server.process.pid).cpu
        outcome = drive(target, [Load(requests)], SECONDS)
        each = (use(server.process.pid).cpu - before) / len(outcome.times)
        entries = statistics.mean(sizes)
        return [
            *started(count, began, answering, built),
            f"{entries:.0f}",
            f"{statistics.median(outcome.times) * 1000:.3f} ms",
            f"{each * 1e6:.0f} us",
            f"{each / entries * 1e6:.1f} us",
        ]


def started(count: int, began: float, answering: Use, built: Use) -> list[str]:
    """The cells of its start."""
    return [
        f"{count:,}",
        f"{answering.clock - began:.1f} s",
        f"{answering.cpu:.1f} s",
        f"{built.clock - began:.1f} s",
        f"{built.cpu:.1f} s",
        f"{built.memory / 2**20:.0f} MB",
        f"{built.memory / count / 1024:.1f} KB",
    ]


def asked(target: Target, base: str) -> Sequence[bytes]:
    """Autocomplete of three letters, of words out of the book itself."""
    entries = entries_of(ber_load.whole_answer(target, Requests(base, []).everything()))
    requests = Requests(base, entries)
    return requests.contains(requests.parts(3))


def main() -> None:
    """Prints a table with a row for each size."""
    print(f"\n| {' | '.join(HEAD)} |\n|{'--:|' * len(HEAD)}")
    for count in [int(word) for word in sys.argv[1:]] or COUNTS:
        print(f"| {' | '.join(measure(count))} |", flush=True)


if __name__ == "__main__":
    main()
