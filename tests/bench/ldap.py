"""Our LDAP gateway beside OpenLDAP's slapd with the same entries, asked in turn by the same load generator.

    python -m tests.bench.ldap [COUNT ...]

Each server is one process on this machine, with access rules and its log on; ten connections. Rounds go ours, slapd as
indexed by default, slapd tuned, ours ...; a figure is the median over rounds, a ratio the median of the rounds' ratios.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from sharedbook.app import App
from tests.bench import ber_load, book, slapd
from tests.bench.ber_load import Load, Outcome, Target, drive
from tests.bench.ldap_rows import LIMIT, Requests, Row, bind, rows
from tests.ldap.wiring import Answer, answers
from tests.support.ports import free_port
from tests.support.processes import Server

COUNTS = (10_000,)
ROUNDS = 5
SECONDS = 0.7
COMPARED = 12
ENTRY = 0x64
GROWTH = "contains, 3 letters (Thunderbird autocomplete)"
HEAD = ("row", "entries", "ours /s", "slapd /s", "ratio", "target", "tuned /s", "ratio", "target", "generator's CPU")


def ours(folder: Path, app: App, **environment: str) -> tuple[Server, int]:
    """Our gateway on a free port, its log in a file."""
    port = free_port()
    env = {**app.settings.as_environment(), "SHAREDBOOK_LDAP_LISTEN": f"127.0.0.1:{port}", **environment}
    server = slapd.logged([sys.executable, "-m", "ldap_gateway.server"], folder / "ours.log", env)
    server.wait_for_port(port, timeout=600)
    return server, port


def entries_of(data: bytes) -> list[Answer]:
    """The entries of an answer."""
    return [each for each in answers(data) if each.tag == ENTRY]


def sample(row: Row, one: Target, other: Target) -> tuple[int, float]:
    """Of some requests of a row, how many two servers answer with different entries; and the entries of an answer.

    Answers that the limit cuts need only be of the same size.
    """
    different, sizes = 0, []
    for request in row.loads[0].requests[:COMPARED]:
        names = [{each.dn for each in entries_of(ber_load.whole_answer(target, request))} for target in (one, other)]
        cut = len(names[0]) == len(names[1]) == LIMIT
        different += not cut and names[0] != names[1]
        sizes.append(len(names[0]))
    return different, statistics.mean(sizes)


def figure(row: Row, outcome: Outcome) -> float:
    """What a row compares: the rate, or the p99 time in milliseconds."""
    if not outcome.times:
        return 0.0
    if row.p99:
        return sorted(outcome.times)[int(len(outcome.times) * 0.99)] * 1000
    return outcome.rate


def measure(row: Row, targets: Sequence[Target]) -> tuple[list[list[float]], Counter[str], float]:
    """The figures of each server by round, unusual result codes, and the generator's largest share of a CPU."""
    figures: list[list[float]] = []
    odd: Counter[str] = Counter()
    cpu = []
    for each in targets:
        drive(each, row.loads, 0.1)
    for _ in range(ROUNDS):
        outcomes = [drive(target, row.loads, SECONDS) for target in targets]
        figures.append([figure(row, each) for each in outcomes])
        cpu.append(max(each.cpu for each in outcomes))
        for name, outcome in zip(("ours", "slapd", "tuned"), outcomes, strict=True):
            for code, times in outcome.codes.items():
                if code not in ber_load.GOOD_CODES:
                    odd[f"{name} answered result {code}"] += times
    return figures, odd, statistics.median(cpu)


def ratio(figures: Sequence[Sequence[float]], other: int) -> float:
    """The median of ours to another's over the rounds."""
    return statistics.median(each[0] / each[other] if each[other] else float("inf") for each in figures)


def line(row: Row, entries: float, figures: Sequence[Sequence[float]], cpu: float) -> str:
    """A row of the table."""
    middle = [statistics.median(column) for column in zip(*figures, strict=True)]
    unit = " ms" if row.p99 else ""
    cells = [row.name, f"{entries:,.0f}", f"{middle[0]:,.1f}{unit}"]
    for which in (1, 2):
        reached, wanted = ratio(figures, which), row.targets[which - 1]
        missed = reached > wanted if row.p99 else reached < wanted
        bound = "at most " if row.p99 else ""
        cells += [f"{middle[which]:,.1f}{unit}", f"{reached:.2f}", f"{bound}{wanted:g}{' missed' if missed else ''}"]
    return "| " + " | ".join([*cells, f"{cpu:.0%}"]) + " |"


def compare(found: Mapping[str, Row], targets: Sequence[Target]) -> None:
    """Prints the table."""
    print("| " + " | ".join(HEAD) + " |")
    print("|---|" + "--:|" * (len(HEAD) - 1))
    notes = []
    for row in found.values():
        different, entries = sample(row, targets[0], targets[1])
        figures, odd, cpu = measure(row, targets)
        print(line(row, entries, figures, cpu), flush=True)
        notes += [f"{row.name}: {each} {times} times" for each, times in odd.items()]
        if different:
            asked = min(COMPARED, len(row.loads[0].requests))
            notes.append(f"{row.name}: {different} of {asked} requests are answered with other entries")
    print(
        "\n" + "\n".join(notes or ["Both answer with the same entries, and every result code is 0 or 4."]), flush=True
    )


def run(count: int) -> float:
    """One size: prints its table; returns the median milliseconds of our autocomplete, one client asking."""
    with tempfile.TemporaryDirectory(prefix="sharedbook-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        app, secret = book.fill_ours(folder / "site", count)
        stack.callback(app.close)
        base = app.settings.ldap_base
        login = bind(f"uid=alice,ou=members,{base}", secret)
        began = time.perf_counter()
        server, port = ours(folder, app)
        stack.enter_context(server)
        print(f"\n{count:,} contacts; our gateway answered {time.perf_counter() - began:.1f} s after its start")
        mine = Target(port, login)
        entries = entries_of(ber_load.whole_answer(mine, Requests(base, []).everything()))
        if len(entries) != count:
            raise RuntimeError(f"our gateway answers {len(entries)} of {count} contacts")
        ldif = folder / "entries.ldif"
        slapd.write_ldif(ldif, base, "alice", secret, entries)
        targets = [mine]
        for variant, tuning in (("default", slapd.AS_INDEXED_BY_DEFAULT), ("tuned", slapd.TUNED)):
            server, port = slapd.serve(folder / variant, base, ldif, tuning)
            stack.enter_context(server)
            targets.append(Target(port, login))
        found = rows(Requests(base, entries))
        ceiling = ber_load.ceiling(login, found["mail ="].loads[0].requests[0])
        print(f"the generator's own work allows {ceiling.ceiling:,.0f} requests/s; its share of a CPU is in each row\n")
        compare(found, targets)
        alone = drive(mine, [Load(found[GROWTH].loads[0].requests)], 2.0)
    return statistics.median(alone.times) * 1000


def main() -> None:
    """Runs every size, and closes with the growth of our autocomplete."""
    slapd.find("slapd")
    counts = [int(word) for word in sys.argv[1:]] or list(COUNTS)
    medians = {count: run(count) for count in counts}
    print("\nour autocomplete, one client, p50:")
    for count, milliseconds in medians.items():
        print(f"  {count:>7,} contacts {milliseconds:.3f} ms")


if __name__ == "__main__":
    main()
