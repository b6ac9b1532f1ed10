"""The protocol of one connection, without the connection: octets in, octets out.

The server gives octets to ``receive``, calls ``advance`` until nothing is left to do, and sends what ``take`` and
``next_chunk`` give. What a session cannot do itself it asks for: ``verify`` (a password to be compared, off the loop),
``start_tls``, ``closed``. Messages are handled one at a time, in order; while a password is compared, none is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial

from ldap_gateway import controls as c
from ldap_gateway import messages as m
from ldap_gateway import schema, wire
from ldap_gateway.ber import Reader as Elements
from ldap_gateway.ber import octets
from ldap_gateway.binding import Bound, Identity, PeerCertificate, Verify, certified, credentials, is_external
from ldap_gateway.directory import Answer, Directory, Reader
from ldap_gateway.entries import DSE, DSE_CERTIFIED, DSE_PLAIN
from ldap_gateway.errors import Refused, refusal
from ldap_gateway.log import Access, Said
from ldap_gateway.messages import Code
from ldap_gateway.searching import Found, Searches
from ldap_gateway.wire import BadRequest, Bounds, BrokenStream
from sharedbook.domain.errors import SharedbookError
from sharedbook.domain.model import EVERYONE_ID

CHUNK = 256
"""Entries that go out at once; a larger answer lets other clients in between."""
STREAMS = 8
"""Large answers that may be under way on one connection before it is read no further."""
BAD_REQUEST, DISCONNECTED = Said("bad-request", "bad-request"), Said("disconnected", "disconnected")


@dataclass(frozen=True, slots=True)
class Rules:
    """What the site allows. Limits as in the settings; ``clear_text_binds``: also from other machines, without TLS.

    ``certified_by``: which part of a client's certificate names the member, as in the settings.
    """

    bounds: Bounds
    size_limit: int = 0
    time_limit: int = 30
    anonymous: bool = False
    clear_text_binds: bool = False
    certified_by: str = ""


@dataclass(frozen=True, slots=True)
class Peer:
    """Whom the connection leads to; ``local``: to this machine itself."""

    address: str
    local: bool


Stream = Generator[bytes, None, bytes]
"""The entries of one answer in chunks, then its result."""


@dataclass(frozen=True, slots=True)
class _Pending:
    """The bind that waits for ``verified``."""

    message: m.Message
    started: float


class Session:
    """``tls``: whether the connection is encrypted already; ``can_tls``: whether StartTLS can be.

    ``certificate``: the client's own, which TLS has verified, as ``ssl.SSLSocket.getpeercert`` gives it.
    ``read`` is told who (None: anonymous) was given how many contacts of which group.
    """

    def __init__(
        self,
        directory: Directory,
        rules: Rules,
        peer: Peer,
        *,
        tls: bool = False,
        can_tls: bool = False,
        certificate: PeerCertificate = None,
        log: Callable[[Access], None] = lambda access: None,
        read: Callable[[int | None, int, int], None] = lambda member, group, count: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.verify: Verify | None = None
        self.start_tls = False
        self.closed = False
        self._directory = directory
        self._rules = rules
        self._peer = peer
        self._tls = tls
        self._can_tls = can_tls
        self._certificate = certificate
        self._log = log
        self._read = read
        self._clock = clock
        self._buffer = bytearray()
        self._out: list[bytes] = []
        self._streams: dict[int, Stream] = {}
        self._searches = Searches(directory, rules.size_limit)
        self._identity: Identity | None = None
        self._pending: _Pending | None = None

    # ---- octets

    def receive(self, data: bytes) -> None:
        """Takes octets as they come, cut anywhere."""
        if not self.closed:
            self._buffer += data

    @property
    def waiting(self) -> bool:
        """Whether octets wait that may be part of a message."""
        return bool(self._buffer)

    @property
    def blocked(self) -> bool:
        """Whether a message that waits may not be handled now; once closed, none waits."""
        return self.start_tls or self._pending is not None or len(self._streams) >= STREAMS

    def advance(self) -> bool:
        """Handles one message; False when there is no whole one, or none may be handled now."""
        if self.blocked:
            return False
        bounds = self._rules.bounds
        try:
            framed = wire.frame(self._buffer, 0, bounds.message)
            if framed is None:
                return False
            data = bytes(self._buffer[: framed[1]])
            if self._recognised(data, framed[0]):
                del self._buffer[: framed[1]]
                return True
            message = wire.decode(data, *framed, bounds)
        except BrokenStream as error:
            self._disconnect(Code.PROTOCOL_ERROR, str(error))
            return False
        except BadRequest as error:
            assert framed is not None
            del self._buffer[: framed[1]]
            self._reject(error)
            return True
        del self._buffer[: framed[1]]
        self._handle(message)
        number, at = wire.message_id(data, framed[0])
        if number and isinstance(message.operation, m.Search):
            self._searches.learn(message, message.operation, data[at:])
        return True

    def take(self) -> bytes:
        """The small answers that are ready, in one piece."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    @property
    def streaming(self) -> bool:
        """Whether a large answer is under way."""
        return bool(self._streams)

    def next_chunk(self) -> bytes:
        """The next piece of a large answer; several take turns."""
        if not self._streams:
            return b""
        return self._step(next(iter(self._streams)))

    def _step(self, message_id: int) -> bytes:
        """The next piece of one answer, which then is the last in turn."""
        stream = self._streams.pop(message_id)
        try:
            chunk = next(stream)
        except StopIteration as end:
            # with its result the id is free: the client may use it for the next page
            return bytes(end.value)
        self._streams[message_id] = stream
        return chunk

    # ---- what the server reports

    def verified(self, outcome: Bound | Exception) -> None:
        """The answer to ``verify``: who it is, or why not."""
        pending = self._pending
        assert pending is not None
        self.verify = self._pending = None
        if isinstance(outcome, Exception):
            refused = refusal(outcome)
            self._answer(pending.message, wire.BIND_ANSWER, refused.code, refused.text, since=pending.started)
            return
        self._identity = Identity(outcome, self._clock())
        self._answer(pending.message, wire.BIND_ANSWER, Code.SUCCESS, since=pending.started)

    def tls_started(self, certificate: PeerCertificate = None) -> None:
        """The connection is encrypted now; ``certificate`` as above."""
        self.start_tls = False
        self._tls = True
        self._certificate = certificate

    def shut_down(self, text: str) -> None:
        """The server lets this client go: says why and ends."""
        if not self.closed:
            self._disconnect(Code.UNAVAILABLE, text)

    # ---- answers

    def _send(self, message_id: int, operation: bytes, controls: bytes = b"") -> None:
        self._out.append(wire.envelope(message_id, operation, controls))

    def _answer(
        self,
        message: m.Message,
        tag: int,
        code: Code,
        text: str = "",
        *,
        matched: str = "",
        extra: bytes = b"",
        since: float | None = None,
    ) -> None:
        self._send(message.id, wire.result(tag, code, matched, text, extra))
        self._note(message.operation, code, 0, self._clock() if since is None else since)

    def _note(self, request: m.Operation | Said, code: Code, entries: int, since: float) -> None:
        member = self._identity.bound.member_id if self._identity else None
        self._log(Access(self._peer.address, member, request, code, entries, self._clock() - since))

    def _reject(self, error: BadRequest) -> None:
        if not error.answer:
            self._disconnect(Code.PROTOCOL_ERROR, error.text)
            return
        self._send(error.message_id, wire.result(error.answer, error.code, text=error.text))
        self._note(BAD_REQUEST, error.code, 0, self._clock())

    def _disconnect(self, code: Code, text: str) -> None:
        self._out.append(wire.notice(code, text))
        self._note(DISCONNECTED, code, 0, self._clock())
        self._close()

    def _close(self) -> None:
        self.closed = True
        self._buffer.clear()
        self._streams.clear()

    # ---- requests

    def _handle(self, message: m.Message) -> None:
        match message.operation:
            case m.Search() as request:
                self._search(message, request)
            case m.Bind() as request:
                self._bind(message, request)
            case m.Unbind():
                self._close()
            case m.Abandon(message_id):
                self._streams.pop(message_id, None)
            case m.Extended() as request:
                self._guarded(message, wire.EXTENDED_ANSWER, partial(self._extended, message, request))
            case m.Compare() as request:
                self._guarded(message, wire.COMPARE_ANSWER, partial(self._compare, message, request))
            case m.Write(tag):
                text = "contacts cannot be changed over LDAP: use CardDAV or the command line"
                self._answer(message, tag, Code.UNWILLING_TO_PERFORM, text)

    def _guarded(self, message: m.Message, tag: int, do: Callable[[], None]) -> None:
        """Does it, and answers what is refused."""
        try:
            c.read(message.controls, self._directory.names)
            do()
        except Exception as error:
            refused = error if isinstance(error, Refused) else refusal(error)
            self._answer(message, tag, refused.code, refused.text, matched=refused.matched)

    def _reader(self) -> Reader | None:
        """What the one who is bound may see at this moment; None: only what everybody may."""
        identity = self._identity
        if identity is None:
            return self._directory.reader(frozenset({EVERYONE_ID})) if self._rules.anonymous else None
        subjects = identity.subjects(self._directory.members, self._clock)
        return None if subjects is None else self._directory.reader(subjects)

    def _compare(self, message: m.Message, request: m.Compare) -> None:
        holds = self._directory.compare(self._reader(), request, self._root)
        self._answer(message, wire.COMPARE_ANSWER, Code.COMPARE_TRUE if holds else Code.COMPARE_FALSE)

    # ---- search

    def _recognised(self, data: bytes, start: int) -> bool:
        """Answers a search that is like an earlier one; False when it is to be decoded."""
        message_id, at = wire.message_id(data, start)
        known = self._directory.templates.recognise(data[at:])
        if known is None or message_id <= 0 or message_id in self._streams:
            return False
        template, words = known
        reader = self._reader()
        if reader is None:
            return False
        started = self._clock()
        try:
            slots, code = self._searches.recognised(reader, template, words)
        except SharedbookError:
            return False
        request = template.request
        if len(slots) > CHUNK:
            found = Found(self._directory.rows(reader, slots), code, template.controls)
            self._begin(message_id, request, template.said, found, started)
            return True
        selection = self._directory.selection(request.attributes, types_only=request.types_only)
        answer = self._directory.answer(reader, slots, selection)
        self._count(answer)
        self._out += wire.envelopes(message_id, answer.entries)
        self._out.append(wire.done(message_id, code, template.controls))
        self._note(template.said, code, len(slots), started)
        return True

    def _search(self, message: m.Message, request: m.Search) -> None:
        started = self._clock()
        controls = b""
        try:
            if message.id in self._streams:
                raise Refused(Code.PROTOCOL_ERROR, "this id is in use")
            controls_read = c.read(message.controls, self._directory.names)
            found = self._searches.run(self._reader(), request, controls_read, self._root)
        except Exception as error:
            refused = error if isinstance(error, Refused) else refusal(error)
            controls = refused.control if isinstance(refused, c.SortRefused) else b""
            done = wire.result(wire.DONE, refused.code, refused.matched, refused.text)
            self._send(message.id, done, controls)
            self._note(request, refused.code, 0, started)
            return
        self._begin(message.id, request, request, found, started)

    def _begin(self, message_id: int, request: m.Search, logged: m.Search | Said, found: Found, started: float) -> None:
        """Sends a small answer, and begins a large one."""
        self._streams[message_id] = self._stream(message_id, request, logged, found, started)
        if len(found.rows) <= CHUNK:
            while message_id in self._streams:
                self._out.append(self._step(message_id))

    def _stream(
        self, message_id: int, request: m.Search, logged: m.Search | Said, found: Found, started: float
    ) -> Stream:
        """The entries in chunks; returns the result."""
        selection = self._directory.selection(request.attributes, types_only=request.types_only)
        limit = min(request.time_limit or self._rules.time_limit, self._rules.time_limit)
        code, sent = found.code, 0
        for start in range(0, len(found.rows), CHUNK):
            if self._clock() - started > limit:
                code = Code.TIME_LIMIT_EXCEEDED
                break
            answer = self._directory.encode(self._reader(), found.rows.part(start, start + CHUNK), selection)
            sent += len(answer.entries)
            self._count(answer)
            yield b"".join(wire.envelopes(message_id, answer.entries))
        self._note(logged, code, sent, started)
        return wire.envelope(message_id, wire.result(wire.DONE, code), found.controls)

    def _count(self, answer: Answer) -> None:
        """Tells who is given how many contacts of which group."""
        who = self._identity.bound.member_id if self._identity else None
        for group, count in answer.read.items():
            self._read(who, group, count)

    # ---- bind

    def _bind(self, message: m.Message, request: m.Bind) -> None:
        """RFC 4513 section 5. Whoever binds is nobody until it has succeeded."""
        self._identity = None
        self._searches.forget()
        self._streams.clear()
        self._guarded(message, wire.BIND_ANSWER, partial(self._begin_bind, message, request))

    def _begin_bind(self, message: m.Message, request: m.Bind) -> None:
        if is_external(request) and self._certificate:
            bound = certified(request, self._certificate, self._rules.certified_by, self._directory)
            self._identity = Identity(bound, self._clock(), known=True)
            self._answer(message, wire.BIND_ANSWER, Code.SUCCESS)
            return
        claimed = credentials(request)
        if claimed is None:
            self._answer(message, wire.BIND_ANSWER, Code.SUCCESS)
            return
        if not self._takes_passwords:
            raise Refused(Code.CONFIDENTIALITY_REQUIRED, "passwords are accepted over TLS only: use ldaps or StartTLS")
        name, password = claimed
        self.verify = Verify(self._directory.login_of(name), password)
        self._pending = _Pending(message, self._clock())

    @property
    def _takes_passwords(self) -> bool:
        return self._tls or self._peer.local or self._rules.clear_text_binds

    @property
    def _root(self) -> int:
        """The rootDSE: it names the ways to log in that are open on this connection."""
        return DSE_CERTIFIED if self._certificate else DSE_PLAIN if self._takes_passwords else DSE

    # ---- extended operations

    def _extended(self, message: m.Message, request: m.Extended) -> None:
        match request.oid:
            case schema.START_TLS:
                self._start_tls(message)
            case schema.WHO_AM_I:
                name = f"dn:{self._directory.member_dn(self._identity.bound.login)}" if self._identity else ""
                self._answer(message, wire.EXTENDED_ANSWER, Code.SUCCESS, extra=octets(name, 0x8B))
            case schema.CANCEL:
                self._cancel(message, request)
            case _:
                raise Refused(Code.PROTOCOL_ERROR, "this operation is not known")

    def _start_tls(self, message: m.Message) -> None:
        """RFC 4511 section 4.14. What a client sent behind it, unencrypted, is forgotten."""
        if self._tls or self._streams:
            raise Refused(Code.OPERATIONS_ERROR, "TLS is there already, or an operation is not finished")
        if not self._can_tls:
            raise Refused(Code.UNAVAILABLE, "there is no certificate")
        self._buffer.clear()
        self._identity = None
        self._searches.forget()
        self._answer(message, wire.EXTENDED_ANSWER, Code.SUCCESS, extra=octets(schema.START_TLS, 0x8A))
        self.start_tls = True

    def _cancel(self, message: m.Message, request: m.Extended) -> None:
        """RFC 3909. Only a large answer is ever under way when another message is handled."""
        if request.value is None:
            raise Refused(Code.PROTOCOL_ERROR, "which operation?")
        try:
            message_id = Elements(request.value).enter().integer()
        except ValueError as error:
            raise Refused(Code.PROTOCOL_ERROR, str(error)) from None
        if self._streams.pop(message_id, None) is None:
            raise Refused(Code.NO_SUCH_OPERATION, "it has finished, or never existed")
        self._send(message_id, wire.result(wire.DONE, Code.CANCELED))
        self._answer(message, wire.EXTENDED_ANSWER, Code.SUCCESS)
