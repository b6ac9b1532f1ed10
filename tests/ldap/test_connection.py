"""A connection on a real socket, in this process: slow and silent clients, with the clock in our hands."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable

import pytest

from ldap_gateway import messages as m
from ldap_gateway import schema
from ldap_gateway.binding import Bound, PeerCertificate, Verify
from ldap_gateway.connection import MESSAGE_SECONDS, Connection, is_loopback
from ldap_gateway.messages import Code
from ldap_gateway.session import Peer, Session
from tests.ldap.asked import many
from tests.ldap.served import heard
from tests.ldap.talk import IDS, RULES
from tests.ldap.wiring import Answer, octets, search
from tests.support.eventually import SECONDS

IDLE = 900
WHO = octets(m.Message(1, m.Extended(schema.WHO_AM_I, None)))


class Place:
    """What a connection needs: a directory in memory, and logins that always succeed."""

    tls: ssl.SSLContext | None = None

    def __init__(self) -> None:
        self.directory = many().directory
        self.held: set[Connection] = set()

    def admit(self, connection: Connection) -> bool:
        self.held.add(connection)
        return True

    def left(self, connection: Connection) -> None:
        self.held.discard(connection)

    def session(self, peer: Peer, *, tls: bool, certificate: PeerCertificate) -> Session:
        return Session(self.directory, RULES, peer, tls=tls, certificate=certificate)

    def recognise(self, verify: Verify, address: str) -> Bound | None:
        return None

    async def authenticate(self, verify: Verify, address: str) -> Bound | Exception:
        await asyncio.sleep(0)
        return Bound(IDS[verify.login], verify.login, frozenset(), f"hash of {verify.login}")


Scenario = Callable[[Place, Connection, socket.socket], Awaitable[None]]


def run(scenario: Scenario) -> None:
    """Runs a scenario over a connection of its own."""

    async def main() -> None:
        place, loop = Place(), asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as listening:
            client = socket.create_connection(listening.getsockname(), timeout=SECONDS)
            accepted, _ = listening.accept()
        with client:
            _, connection = await loop.connect_accepted_socket(lambda: Connection(place, tls=False), accepted)
            await scenario(place, connection, client)

    asyncio.run(main())


async def hear(client: socket.socket, until: int = 0) -> list[Answer]:
    return await asyncio.to_thread(heard, client, until)


async def said(connection: Connection, client: socket.socket, data: bytes) -> None:
    """Sends octets and waits until they are heard."""
    before = connection._heard
    client.sendall(data)
    async with asyncio.timeout(SECONDS):
        while connection._heard == before:
            await asyncio.sleep(0)


@pytest.mark.parametrize("pieces", [[b"0"], [b"0\x84\x00\x0f\xff\xff", b"\x02\x01\x01"], [WHO + b"0", b"\x05"]])
def test_a_message_that_never_ends(pieces: list[bytes]) -> None:
    """64 octets a minute, say: the time runs from the first octet of a message, whatever else drips in."""

    async def scenario(place: Place, connection: Connection, client: socket.socket) -> None:
        began = asyncio.get_running_loop().time()
        for piece in pieces:
            await said(connection, client, piece)
            connection.look(began + MESSAGE_SECONDS - 1, IDLE)
        assert place.held
        connection.look(asyncio.get_running_loop().time() + MESSAGE_SECONDS + 1, IDLE)
        *_, notice = await hear(client)
        assert (notice.id, notice.code, notice.text) == (0, Code.UNAVAILABLE, "too slow")
        assert not place.held

    run(scenario)


def test_silence() -> None:
    async def scenario(place: Place, connection: Connection, client: socket.socket) -> None:
        await said(connection, client, WHO)
        now = asyncio.get_running_loop().time()
        connection.look(now + IDLE - 1, IDLE)
        assert place.held
        connection.look(now + IDLE + 1, IDLE)
        who, notice = await hear(client)
        assert (who.id, notice.text) == (1, "nothing was heard")

    run(scenario)


def test_a_client_that_never_reads() -> None:
    """Nothing is taken from the socket: no more is written than fits, and in the end the client is let go."""

    async def scenario(place: Place, connection: Connection, client: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        client.sendall(octets(m.Message(1, m.Bind(3, b"alice", None, b"x"))))
        await hear(client, 1)
        client.setblocking(False)
        everything = b"".join(octets(m.Message(n, search())) for n in range(2, 100))
        sent, stuck = 0, 0
        while stuck < 50:
            try:
                sent += client.send(everything)
                stuck = 0
            except BlockingIOError:
                stuck += 1
            await asyncio.sleep(0.001)
        assert connection._full and connection._transport is not None
        assert connection._transport.get_write_buffer_size() < 1024 * 1024
        connection.look(loop.time() + IDLE + 1, IDLE)
        await asyncio.sleep(0.01)
        assert not place.held

    run(scenario)


def test_a_large_answer_lets_a_small_one_through() -> None:
    async def scenario(place: Place, connection: Connection, client: socket.socket) -> None:
        client.sendall(octets(m.Message(1, m.Bind(3, b"alice", None, b"x"))))
        await hear(client, 1)
        client.sendall(octets(m.Message(2, search())) + octets(m.Message(3, search("(cn=person 0001)"))))
        ids = [each.id for each in await hear(client, 3 * 256 + 1 + 1 + 2)]
        assert ids.index(3) < len(ids) - 300

    run(scenario)


def test_a_fault_of_ours_is_80_and_the_end(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(place: Place, connection: Connection, client: socket.socket) -> None:
        def broken(session: Session) -> bool:
            raise ZeroDivisionError

        monkeypatch.setattr(Session, "advance", broken)
        client.sendall(WHO)
        (notice,) = await hear(client)
        assert (notice.id, notice.code, notice.text) == (0, Code.OTHER, "internal error")

    run(scenario)
    assert "a request failed" in caplog.text


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.0.2.1", False),
        ("::ffff:192.0.2.1", False),
        ("fe80::1%eth0", False),
        ("", False),
        ("nonsense", False),
    ],
)
def test_is_loopback(address: str, local: bool) -> None:
    assert is_loopback(address) is local
