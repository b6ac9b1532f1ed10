"""The controls of a search as a client writes and reads them, and places with people to search in."""

from __future__ import annotations

from ldap_gateway import messages as m
from ldap_gateway import schema, wire
from ldap_gateway.ber import Reader
from ldap_gateway.session import CHUNK
from tests.ldap.wiring import Answer, number, text, tlv
from tests.ldap.world import World, contact, world

WHO = m.Extended(schema.WHO_AM_I, None)


def twenty() -> World:
    """Person 001 to Person 020."""
    return world([contact(n, f"EMAIL:p{n}@example.com", name=f"Person {n:03}") for n in range(1, 21)])


def many() -> World:
    """More than fit into some chunks."""
    return world([contact(n, name=f"Person {n:04}") for n in range(1, 3 * CHUNK + 2)])


def names(found: list[Answer]) -> list[str]:
    """The names of the entries of an answer, in order."""
    return [each.attributes["cn"][0].decode() for each in found if each.tag == wire.ENTRY]


def paged(size: int, cookie: bytes = b"", *, critical: bool = False) -> m.Control:
    return m.Control(schema.PAGED_RESULTS, critical, tlv(0x30, number(size) + text(cookie)))


def page_of(done: Answer) -> tuple[int, bytes]:
    reader = Reader(done.controls[schema.PAGED_RESULTS]).enter()
    return reader.integer(), reader.octets()


def cookie(done: Answer) -> bytes:
    return page_of(done)[1]


def estimate(done: Answer) -> int:
    return page_of(done)[0]


def sort(*keys: str, critical: bool = False, rule: str = "", reverse: bool = False) -> m.Control:
    def key(name: str) -> bytes:
        return tlv(0x30, text(name) + (text(rule, 0x80) if rule else b"") + (tlv(0x81, b"\xff") if reverse else b""))

    return m.Control(schema.SORT_REQUEST, critical, tlv(0x30, b"".join(map(key, keys))))


def sorted_as_asked(done: Answer) -> int:
    return Reader(done.controls[schema.SORT_RESPONSE]).enter().integer(10)


def view(before: int, after: int, offset: int, count: int) -> m.Control:
    return m.Control(
        schema.VLV_REQUEST, True, tlv(0x30, number(before) + number(after) + tlv(0xA0, number(offset) + number(count)))
    )


def view_from(before: int, after: int, value: str) -> m.Control:
    return m.Control(schema.VLV_REQUEST, True, tlv(0x30, number(before) + number(after) + text(value, 0x81)))


def listed(done: Answer) -> tuple[int, int]:
    reader = Reader(done.controls[schema.VLV_RESPONSE]).enter()
    target, count = reader.integer(), reader.integer()
    assert reader.integer(10) == 0
    return target, count
