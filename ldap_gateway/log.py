"""The access log: one line a request, written by a thread of its own, with shapes instead of values.

A filter is logged as its structure with the length of each value (``(cn=*<3>*)``), a DN and a login as their length:
no line tells whom anyone looked for. What is logged is put aside as it is; only the thread makes text of it.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import deque
from functools import lru_cache
from select import PIPE_BUF
from typing import NamedTuple, TextIO

from ldap_gateway import messages as m
from ldap_gateway.messages import Code, Scope

logger = logging.getLogger("sharedbook.ldap")

WRITE_SECONDS = 0.25

_SAFE = re.compile(r"[A-Za-z0-9.;-]{1,64}")


class Said(NamedTuple):
    """What is logged of a request: its kind, and its line's words."""

    kind: str
    text: str


class Access(NamedTuple):
    """One request that was answered. ``member`` is an id; ``request`` the message, or what is said of it."""

    address: str
    member: int | None
    request: m.Operation | Said
    code: Code
    entries: int
    seconds: float


def describe(access: Access) -> str:
    """The line of a request."""
    address, member, request, code, entries, seconds = access
    who = "-" if member is None else member
    return f"{address} member={who} {said(request).text} result={code:d} entries={entries} ms={seconds * 1000:.1f}"


def said(request: m.Operation | Said) -> Said:
    """What is logged of a request."""
    match request:
        case Said():
            return request
        case m.Search():
            scope = Scope(request.scope).name.lower()
            return Said("search", f"search base=<{len(request.base)}> scope={scope} filter={shape(request.filter)}")
        case m.Bind():
            method = "simple" if request.mechanism is None else _word(request.mechanism)
            return Said("bind", f"bind method={method} name=<{len(request.name)}>")
        case m.Compare():
            return Said("compare", f"compare ({_word(request.attribute)}=<{len(request.value)}>)")
        case m.Extended():
            return Said("extended", f"extended {_word(request.oid)}")
        case _:
            kind = type(request).__name__.lower()
            return Said(kind, kind)


def shape(found: m.Filter) -> str:
    """A filter with each value as its length in octets."""
    match found:
        case m.And(parts):
            return f"(&{''.join(map(shape, parts))})"
        case m.Or(parts):
            return f"(|{''.join(map(shape, parts))})"
        case m.Not(part):
            return f"(!{shape(part)})"
        case m.Present(attribute):
            return f"({_word(attribute)}=*)"
        case m.Assertion(relation, attribute, value):
            return f"({_word(attribute)}{relation.value}<{len(value)}>)"
        case m.Substrings(attribute, initial, middle, final):
            pieces = [f"<{len(piece)}>" if piece else "" for piece in (initial, *middle, final)]
            return f"({_word(attribute)}={'*'.join(pieces)})"
        case m.Extensible():
            dn = ":dn" if found.dn_attributes else ""
            rule = f":{_word(found.rule)}" if found.rule else ""
            return f"({_word(found.attribute)}{dn}{rule}:=<{len(found.value)}>)"


def _word(text: str) -> str:
    """A name as it is when it can be one, else its length."""
    return text if not text or _SAFE.fullmatch(text) else f"<{len(text)}>"


class AccessLog:
    """Takes accesses on the loop; its thread writes them a few times a second, many at once.

    A line an access costs more than many searches do. At most ``most`` wait; what comes then is only counted.
    """

    def __init__(self, stream: TextIO, most: int = 50_000) -> None:
        self._stream = stream
        self._most = most
        self._waiting: deque[tuple[float, Access]] = deque()
        self._dropped = 0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="access-log", daemon=True)
        self._thread.start()

    def __call__(self, access: Access) -> None:
        """Takes one access; never waits."""
        if len(self._waiting) < self._most:
            self._waiting.append((time.time(), access))
        else:
            self._dropped += 1

    def _run(self) -> None:
        while not self._closing.wait(WRITE_SECONDS):
            self._write()
        self._write()
        if self._dropped:
            logger.warning("%d requests were not logged: too many at once", self._dropped)

    def _write(self) -> None:
        piece = begins = ""
        now = 0
        for _ in range(len(self._waiting)):
            at, access = self._waiting.popleft()
            before, now = now, int(at * 1000)
            if now != before:
                begins = f"{_clock(now // 1000)},{now % 1000:03} {logger.name} "
            line = f"{begins}{describe(access)}\n"
            if len(piece) + len(line) > PIPE_BUF:
                self._put(piece)
                piece = ""
            piece += line
        if piece:
            self._put(piece)

    def _put(self, piece: str) -> None:
        """Lines of several workers stay apart: what is no longer than PIPE_BUF goes into a pipe as one."""
        self._stream.write(piece)
        self._stream.flush()

    def close(self) -> None:
        """Writes what waits, and ends."""
        self._closing.set()
        self._thread.join()


@lru_cache(maxsize=8)
def _clock(second: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
