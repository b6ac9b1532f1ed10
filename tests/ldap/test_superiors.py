"""`manager`: the DN of a superior whom the reader sees; a hidden one is answered as none, in every way of asking."""

from __future__ import annotations

import pytest

from ldap_gateway import messages as m
from ldap_gateway.errors import Refused
from ldap_gateway.messages import Code, Scope
from tests.ldap.looked import FOR_SALES, IN_BOTH, OPEN_DN, PRIVATE, SEEN_BY_ALL, dns, entry, organisation, person
from tests.ldap.wiring import operation_octets, search
from tests.ldap.world import BASE, World

ANNA, BERTA, CARL, DORA = SEEN_BY_ALL, FOR_SALES, PRIVATE, IN_BOTH


@pytest.fixture(scope="module")
def place() -> World:
    """Anna reports to Carl, whom alice alone sees; Dora reports to Berta, whom carol does not see."""
    made = organisation()
    made.directory.superiors.set({ANNA: CARL, DORA: BERTA})
    return made


def managers(place: World, reader: str, base: str, *attributes: str) -> list[str]:
    return [value.decode() for value in entry(place, reader, base, *attributes).get("manager", [])]


@pytest.mark.parametrize("attributes", [(), ("*",), ("manager",), ("cn", "manager"), ("*", "+")])
def test_the_answer(place: World, attributes: tuple[str, ...]) -> None:
    assert managers(place, "alice", person(ANNA), *attributes) == [person(CARL)]
    assert managers(place, "bob", person(ANNA), *attributes) == []
    assert managers(place, "bob", person(DORA), *attributes) == [person(BERTA)]
    assert managers(place, "bob", person(DORA, OPEN_DN), *attributes) == [person(BERTA)]
    assert managers(place, "carol", person(DORA), *attributes) == []


def test_nothing_else_changes(place: World) -> None:
    plain = organisation()
    for attributes in ((), ("cn", "mail"), ("*", "+")):
        with_manager = entry(place, "alice", person(ANNA), *attributes)
        with_manager.pop("manager", None)
        assert with_manager == entry(plain, "alice", person(ANNA), *attributes)
        assert entry(place, "carol", person(ANNA), *attributes) == entry(plain, "carol", person(ANNA), *attributes)


@pytest.mark.parametrize(
    ("filter_", "alice", "bob", "carol"),
    [
        (f"(manager={person(CARL)})", [ANNA], [], []),
        (f"(manager=UID={person(CARL)[4:36].upper()} , {BASE})", [ANNA], [], []),
        (f"(manager={person(BERTA)})", [DORA], [DORA], []),
        ("(manager=*)", [ANNA, DORA], [DORA], []),
        ("(!(manager=*))", [BERTA, CARL], [ANNA, BERTA], [ANNA, DORA]),
        (f"(&(cn=anna*)(manager={person(CARL)}))", [ANNA], [], []),
        (f"(|(cn=anna*)(manager={person(BERTA)}))", [ANNA, DORA], [ANNA, DORA], [ANNA]),
        (f"(manager={person(ANNA)})", [], [], []),
        ("(manager=nonsense)", [], [], []),
    ],
)
def test_filters(place: World, filter_: str, alice: list[int], bob: list[int], carol: list[int]) -> None:
    for name, expected in (("alice", alice), ("bob", bob), ("carol", carol)):
        found = dns(place.directory, place.reader(name), search(filter_))
        assert sorted(found) == sorted(person(number) for number in expected)
        for number in (ANNA, DORA):
            one = dns(place.directory, place.reader(name), search(filter_, base=person(number), scope=Scope.BASE))
            assert one == ([person(number)] if number in expected else [])


def test_no_search_is_known_again_by_its_octets(place: World) -> None:
    """What is found depends on the reader."""
    for filter_, known in ((f"(&(cn=an*)(manager={person(CARL)}))", False), ("(cn=an*)", True)):
        request = search(filter_)
        operation = operation_octets(request)
        place.directory.templates.learn(operation, request)
        assert (place.directory.templates.recognise(operation) is not None) is known


def test_compare(place: World) -> None:
    asked = m.Compare(person(ANNA).encode(), "manager", person(CARL).encode())
    assert place.directory.compare(place.reader("alice"), asked)
    other = m.Compare(person(ANNA).encode(), "manager", person(DORA).encode())
    assert not place.directory.compare(place.reader("alice"), other)
    with pytest.raises(Refused) as refused:
        place.directory.compare(place.reader("bob"), asked)
    assert refused.value.code is Code.NO_SUCH_ATTRIBUTE
