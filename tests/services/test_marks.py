"""What an erasure takes along elsewhere: every text about the person, however it is written, and none about others."""

from __future__ import annotations

import pytest

from sharedbook.formats.vcards import fields, vcard
from sharedbook.services.erasing import marks
from sharedbook.services.erasing.marks import Marks
from tests.support.sites import card

MINJI = vcard.parse(
    card("urn:uuid:4ae0c9f8", "Minji Kim-Park", "EMAIL:minji@wyvern.example", "TEL:010-7391-8264")
    .replace("N:Minji Kim-Park;;;;", "N:Kim-Park;Minji;Sora;Dr.;")
)  # fmt: skip


@pytest.fixture(scope="module")
def minji() -> Marks:
    return Marks(marks.of_card(MINJI, fields.instances(MINJI, "KR")))


@pytest.mark.parametrize(
    "text",
    [
        "KIM-PARK\nMinji\n\nnot a day",
        "Kim-Park, Minji",
        "/home/office/minji_kim-park.csv",
        "x\nMINJI@Wyvern.Example\ny",
        "Ｍｉｎｊｉ@wyvern.example",
        "mailto:minji@wyvern.example?subject=tea",
        '{"email": "minji@wyvern.example"}',
        "ask minji@wyvern.example.",
        "minji@wyvern.example로 연락",
        r"NOTE:ask\nminji@wyvern.example",
        "NOTE:ask minji@wyv\r\n ern.example",
        "+82 (10) 7391.8264\n1985-04-23",
        "1985-04-23\n1073918264",
        "TEL;TYPE=CELL:+821073918264",
        "UID:urn:uuid:4AE0C9F8",
    ],
)
def test_a_text_about_the_person(minji: Marks, text: str) -> None:
    assert minji.held(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Minji\nLee\nlee.minji@wyvern.example",
        "xminji@wyvern.example",
        "sora.minji@wyvern.example",
        "minji@wyvern.example.org",
        "minji@wyvern\n.example",
        "+82 10 7391 8265",
        "7391\n8264",
        "urn:uuid:4ae0c9f9",
    ],
)
def test_a_text_about_somebody_else(minji: Marks, text: str) -> None:
    assert not minji.held(text)


def test_what_is_in_many_texts_by_chance_is_no_mark() -> None:
    assert not Marks([marks.of_name("Kim"), marks.of_words("")]).held("Kim\nKim")
