"""A load generator for LDAP: requests encoded beforehand, a closed loop on each connection, answers only looked at.

It must not be what limits the rates, so it never decodes an entry: it receives into one buffer and looks, at the end of
what came, for the octets of the last message (our message id, then the tag of a result), which no text in an entry can
hold. Two figures say whether it was: its share of one CPU in each run, and how many requests a whole CPU would do
against a responder that answers at once (``ceiling``).
"""

from __future__ import annotations

import select
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.support.processes import Server

BIND_ID, SEARCH_ID = 1, 7
BOUND = b"\x02\x01\x01\x61"
DONE = b"\x02\x01\x07\x65"
UNBIND = b"\x30\x05\x02\x01\x08\x42\x00"
TAIL = 512
"""Longer than any result message here; it may be cut by two reads."""
PIECE = 1 << 18
BUFFER = memoryview(bytearray(PIECE))
"""What every connection receives into: memory that is there already costs no page faults."""
PATIENCE = 120
GOOD_CODES = (0, 4)


@dataclass(frozen=True, slots=True)
class Load:
    """What one client asks, again and again.

    ``follow``: the next page's request from a result, None after the last. ``fresh``: connects and binds for each
    request. ``counted``: whether it is measured, or only in the way of the others.
    """

    requests: Sequence[bytes]
    follow: Callable[[bytes], bytes | None] | None = None
    fresh: bool = False
    counted: bool = True


class Target(NamedTuple):
    """A server and who to bind as (an encoded request)."""

    port: int
    bind: bytes


@dataclass(slots=True)
class Outcome:
    """``times``: seconds of each good answer; ``codes``: how often each result code came; ``cpu``: our share of one."""

    seconds: float = 0.0
    cpu: float = 0.0
    times: list[float] = field(default_factory=list)
    codes: Counter[int] = field(default_factory=Counter)

    @property
    def ceiling(self) -> float:
        """Answers a second for which a whole CPU would do: what our own work allows."""
        return len(self.times) / (self.cpu * self.seconds)

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return len(self.times) / self.seconds


def result_end(data: bytes, at: int) -> int:
    """Where the message ends whose id stands at ``at``."""
    for head in (2, 3, 4, 5, 6):
        if data[at - head] == 0x30 and (head == 2) == (data[at - head + 1] < 0x80):
            size = data[at - head + 1 : at] if head == 2 else data[at - head + 2 : at]
            return at + int.from_bytes(size, "big")
    raise ValueError("no message starts before this id")


def result_code(data: bytes, at: int) -> int:
    """The result code of the message whose id stands at ``at``."""
    size = data[at + 4]
    return data[at + 7 + (size & 0x7F if size & 0x80 else 0)]


class Client:
    """One connection that asks, waits for the whole answer, and asks again."""

    def __init__(self, target: Target, load: Load, start: int) -> None:
        self._target = target
        self._load = load
        self._number = start
        self._tail = b""
        self._began = 0.0
        self._binding = False
        self._connection: socket.socket | None = None
        if not load.fresh:
            self._connect()
            self.socket.sendall(target.bind)
            while not self._message(BOUND):
                pass

    @property
    def socket(self) -> socket.socket:
        """The connection of the moment."""
        assert self._connection is not None
        return self._connection

    @property
    def closed(self) -> bool:
        """Whether it has hung up after its answer."""
        return self._connection is None

    def _connect(self) -> None:
        self._connection = socket.create_connection(("127.0.0.1", self._target.port), timeout=PATIENCE)
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self) -> None:
        """Starts the next request."""
        self._began = time.perf_counter()
        if self._load.fresh:
            self._connect()
            self._binding = True
            self.socket.sendall(self._target.bind)
        else:
            self._search()

    def _search(self) -> None:
        self.socket.sendall(self._load.requests[self._number % len(self._load.requests)])
        self._number += 1

    def hear(self, outcome: Outcome) -> bool:
        """Takes what has come; True when the answer is whole."""
        found = self._message(BOUND if self._binding else DONE)
        if found is None:
            return False
        message, code = found
        if self._binding:
            if code:
                raise ConnectionError(f"bind was answered {code}")
            self._binding = False
            self._search()
            return False
        following = self._load.follow(message) if self._load.follow else None
        if following is not None:
            self.socket.sendall(following)
            return False
        self._finished(outcome, code)
        return True

    def _message(self, mark: bytes) -> tuple[bytes, int] | None:
        """Takes what has come: the result message and its code, once it is there; nothing comes behind it."""
        size = self.socket.recv_into(BUFFER)
        if not size:
            raise ConnectionError("the server has closed the connection")
        seen = bytes(BUFFER[size - TAIL : size]) if size >= TAIL else self._tail + bytes(BUFFER[:size])
        at = seen.rfind(mark)
        if at >= 0 and len(seen) >= result_end(seen, at):
            self._tail = b""
            return seen[at:], result_code(seen, at)
        self._tail = seen[-TAIL:]
        return None

    def _finished(self, outcome: Outcome, code: int) -> None:
        if self._load.fresh:
            self.socket.sendall(UNBIND)
            self.close()
        if self._load.counted:
            outcome.codes[code] += 1
            if code in GOOD_CODES:
                outcome.times.append(time.perf_counter() - self._began)

    def close(self) -> None:
        """Ends the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def drive(target: Target, loads: Sequence[Load], seconds: float, most: int = 100_000) -> Outcome:
    """Runs a client for each load until ``seconds`` are over or ``most`` requests were made; waits for what is open."""
    outcome = Outcome()
    clients = [Client(target, load, number * 7) for number, load in enumerate(loads)]
    try:
        began, cpu = time.perf_counter(), time.process_time()
        _loop(clients, outcome, began + seconds, most)
        outcome.seconds = time.perf_counter() - began
        outcome.cpu = (time.process_time() - cpu) / outcome.seconds
    finally:
        for client in clients:
            client.close()
    return outcome


def _loop(clients: Sequence[Client], outcome: Outcome, until: float, most: int) -> None:
    poll = select.epoll()
    waiting: dict[int, Client] = {}
    for client in clients:
        client.ask()
        _wait_for(client, waiting, poll)
    asked = len(clients)
    while waiting:
        ready = poll.poll(PATIENCE)
        if not ready:
            raise TimeoutError(f"no answer within {PATIENCE} seconds")
        for number, _ in ready:
            client = waiting[number]
            if not client.hear(outcome):
                continue
            more = asked < most and time.perf_counter() < until
            if client.closed or not more:
                del waiting[number]
            if more:
                asked += 1
                client.ask()
                _wait_for(client, waiting, poll)
    poll.close()


def _wait_for(client: Client, waiting: dict[int, Client], poll: select.epoll) -> None:
    """Watches a client's connection, if it is a new one; a closed one leaves the poll by itself."""
    number = client.socket.fileno()
    if number not in waiting:
        waiting[number] = client
        poll.register(number, select.EPOLLIN)


def whole_answer(target: Target, request: bytes) -> bytes:
    """All the octets of one answer."""
    client = Client(target, Load([request]), 0)
    connection = client.socket
    connection.sendall(request)
    data = bytearray()
    while (at := data.rfind(DONE, max(0, len(data) - PIECE - TAIL))) < 0 or len(data) < result_end(data, at):
        data += connection.recv(PIECE)
    client.close()
    return bytes(data)


# ---- how fast the generator can be


def ceiling(bind: bytes, request: bytes) -> Outcome:
    """The generator against a responder that answers each request at once with an empty result."""
    with Server([sys.executable, "-m", "tests.bench.ber_load"]) as server:
        port = int(server.wait_for_line(r"^port (\d+)$").group(1))
        return drive(Target(port, bind), [Load([request])] * 10, 1.0)


def _respond() -> None:
    """Answers what starts like a bind with its result, anything else with a search result, until it is stopped."""
    listener = socket.create_server(("127.0.0.1", 0))
    print("port", listener.getsockname()[1])
    poll = select.epoll()
    poll.register(listener.fileno(), select.EPOLLIN)
    connections: dict[int, socket.socket] = {}
    tail = b"\x07\x0a\x01\x00\x04\x00\x04\x00"
    while True:
        for number, _ in poll.poll():
            if number == listener.fileno():
                connection, _ = listener.accept()
                connections[connection.fileno()] = connection
                poll.register(connection.fileno(), select.EPOLLIN)
            elif data := connections[number].recv(PIECE):
                connections[number].sendall(b"\x30\x0c" + (BOUND if b"\x02\x01\x01\x60" in data[:8] else DONE) + tail)
            else:
                connections.pop(number).close()


if __name__ == "__main__":
    _respond()
