"""Changes of single columns on whole cards: what is not named stays byte for byte."""

from __future__ import annotations

import pytest

from sharedbook.domain.errors import InvalidValue
from sharedbook.domain.model import Limits
from sharedbook.formats.entries import column_edits
from sharedbook.formats.vcards import vcard

BODY = (
    "FN:Minji Kim",
    "N:Kim;Minji;;;",
    "EMAIL;TYPE=INTERNET,WORK:minji@example.com",
    "EMAIL;TYPE=INTERNET,HOME:m@home.example",
    "item1.TEL:+82 10-1234-5678",
    "item1.X-ABLabel:Beach",
    "TEL;TYPE=CELL:010 1",
    "ORG:Hanbit;Sales",
    "ORG:Second",
    "TITLE:Boss",
    "ADR;TYPE=WORK:;;1 Street;Seoul;;04524;Korea",
    "CATEGORIES:a,b",
    "CATEGORIES:c",
    "NICKNAME:Min",
    "X-UNKNOWN;X=1:kept\\, as it is",
)
CARD = vcard.parse("\r\n".join(["BEGIN:VCARD", "VERSION:3.0", "UID:1", *BODY, "END:VCARD", ""]), Limits())


def changed(*changes: str) -> tuple[set[str], set[str]]:
    """Lines that went, and lines that came."""
    after = column_edits.apply(CARD, map(column_edits.parse, changes), limits=Limits())
    old, new = CARD.text.splitlines(), after.text.splitlines()
    return set(old) - set(new), set(new) - set(old)


@pytest.mark.parametrize(
    ("change", "gone", "come"),
    [
        ("email=new@example.com", {BODY[2]}, {"EMAIL;TYPE=INTERNET,WORK:new@example.com"}),
        ("email.2=new@example.com", {BODY[3]}, {"EMAIL;TYPE=INTERNET,HOME:new@example.com"}),
        ("email.home=new@example.com", {BODY[3]}, {"EMAIL;TYPE=INTERNET,HOME:new@example.com"}),
        ("email.3=new@example.com", set(), {"EMAIL:new@example.com"}),
        ("email+=new@example.com", set(), {"EMAIL:new@example.com"}),
        ("email.work+=new@example.com", set(), {"EMAIL;TYPE=WORK:new@example.com"}),
        ("email+=MINJI@example.com", set(), set()),
        ("email-=m@home.example", {BODY[3]}, set()),
        ("email-=M@HOME.example", {BODY[3]}, set()),
        ("email=", {BODY[2], BODY[3]}, set()),
        ("email.2=", {BODY[3]}, set()),
        ("email.work=", {BODY[2]}, set()),
        ("email=minji@example.com", set(), set()),
        ("phone-=+821012345678", {BODY[4], BODY[5]}, set()),
        ("phone.mobile=+82 2 123", {BODY[6]}, {"TEL;TYPE=CELL:+82 2 123"}),
        ("company=Acme", {BODY[7]}, {"ORG:Acme;Sales"}),
        ("company.2=Acme", {BODY[8]}, {"ORG:Acme"}),
        ("company+=Acme", set(), {"ORG:Acme"}),
        ("company-=Second", {BODY[8]}, set()),
        ("company-=Hanbit", {BODY[7]}, set()),
        ("company=", {BODY[7], BODY[8]}, set()),
        ("department=", {BODY[7]}, {"ORG:Hanbit"}),
        ("department=Service", {BODY[7]}, {"ORG:Hanbit;Service"}),
        ("title=", {BODY[9]}, set()),
        ("title+=Mother", set(), {"TITLE:Mother"}),
        ("title=Head", {BODY[9]}, {"TITLE:Head"}),
        ("address.work.city=Busan", {BODY[10]}, {"ADR;TYPE=WORK:;;1 Street;Busan;;04524;Korea"}),
        ("address.city=Busan", {BODY[10]}, {"ADR;TYPE=WORK:;;1 Street;Busan;;04524;Korea"}),
        ("address.city=", {BODY[10]}, {"ADR;TYPE=WORK:;;1 Street;;;04524;Korea"}),
        ("tags+=d;e", {BODY[11], BODY[12]}, {"CATEGORIES:a,b,c,d,e"}),
        ("tags-=b", {BODY[11], BODY[12]}, {"CATEGORIES:a,c"}),
        ("tags=x", {BODY[11], BODY[12]}, {"CATEGORIES:x"}),
        ("tags=", {BODY[11], BODY[12]}, set()),
        ("nickname+=Mini", {BODY[13]}, {"NICKNAME:Min,Mini"}),
        ("nickname=", {BODY[13]}, set()),
        ("note=one\ntwo; three", set(), {"NOTE:one\\ntwo\\; three"}),
        ("birthday=1985-04-23", set(), {"BDAY:1985-04-23"}),
        ("name=Kim Minji", {BODY[0]}, {"FN:Kim Minji"}),
        ("middle_name=M", {BODY[0], BODY[1]}, {"FN:Minji M Kim", "N:Kim;Minji;M;;"}),
        ("last_name=", {BODY[0], BODY[1]}, {"FN:Minji", "N:;Minji;;;"}),
        ("custom.shoe size=42", set(), {"item2.X-CUSTOM:42", "item2.X-ABLabel:shoe size"}),
    ],
)
def test_a_change(change: str, gone: set[str], come: set[str]) -> None:
    assert changed(change) == (gone, come)


def test_several_changes_build_on_each_other() -> None:
    assert changed("email.3=x@example.com", "email.3=y@example.com", "title=") == (
        {"TITLE:Boss"},
        {"EMAIL:y@example.com"},
    )


@pytest.mark.parametrize(
    "text", ["title", "=x", "+=x", "colour=x", "uid=2", "email.type=home", "note+=x", "email+=", "email-="]
)
def test_what_is_no_change(text: str) -> None:
    with pytest.raises(InvalidValue):
        column_edits.parse(text)


@pytest.mark.parametrize(
    "change",
    [
        "email=x",
        "email-=nobody@example.com",
        "tags-=z",
        "company-=Acme",
        "name=",
        "birthday=soon",
        f"name={'x' * 101}",
    ],
)
def test_a_change_that_cannot_be_made(change: str) -> None:
    with pytest.raises(InvalidValue):
        changed(change)


def test_the_last_part_takes_the_address_along() -> None:
    assert changed("address.street=", "address.city=", "address.postal_code=", "address.country=") == (
        {BODY[10]},
        set(),
    )
    assert changed("address.home.city=") == (set(), set())


@pytest.mark.parametrize(
    ("add", "remove", "gone", "come"),
    [
        (["new"], [], {BODY[12]}, {"CATEGORIES:c,new"}),
        (["x,y;z"], [], {BODY[12]}, {"CATEGORIES:c,x\\,y\\;z"}),
        (["A", "c"], ["nothing"], set(), set()),
        ([], ["B"], {BODY[11]}, {"CATEGORIES:a"}),
        ([], ["c"], {BODY[12]}, set()),
        (["n", "N", "m"], ["c"], {BODY[12]}, {"CATEGORIES:n,m"}),
        ([], ["a", "b", "c"], {BODY[11], BODY[12]}, set()),
    ],
)
def test_tags_change_their_line_alone(add: list[str], remove: list[str], gone: set[str], come: set[str]) -> None:
    after = column_edits.tag(CARD, add, remove, Limits())
    old, new = CARD.text.splitlines(), after.text.splitlines()
    assert (set(old) - set(new), set(new) - set(old)) == (gone, come)


def test_tags_on_a_card_without_any() -> None:
    bare = vcard.parse("\r\n".join(["BEGIN:VCARD", "VERSION:4.0", "UID:1", "FN:A", "END:VCARD", ""]))
    assert "\r\nCATEGORIES:x,y\r\n" in column_edits.tag(bare, ["x", "y"], ["z"], Limits()).text
    assert column_edits.tag(bare, [], ["z"], Limits()) is bare


def test_a_photo_takes_the_place_of_all_there_are() -> None:
    lines = ["BEGIN:VCARD", "VERSION:4.0", "UID:1", "FN:A", "PHOTO:https://a.example/p", "PHOTO:https://b.example/p"]
    card = vcard.parse("\r\n".join([*lines, "END:VCARD", ""]))
    after = column_edits.photo(card, b"GIF89a\1\0\1\0", Limits())
    assert [found.raw for found in after.all("PHOTO")] == ["data:image/gif;base64,R0lGODlhAQABAA=="]
    assert after.text.startswith("\r\n".join(lines[:4]))
    assert column_edits.photo(after, None, Limits()).text == "\r\n".join([*lines[:4], "END:VCARD", ""])
