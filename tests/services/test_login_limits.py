"""The table of wrong passwords: how many are let in, by whom, from where, and that all workers count together."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sharedbook.domain.errors import Throttled, Unavailable
from sharedbook.services.people.login_limits import LoginLimits, network_of


@pytest.fixture
def limits(tmp_path: Path) -> Iterator[LoginLimits]:
    made = LoginLimits(tmp_path / "logins", b"secret", free=5, network_per_minute=30, longest=900)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time passes but what a test lets pass."""
    monkeypatch.setattr("sharedbook.services.people.login_limits.time.time", lambda: 1_000_000.0)


def tries_let_in(limits: LoginLimits, logins: Iterator[str], address: str, most: int = 200) -> int:
    for number, login in enumerate(itertools.islice(logins, most)):
        try:
            limits.admit(login, address)
        except Throttled:
            return number
    return most


def test_five_tries_for_a_pair_and_none_for_others_lost(limits: LoginLimits) -> None:
    assert tries_let_in(limits, itertools.repeat("alice"), "192.0.2.1") == 5
    assert tries_let_in(limits, itertools.repeat("alice"), "192.0.2.2") == 5
    assert tries_let_in(limits, itertools.repeat("bob"), "192.0.2.1") == 5


def test_waits_grow_to_the_longest(limits: LoginLimits, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000_000.0
    monkeypatch.setattr("sharedbook.services.people.login_limits.time.time", lambda: now)
    waits = []
    for _ in range(18):
        try:
            limits.admit("alice", "192.0.2.1")
        except Throttled as error:
            waits.append(error.retry_after)
            now += error.retry_after
    assert waits[:4] == [1, 2, 4, 8]
    assert max(waits) <= 900


def test_thirty_tries_a_minute_for_a_network(limits: LoginLimits, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000_000.0
    monkeypatch.setattr("sharedbook.services.people.login_limits.time.time", lambda: now)
    fresh = (f"login{number}" for number in itertools.count())
    assert tries_let_in(limits, fresh, "192.0.2.1") == 30
    assert tries_let_in(limits, fresh, "192.0.2.2") == 30
    now += 20
    assert tries_let_in(limits, fresh, "192.0.2.1") == 10


def test_a_success_forgives_and_is_remembered(limits: LoginLimits) -> None:
    for _ in range(4):
        limits.admit("alice", "192.0.2.1")
    limits.succeeded("alice", "192.0.2.1")
    tries_let_in(limits, (f"login{number}" for number in itertools.count()), "192.0.2.1")
    assert tries_let_in(limits, itertools.repeat("alice"), "192.0.2.1") == 5


def test_a_try_that_was_not_compared_is_not_counted(limits: LoginLimits) -> None:
    for number in range(40):
        limits.admit("alice", "192.0.2.1")
        limits.retract("alice", "192.0.2.1")
        limits.admit(f"login{number}", "192.0.2.1")
        limits.retract(f"login{number}", "192.0.2.1")
    assert tries_let_in(limits, itertools.repeat("alice"), "192.0.2.1") == 5


@pytest.mark.parametrize("ends", [LoginLimits.succeeded, LoginLimits.retract])
def test_a_login_takes_off_its_own_tries_alone(
    limits: LoginLimits, ends: Callable[[LoginLimits, str, str], None]
) -> None:
    fresh = (f"login{number}" for number in itertools.count())
    assert tries_let_in(limits, fresh, "192.0.2.1", most=10) == 10
    limits.admit("alice", "192.0.2.1")
    limits.succeeded("alice", "192.0.2.1")
    for _ in range(10):
        limits.admit("alice", "192.0.2.1")
        ends(limits, "alice", "192.0.2.1")
    assert tries_let_in(limits, fresh, "192.0.2.1") == 20


def test_a_table_that_finds_no_room_says_so_and_lets_its_file_go() -> None:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(Unavailable):
        LoginLimits(Path("/dev/full"), b"secret", free=5, network_per_minute=30, longest=900)
    assert len(os.listdir("/proc/self/fd")) == before


def test_workers_count_together(tmp_path: Path) -> None:
    tables = [
        LoginLimits(tmp_path / "logins", b"secret", free=5, network_per_minute=1000, longest=900) for _ in range(2)
    ]
    let_in: list[int] = []

    def worker(table: LoginLimits) -> None:
        let_in.append(tries_let_in(table, itertools.repeat("alice"), "192.0.2.1"))

    threads = [threading.Thread(target=worker, args=(table,)) for table in tables]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(let_in) == 5
    for table in tables:
        table.close()


def test_the_table_holds_no_login(limits: LoginLimits, tmp_path: Path) -> None:
    limits.admit("alice", "192.0.2.1")
    content = (tmp_path / "logins").read_bytes()
    assert b"alice" not in content and b"192.0.2.1" not in content
    assert (tmp_path / "logins").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("nonsense", "nonsense"),
    ],
)
def test_networks(address: str, network: str) -> None:
    assert network_of(address) == network


def test_a_clock_that_is_set_back_shuts_nobody_out(limits: LoginLimits, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000_000.0
    monkeypatch.setattr("sharedbook.services.people.login_limits.time.time", lambda: now)
    limits.admit("alice", "192.0.2.1")
    limits.succeeded("alice", "192.0.2.1")
    assert tries_let_in(limits, itertools.repeat("bob"), "192.0.2.1") == 5
    now -= 86_400
    limits.admit("alice", "192.0.2.1")
    with pytest.raises(Throttled) as refused:
        limits.admit("bob", "192.0.2.1")
    assert refused.value.retry_after == 1
    now += 1
    limits.admit("bob", "192.0.2.1")
