"""`contact qr`: what a camera reads out of the terminal, the PNG and the SVG is the same small vCard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sharedbook.formats.programs import qr
from sharedbook.formats.vcards import fields, vcard
from tests.cli.conftest import CommandLine, Terminal
from tests.support.codes import read_blocks, read_png, read_svg


@pytest.fixture
def hong(sharedbook: CommandLine) -> CommandLine:
    """One contact with Hangul, an umlaut and characters that a vCard escapes."""
    given = {
        "last_name": "홍", "first_name": "길동", "phone.mobile": "+82 10-1234-5678", "email": "hong@example.com",
        "company": "Müller; Söhne, AG", "title": "영업 이사", "url": "https://www.example.com/",
        "address.work.city": "서울", "note": "not for the code", "tags": "vip",
    }  # fmt: skip
    sharedbook("contact", "add", *(word for name, text in given.items() for word in ("--field", f"{name}={text}")))
    return sharedbook


def test_a_camera_reads_the_same_from_all_three(
    hong: CommandLine, tmp_path: Path, terminal: Callable[..., Terminal]
) -> None:
    png, svg = tmp_path / "hong.png", tmp_path / "hong.SVG"
    made = hong.json("contact", "qr", "1", "--output", png)
    hong("contact", "qr", "1", "--output", svg)
    shown = hong("contact", "qr", "1")
    assert max(map(len, shown.out.splitlines())) <= 80 and "\x1b" not in shown.out
    assert read_blocks(shown.out) == read_png(png.read_bytes()) == read_svg(svg.read_text()) == made["text"]
    assert hong("contact", "qr", "1", "--output", "-").out == svg.read_text()
    read = fields.read(vcard.parse(made["text"], require_uid=False))
    assert (read.full_name, read.family, read.given) == ("홍길동", "홍", "길동")
    assert (read.organization, read.title, read.note, read.categories) == ("Müller; Söhne, AG", "영업 이사", "", ())
    assert [(each.value, each.types) for each in read.phones] == [("+82 10-1234-5678", {"cell"})]
    assert (read.emails[0].value, read.urls[0].value) == ("hong@example.com", "https://www.example.com/")
    screen = terminal("contact", "qr", "1")
    assert screen.end() == 0
    assert "\x1b[40;97m████" in screen.shown
    assert (read.addresses[0].locality, made["left_out"]) == ("서울", [])


def test_what_does_not_fit_is_named(hong: CommandLine, tmp_path: Path) -> None:
    hong("contact", "set", "1", *(f"email+=person{number:02}@a-long-name-of-a-company.example" for number in range(9)))
    made = hong.json("contact", "qr", "1")
    assert len(made["text"].encode()) <= qr.MOST_BYTES and made["left_out"] == ["EMAIL", "URL", "ADR"]
    shown = hong("contact", "qr", "1")
    assert read_blocks(shown.out) == made["text"] and "EMAIL" in shown.err
    assert "TITLE" in made["text"], "what a person is called at work goes before his third address"


def test_what_cannot_be_drawn(hong: CommandLine, tmp_path: Path) -> None:
    assert "--output" in hong("contact", "qr", "1", "--output", "-", "--json", code=2).err
    hong("contact", "qr", "1", "--output", tmp_path / "none" / "code.png", code=1)
    hong("contact", "qr", "nobody", code=4)
