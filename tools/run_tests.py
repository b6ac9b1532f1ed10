"""Runs ruff, mypy and every suite (each folder of tests/ with tests in it), two at a time, and sums up.

A suite that runs no test fails, and so does one that skips or expects to fail: only SHAREDBOOK_TEST_WITHOUT leaves
something out (tests/support/left_out.py). What tests write is kept in memory where there is room, as each of many
thousand commits waits for a disk; TMPDIR says another place. The last lines are the seconds of each suite, the sum of
tests, and what was left out. Standard library only.

    run_tests.py [SUITE ...]    all of them without a name
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.support.left_out import left_out, suites  # noqa: E402

AT_ONCE = 2
SUITE_SECONDS = 840
LONGEST_FIRST = ("services", "reliability", "conformance", "carddav", "ldap", "cli", "real_input", "access", "store")
CHECKS: dict[str, list[str]] = {"ruff": ["check"], "mypy": []}
NEEDS_NODE = "conformance"
MEMORY = Path("/dev/shm")
MEMORY_BYTES = 4 << 30


@dataclass(frozen=True)
class Result:
    """How one check or suite ended: why it `failed` ("" if it did not), and its numbers of tests."""

    name: str
    seconds: float
    failed: str
    output: str
    passed: int = 0
    failures: int = 0


def run(command: Sequence[str | Path], seconds: float) -> tuple[int, str]:
    """Exit code and output of a command, which leads a process group of its own and loses it when time is over."""
    process = subprocess.Popen(
        [str(part) for part in command], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
    )  # fmt: skip
    try:
        output, _ = process.communicate(timeout=seconds)
        return process.returncode, output
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        return 1, f"{output}\nstopped after {seconds:.0f} s\n"


def run_one(name: str, absent: set[str]) -> Result:
    """Runs one of CHECKS or one suite."""
    return check(name) if name in CHECKS else suite(name, absent)


def check(name: str) -> Result:
    """Runs one of CHECKS."""
    started = time.monotonic()
    code, output = run([Path(sys.executable).parent / name, *CHECKS[name]], SUITE_SECONDS)
    return Result(name, time.monotonic() - started, f"exit code {code}" if code else "", output)


def suite(name: str, absent: set[str]) -> Result:
    """Runs pytest on one folder of tests/; the numbers are those of its JUnit report."""
    started = time.monotonic()
    if name == NEEDS_NODE and "node" not in absent:
        code, output = run(["sh", "tools/node_packages.sh"], SUITE_SECONDS)
        if code:
            return Result(name, time.monotonic() - started, "npm could not install its packages", output)
    with tempfile.NamedTemporaryFile(suffix=".xml") as report:
        pytest = [sys.executable, "-m", "pytest", f"tests/{name}", f"--junitxml={report.name}"]
        code, output = run(pytest, SUITE_SECONDS)
        numbers = count(report.name)
    failures = numbers["failures"] + numbers["errors"]
    passed = numbers["tests"] - failures - numbers["skipped"]
    seconds = time.monotonic() - started
    return Result(name, seconds, verdict(code, numbers, "deselected" in output), output, passed, failures)


def count(report: str) -> dict[str, int]:
    """Numbers of tests, failures, errors and skipped in a JUnit report; all 0 if it was never written."""
    names = ("tests", "failures", "errors", "skipped")
    if not Path(report).stat().st_size:
        return dict.fromkeys(names, 0)
    totals = ElementTree.parse(report).getroot().findall("testsuite")
    return {name: sum(int(total.get(name, 0)) for total in totals) for name in names}


def verdict(code: int, numbers: dict[str, int], something_left_out: bool) -> str:
    """Why a suite counts as failed; "" if it does not."""
    no_tests = 5
    if code == no_tests or (code == 0 and not numbers["tests"]):
        return "" if something_left_out else "no test ran"
    if code:
        return f"exit code {code}"
    return f"{numbers['skipped']} skipped" if numbers["skipped"] else ""


def in_order(names: Sequence[str]) -> list[str]:
    """The long suites first, so that two at a time end together."""
    return sorted(names, key=lambda name: LONGEST_FIRST.index(name) if name in LONGEST_FIRST else len(LONGEST_FIRST))


def in_memory() -> Path | None:
    """The folder in memory, if programs run in it and it has room, and if nobody said where to write."""
    if "TMPDIR" in os.environ or not os.access(MEMORY, os.W_OK):
        return None
    found = os.statvfs(MEMORY)
    has_room = found.f_bavail * found.f_frsize >= MEMORY_BYTES
    return MEMORY if has_room and not found.f_flag & os.ST_NOEXEC else None


def main(arguments: Sequence[str]) -> int:
    """Runs the named suites, or everything; returns the exit code."""
    try:
        absent = left_out()
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    chosen = [name for name in arguments or [*CHECKS, *suites()] if name not in absent]
    if unknown := set(chosen) - set(suites()) - CHECKS.keys():
        print(f"There is no suite {', '.join(sorted(unknown))}; suites are: {', '.join(suites())}.", file=sys.stderr)
        return 2
    started = time.monotonic()
    results = []
    with (
        tempfile.TemporaryDirectory(prefix="sharedbook-", dir=in_memory()) as folder,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        os.chmod(folder, 0o711)  # the user postgres must reach its own folder in it
        os.environ["TMPDIR"] = folder
        for job in as_completed([pool.submit(run_one, name, absent) for name in in_order(chosen)]):
            results.append(result := job.result())
            print(f"===== {result.name} =====\n{result.output}", flush=True)
    return sum_up(results, time.monotonic() - started, absent)


def sum_up(results: Sequence[Result], seconds: float, absent: set[str]) -> int:
    """Prints the closing lines; returns the exit code."""
    print("suite                    seconds   passed   failed")
    for result in sorted(results, key=lambda result: result.seconds, reverse=True):
        remark = f"   FAILED: {result.failed}" if result.failed else ""
        print(f"{result.name:<22} {result.seconds:>9.1f} {result.passed:>8} {result.failures:>8}{remark}")
    failed = [result for result in results if result.failed]
    print(f"wall clock             {seconds:>9.1f}")
    print(f"{'FAILED: ' + ', '.join(result.name for result in failed) if failed else 'all suites green'}")
    print(f"{sum(r.passed for r in results)} passed, {sum(r.failures for r in results)} failed")
    print(f"left out: {', '.join(sorted(absent)) or 'nothing'}")
    return 1 if failed or not results else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
