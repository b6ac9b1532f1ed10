"""The codec of RFC 4511: octets to messages, answers to octets. Its elements are cut and made by ``ber``.

Only two errors leave this room:
``BrokenStream`` (the connection cannot be understood any more) and ``BadRequest`` (one request can be answered).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from ldap_gateway import messages as m
from ldap_gateway.ber import BOOLEAN, ENUMERATED, SEQUENCE, Reader, cut, element, integer, length, octets, sequence
from ldap_gateway.messages import Code

BIND, BIND_ANSWER, UNBIND = 0x60, 0x61, 0x42
SEARCH, ENTRY, DONE = 0x63, 0x64, 0x65
COMPARE, COMPARE_ANSWER, ABANDON = 0x6E, 0x6F, 0x50
EXTENDED, EXTENDED_ANSWER = 0x77, 0x78
WRITES: Mapping[int, int] = {0x66: 0x67, 0x68: 0x69, 0x4A: 0x6B, 0x6C: 0x6D}
"""Modify, add, delete, modify DN: the tag of each request and of its answer."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a message may be: octets in all, depth of its filter, terms of its filter."""

    message: int = 1024 * 1024
    depth: int = 32
    terms: int = 256


class BrokenStream(Exception):
    """The octets are no LDAP message: say so in a notice of disconnection and close (RFC 4511 section 4.1.1)."""


class BadRequest(Exception):
    """A message whose envelope is sound and whose request is not: ``answer`` is the tag to answer with."""

    def __init__(self, message_id: int, answer: int, code: Code, text: str) -> None:
        super().__init__(text)
        self.message_id = message_id
        self.answer = answer
        self.code = code
        self.text = text


class _Bad(Exception):
    """What is wrong inside a request, before it is known which one it is."""

    def __init__(self, text: str, code: Code = Code.PROTOCOL_ERROR) -> None:
        super().__init__(text)
        self.text = text
        self.code = code


# ---- reading


def frame(data: bytes | bytearray, at: int, limit: int) -> tuple[int, int] | None:
    """Start and end of the contents of the message at ``at``; None while it is not complete.

    Raises BrokenStream when no message of at most ``limit`` octets can come of it.
    """
    if at < len(data) and data[at] != SEQUENCE:
        raise BrokenStream("this is not LDAP")
    if at + 2 > len(data):
        return None
    size, start = data[at + 1], at + 2
    if size & 0x80:
        count = size & 0x7F
        if not 1 <= count <= 8:
            raise BrokenStream("a message needs a definite length")
        if start + count > len(data):
            return None
        size, start = int.from_bytes(data[start : start + count], "big"), start + count
    if size > limit:
        raise BrokenStream(f"a message may have {limit} octets")
    return (start, start + size) if start + size <= len(data) else None


def message_id(data: bytes, start: int) -> tuple[int, int]:
    """The id of the message whose contents ``frame`` found, 0 if it is odd, and where its operation starts."""
    size = data[start + 1] if data[start : start + 1] == b"\x02" and start + 2 < len(data) else 0
    at = start + 2 + size
    return (int.from_bytes(data[start + 2 : at], "big", signed=True), at) if 1 <= size <= 4 else (0, at)


def decode(data: bytes, start: int, end: int, bounds: Bounds) -> m.Message:
    """The message whose contents ``frame`` found. Raises BrokenStream, BadRequest."""
    reader = Reader(data, start, end)
    try:
        message_id = reader.count()
        tag, contents = reader.any()
    except ValueError as error:
        raise BrokenStream(f"the envelope cannot be read: {error}") from None
    if message_id == 0:
        raise BrokenStream("a request has an id")
    read = _READERS.get(tag)
    if tag in WRITES:
        return m.Message(message_id, m.Write(WRITES[tag]))
    if read is None:
        raise BrokenStream(f"no request has the tag {tag:#04x}")
    try:
        operation = read(contents, bounds)
        controls = _controls(reader) if reader.more() else ()
    except _Bad as error:
        raise BadRequest(message_id, _ANSWERS[tag], error.code, error.text) from None
    except ValueError as error:
        raise BadRequest(message_id, _ANSWERS[tag], Code.PROTOCOL_ERROR, str(error)) from None
    return m.Message(message_id, operation, controls)


def _controls(reader: Reader) -> tuple[m.Control, ...]:
    found = []
    controls = reader.enter(0xA0)
    while controls.more():
        control = controls.enter()
        oid = control.text()
        critical = control.boolean() if control.peek() == BOOLEAN else False
        found.append(m.Control(oid, critical, control.octets() if control.more() else None))
    return tuple(found)


def _bind(contents: bytes, _bounds: Bounds) -> m.Bind:
    reader = Reader(contents)
    version, name = reader.count(), reader.octets()
    tag, credentials = reader.any()
    if tag == 0x80:
        return m.Bind(version, name, None, credentials)
    if tag != 0xA3:
        return m.Bind(version, name, "", b"")
    sasl = Reader(credentials)
    mechanism = sasl.text()
    return m.Bind(version, name, mechanism, sasl.octets() if sasl.more() else b"")


def _search(contents: bytes, bounds: Bounds) -> m.Search:
    reader = Reader(contents)
    base, scope, deref = reader.octets(), reader.integer(ENUMERATED), reader.integer(ENUMERATED)
    size_limit, time_limit, types_only = reader.count(), reader.count(), reader.boolean()
    if scope not in (0, 1, 2) or not 0 <= deref <= 3:
        raise _Bad("unknown scope or derefAliases")
    found = _Filters(contents, bounds).read(*reader.place(), 1)
    attributes, wanted = [], reader.enter()
    while wanted.more():
        attributes.append(wanted.text())
    return m.Search(base, m.Scope(scope), size_limit, time_limit, types_only, found, tuple(attributes))


def _compare(contents: bytes, _bounds: Bounds) -> m.Compare:
    reader = Reader(contents)
    dn = reader.octets()
    assertion = reader.enter()
    return m.Compare(dn, assertion.text(), assertion.octets())


def _abandon(contents: bytes, _bounds: Bounds) -> m.Abandon:
    if not 1 <= len(contents) <= 4:
        raise ValueError("an id needs 1 to 4 octets")
    return m.Abandon(int.from_bytes(contents, "big", signed=True))


def _extended(contents: bytes, _bounds: Bounds) -> m.Extended:
    reader = Reader(contents)
    oid = reader.text(0x80)
    return m.Extended(oid, reader.octets(0x81) if reader.more() else None)


_READERS: Mapping[int, Callable[[bytes, Bounds], m.Operation]] = {
    BIND: _bind,
    UNBIND: lambda contents, bounds: m.Unbind(),
    SEARCH: _search,
    COMPARE: _compare,
    ABANDON: _abandon,
    EXTENDED: _extended,
}
_ANSWERS: Mapping[int, int] = {
    BIND: BIND_ANSWER,
    UNBIND: 0,
    SEARCH: DONE,
    COMPARE: COMPARE_ANSWER,
    ABANDON: 0,
    EXTENDED: EXTENDED_ANSWER,
}
"""The tag of each request's answer; 0 where there is none."""


class _Filters:
    """Reads one filter within its bounds. Most of a request is its filter: elements are cut by hand."""

    def __init__(self, data: bytes, bounds: Bounds) -> None:
        self._data = data
        self._depth = bounds.depth
        self._terms = bounds.terms

    def read(self, tag: int, start: int, end: int, depth: int) -> m.Filter:
        """An element as a filter. Raises BrokenStream beyond the depth, _Bad beyond the terms."""
        if depth > self._depth:
            raise BrokenStream(f"a filter may be {self._depth} deep")
        self._terms -= 1
        if self._terms < 0:
            raise _Bad("too many terms in the filter", Code.ADMIN_LIMIT_EXCEEDED)
        if tag == 0xA4:
            return self._substrings(start, end)
        if tag in _RELATIONS:
            attribute, at = self._octets(start, end)
            value, _ = self._octets(at, end)
            return m.Assertion(_RELATIONS[tag], attribute.decode(), value)
        if tag == 0x87:
            return m.Present(self._data[start:end].decode())
        if tag == 0xA9:
            return _extensible(Reader(self._data, start, end))
        return self._combined(tag, start, end, depth)

    def _combined(self, tag: int, at: int, end: int, depth: int) -> m.Filter:
        if tag not in (0xA0, 0xA1, 0xA2):
            raise _Bad("unknown kind of filter")
        data, parts = self._data, []
        while at < end:
            kind, start, at = cut(data, at, end)
            parts.append(self.read(kind, start, at, depth + 1))
        if tag == 0xA2:
            if len(parts) != 1:
                raise _Bad("a NOT has one filter")
            return m.Not(parts[0])
        return m.And(tuple(parts)) if tag == 0xA0 else m.Or(tuple(parts))

    def _octets(self, at: int, end: int) -> tuple[bytes, int]:
        """An OCTET STRING, and where it ends."""
        tag, start, stop = cut(self._data, at, end)
        if tag != 0x04:
            raise ValueError(f"tag {tag:#04x} where 0x04 belongs")
        return self._data[start:stop], stop

    def _substrings(self, start: int, end: int) -> m.Substrings:
        data = self._data
        attribute, at = self._octets(start, end)
        tag, at, end = cut(data, at, end)
        if tag != SEQUENCE:
            raise ValueError(f"tag {tag:#04x} where 0x30 belongs")
        initial, middle, final = b"", [], b""
        first = True
        while at < end:
            tag, start, at = cut(data, at, end)
            if tag == 0x81:
                middle.append(data[start:at])
            elif tag == 0x80 and first:
                initial = data[start:at]
            elif tag == 0x82 and at == end:
                final = data[start:at]
            else:
                raise _Bad("substrings come in the order initial, any, final")
            first = False
        return m.Substrings(attribute.decode(), initial, tuple(middle), final)


_RELATIONS = {
    0xA3: m.Relation.EQUAL,
    0xA5: m.Relation.AT_LEAST,
    0xA6: m.Relation.AT_MOST,
    0xA8: m.Relation.APPROX,
}


def _extensible(reader: Reader) -> m.Extensible:
    rule = reader.text(0x81) if reader.peek() == 0x81 else ""
    attribute = reader.text(0x82) if reader.peek() == 0x82 else ""
    value = reader.octets(0x83)
    dn_attributes = reader.boolean(0x84) if reader.more() else False
    if not rule and not attribute:
        raise _Bad("an extensible match names a rule or an attribute")
    return m.Extensible(rule, attribute, value, dn_attributes)


# ---- writing


@lru_cache(maxsize=4096)
def _id(message_id: int) -> bytes:
    return integer(message_id)


def envelope(message_id: int, operation: bytes, controls: bytes = b"") -> bytes:
    """An LDAPMessage around one encoded operation; ``controls`` is a run of encoded controls."""
    head = _id(message_id)
    if controls:
        operation += element(0xA0, controls)
    return bytes((SEQUENCE,)) + length(len(head) + len(operation)) + head + operation


class _Heads(dict[int, bytes]):
    """What stands before a message id, by the octets that follow it; for ids of one encoded length."""

    def __init__(self, size_of_id: int) -> None:
        self._size_of_id = size_of_id

    def __missing__(self, size: int) -> bytes:
        if len(self) == _HEADS:
            self.clear()
        self[size] = head = bytes((SEQUENCE,)) + length(self._size_of_id + size)
        return head


_HEADS = 16_384
_heads = lru_cache(_Heads)


def envelopes(message_id: int, operations: list[bytes]) -> list[bytes]:
    """The LDAPMessages around encoded operations, in pieces to be joined."""
    head = _id(message_id)
    heads = _heads(len(head))
    pieces = operations * 3  # filled a third at a time: an answer has many entries
    pieces[::3] = map(heads.__getitem__, map(len, operations))
    pieces[1::3] = [head] * len(operations)
    pieces[2::3] = operations
    return pieces


@lru_cache(maxsize=256)
def result(tag: int, code: Code, matched: str = "", text: str = "", extra: bytes = b"") -> bytes:
    """An answer with an LDAPResult; ``extra`` is what follows it in a bind or extended answer."""
    return sequence(integer(code, ENUMERATED), octets(matched), octets(text), extra, tag=tag)


def control(oid: str, value: bytes) -> bytes:
    """A response control."""
    return sequence(octets(oid), octets(value))


def entry(dn: bytes, attributes: bytes) -> bytes:
    """A SearchResultEntry; ``attributes`` is a run of encoded attributes."""
    return sequence(octets(dn), element(SEQUENCE, attributes), tag=ENTRY)


def with_more(made: bytes, attributes: bytes) -> bytes:
    """A SearchResultEntry that was made here, with some attributes more."""
    reader = Reader(made).enter(ENTRY)
    dn = reader.octets()
    _, start, end = reader.place()
    return entry(dn, made[start:end] + attributes)


def attribute(name: str, encoded_values: bytes) -> bytes:
    """One attribute of an entry, its values as ``values`` encoded them."""
    return element(SEQUENCE, _name(name) + encoded_values)


@lru_cache(maxsize=1024)
def _name(name: str) -> bytes:
    """The same few names stand in every entry."""
    return octets(name)


@lru_cache(maxsize=256)
def done(message_id: int, code: Code, controls: bytes) -> bytes:
    """The end of a search with nothing more to say."""
    return envelope(message_id, result(DONE, code), controls)


NOTICE_OF_DISCONNECTION = "1.3.6.1.4.1.1466.20036"


def notice(code: Code, text: str) -> bytes:
    """The notice of disconnection (RFC 4511 section 4.4.1)."""
    return envelope(0, result(EXTENDED_ANSWER, code, text=text, extra=octets(NOTICE_OF_DISCONNECTION, 0x8A)))
