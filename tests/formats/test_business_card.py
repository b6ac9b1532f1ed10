"""Photographed business cards: what a code says exactly, what the text seems to say, and what is no card."""

from __future__ import annotations

import pytest

from sharedbook.domain.errors import InvalidCard, InvalidValue, Unavailable
from sharedbook.domain.model import Limits
from sharedbook.formats.files import business_card
from sharedbook.formats.files.business_card import Found, Scan
from tests.support.codes import with_code, with_lines

CARD = (
    "BEGIN:VCARD\r\nVERSION:{version}\r\nN:김;민지;;;\r\nFN:김민지\r\nX-OURS:kept; as it is\r\n"
    "TEL:010-1234-5678\r\nEND:VCARD\r\n"
)


def read(data: bytes, limits: Limits | None = None) -> Scan:
    return business_card.read(data, region="KR", languages="eng", limits=limits or Limits())


@pytest.mark.parametrize("version", ["3.0", "4.0"])
def test_a_code_with_a_card_is_that_card(version: str) -> None:
    found = read(with_code(CARD.format(version=version)))
    assert found.card is not None and found.found == ()
    assert found.card.uid
    own = [line for line in found.card.text.split("\r\n") if not line.startswith("UID:")]
    assert "\r\n".join(own).rstrip() == CARD.format(version=version).rstrip()


def test_a_code_of_the_old_version_and_one_of_docomo() -> None:
    old = read(with_code("BEGIN:VCARD\nVERSION:2.1\nN:Kim;Minji\nTEL;CELL:010-1234-5678\nEND:VCARD")).card
    assert old is not None and old.version == "3.0" and "TYPE=CELL" in old.text
    mecard = "MECARD:N:Kim,Minji;TEL:01012345678;TEL:023123456;EMAIL:minji@hanbit.example;NOTE:a\\;b\\:c;X:y;;"
    assert read(with_code(mecard)) == Scan(
        None,
        (
            Found("name", "Minji Kim", 100),
            Found("phone", "01012345678", 100),
            Found("phone.2", "023123456", 100),
            Found("email", "minji@hanbit.example", 100),
            Found("note", "a;b:c", 100),
        ),
    )


def test_a_code_with_a_bad_card_is_named() -> None:
    with pytest.raises(InvalidCard):
        read(with_code("BEGIN:VCARD\nVERSION:3.0\nFN:no end"))


@pytest.mark.needs("tesseract")
def test_printed_text_by_columns_with_how_sure_they_are() -> None:
    printed = with_lines(
        (34, "Hanbit Trading GmbH"),
        (64, "Minji Kim"),
        (34, "Head of Sales"),
        (32, "Tel: +82 2-312-3456"),
        (32, "Mobile: 010-1234-5678"),
        (32, "minji.kim@hanbit.example"),
        (32, "www.hanbit.example"),
    )
    found = {each.column: each for each in read(printed).found}
    assert {column: each.value for column, each in found.items()} == {
        "name": "Minji Kim",
        "company": "Hanbit Trading GmbH",
        "title": "Head of Sales",
        "phone.work": "+82 2-312-3456",
        "phone.mobile": "010-1234-5678",
        "email": "minji.kim@hanbit.example",
        "url": "https://www.hanbit.example",
    }
    assert all(0 < each.confidence <= 100 for each in found.values())
    assert found["name"].confidence <= business_card.GUESSED < found["phone.mobile"].confidence


@pytest.mark.needs("tesseract")
@pytest.mark.parametrize("data", [b"", b"no picture", with_lines()], ids=["empty", "text", "blank"])
def test_what_is_no_card(data: bytes) -> None:
    with pytest.raises(InvalidValue, match="no business card could be read"):
        read(data)


def test_limits_and_a_machine_without_tesseract(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidValue):
        read(with_code(CARD.format(version="3.0")), Limits(photo_pixels=1000))
    monkeypatch.setenv("PATH", "")
    assert read(with_code(CARD.format(version="3.0"))).card is not None
    with pytest.raises(Unavailable, match="tesseract-ocr"):
        read(with_lines((64, "Minji Kim")))
