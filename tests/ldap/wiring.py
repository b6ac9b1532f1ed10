"""The client's side of the wire: requests to octets, octets to answers. Independent of ldap_gateway.wire."""

from __future__ import annotations

from dataclasses import dataclass, field

import sansldap

from ldap_gateway import messages as m
from ldap_gateway import wire
from ldap_gateway.ber import Reader
from ldap_gateway.wire import Bounds

BOUNDS = Bounds()


def tlv(tag: int, contents: bytes, *, long: bool = False) -> bytes:
    """One element; ``long`` writes the length as Windows does."""
    size = len(contents)
    if long:
        return bytes((tag, 0x84)) + size.to_bytes(4, "big") + contents
    if size < 128:
        return bytes((tag, size)) + contents
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + contents


def number(value: int, tag: int = 2) -> bytes:
    """An integer of the fewest octets."""
    size = 1
    while not -(1 << (8 * size - 1)) <= value < 1 << (8 * size - 1):
        size += 1
    return tlv(tag, value.to_bytes(size, "big", signed=True))


def text(value: str | bytes, tag: int = 4) -> bytes:
    """An octet string."""
    return tlv(tag, value.encode() if isinstance(value, str) else value)


def filter_octets(found: m.Filter) -> bytes:
    """A filter."""
    match found:
        case m.And(parts):
            return tlv(0xA0, b"".join(map(filter_octets, parts)))
        case m.Or(parts):
            return tlv(0xA1, b"".join(map(filter_octets, parts)))
        case m.Not(part):
            return tlv(0xA2, filter_octets(part))
        case m.Present(attribute):
            return text(attribute, 0x87)
        case m.Assertion(relation, attribute, value):
            tags = {"=": 0xA3, ">=": 0xA5, "<=": 0xA6, "~=": 0xA8}
            return tlv(tags[relation.value], text(attribute) + text(value))
        case m.Substrings(attribute, initial, middle, final):
            parts_ = [text(initial, 0x80)] if initial else []
            parts_ += [text(part, 0x81) for part in middle] + ([text(final, 0x82)] if final else [])
            return tlv(0xA4, text(attribute) + tlv(0x30, b"".join(parts_)))
        case m.Extensible(rule, attribute, value, dn_attributes):
            inner = (text(rule, 0x81) if rule else b"") + (text(attribute, 0x82) if attribute else b"")
            inner += text(value, 0x83) + (tlv(0x84, b"\xff") if dn_attributes else b"")
            return tlv(0xA9, inner)


def operation_octets(operation: m.Operation) -> bytes:
    """A request without its envelope."""
    match operation:
        case m.Bind(version, name, mechanism, secret):
            simple = text(secret, 0x80)
            sasl = tlv(0xA3, text(mechanism or "") + text(secret))
            return tlv(0x60, number(version) + text(name) + (simple if mechanism is None else sasl))
        case m.Unbind():
            return tlv(0x42, b"")
        case m.Search():
            contents = text(operation.base) + number(operation.scope, 10) + number(0, 10)
            contents += number(operation.size_limit) + number(operation.time_limit)
            contents += tlv(1, b"\xff" if operation.types_only else b"\0") + filter_octets(operation.filter)
            return tlv(0x63, contents + tlv(0x30, b"".join(map(text, operation.attributes))))
        case m.Compare(dn, attribute, value):
            return tlv(0x6E, text(dn) + tlv(0x30, text(attribute) + text(value)))
        case m.Abandon(message_id):
            return number(message_id, 0x50)
        case m.Extended(oid, value):
            return tlv(0x77, text(oid, 0x80) + (b"" if value is None else text(value, 0x81)))
        case m.Write(tag):
            request = next(asked for asked, answered in wire.WRITES.items() if answered == tag)
            return tlv(request, b"cn=x")


def control_octets(control: m.Control) -> bytes:
    """One control."""
    critical = tlv(1, b"\xff") if control.critical else b""
    return tlv(0x30, text(control.oid) + critical + (b"" if control.value is None else text(control.value)))


def octets(message: m.Message) -> bytes:
    """A whole message."""
    controls = b"".join(map(control_octets, message.controls))
    return tlv(
        0x30, number(message.id) + operation_octets(message.operation) + (tlv(0xA0, controls) if controls else b"")
    )


def decode(data: bytes, bounds: Bounds = BOUNDS) -> m.Message:
    """Reads one message with the code under test."""
    framed = wire.frame(data, 0, bounds.message)
    assert framed is not None
    return wire.decode(data, *framed, bounds)


def parse_filter(written: str) -> m.Filter:
    """A filter from its text (RFC 4515), read by sansldap."""
    client = sansldap.LDAPClient()
    client.bind_simple()
    client.data_to_send()
    client.receive(bytes.fromhex("300c02010161070a010004000400"))
    client.search_request("", filter=sansldap.LDAPFilter.from_string(written))
    operation = decode(client.data_to_send()).operation
    assert isinstance(operation, m.Search)
    return operation.filter


def search(
    written: str = "(objectClass=*)",
    *,
    base: str = "ou=contacts,dc=example,dc=com",
    scope: m.Scope = m.Scope.SUBTREE,
    attributes: tuple[str, ...] = (),
    size_limit: int = 0,
    time_limit: int = 0,
    types_only: bool = False,
) -> m.Search:
    """A search request with a filter as text."""
    return m.Search(base.encode(), scope, size_limit, time_limit, types_only, parse_filter(written), attributes)


# ---- answers


@dataclass(frozen=True, slots=True)
class Answer:
    """One message of the server; what its kind does not have is empty."""

    id: int
    tag: int
    code: int = 0
    matched: str = ""
    text: str = ""
    dn: str = ""
    attributes: dict[str, list[bytes]] = field(default_factory=dict)
    oid: str = ""
    value: bytes | None = None
    controls: dict[str, bytes] = field(default_factory=dict)


def answers(data: bytes) -> list[Answer]:
    """All the messages in some octets."""
    found, reader = [], Reader(data)
    while reader.more():
        message = reader.enter()
        message_id = message.integer()
        tag, contents = message.any()
        controls = {}
        if message.more():
            run = message.enter(0xA0)
            while run.more():
                control = run.enter()
                oid = control.text()
                controls[oid] = control.octets()
        found.append(_answer(message_id, tag, Reader(contents), controls))
    return found


def _answer(message_id: int, tag: int, reader: Reader, controls: dict[str, bytes]) -> Answer:
    if tag == wire.ENTRY:
        dn, attributes = reader.text(), {}
        run = reader.enter()
        while run.more():
            attribute = run.enter()
            name, values, held = attribute.text(), attribute.enter(0x31), []
            while values.more():
                held.append(values.octets())
            assert name not in attributes
            attributes[name] = held
        return Answer(message_id, tag, dn=dn, attributes=attributes, controls=controls)
    code, matched, words = reader.integer(10), reader.text(), reader.text()
    oid = reader.text(0x8A) if reader.peek() == 0x8A else ""
    value = reader.octets(0x8B) if reader.peek() == 0x8B else None
    assert not reader.more()
    return Answer(message_id, tag, code, matched, words, oid=oid, value=value, controls=controls)
