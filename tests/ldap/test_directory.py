"""The tree as each reader sees it: what exists, and what a search at each place finds."""

from __future__ import annotations

import pytest

from ldap_gateway import messages as m
from ldap_gateway.directory import Directory
from ldap_gateway.entries import GROUPS
from ldap_gateway.errors import Refused
from ldap_gateway.index import Order
from ldap_gateway.messages import Code, Scope
from sharedbook.domain.model import EVERYONE_ID, Right
from sharedbook.services.feed import FeedGroup
from tests.ldap import world as w
from tests.ldap.looked import (
    FOR_SALES,
    OPEN_DN,
    PRIVATE,
    SECRET_DN,
    dns,
    organisation,
    person,
    refused,
)
from tests.ldap.wiring import search
from tests.ldap.world import BASE, OPEN, SECRET, World, contact, key_of


@pytest.fixture
def place() -> World:
    return organisation()


# ---- which entries there are


@pytest.mark.parametrize(
    ("base", "scope", "filter_", "reader", "expected"),
    [
        (BASE, Scope.SUBTREE, "(objectClass=*)", "alice", [person(1), person(2), person(3), person(4)]),
        (BASE, Scope.SUBTREE, "(objectClass=*)", "bob", [person(1), person(2), person(4)]),
        (BASE, Scope.SUBTREE, "(objectClass=*)", "carol", [person(1), person(4)]),
        (BASE, Scope.ONE, "(objectClass=*)", "carol", [person(1), person(4)]),
        (BASE, Scope.BASE, "(objectClass=*)", "carol", [BASE]),
        ("", Scope.SUBTREE, "(cn=*)", "carol", [person(1), person(4)]),
        ("", Scope.ONE, "(cn=*)", "carol", [person(1), person(4)]),
        (person(1), Scope.BASE, "(cn=anna*)", "carol", [person(1)]),
        (person(1), Scope.SUBTREE, "(cn=anna*)", "carol", [person(1)]),
        (person(1), Scope.ONE, "(cn=anna*)", "carol", []),
        (person(1), Scope.BASE, "(cn=x)", "carol", []),
        (f"ou=groups,{BASE}", Scope.BASE, "(ou=groups)", "carol", [f"ou=groups,{BASE}"]),
        (f"ou=groups,{BASE}", Scope.ONE, "(objectClass=*)", "carol", [OPEN_DN]),
        (f"ou=groups,{BASE}", Scope.ONE, "(objectClass=*)", "bob", [OPEN_DN, SECRET_DN]),
        (
            f"ou=groups,{BASE}",
            Scope.SUBTREE,
            "(objectClass=*)",
            "carol",
            [f"ou=groups,{BASE}", OPEN_DN, person(1, OPEN_DN), person(4, OPEN_DN)],
        ),
        (SECRET_DN, Scope.ONE, "(cn=*)", "bob", [person(2, SECRET_DN), person(4, SECRET_DN)]),
        (SECRET_DN, Scope.SUBTREE, "(sn=*)", "bob", [person(2, SECRET_DN), person(4, SECRET_DN)]),
        (f" OU = Open ,ou=GROUPS,{BASE}", Scope.ONE, "(cn=dora*)", "bob", [person(4, OPEN_DN)]),
        (person(4, OPEN_DN), Scope.BASE, "(cn=dora*)", "bob", [person(4, OPEN_DN)]),
        (OPEN_DN, Scope.ONE, f"(entryDN={person(4, OPEN_DN)})", "bob", [person(4, OPEN_DN)]),
        (OPEN_DN, Scope.ONE, f"(entryDN={person(4)})", "bob", []),
        # above ou=groups, groups are found by a filter that names their class only
        (BASE, Scope.SUBTREE, "(cn=open*)", "carol", []),
        (BASE, Scope.SUBTREE, "(objectClass=groupOfNames)", "carol", [OPEN_DN]),
        (BASE, Scope.SUBTREE, "(objectClass=2.5.6.9)", "carol", [OPEN_DN]),
        (BASE, Scope.SUBTREE, "(&(objectClass=groupOfNames)(cn=sec*))", "bob", [SECRET_DN]),
        (BASE, Scope.SUBTREE, "(|(objectClass=groupOfNames)(cn=anna*))", "carol", [OPEN_DN, person(1)]),
        (BASE, Scope.SUBTREE, "(objectClass=groupOfEntries)", "alice", [f"ou=empty,ou=groups,{BASE}"]),
        (BASE, Scope.SUBTREE, "(!(objectClass=groupOfNames))", "carol",
         [BASE, f"ou=groups,{BASE}", person(1), person(4)]),
        (BASE, Scope.ONE, "(objectClass=organizationalUnit)", "carol", [f"ou=groups,{BASE}"]),
        (BASE, Scope.SUBTREE, f"(&(objectClass=groupOfNames)(member={person(3)}))", "alice", [OPEN_DN]),
        (BASE, Scope.SUBTREE, f"(&(objectClass=groupOfNames)(member={person(3)}))", "carol", []),
        (BASE, Scope.SUBTREE, f"(&(objectClass=groupOfNames)(!(member={person(3)})))", "carol", [OPEN_DN]),
        (BASE, Scope.SUBTREE, f"(&(objectClass=groupOfNames)(member=UID={key_of(4)}, {BASE}))", "bob",
         [OPEN_DN, SECRET_DN]),
    ],
)  # fmt: skip
def test_search(place: World, base: str, scope: Scope, filter_: str, reader: str, expected: list[str]) -> None:
    assert dns(place.directory, place.reader(reader), search(filter_, base=base, scope=scope)) == expected


# ---- a hidden entry and a missing one are the same


@pytest.mark.parametrize(
    ("base", "matched"),
    [
        (person(PRIVATE), BASE),
        (person(FOR_SALES), BASE),
        (person(99), BASE),
        (f"cn=x,{BASE}", BASE),
        (f"cn=users,{BASE}", BASE),
        (f"uid={key_of(1)}+cn=x,{BASE}", BASE),
        (f"ou=members,{BASE}", BASE),
        (f"uid=alice,ou=members,{BASE}", BASE),
        (f"uid=nobody,ou=members,{BASE}", BASE),
        (SECRET_DN, f"ou=groups,{BASE}"),
        (f"ou=missing,ou=groups,{BASE}", f"ou=groups,{BASE}"),
        (person(FOR_SALES, SECRET_DN), f"ou=groups,{BASE}"),
        (person(PRIVATE, OPEN_DN), OPEN_DN),
        (person(99, OPEN_DN), OPEN_DN),
        (f"cn=x,{person(1, OPEN_DN)}", OPEN_DN),
        (f"cn=x,{person(1)}", BASE),
        ("cn=config", ""),
        ("dc=example,dc=com", ""),
    ],
)
@pytest.mark.parametrize("scope", list(Scope))
def test_no_such_object(place: World, base: str, matched: str, scope: Scope) -> None:
    assert refused(place, "carol", base, scope) == (Code.NO_SUCH_OBJECT, matched)
    with pytest.raises(Refused) as error:
        place.directory.compare(place.reader("carol"), m.Compare(base.encode(), "cn", b"Carl Three"))
    assert (error.value.code, error.value.matched) == (Code.NO_SUCH_OBJECT, matched)


def test_hidden_and_missing_have_the_same_words(place: World) -> None:
    def words(base: str) -> str:
        with pytest.raises(Refused) as error:
            place.directory.search(place.reader("carol"), search(base=base, scope=Scope.BASE))
        return error.value.text

    assert words(person(PRIVATE)) == words(person(99))
    assert words(SECRET_DN) == words(f"ou=missing,ou=groups,{BASE}")


def test_invalid_names(place: World) -> None:
    for base in ("alice", "uid=x,", 'cn="'):
        assert refused(place, "carol", base) == (Code.INVALID_DN_SYNTAX, "")


def test_without_a_login_the_server_tells_of_itself_only(place: World) -> None:
    for base in (BASE, person(1), person(99), f"ou=groups,{BASE}", "cn=config"):
        assert refused(place, None, base) == (Code.INSUFFICIENT_ACCESS_RIGHTS, "")
    assert refused(place, None, "", Scope.SUBTREE)[0] is Code.INSUFFICIENT_ACCESS_RIGHTS
    for base in ("", "cn=subschema"):
        assert len(dns(place.directory, None, search(base=base, scope=Scope.BASE))) == 1


# ---- changes


def test_rights_change_at_once(place: World) -> None:
    rows = place.directory.search(place.reader("bob"), search(base=f"ou=groups,{BASE}"))
    place.directory.set_groups([FeedGroup(SECRET, "비밀", "Secret", "", {EVERYONE_ID: Right.VIEW})])
    assert dns(place.directory, place.reader("carol"), search(base=SECRET_DN, scope=Scope.ONE)) == [
        person(2, SECRET_DN),
        person(4, SECRET_DN),
    ]
    place.directory.set_groups([FeedGroup(OPEN, "open", "Open", "", {})])
    assert dns(place.directory, place.reader("carol"), search("(cn=*)")) == [person(2), person(4)]
    place.directory.set_groups([], gone=[SECRET])
    assert dns(place.directory, place.reader("carol"), search("(cn=*)")) == []
    assert refused(place, "carol", SECRET_DN)[0] is Code.NO_SUCH_OBJECT
    assert [row.place for row in rows if place.directory.exists(place.reader("bob"), row)] == [GROUPS]


def test_groups_with_slugs_that_a_dn_cannot_tell_apart(place: World) -> None:
    place.directory.set_groups([FeedGroup(7, "straße", "S", "", {EVERYONE_ID: Right.VIEW})])
    place.directory.set_groups([FeedGroup(8, "strasse", "T", "", {EVERYONE_ID: Right.VIEW})])
    place.put(contact(50, name="In S", groups=(7,)), contact(51, name="In T", groups=(8,)))
    first, second = f"ou=straße,ou=groups,{BASE}", f"ou=strasse-8,ou=groups,{BASE}"
    assert dns(place.directory, place.reader("carol"), search(base=first, scope=Scope.ONE)) == [person(50, first)]
    assert dns(place.directory, place.reader("carol"), search(base=second, scope=Scope.ONE)) == [person(51, second)]


# ---- order over places


def test_order_over_several_places(place: World) -> None:
    found = dns(place.directory, place.reader("bob"), search(base=f"ou=groups,{BASE}"), order=(Order("cn"),))
    assert found == [
        person(1, OPEN_DN),
        person(2, SECRET_DN),
        person(4, OPEN_DN),
        person(4, SECRET_DN),
        OPEN_DN,
        SECRET_DN,
        f"ou=groups,{BASE}",
    ]


# ---- who binds


@pytest.mark.parametrize(
    ("name", "login"),
    [
        (f"uid=alice,ou=members,{BASE}", "alice"),
        (f"UID = Alice , OU=Members,{BASE.upper()}", "alice"),
        ("alice", "alice"),
        ("alice@example.com", "alice@example.com"),
        (f"cn=alice,ou=members,{BASE}", f"cn=alice,ou=members,{BASE}"),
        (f"uid=alice,{BASE}", f"uid=alice,{BASE}"),
        ("uid=alice,ou=people,dc=x", "uid=alice,ou=people,dc=x"),
    ],
)
def test_bind_names(place: World, name: str, login: str) -> None:
    assert place.directory.login_of(name) == login


@pytest.mark.parametrize("base", ["dc=example,dc=com", "o=Example Inc", "ou=Kontakte \\2B mehr,dc=x"])
def test_other_bases(base: str) -> None:
    directory = Directory(base, names=w.world().directory.names, region="US", limits=w.Limits(), start_tls=False)
    reader = directory.reader(w.EVERYBODY)
    assert dns(directory, reader, search(base=base, scope=Scope.BASE)) == [base]
    assert directory.login_of(f"uid=alice,ou=members,{base}") == "alice"
