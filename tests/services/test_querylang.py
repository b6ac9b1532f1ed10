"""What people type to find somebody, over the demo organisation."""

from __future__ import annotations

from functools import cache

import pytest

from sharedbook.domain.errors import InvalidQuery
from sharedbook.domain.query import EVERYTHING, Record, matches, record
from sharedbook.formats.vcards import fields, vcard
from sharedbook.services.contacts import querylang
from sharedbook.services.demo.people import people


@cache
def records() -> tuple[tuple[str, Record], ...]:
    return tuple((each.key, record(fields.instances(vcard.load(each.vcard), "KR"))) for each in people())


def found(text: str) -> set[str]:
    """Keys of the demo people that a search finds."""
    query = querylang.parse(text, "KR")
    return {key for key, each in records() if matches(query, each) is True}


def keys(condition: object) -> set[str]:
    assert callable(condition)
    return {each.key for each in people() if condition(each)}


def test_nothing_typed_finds_everybody() -> None:
    assert querylang.parse("  ", "") == EVERYTHING
    assert len(found("")) == 300


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("홍길동", lambda person: person.name == "홍길동"),
        ("ㅎㄱㄷ", lambda person: person.name == "홍길동"),
        ("田中", lambda person: person.family == "田中"),
        ("たなか", lambda person: person.family == "田中"),
        ("MÜLLER", lambda person: person.family == "Müller"),
        ("ibrahim", lambda person: person.given == "İbrahim"),
        ("παπαδόπουλος", lambda person: person.family == "Παπαδόπουλος"),
        ("thames oliver", lambda person: person.given == "Oliver" and person.company.startswith("Thames")),
        ("thames -oliver", lambda person: person.given != "Oliver" and person.company.startswith("Thames")),
        ('company:"Moorland & Sons, D"', lambda person: person.company.startswith("Moorland")),
        ("tag:vip city:berlin", lambda person: "VIP" in person.tags and person.town == "Berlin"),
        ("birthday:*", lambda person: person.birthday),
        ("-note:* locality", lambda person: False),
        ("first_name:zoë", lambda person: person.given == "Zoë"),
        ('title:"Managing Director"', lambda person: person.title == "Managing Director"),
        ("Email:@HANBIT.example", lambda person: "@hanbit.example" in person.emails[0][1]),
        ("tel:*", lambda person: True),
    ],
)
def test_search(text: str, expected: object) -> None:
    assert found(text) == keys(expected)


@pytest.mark.parametrize(
    "written", ["+82 10-4567-8901", "010-4567-8901", "01045678901", "0082 10 4567 8901", "10-4567-89"]
)
def test_a_number_is_found_however_it_is_dialled(written: str) -> None:
    (person,) = [each for each in people() if each.name == "홍길동"]
    assert person.phones[0][1] == "+82 10-4567-8901"
    assert found(f'"{written}"') == {person.key}
    assert found(f'phone:"{written}"') == {person.key}


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ('"open', "close the quotes"),
        ('company:"open', "close the quotes"),
        ('a"b"', "close the quotes"),
        ('"a"b', "close the quotes"),
        ("emial:x", "did you mean email?"),
        ("http://x", "quote the whole"),
        ('""', "write a word"),
        ("\u200b", "write a word"),
    ],
)
def test_what_cannot_be_understood_says_why(text: str, hint: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        querylang.parse(text, "")
    assert hint in (refused.value.hint or "")


def test_every_field_looks_into_known_properties() -> None:
    assert {name for names in querylang.FIELDS.values() for name in names} <= fields.DERIVED.keys()
    assert set(querylang.ALIASES.values()) | set(querylang.ANYWHERE) <= querylang.FIELDS.keys()
