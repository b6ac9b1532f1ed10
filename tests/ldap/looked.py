"""A small organisation, and what a reader finds in its tree."""

from __future__ import annotations

import pytest

from ldap_gateway import messages as m
from ldap_gateway.directory import Directory, Reader
from ldap_gateway.entries import select
from ldap_gateway.errors import Refused
from ldap_gateway.index import Order
from ldap_gateway.messages import Code, Scope
from sharedbook.domain.model import POSTMASTERS_ID
from tests.ldap import wiring
from tests.ldap.wiring import search
from tests.ldap.world import BASE, OPEN, SECRET, World, contact, key_of, world

SEEN_BY_ALL, FOR_SALES, PRIVATE, IN_BOTH = 1, 2, 3, 4
OPEN_DN, SECRET_DN = f"ou=open,ou=groups,{BASE}", f"ou=비밀,ou=groups,{BASE}"


def organisation() -> World:
    """Two groups, three readers, four contacts of different sight."""
    return world(
        [
            contact(SEEN_BY_ALL, "EMAIL:one@example.com", name="Anna One"),
            contact(FOR_SALES, name="Berta Two", groups=(SECRET,)),
            contact(PRIVATE, name="Carl Three", audience=frozenset({POSTMASTERS_ID})),
            contact(IN_BOTH, name="Dora Four", groups=(OPEN, SECRET)),
        ]
    )


def dns(directory: Directory, reader: Reader | None, asked: m.Search, order: tuple[Order, ...] = ()) -> list[str]:
    """The DNs that a search answers."""
    rows = directory.search(reader, asked, order=order)
    selection = select(("1.1",), directory.names, types_only=False)
    return [wiring.answers(enveloped(octets))[0].dn for octets in directory.encode(reader, rows, selection).entries]


def enveloped(octets: bytes) -> bytes:
    """An operation as the first message."""
    return wiring.tlv(0x30, wiring.number(1) + octets)


def entry(place: World, name: str, base: str, *attributes: str) -> dict[str, list[bytes]]:
    """The attributes of one entry."""
    asked = search(base=base, scope=Scope.BASE, attributes=attributes)
    rows = place.directory.search(place.reader(name), asked)
    selection = select(attributes, place.directory.names, types_only=False)
    (octets,) = place.directory.encode(place.reader(name), rows, selection).entries
    return wiring.answers(enveloped(octets))[0].attributes


def person(number: int, base: str = BASE) -> str:
    """The DN of a contact."""
    return f"uid={key_of(number)},{base}"


def refused(place: World, name: str | None, base: str, scope: Scope = Scope.BASE) -> tuple[Code, str]:
    """How a search is refused: code and matched DN."""
    with pytest.raises(Refused) as error:
        place.directory.search(place.reader(name) if name else None, search(base=base, scope=scope))
    return error.value.code, error.value.matched
