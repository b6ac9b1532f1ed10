"""Several cards as one: the first stays as it is, nothing is lost unsaid, and each value tells whose it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharedbook.domain.errors import InvalidCard, InvalidValue
from sharedbook.domain.model import Limits
from sharedbook.formats.entries import card_merge
from sharedbook.formats.entries.card_merge import Merged, Piece
from sharedbook.formats.vcards import fields, vcard
from tests.support.sites import card

LIMITS = Limits()


def merge(*texts: str, limits: Limits = LIMITS, **chosen: int) -> Merged:
    cards = [vcard.parse(text) for text in texts]
    return card_merge.merge(cards, chosen, names_one=lambda _: False, region="KR", limits=limits)


def lines(merged: Merged) -> list[str]:
    return [merged.card.text[each.start : each.end].replace("\r\n ", "").rstrip() for each in merged.card.properties]


def added(merged: Merged, text: str) -> list[str]:
    had = text.replace("\r\n ", "").split("\r\n")
    return [line for line in lines(merged) if line not in had]


KEPT = card(
    "kept",
    "Minji Kim",
    "EMAIL;TYPE=WORK,pref:minji@example.com",
    "TEL;TYPE=CELL:010-1234-5678",
    "ADR;TYPE=WORK:;;Main St 1;Seoul;;;Korea",
    "CATEGORIES:vip,press",
    "NOTE:Likes tea",
    "item1.URL:https://example.com/",
    "item1.X-ABLabel:Portfolio",
    "REV:20260101T000000Z",
)
OTHER = card(
    "other",
    "M. Kim",
    "EMAIL;TYPE=HOME,pref:m@home.example",
    "EMAIL:MINJI@example.com",
    "TEL:+82 10 1234 5678",
    "TEL;TYPE=FAX;PREF=1:+82 2 555 0000",
    "ADR;TYPE=HOME:;;MAIN ST 1;seoul;;;Korea",
    "ADR;TYPE=HOME:;;Side St 2;Busan;;;Korea",
    "CATEGORIES:VIP,partner",
    "NOTE:Met in Oslo",
    "BDAY:1985-04-23",
    "item1.X-ABDATE:2010-05-01",
    "item1.X-ABLabel:_$!<Anniversary>!$_",
    "X-SKYPE:minji.kim",
    "REV:20200101T000000Z",
)


def test_the_union() -> None:
    merged = merge(KEPT, OTHER)
    assert merged.card.uid == "kept"
    assert added(merged, KEPT) == [
        "EMAIL;TYPE=HOME:m@home.example",
        "TEL;TYPE=FAX:+82 2 555 0000",
        "ADR;TYPE=HOME:;;Side St 2;Busan;;;Korea",
        "CATEGORIES:partner",
        "NOTE:Likes tea\\nMet in Oslo",
        "BDAY:1985-04-23",
        "item2.X-ABDATE:2010-05-01",
        "item2.X-ABLabel:_$!<Anniversary>!$_",
        "X-SKYPE:minji.kim",
    ]
    assert [line for line in KEPT.split("\r\n") if line and line not in lines(merged)] == [
        "BEGIN:VCARD",
        "NOTE:Likes tea",
        "END:VCARD",
    ]
    assert fields.read(merged.card).categories == ("vip", "press", "partner")


def test_whose_each_value_is() -> None:
    found = {(each.field, each.value): each for each in merge(KEPT, OTHER).pieces}
    assert found["email", "minji@example.com"] == Piece("email", "minji@example.com", 0, (1,))
    assert found["phone", "010-1234-5678"].also == (1,)
    assert found["email", "m@home.example"].source == 1
    assert found["tags", "vip"].also == (1,) and found["tags", "partner"].source == 1
    assert found["note", "Likes tea"].source == 0 and found["note", "Met in Oslo"].source == 1
    assert [each for each in found.values() if not each.taken] == [Piece("name", "M. Kim", 1, taken=False)]
    assert ("REV", "20200101T000000Z") not in found


def test_a_field_that_one_card_alone_gives() -> None:
    merged = merge(KEPT, OTHER, name=1, email=1, note=1, tags=0)
    read = fields.read(merged.card)
    assert (read.full_name, read.family, read.note) == ("M. Kim", "M. Kim", "Met in Oslo")
    assert [each.value for each in read.emails] == ["m@home.example", "MINJI@example.com"]
    assert read.categories == ("vip", "press")
    left = {(each.field, each.value) for each in merged.pieces if not each.taken}
    assert left == {("name", "Minji Kim"), ("note", "Likes tea"), ("tags", "partner")}
    assert "EMAIL;TYPE=HOME,pref:m@home.example" in lines(merged), "its preference stays, as nobody else gives any"
    with pytest.raises(InvalidValue, match="no photo"):
        merge(KEPT, OTHER, photo=1)


@pytest.mark.parametrize(
    ("text", "name"),
    [("email", "email"), ("last_name", "name"), ("department", "company"), ("photo", "photo"), ("x-skype", "X-SKYPE")],
)
def test_names_of_fields(text: str, name: str) -> None:
    assert card_merge.field_name(text) == name


def test_no_such_field() -> None:
    with pytest.raises(InvalidValue):
        card_merge.field_name("colour")


def test_a_card_that_says_nothing_new_changes_no_byte() -> None:
    assert merge(KEPT, card("x", "Minji Kim", "TEL:+821012345678", "NOTE:likes TEA")).card.text == KEPT
    assert merge(KEPT, KEPT, KEPT).card.text == KEPT


def test_another_version() -> None:
    four = card("four", "Minji Kim", "TEL;VALUE=uri;PREF=1:tel:+82-2-777-0000", "ANNIVERSARY:20100501")
    merged = merge(KEPT, four.replace("VERSION:3.0", "VERSION:4.0"))
    assert merged.card.version == "3.0"
    assert [each.value for each in fields.read(merged.card).phones] == ["010-1234-5678", "+82-2-777-0000"]


def test_photos_and_empty_lines() -> None:
    photo = "PHOTO;ENCODING=b;TYPE=PNG:iVBORw0KGgoAAAANSUhEUgAAAAEAAAABAAAAAA=="
    merged = merge(card("a", "A", "BDAY:", "EMAIL:"), card("b", "B", photo, "BDAY:1990-01-01"), card("c", "C", photo))
    assert merged.card.all("PHOTO")[0].raw == photo.partition(":")[2]
    assert [each.raw for each in merged.card.all("BDAY")] == ["1990-01-01"]
    assert len(merged.card.all("PHOTO")) == 1


def test_one_superior_and_every_other_relation() -> None:
    one = card("a", "A", "RELATED;TYPE=friend:urn:uuid:f", "RELATED;TYPE=manager:urn:uuid:x")
    two = card("b", "B", "RELATED;TYPE=spouse:urn:uuid:s", "RELATED;TYPE=manager:urn:uuid:y")
    merged = merge(one, two)
    assert added(merged, one) == ["RELATED;TYPE=spouse:urn:uuid:s"]
    assert ("reports_to", "urn:uuid:y") in [(each.field, each.value) for each in merged.pieces if not each.taken]
    merged = merge(one, two, reports_to=1)
    assert added(merged, one) == ["RELATED;TYPE=spouse:urn:uuid:s", "RELATED;TYPE=manager:urn:uuid:y"]
    assert "RELATED;TYPE=friend:urn:uuid:f" in lines(merged) and "manager:urn:uuid:x" not in merged.card.text
    assert card_merge.field_name("reports_to") == "reports_to"


def test_what_is_too_much_together() -> None:
    notes = [card(str(n), "A", f"NOTE:{n}{'x' * 60}") for n in range(2)]
    with pytest.raises(InvalidCard, match="note"):
        merge(*notes, limits=Limits(note_length=100))
    assert merge(*notes, limits=Limits(note_length=100), note=0).card.text == notes[0]


NAMES = ["EMAIL", "TEL", "NOTE", "CATEGORIES", "NICKNAME", "ORG", "BDAY", "X-FOO", "TITLE", "URL", "X-ABDATE"]
LINES = st.builds(
    lambda group, name, value: f"{group}{name}:{value}",
    st.sampled_from(["", "item1.", "item2."]),
    st.sampled_from([*NAMES, "X-ABLABEL"]),
    st.sampled_from(["a", "A", "b,c", "c,d", "+82 2 1", "", "d\\,e"]),
)
CARDS = st.builds(lambda found: card("uid", "Name", *found), st.lists(LINES, max_size=7))


@given(st.lists(CARDS, min_size=2, max_size=4))
def test_nothing_is_lost_unsaid(texts: list[str]) -> None:
    merged = merge(*texts)
    told = {(each.field, each.value) for each in merged.pieces}
    kept = {each.text().strip().casefold() for each in merged.card.properties}
    lists = (each for name in ("CATEGORIES", "NICKNAME") for each in merged.card.all(name))
    listed = {value.casefold() for each in lists for value in each.values()}
    for text in texts:
        for each in vcard.parse(text).properties:
            if each.name in ("VERSION", "X-ABLABEL") or not each.raw:
                continue
            values = each.values() if each.name in ("CATEGORIES", "NICKNAME") else [each.text().strip()]
            for value in values:
                there = value.casefold() in kept | listed or any(value.casefold() in note for note in kept)
                assert there or any(value.casefold() == other.casefold() for _, other in told)
    assert merge(merged.card.text, *texts[1:]).card.text == merged.card.text, "once more changes nothing"
    for each in merged.pieces:
        assert each.source not in each.also
