"""What an entry holds: for each kind, for what a client asks, for what the site shows; and comparing with it."""

from __future__ import annotations

import base64

import pytest

from ldap_gateway import messages as m
from ldap_gateway.entries import select
from ldap_gateway.errors import Refused
from ldap_gateway.messages import Code
from ldap_gateway.people import PHOTO_BYTES
from sharedbook.services.demo import photos
from tests.ldap import wiring
from tests.ldap.looked import (
    OPEN_DN,
    PRIVATE,
    dns,
    entry,
    enveloped,
    organisation,
    person,
)
from tests.ldap.wiring import search
from tests.ldap.world import BASE, EMPTY, World, contact, key_of, world


@pytest.fixture
def place() -> World:
    return organisation()


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


def test_a_photo_that_is_too_large_or_no_jpeg_is_left_out() -> None:
    jpeg = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    frame = b"\xff\xc0\x00\x0b\x08\x00\x01\x00\x01\x01\x01\x11\x00"
    for padding, shown in ((0, True), (PHOTO_BYTES - 40, True), (PHOTO_BYTES, False)):
        data = base64.b64encode(jpeg + frame + b"\0" * padding + b"\xff\xd9").decode()
        place = world([contact(61, f"PHOTO;ENCODING=b;TYPE=JPEG:{data}")])
        assert bool(entry(place, "carol", person(61), "jpegPhoto")) is shown
    png = base64.b64encode(photos.png(1)).decode()
    assert entry(world([contact(62, f"PHOTO;ENCODING=b;TYPE=PNG:{png}")]), "carol", person(62), "jpegPhoto") == {}


def test_types_only() -> None:
    place = world([FULL])
    rows = place.directory.search(place.reader("carol"), search())
    selection = select((), place.directory.names, types_only=True)
    (octets,) = place.directory.encode(place.reader("carol"), rows, selection).entries
    attributes = wiring.answers(enveloped(octets))[0].attributes
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
