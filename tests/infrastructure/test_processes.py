"""Server processes: readiness is an event, the end is certain."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from subprocess import PIPE

import pytest

from tests.support.ports import blocks_beside, free_port, free_ports
from tests.support.processes import Server

LISTEN = "import socket, sys; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); print('ready'); s.accept()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready'); signal.pause()"
WITH_WORKER = (
    "import subprocess, sys, signal;"
    "worker = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()']);"
    "print('worker', worker.pid); signal.pause()"
)


def python(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", code, *arguments]


def ended(process: int) -> bool:
    """Whether the process of a pidfd has ended."""
    return bool(select.select([process], [], [], 0)[0])


def test_ready_by_line_and_by_port() -> None:
    port = free_port()
    with Server(python(LISTEN, str(port))) as by_line:
        assert by_line.wait_for_line("^(rea)dy$")[1] == "rea"
    with Server(python(LISTEN, str(port))) as by_port:
        by_port.wait_for_port(port)


def test_a_server_that_ends_early_is_told_with_its_words() -> None:
    with Server(python("raise SystemExit('no such port')")) as server:
        with pytest.raises(AssertionError, match=r"ended with 1(.|\n)*no such port"):
            server.wait_for_line("ready")
        with pytest.raises(AssertionError, match="ended with 1"):
            server.wait_for_port(free_port())


def test_waiting_is_bounded() -> None:
    with Server(python(STUBBORN)) as server:
        server.wait_for_line("ready")
        with pytest.raises(AssertionError, match="still runs"):
            server.wait_for_line("never", timeout=0.1)
        with pytest.raises(AssertionError, match="still runs"):
            server.wait_for_port(free_port(), timeout=0.1)
        assert server.stop(timeout=0.1) == -signal.SIGKILL


def test_workers_end_with_their_server() -> None:
    with Server(python(WITH_WORKER)) as server:
        worker = int(server.wait_for_line(r"worker (\d+)")[1])
        end = os.pidfd_open(worker)
        assert not ended(end)
    assert ended(end)
    os.close(end)


def test_ports_differ() -> None:
    assert len(set(free_ports(20))) == 20


def test_no_two_processes_are_given_ports_of_one_block() -> None:
    give = "from tests.support.ports import free_ports; print(*free_ports(3), flush=True); input()"
    mine = {port // 100 for port in free_ports(3)}
    processes = [subprocess.Popen([sys.executable, "-c", give], stdin=PIPE, stdout=PIPE, text=True) for _ in range(4)]
    blocks = [{int(port) // 100 for port in each.stdout.readline().split()} for each in processes if each.stdout]
    for each in processes:
        each.communicate("\n")
    assert len(mine.union(*blocks)) == len(mine) + 4


@pytest.mark.parametrize(
    ("first", "last", "some"),
    [(32768, 60999, 15_000), (16_000, 65_535, 15_100), (1024, 60_999, 61_100), (1, 65_535, 15_000)],
)
def test_ports_are_none_of_those_that_clients_are_given(first: int, last: int, some: int) -> None:
    blocks = blocks_beside(first, last)
    assert some in {block.start for block in blocks}
    assert (first, last) == (1, 65_535) or not any(first <= port <= last for block in blocks for port in block)
