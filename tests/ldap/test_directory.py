"""The tree as each reader sees it: what exists, what a search at each place finds, what an entry holds."""

from __future__ import annotations

import pytest

from ldap_gateway import messages as m
from ldap_gateway.directory import Directory, Reader
from ldap_gateway.entries import GROUPS, select
from ldap_gateway.errors import Refused
from ldap_gateway.index import Order
from ldap_gateway.messages import Code, Scope
from sharedbook.domain.model import EVERYONE_ID, POSTMASTERS_ID, Right
from sharedbook.services.feed import FeedGroup
from tests.ldap import wiring
from tests.ldap import world as w
from tests.ldap.wiring import search
from tests.ldap.world import BASE, EMPTY, OPEN, SECRET, World, contact, key_of, world

SEEN_BY_ALL, FOR_SALES, PRIVATE, IN_BOTH = 1, 2, 3, 4
OPEN_DN, SECRET_DN = f"ou=open,ou=groups,{BASE}", f"ou=비밀,ou=groups,{BASE}"


def organisation() -> World:
    return world(
        [
            contact(SEEN_BY_ALL, "EMAIL:one@example.com", name="Anna One"),
            contact(FOR_SALES, name="Berta Two", groups=(SECRET,)),
            contact(PRIVATE, name="Carl Three", audience=frozenset({POSTMASTERS_ID})),
            contact(IN_BOTH, name="Dora Four", groups=(OPEN, SECRET)),
        ]
    )


@pytest.fixture
def place() -> World:
    return organisation()


def dns(directory: Directory, reader: Reader | None, asked: m.Search, order: tuple[Order, ...] = ()) -> list[str]:
    """The DNs that a search answers."""
    rows = directory.search(reader, asked, order=order)
    selection = select(("1.1",), directory.names, types_only=False)
    return [wiring.answers(_enveloped(octets))[0].dn for octets in directory.encode(reader, rows, selection)]


def _enveloped(octets: bytes) -> bytes:
    return wiring.tlv(0x30, wiring.number(1) + octets)


def entry(place: World, name: str, base: str, *attributes: str) -> dict[str, list[bytes]]:
    """The attributes of one entry."""
    asked = search(base=base, scope=Scope.BASE, attributes=attributes)
    rows = place.directory.search(place.reader(name), asked)
    selection = select(attributes, place.directory.names, types_only=False)
    (octets,) = place.directory.encode(place.reader(name), rows, selection)
    return wiring.answers(_enveloped(octets))[0].attributes


def person(number: int, base: str = BASE) -> str:
    return f"uid={key_of(number)},{base}"


def refused(place: World, name: str | None, base: str, scope: Scope = Scope.BASE) -> tuple[Code, str]:
    with pytest.raises(Refused) as error:
        place.directory.search(place.reader(name) if name else None, search(base=base, scope=scope))
    return error.value.code, error.value.matched


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


# ---- what entries hold


FULL = contact(
    60,
    "N:Kim;Min-jun;;;",
    "NICKNAME:MJ",
    "EMAIL:a@example.com",
    "EMAIL;TYPE=PREF:b@example.com",
    "EMAIL:c@example.com",
    "TEL;TYPE=CELL:+82 10-1234-5678",
    "TEL:02-111-2222",
    "TEL;TYPE=WORK,VOICE:02-345-6789",
    "TEL;TYPE=HOME:02-999-8888",
    "TEL;TYPE=HOME,FAX:02-999-0000",
    "TEL;TYPE=PAGER:012",
    "ORG:Company;Unit;Sub",
    "TITLE:Boss",
    "ADR;TYPE=WORK:PO 1;Floor 2;1 Main $t;Seoul;Seoul-si;04524;Korea",
    "ADR;TYPE=HOME:;;2 Home St;Busan;;48058;KR",
    "URL;TYPE=HOME:https://home.example",
    "URL:https://work.example",
    "NOTE:likes tea",
    "BDAY:1980-03-22",
    "PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////"
    "////////////////////////////////////wgALCAABAAEBAREA/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPxA=",
    name="Min-jun Kim",
)
USUAL = {
    "objectClass": [
        "top",
        "person",
        "organizationalPerson",
        "inetOrgPerson",
        "mozillaAbPersonAlpha",
        "sharedbookPerson",
    ],
    "uid": [key_of(60)],
    "cn": ["Min-jun Kim"],
    "displayName": ["Min-jun Kim"],
    "sn": ["Kim"],
    "givenName": ["Min-jun"],
    "mozillaNickname": ["MJ"],
    "mail": ["b@example.com", "a@example.com", "c@example.com"],
    "mozillaSecondEmail": ["a@example.com"],
    "telephoneNumber": ["02-111-2222", "02-345-6789"],
    "mobile": ["+82 10-1234-5678"],
    "pager": ["012"],
    "o": ["Company"],
    "ou": ["Unit", "Sub"],
    "title": ["Boss"],
    "street": ["1 Main $t"],
    "mozillaWorkStreet2": ["Floor 2"],
    "postOfficeBox": ["PO 1"],
    "l": ["Seoul"],
    "st": ["Seoul-si"],
    "postalCode": ["04524"],
    "co": ["Korea"],
    "postalAddress": ["PO 1$Floor 2$1 Main \\24t$04524 Seoul$Seoul-si$Korea"],
    "mozillaHomeUrl": ["https://home.example"],
    "mozillaWorkUrl": ["https://work.example"],
    "labeledURI": ["https://home.example", "https://work.example"],
}
FOR_SITES_THAT_ASK = {
    "homePhone": ["02-999-8888"],
    "facsimileTelephoneNumber": ["02-999-0000"],
    "mozillaHomeStreet": ["2 Home St"],
    "mozillaHomeLocalityName": ["Busan"],
    "mozillaHomePostalCode": ["48058"],
    "mozillaHomeCountryName": ["KR"],
    "homePostalAddress": ["2 Home St$48058 Busan$KR"],
    "description": ["likes tea"],
    "birthyear": ["1980"],
    "birthmonth": ["3"],
    "birthday": ["22"],
}
OPERATIONAL = {
    "entryUUID": [f"{key_of(60)[:8]}-{key_of(60)[8:12]}-{key_of(60)[12:16]}-{key_of(60)[16:20]}-{key_of(60)[20:]}"],
    "entryDN": [person(60)],
    "modifyTimestamp": ["20260304050607Z"],
    "hasSubordinates": ["FALSE"],
    "structuralObjectClass": ["inetOrgPerson"],
    "subschemaSubentry": ["cn=Subschema"],
}


def texts(attributes: dict[str, list[bytes]]) -> dict[str, list[str]]:
    return {name: [value.decode() for value in values] for name, values in attributes.items()}


def test_all_user_attributes() -> None:
    place = world([FULL])
    assert texts(entry(place, "carol", person(60))) == USUAL
    assert texts(entry(place, "carol", person(60), "*")) == USUAL
    assert texts(entry(place, "carol", person(60, OPEN_DN))) == USUAL


def test_parts_that_the_site_shows() -> None:
    place = world([FULL], parts=("note", "birthday", "home-address", "home-phone"))
    assert texts(entry(place, "carol", person(60))) == USUAL | FOR_SITES_THAT_ASK


def test_operational_attributes() -> None:
    place = world([FULL])
    assert texts(entry(place, "carol", person(60), "+")) == OPERATIONAL
    assert texts(entry(place, "carol", person(60), "*", "+")) == USUAL | OPERATIONAL
    there = entry(place, "carol", person(60, OPEN_DN), "entryDN")
    assert texts(there) == {"entryDN": [person(60, OPEN_DN)]}


def test_names_are_echoed_as_requested() -> None:
    place = world([FULL])
    asked = (
        "MAIL",
        "gn",
        "commonName",
        "cn",
        "2.5.4.4",
        "dn",
        "memberOf",
        "homePhone",
        "description",
        "cn;lang-ko",
        "unknown",
    )
    assert texts(entry(place, "carol", person(60), *asked)) == {
        "MAIL": USUAL["mail"],
        "gn": ["Min-jun"],
        "commonName": ["Min-jun Kim"],
        "cn": ["Min-jun Kim"],
        "2.5.4.4": ["Kim"],
    }
    assert entry(place, "carol", person(60), "1.1") == {}
    assert set(entry(place, "carol", person(60), "1.1", "cn")) == {"cn"}


def test_photos_by_name_only() -> None:
    place = world([FULL])
    assert entry(place, "carol", person(60), "jpegPhoto")["jpegPhoto"][0].startswith(b"\xff\xd8\xff")
    assert set(entry(place, "carol", person(60), "jpegPhoto;binary")) == {"jpegPhoto;binary"}
    assert set(entry(place, "carol", person(60), "*", "jpegphoto")) == {*USUAL, "jpegphoto"}
    assert len(dns(place.directory, place.reader("carol"), search("(jpegPhoto=*)"))) == 1


def test_types_only() -> None:
    place = world([FULL])
    rows = place.directory.search(place.reader("carol"), search())
    selection = select((), place.directory.names, types_only=True)
    (octets,) = place.directory.encode(place.reader("carol"), rows, selection)
    attributes = wiring.answers(_enveloped(octets))[0].attributes
    assert set(attributes) == set(USUAL) and not any(attributes.values())


def test_a_card_with_next_to_nothing() -> None:
    place = world([contact(70, "EMAIL:only@example.com", name="")])
    values = texts(entry(place, "carol", person(70)))
    assert values["cn"] == values["sn"] == ["only@example.com"]
    place.put(contact(71, name=""))
    assert texts(entry(place, "carol", person(71)))["cn"] == [key_of(71)]


def test_groups_name_the_members_that_the_reader_sees(place: World) -> None:
    alice, carol = entry(place, "alice", OPEN_DN), entry(place, "carol", OPEN_DN)
    assert texts(alice)["member"] == [person(1), person(3), person(4)]
    assert texts(carol) == {
        "objectClass": ["top", "groupOfNames"],
        "cn": ["Open, to all"],
        "ou": ["open"],
        "description": ["for everybody"],
        "member": [person(1), person(4)],
    }
    empty = texts(entry(place, "alice", f"ou=empty,ou=groups,{BASE}", "*", "+"))
    assert empty["objectClass"] == ["top", "groupOfEntries"] and "member" not in empty
    assert empty["hasSubordinates"] == ["TRUE"]
    place.directory.index.remove(1)
    place.directory.index.remove(4)
    assert texts(entry(place, "carol", OPEN_DN))["objectClass"] == ["top", "groupOfEntries"]
    assert EMPTY in place.directory.groups


# ---- compare


@pytest.mark.parametrize(
    ("dn", "attribute", "value", "expected"),
    [
        (person(1), "cn", "anna one", True),
        (person(1), "commonName", "anna", False),
        (person(1), "mail", "ONE@example.com", True),
        (person(1), "objectClass", "person", True),
        (person(1), "objectClass", "groupOfNames", False),
        (BASE, "ou", "contacts", True),
        (OPEN_DN, "member", person(1), True),
        (OPEN_DN, "member", person(PRIVATE), False),
        ("", "supportedLDAPVersion", "3", True),
    ],
)
def test_compare(place: World, dn: str, attribute: str, value: str, expected: bool) -> None:
    assert place.directory.compare(place.reader("carol"), m.Compare(dn.encode(), attribute, value.encode())) is expected


@pytest.mark.parametrize(
    ("attribute", "code"),
    [
        ("title", Code.NO_SUCH_ATTRIBUTE),
        ("memberOf", Code.NO_SUCH_ATTRIBUTE),
        ("description", Code.NO_SUCH_ATTRIBUTE),
        ("foo", Code.UNDEFINED_ATTRIBUTE_TYPE),
        ("jpegPhoto", Code.INAPPROPRIATE_MATCHING),
    ],
)
def test_compare_refused(attribute: str, code: Code) -> None:
    place = world([contact(60, "NOTE:secret", *FULL.vcard.split("\r\n")[-4:-2], name="X")])
    with pytest.raises(Refused) as error:
        place.directory.compare(place.reader("carol"), m.Compare(person(60).encode(), attribute, b"secret"))
    assert error.value.code is code


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
