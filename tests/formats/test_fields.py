"""What is read out of cards, and the rows by which they are found."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharedbook.domain.errors import InvalidCard
from sharedbook.domain.query import GROUP, Comparison, Instance, Op, Some, Test, matches, record
from sharedbook.formats.vcards import fields, phones, vcard
from sharedbook.formats.vcards.fields import Address, Typed
from tests.formats.samples import GOLDEN, card, golden_cards, png


def golden(name: str) -> vcard.Card:
    return vcard.parse((GOLDEN / f"{name}.vcf").read_bytes())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "apple-contacts",
            {
                "uid": "6f0c1f9e-8ef2-4f5c-9d0a-0c7f1f6b2a11",
                "full_name": "Dr. Mira Sofie Brandt",
                "family": "Brandt",
                "given": "Mira",
                "additional": "Sofie",
                "prefix": "Dr.",
                "phonetic_family": "Brand",
                "nicknames": ("Mimi",),
                "organization": "Nordlicht Optik",
                "units": ("Labor",),
                "emails": (
                    Typed("mira.brandt@nordlicht.example", frozenset({"work"}), 1),
                    Typed("mimi@privat.example", label="Nur abends"),
                ),
                "phones": (
                    Typed("+49 1512 3456789", frozenset({"cell", "voice"}), 1),
                    Typed("+49 30 5550123", label="AssistantPhone"),
                ),
                "urls": (Typed("https://nordlicht.example/mira", pref=1, label="HomePage"),),
                "addresses": (
                    Address(
                        street="Lindenallee 7",
                        locality="Potsdam",
                        code="14467",
                        country="Deutschland",
                        types=frozenset({"work"}),
                        pref=1,
                    ),
                ),
                "birthday": "--07-21",
                "has_photo": True,
                "kind": "individual",
            },
        ),
        ("apple-group", {"kind": "group", "members": (
            "urn:uuid:6f0c1f9e-8ef2-4f5c-9d0a-0c7f1f6b2a11", "urn:uuid:0b7a2d84-5f0e-4b3f-8a55-19a0a5c6d9e2")}),
        ("thunderbird-list", {"kind": "group", "members": (
            "mailto:noor@werkplaats.example", "mailto:piet@werkplaats.example")}),
        ("apple-company", {"full_name": "Blåbær Kaffe AS", "organization": "Blåbær Kaffe AS", "units": ()}),
        ("name-without-fn", {"full_name": "Sra. Luz María Vega"}),
        ("no-n-only-mail", {"full_name": "nobody@example.org"}),
        ("only-uid", {"full_name": "", "emails": (), "has_photo": False}),
        ("empty-values", {"full_name": "", "emails": (), "addresses": (), "organization": "", "has_photo": False}),
        ("japanese", {"phonetic_family": "サトウ", "phonetic_given": "ハナコ", "units": ("営業部", "第一課")}),
        ("rfc9554-phonetic", {"family": "孫", "given": "中山", "phonetic_family": "syun1"}),
        ("rfc9554-components", {"family": "Ruiz Vega", "given": "Gonzalo"}),
        ("unescaped-commas", {"organization": "Comma, Inc.", "units": ("R, D",), "note": "first, second; third",
            "nicknames": ("Cee", "Dee"), "urls": (Typed("https://shop.example/list?ids=1,2,3;sort=up"),)}),
        ("agent-label-class", {"phonetic_family": "Bob"}),
        ("altid-languages", {"full_name": "山田太郎", "family": "山田"}),
        ("same-line-twice", {"note": "a\na\na"}),
        ("related-dates", {"birthday": "--04-12"}),
        ("tel-uris", {"phones": (
            Typed("+82-2-555-0123 ext. 5555", frozenset({"voice", "home"}), 1), Typed("555-0199", frozenset({"home"})),
            Typed("٠١٠١٢٣٤٥٦٧٨", frozenset({"textphone", "pager"})), Typed("010-1234-5678 (내선 12)"))}),
        ("rfc9555-jscontact", {"emails": (Typed("jska@example.org", label="work: main"),)}),
        ("davx5-labels", {"categories": ("Φίλοι", "Δουλειά"), "phonetic_given": "Yorgos"}),
        ("lower-case", {"phones": (Typed("1", label="ring"),), "full_name": "lower case"}),
    ],
)  # fmt: skip
def test_golden_fields(name: str, expected: dict[str, Any]) -> None:
    read = fields.read(golden(name))
    assert {field: getattr(read, field) for field in expected} == expected


@pytest.mark.parametrize(
    ("lines", "full_name"),
    [
        (["N:홍;길동;;;"], "홍길동"),
        (["N:佐藤;花子;;;様"], "佐藤花子"),
        (["N:홍;Gildong;;;"], "Gildong 홍"),
        (["N:Hong;Gildong;;Dr.;MD"], "Dr. Gildong Hong MD"),
        (["ORG:Firma;Abteilung", "EMAIL:a@b"], "Firma"),
        (["NICKNAME:Bob,Bobby", "ORG:Firma"], "Bob"),
        (["TEL:+1"], "+1"),
        (["FN: ", "EMAIL:a@b"], "a@b"),
        (["FN:Two\\nlines"], "Two lines"),
        (["FN;PREF=2:Second", "FN;PREF=1:First"], "First"),
        (["FN:Weiß, Jürgen"], "Weiß, Jürgen"),
    ],
)
def test_full_name(lines: list[str], full_name: str) -> None:
    assert fields.read(vcard.parse(card(["UID:1", *lines]))).full_name == full_name


@pytest.mark.parametrize(
    ("line", "birthday"),
    [
        ("BDAY:19800322", "1980-03-22"),
        ("BDAY:1980-03-22T00:00:00Z", "1980-03-22"),
        ("BDAY:--0322", "--03-22"),
        ("BDAY;VALUE=date:1604-03-22", "--03-22"),
        ("BDAY;X-APPLE-OMIT-YEAR=1900:1900-03-22", "--03-22"),
        ("BDAY;VALUE=text:circa 1800", "circa 1800"),
        ("BDAY:", ""),
    ],
)
def test_birthday(line: str, birthday: str) -> None:
    assert fields.read(vcard.parse(card(["UID:1", line]))).birthday == birthday


def values(read: vcard.Card, name: str) -> list[str]:
    return [found.value for found in fields.instances(read, "KR") if found.name == name]


@pytest.mark.parametrize("path", golden_cards(), ids=lambda path: path.stem)
def test_index_rows_hold_every_property_and_only_documented_names(path: Path) -> None:
    read = vcard.parse(path.read_bytes())
    rows = fields.instances(read, "KR")
    assert [row.name for row in rows[: len(read.properties)]] == [found.name for found in read.properties]
    for row, found in zip(rows, read.properties, strict=False):
        assert row.params == (((GROUP, (found.group,)),) if found.group else ()) + found.params
        assert row.value == ("" if row.name in {"PHOTO", "KEY", "LOGO", "SOUND", "X-MS-CARDPICTURE"} else found.text())
    derived = rows[len(read.properties) :]
    assert {row.name for row in derived} <= fields.DERIVED.keys()
    assert all(row.value for row in derived)


def test_every_documented_name_occurs() -> None:
    seen = {row.name for path in golden_cards() for row in fields.instances(vcard.parse(path.read_bytes()), "KR")}
    assert fields.DERIVED.keys() <= seen


def test_names_are_indexed_as_they_are_sought() -> None:
    read = vcard.parse(card(["UID:1", "FN:Gildong Hong", "N:홍;길동;;;", "NICKNAME:gil,dong"]))
    assert values(read, "fullname") == ["Gildong Hong", "홍길동"]
    assert values(read, "initials") == ["ㅎㄱㄷ"]
    assert values(read, "nickname") == ["gil", "dong"]
    assert values(vcard.parse(card(["UID:1", "FN:홍 길동"])), "fullname") == ["홍 길동", "홍길동"]
    starts = Some("fullname", (Test(Op.LIKE, initial="홍길", comparison=Comparison.DIRECTORY),))
    assert matches(starts, record(fields.instances(read, "KR"))) is True


def test_organizations_and_their_sort_keys() -> None:
    read = golden("altid-languages")
    assert values(read, "org") == ["山田製作所"]
    assert values(read, "unit") == ["開発"]
    assert values(read, "org-phonetic") == ["ヤマダ"]
    assert values(read, "title") == ["Patron", "Boss"]
    assert values(read, "family") == ["山田", "Yamada"]


def test_typed_rows_carry_their_parameters() -> None:
    rows = fields.instances(golden("apple-contacts"), "DE")
    assert Instance("email", "mimi@privat.example", (("LABEL", ("Nur abends",)),)) in rows
    params = (("TYPE", ("cell", "voice")), ("PREF", ("1",)))
    assert Instance("number", "+49 1512 3456789", params) in rows
    assert Instance("phone", phones.forms("+49 1512 3456789", "DE"), params) in rows
    address = "Lindenallee 7\nPotsdam\n14467\nDeutschland"
    assert Instance("address", address, (("TYPE", ("work",)), ("PREF", ("1",)))) in rows


def test_a_number_is_found_in_the_form_that_is_dialled() -> None:
    rows = record(fields.instances(vcard.parse(card(["UID:1", "TEL:+82 10-1234-5678"])), "KR"))
    for dialled in ("01012345678", "0082 10 1234 5678", "12345678"):
        test = Test(Op.EQUALS, phones.forms(dialled, "KR"), comparison=Comparison.PHONE)
        assert matches(Some("phone", (test,)), rows) is True


def test_photo() -> None:
    picture = base64.b64decode(png(40, 30))
    for line in (
        f"PHOTO;ENCODING=b:{png(40, 30)}",
        f"PHOTO:data:image/png;base64,{png(40, 30)}",
        f"PHOTO;PNG:{png(40, 30)}",
    ):
        assert fields.photo(vcard.parse(card(["UID:1", line]))) == ("image/png", picture)
    assert fields.photo(golden("photo-uri")) is None
    assert fields.photo(golden("only-uid")) is None
    assert fields.photo(golden("empty-values")) is None
    for name, kind in (
        ("apple-contacts", "jpeg"),
        ("photo-old-style", "jpeg"),
        ("photo-two", "png"),
        ("photo-data-uri-escaped", "gif"),
        ("photo-data-uri-percent", "gif"),
    ):
        found = fields.photo(golden(name))
        assert found is not None
        assert found[0] == f"image/{kind}"


lines = st.lists(
    st.tuples(
        st.sampled_from(
            ["FN", "N", "ORG", "ADR", "TEL", "EMAIL", "BDAY", "NICKNAME", "PHOTO", "X-ABLABEL", "KIND", "i.TEL"]
        ),
        st.sampled_from(["", ";TYPE=home,pref", ";PREF=9", ";SORT-AS=a\\,b", ";PHONETIC=x", ";ENCODING=b", ";LABEL="]),
        st.text("aZ;,\\n홍길 :+0123456789-/=", max_size=30),
    )
)


@given(lines)
def test_any_card_can_be_read(parts: list[tuple[str, str, str]]) -> None:
    try:
        read = vcard.parse(card(["UID:1", *(f"{name}{params}:{value}" for name, params, value in parts)]))
    except InvalidCard:  # a photo that is none
        return
    assert fields.read(read).uid == "1"
    assert all(row.value for row in fields.instances(read, "KR")[len(read.properties) :])
    fields.photo(read)
