"""What we build, we and vobject read back with the same values."""

from __future__ import annotations

import base64
import dataclasses
import re
from typing import Any, Literal

import pytest
import vobject
from hypothesis import given
from hypothesis import strategies as st

from sharedbook.domain.errors import InvalidCard
from sharedbook.domain.model import Limits
from sharedbook.formats.vcards import fields, vcard
from sharedbook.formats.vcards.card_build import NewCard, build
from sharedbook.formats.vcards.fields import Address, Typed
from tests.formats.samples import png

Version = Literal["3.0", "4.0"]
VERSIONS: tuple[Version, ...] = ("3.0", "4.0")

FULL = NewCard(
    full_name="Dr. Kim Ji-won, PhD; \"Jiwon\"",
    family="Kim",
    given="Ji-won",
    additional="Anna",
    prefix="Dr.",
    suffix="PhD",
    phonetic_family="김",
    phonetic_given="지원",
    nicknames=("Jiwon", "J, W"),
    organization="Hanbit; Söhne, Inc.",
    units=("R&D", "Optik"),
    title="Ingénieure",
    role="Lead",
    emails=(Typed("ji@hanbit.example", frozenset({"work"}), 1), Typed("ji@home.example", label="Abends, spät")),
    phones=(Typed("+82 10-1234-5678", frozenset({"cell", "voice"}), 1), Typed("02-555-0123", frozenset({"fax"}))),
    urls=(Typed("https://hanbit.example/?a=1;b"),),
    addresses=(
        Address("PO 1", "4F", "1 Main St, Suite 2", "Seoul", "KR-11", "04524", "대한민국", frozenset({"work"}), 1),
        Address(street="Lindenallee 7", label="Ferien"),
    ),
    note="Zeile 1\nZeile 2, mit; allem \\ " + "한글 " * 60 + "끝",
    birthday="1980-03-22",
    categories=("Kunde", "A, B"),
    photo=base64.b64decode(png(40, 30)),
)  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
def test_we_read_back_what_we_build(version: Version) -> None:
    text = build(FULL, version=version, uid="u-1")
    read = fields.read(vcard.parse(text))
    given_fields = {each.name: getattr(FULL, each.name) for each in dataclasses.fields(FULL)}
    del given_fields["photo"], given_fields["extra"]
    assert {name: value for name, value in read._asdict().items() if name in given_fields} == given_fields
    assert fields.photo(vcard.parse(text)) == ("image/png", FULL.photo)
    assert read.uid == "u-1"
    assert all(len(line) <= 75 for line in text.encode().split(b"\r\n"))


def test_vobject_reads_the_same() -> None:
    text = build(FULL, uid="u-1")
    read = vobject.readOne(text)
    assert read.fn.value == FULL.full_name
    name = read.n.value
    assert (name.family, name.given, name.additional, name.prefix, name.suffix) == (
        "Kim",
        "Ji-won",
        "Anna",
        "Dr.",
        "PhD",
    )
    assert read.org.value == [FULL.organization, *FULL.units]
    assert [found.value for found in read.email_list] == [found.value for found in FULL.emails]
    assert [found.value for found in read.tel_list] == [found.value for found in FULL.phones]
    assert read.tel_list[0].params == {"TYPE": ["CELL", "VOICE", "PREF"]}
    assert read.url.value == FULL.urls[0].value
    assert read.categories.value == list(FULL.categories)
    assert read.note.value == FULL.note
    assert read.photo.value == FULL.photo
    assert read.bday.value == "1980-03-22"
    address = read.adr_list[0].value
    assert (address.box, address.extended, address.street) == ("PO 1", "4F", "1 Main St, Suite 2")
    assert (address.city, address.region, address.code, address.country) == ("Seoul", "KR-11", "04524", "대한민국")
    labels = {found.group: found.value for found in read.contents["x-ablabel"]}
    assert labels[read.email_list[1].group] == "Abends, spät"
    assert labels[read.adr_list[1].group] == "Ferien"


plain = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), max_size=90)
words = plain.map(lambda text: " ".join(text.split())).filter(bool)


@given(words, words, words, st.lists(words, max_size=3), words, st.sampled_from(VERSIONS))
def test_any_text_survives(
    name: str, family: str, given_name: str, units: list[str], note: str, version: Version
) -> None:
    new = NewCard(
        full_name=name, family=family, given=given_name, organization=name, units=units, note=note, title=note
    )
    text = build(new, version=version)
    read = fields.read(vcard.parse(text, Limits(name_length=1000)))
    assert (read.full_name, read.organization, read.units) == (name, name, tuple(units))
    assert read.note == read.title == note
    assert (read.family, read.given) == (family, given_name)
    if version == "3.0":
        oracle = vobject.readOne(text)
        assert (oracle.fn.value, oracle.note.value) == (name, note)
        assert oracle.org.value == [name, *units]
        assert oracle.n.value.family == family


@pytest.mark.parametrize(
    ("new", "version", "line"),
    [
        (NewCard(family="홍", given="길동"), "3.0", "FN:홍길동"),
        (NewCard(emails=(Typed("a@b"),)), "3.0", "FN:a@b"),
        (NewCard(emails=(Typed("a@b", frozenset({"home"}), 1),)), "3.0", "EMAIL;TYPE=INTERNET;TYPE=HOME;TYPE=PREF:a@b"),
        (NewCard(emails=(Typed("a@b", frozenset({"home"}), 1),)), "4.0", "EMAIL;TYPE=home;PREF=1:a@b"),
        (NewCard(urls=(Typed("https://x/?a=1,2;b"),)), "3.0", "URL:https://x/?a=1,2;b"),
        (NewCard(birthday="1980-03-22"), "3.0", "BDAY:1980-03-22"),
        (NewCard(birthday="1980-03-22"), "4.0", "BDAY:19800322"),
        (NewCard(birthday="--03-22"), "4.0", "BDAY:--0322"),
        (NewCard(birthday="--03-22"), "3.0", "BDAY;X-APPLE-OMIT-YEAR=1604:1604-03-22"),
        (NewCard(birthday="spring"), "4.0", "BDAY;VALUE=text:spring"),
        (NewCard(kind="group", members=("urn:uuid:1",)), "4.0", "MEMBER:urn:uuid:1"),
        (NewCard(kind="group", members=("urn:uuid:1",)), "3.0", "X-ADDRESSBOOKSERVER-KIND:group"),
        (NewCard(categories=("a,b", "c")), "3.0", r"CATEGORIES:a\,b,c"),
        (NewCard(extra=(("X-A", "b,c", (("X-P", ("d;e",)),)),)), "3.0", r'X-A;X-P="d;e":b\,c'),
        (NewCard(phones=(Typed("1", label="L"), Typed("2", label="M"))), "3.0", "item2.X-ABLabel:M"),
    ],
)  # fmt: skip
def test_lines(new: NewCard, version: Version, line: str) -> None:
    assert line in build(new, version=version).split("\r\n")


def test_a_made_uid_is_random() -> None:
    uids = {vcard.parse(build(NewCard(full_name="A"))).uid for _ in range(3)}
    assert len(uids) == 3
    assert all(
        re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", uid) for uid in uids
    )


@pytest.mark.parametrize(
    ("new", "sentence"),
    [
        (NewCard(photo=b"<svg>"), "not a JPEG, PNG or GIF"),
        (NewCard(full_name="a\0b"), "FN holds a control character"),
        (NewCard(urls=(Typed("https://x\r\nEND:VCARD"),)), "URL holds a control character"),
        (NewCard(members=("a\nb",), kind="group"), "MEMBER holds a control character"),
        (NewCard(phones=(Typed("1", frozenset({"a\rb"})),)), "TEL holds a control character"),
    ],
)
def test_refused(new: NewCard, sentence: str) -> None:
    with pytest.raises(InvalidCard, match=sentence):
        build(new)


def test_nothing_given_is_still_a_card() -> None:
    read: Any = vcard.parse(build(NewCard()))
    assert [found.name for found in read.properties] == ["VERSION", "PRODID", "UID", "FN", "N"]
