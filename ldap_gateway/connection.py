"""One connection: moves octets between a socket and a session, and knows when to wait. It holds no protocol.

One write an answer; a large answer goes out chunk by chunk, each only when the socket has taken the one before, and
other connections run in between. A client that is slower than we are is read no further.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import ssl
from collections.abc import Coroutine
from functools import lru_cache
from typing import Protocol, cast

from ldap_gateway import wire
from ldap_gateway.binding import Bound, PeerCertificate, Verify
from ldap_gateway.messages import Code
from ldap_gateway.session import Peer, Session

logger = logging.getLogger("sharedbook.ldap")

MESSAGES_AT_ONCE = 16
"""Requests of one connection that are handled before others have a turn."""
MESSAGE_SECONDS = 30
"""How long a client may take to send one message, and to shake hands for TLS."""


class Gateway(Protocol):
    """What a connection needs of the server."""

    tls: ssl.SSLContext | None

    def admit(self, connection: Connection) -> bool:
        """Counts a new connection; False when there are too many."""

    def left(self, connection: Connection) -> None:
        """Forgets a connection."""

    def session(self, peer: Peer, *, tls: bool, certificate: PeerCertificate) -> Session:
        """A session for a new connection."""

    def recognise(self, verify: Verify, address: str) -> Bound | None:
        """Who this is, if that can be told at once."""

    async def authenticate(self, verify: Verify, address: str) -> Bound | Exception:
        """Compares a password, off the loop."""


class Connection(asyncio.Protocol):
    """``tls``: the transport is encrypted, and whoever accepted it has asked ``admit`` for this ``address``."""

    def __init__(self, gateway: Gateway, *, tls: bool, address: str = "") -> None:
        self.address = address
        self._gateway = gateway
        self._loop = asyncio.get_running_loop()
        self._tls = tls
        self._transport: asyncio.Transport | None = None
        self._session: Session | None = None
        self._task: asyncio.Task[None] | None = None
        self._full = False
        self._scheduled = False
        self._shaking = False
        self._paused = False
        self._heard = self._progress = self._loop.time()

    # ---- the socket

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class
        self._transport = transport
        if not self._tls:
            name = transport.get_extra_info("peername")
            self.address = name[0] if name else ""
            if not self._gateway.admit(self):
                transport.write(wire.notice(Code.BUSY, "too many connections"))
                transport.close()
                return
        peer = Peer(self.address, is_loopback(self.address))
        self._session = self._gateway.session(peer, tls=self._tls, certificate=_certificate(transport))

    def connection_lost(self, error: Exception | None) -> None:
        if self._task is not None:
            self._task.cancel()
        self._lost()

    def _lost(self) -> None:
        self._session = self._transport = None
        self._gateway.left(self)

    def data_received(self, data: bytes) -> None:
        if self._session is None:
            return
        self._heard = self._loop.time()
        if not self._session.waiting:
            self._progress = self._heard
        self._session.receive(data)
        self._pump()

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._heard = self._loop.time()
        self._pump()

    # ---- the session

    def _pump(self) -> None:
        """Does what can be done now."""
        self._scheduled = False
        session, transport = self._session, self._transport
        if session is None or transport is None or self._shaking:
            return
        try:
            busy = self._advance(session, transport)
        except Exception:
            logger.exception("a request failed")
            transport.write(wire.notice(Code.OTHER, "internal error"))
            transport.close()
            return
        if session.closed:
            transport.close()
            return
        if session.start_tls:
            self._begin_tls(transport)
            return
        if self._task is None and session.verify is not None:
            self._later(self._verify(session, session.verify))
        elif (busy or session.streaming) and not self._full:
            self._schedule()
        pause = busy or self._full or session.blocked
        if pause != self._paused:
            self._paused = pause
            (transport.pause_reading if pause else transport.resume_reading)()

    def _advance(self, session: Session, transport: asyncio.Transport) -> bool:
        """Handles some messages and sends their answers; whether there may be more."""
        handled = 0
        while session.waiting and handled < MESSAGES_AT_ONCE and not self._full and session.advance():
            handled += 1
            self._progress = self._loop.time()
            if session.verify is not None:
                bound = self._gateway.recognise(session.verify, self.address)
                if bound is not None:
                    session.verified(bound)
        if answers := session.take():
            transport.write(answers)
        if session.streaming and not self._full:
            transport.write(session.next_chunk())
        return handled == MESSAGES_AT_ONCE

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._pump)

    def _later(self, work: Coroutine[None, None, None]) -> None:
        async def run() -> None:
            try:
                await work
            finally:
                self._task = None
            self._pump()

        self._task = self._loop.create_task(run())

    async def _verify(self, session: Session, verify: Verify) -> None:
        session.verified(await self._gateway.authenticate(verify, self.address))

    def _begin_tls(self, transport: asyncio.Transport) -> None:
        """Until the end of the handshake the loop alone reads; what is said right after it waits in the session."""
        transport.pause_reading()
        self._shaking = True
        self._later(self._shake_hands())

    async def _shake_hands(self) -> None:
        """The socket speaks TLS from here on; a client that cannot is let go."""
        assert self._transport is not None and self._session is not None and self._gateway.tls is not None
        try:
            transport = await self._loop.start_tls(
                self._transport, self, self._gateway.tls, server_side=True, ssl_handshake_timeout=MESSAGE_SECONDS
            )
        except (OSError, ssl.SSLError) as error:
            logger.info("%s speaks no TLS: %s", self.address, type(error).__name__)
            transport = None
        self._shaking = False
        if transport is not None and self._session is not None:
            self._transport, self._paused = transport, False
            self._session.tls_started(_certificate(transport))
        elif self._transport is not None:
            self._transport.abort()
            # the loop tells the TLS layer only, when that was never ready
            self._lost()

    # ---- the server

    def look(self, now: float, idle_seconds: float) -> None:
        """Lets a client go that is silent, or that has not finished a message for too long."""
        session = self._session
        if session is None or self._task is not None:
            return
        slow = session.waiting and not session.blocked and now - self._progress > MESSAGE_SECONDS
        if slow or now - self._heard > idle_seconds:
            self.dismiss("too slow" if slow else "nothing was heard")

    def dismiss(self, text: str) -> None:
        """Says why, and closes."""
        if self._session is None or self._transport is None:
            return
        self._session.shut_down(text)
        if self._full:
            self._transport.abort()
            return
        self._transport.write(self._session.take())
        self._transport.close()


def _certificate(transport: asyncio.Transport) -> PeerCertificate:
    found: PeerCertificate = transport.get_extra_info("peercert")
    return found


@lru_cache(maxsize=1024)
def is_loopback(address: str) -> bool:
    """Whether an address is this machine's own."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return (mapped or parsed).is_loopback
