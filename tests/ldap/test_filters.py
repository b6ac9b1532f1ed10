"""What filters mean: three-valued logic, and every kind of assertion."""

from __future__ import annotations

import pytest

from ldap_gateway import messages as m
from tests.ldap import world as w
from tests.ldap.wiring import search
from tests.ldap.world import World, contact, world

CONTACT = contact(
    1,
    "N:Kim;Min-jun;;;",
    "EMAIL;TYPE=WORK:minjun.kim@example.com",
    "EMAIL:MJ@Example.ORG",
    "TEL;TYPE=CELL:+82 10-1234-5678",
    "TEL;TYPE=WORK:02-345-6789",
    "TEL;TYPE=HOME:02-999-8888",
    "TEL;TYPE=FAX,WORK:02-345-6780",
    "ORG:Ärger & Söhne;İstanbul",
    "TITLE:50% _manager_*",
    "ADR;TYPE=WORK:;;1 Main St;Seoul;;04524;KR",
    "NOTE:likes tea",
    "BDAY:1980-03-22",
    name="Min-jun  Kim",
)


@pytest.fixture(scope="module")
def one() -> World:
    return world([CONTACT])


def found(place: World, written: str | m.Filter, reader: str = "alice") -> list[int]:
    """Ids of the contacts that a filter finds."""
    asked = (
        search(written)
        if isinstance(written, str)
        else m.Search(w.BASE.encode(), m.Scope.SUBTREE, 0, 0, False, written, ())
    )
    return [row.contact for row in place.directory.search(place.reader(reader), asked) if row.contact]


TRUE = [
    "(cn=min-jun kim)",
    "(commonName=MIN-JUN   KIM)",
    "(2.5.4.3=*jun*)",
    "(CN=min*kim)",
    "(cn=*in*ju*im)",
    "(displayName=*kim*)",
    "(sn=kim)",
    "(surname=K*)",
    "(gn=min-jun)",
    "(mail=MINJUN.KIM@example.com)",
    "(mail=*@example.org)",
    "(mail~=mj@example.org)",
    "(mozillaSecondEmail=mj*)",
    "(xmozillasecondemail=mj*)",
    "(mobile=01012345678)",
    "(mobile=+821012345678)",
    "(mobile=00821012345678)",
    "(cellphone=821012345678)",
    "(mobile=12345678)",
    "(mobile=*5678)",
    "(mobile=010*)",
    "(mobile=0082*)",
    "(mobile=*123-45*)",
    "(telephoneNumber=023456789)",
    "(telephoneNumber=3456789)",
    "(fax=*6780)",
    "(o=ärger & SÖHNE)",
    "(ou=istanbul)",
    "(title=50% _manager_\\2a)",
    "(title=*% _*)",
    "(title=*\\2a)",
    "(postalCode=04524)",
    "(co=kr)",
    "(c=KR)",
    "(l=seoul)",
    "(street=*main*)",
    "(objectClass=*)",
    "(objectclass=inetorgperson)",
    "(objectClass=2.16.840.1.113730.3.2.2)",
    "(objectClass:objectIdentifierMatch:=person)",
    "(cn:caseIgnoreMatch:=Min-Jun Kim)",
    "(cn:2.5.13.2:=Min-Jun Kim)",
    "(cn>=min)",
    "(cn<=mio)",
    "(modifyTimestamp>=20260101000000Z)",
    "(modifyTimestamp<=20260304050607Z)",
    "(modifyTimestamp>=20260304140607.0+0900)",
    "(!(modifyTimestamp>=20260304050608Z))",
    f"(uid={w.key_of(1)})",
    f"(entryDN=UID={w.key_of(1)}, {w.BASE})",
    "(entryUUID=*)",
    "(hasSubordinates=FALSE)",
    "(subschemaSubentry=CN=subschema)",
    "(dc:dn:=example)",
    "(ou:dn:=contacts)",
    "(!(msExchHideFromAddressLists=TRUE))",
    "(!(objectCategory=person))",
    "(!(sAMAccountName=minjun))",
    "(!(userAccountControl:1.2.840.113556.1.4.803:=2))",
    "(!(cn=x))",
    "(!(mobile=0))",
    "(!(description=*tea*))",
    "(!(homePhone=*))",
    "(|(foo=1)(cn=*kim*))",
    "(!(&(foo=1)(cn=x)))",
    "(anr=min)",
    "(anr=mj@)",
    "(cn;binary=*kim*)",
    "(!(cn;lang-ko=*))",
]
NOT_TRUE = [
    "(foo=1)",
    "(!(foo=1))",
    "(!(!(foo=1)))",
    "(foo=*)",
    "(!(foo=*))",
    "(&(foo=1)(cn=*kim*))",
    "(!(&(foo=1)(cn=*kim*)))",
    "(!(|(foo=1)(cn=x)))",
    "(cn=kim)",
    "(cn=*min*jun*min*)",
    "(description=*tea*)",
    "(homePhone=*)",
    "(birthyear=1980)",
    "(telephoneNumber=*8888)",
    "(mobile=0081*)",
    "(telephoneNumber=*kim*)",
    "(telephoneNumber=kim)",
    "(telephoneNumber>=0)",
    "(!(telephoneNumber>=0))",
    "(mobile=5678)",
    "(cn:caseExactMatch:=Min-jun  Kim)",
    "(!(cn:caseExactMatch:=x))",
    "(!(objectClass=person*))",
    "(modifyTimestamp=2026*)",
    "(jpegPhoto=*)",
    "(jpegPhoto=x)",
    "(!(jpegPhoto=x))",
    "(member=*)",
    "(ou:dn:=sales)",
    "(:caseIgnoreMatch:=kim)",
    "(entryDN=uid=other,ou=contacts,dc=example,dc=com)",
    "(uid=*x)",
]


@pytest.mark.parametrize("written", TRUE)
def test_true(one: World, written: str) -> None:
    assert found(one, written) == [1]


@pytest.mark.parametrize("written", NOT_TRUE)
def test_not_true(one: World, written: str) -> None:
    assert found(one, written) == []


def test_what_the_site_shows_is_found() -> None:
    shown = world([CONTACT], parts=("note", "birthday", "home-phone", "home-address"))
    for written in (
        "(description=*tea*)",
        "(birthyear=1980)",
        "(birthmonth=3)",
        "(homePhone=029998888)",
        "(!(birthday=23))",
    ):
        assert found(shown, written) == [1], written


def test_values_that_are_no_text(one: World) -> None:
    for odd in (
        m.Assertion(m.Relation.EQUAL, "cn", b"\xff"),
        m.Substrings("cn", b"\xff", (), b""),
        m.Substrings("mobile", b"\xff", (), b""),
        m.Substrings("cn", b"", (b"\xfe",), b""),
        m.Extensible("", "cn", b"\xff", True),
    ):
        assert found(one, odd) == []
    assert found(one, m.Or((m.Assertion(m.Relation.EQUAL, "cn", b"\xff"), m.Present("cn")))) == [1]
    assert found(one, m.Substrings("cn", b"", (b"", b""), b"")) == [1]
    assert found(one, m.Present("\0")) == []


def test_true_and_false_filters(one: World) -> None:
    """RFC 4526."""
    assert found(one, m.And(())) == [1]
    assert found(one, m.Or(())) == []


@pytest.mark.parametrize("needle", ["홍", "길동", "홍길", "홍길동", "홍 길", "길동 홍", "金", "ㅎ"])
def test_cjk_names(needle: str) -> None:
    """One character is enough, and a name is found with and without its space, whichever way round it was written."""
    names = world(
        [
            contact(1, "N:홍;길동;;;", name="길동 홍"),
            contact(2, "N:홍;길동;;;", name="홍길동"),
            contact(3, name="金 山"),
        ]
    )
    expected = {
        "홍": [1, 2],
        "길동": [1, 2],
        "홍길": [1, 2],
        "홍길동": [1, 2],
        "홍 길": [],
        "길동 홍": [1],
        "金": [3],
        "ㅎ": [],
    }
    assert found(names, f"(cn=*{needle}*)") == expected[needle]


def test_dotted_capital_i() -> None:
    names = world([contact(1, name="İlker Işık"), contact(2, name="ilker isik")])
    assert found(names, "(cn=*ilker*)") == [1, 2]
    assert found(names, "(cn=iLKER IşıK)") == [1]


@pytest.mark.parametrize(
    ("written", "exact"),
    [
        ("(cn=jose nunez)", False),
        ("(cn=JOSÉ NÚÑEZ)", True),
        ("(cn=*nun*)", False),
        ("(cn=jo*ñez)", True),
        ("(cn=*e\\cc\\81*)", True),
        ("(&(cn>=jose nunez)(cn<=jose nunez))", False),
        ("(o=Орел)", False),
        ("(o=Орёл)", True),
        ("(title=カ\\e3\\82\\99*)", True),
    ],
)
def test_accents_do_not_count_where_the_site_says_so(written: str, *, exact: bool) -> None:
    jose = contact(1, "ORG:Орёл", "TITLE:ガス", name="José Núñez")
    assert found(world([jose], accents=False), written) == [1]
    assert found(world([jose]), written) == [1] * exact


def test_marks_that_make_another_letter_count_always() -> None:
    assert found(world([contact(1, "TITLE:ガス", name="Ole Bø")], accents=False), "(title=カス)") == []
