"""Files of many cards: every version, every client's export, and what is broken named by its line."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharedbook.domain.errors import InvalidFile
from sharedbook.domain.model import Limits
from sharedbook.formats.entries import incoming
from sharedbook.formats.entries.incoming import Incoming
from sharedbook.formats.files import sources, vcf_rows
from sharedbook.formats.vcards import vcard
from sharedbook.formats.vcards.content_line import unfold

CARDS = {
    "John_Doe_ANDROID.vcf": 6,
    "John_Doe_EVOLUTION.vcf": 1,
    "John_Doe_GMAIL.vcf": 1,
    "John_Doe_IPHONE.vcf": 1,
    "John_Doe_MAC_ADDRESS_BOOK.vcf": 1,
    "fullcontact.vcf": 1,
    "gmail-single.vcf": 1,
    "outlook-2007.vcf": 1,
    "rfc6350-example.vcf": 1,
}
SMALL = "BEGIN:VCARD\r\nVERSION:{version}\r\nFN:{name}\r\n{more}END:VCARD\r\n"


def rows(data: bytes, *, encoding: str | None = None) -> list[Incoming]:
    reading = incoming.Reading("US", Limits(), encoding)
    return list(sources.open_source(io.BytesIO(data), "x.vcf", None, reading).rows())


def small(name: str, version: str = "3.0", more: str = "") -> str:
    return SMALL.format(name=name, version=version, more=more)


@pytest.mark.parametrize("name", CARDS)
def test_exports_of_real_clients(shared_data: Path, name: str) -> None:
    data = (shared_data / "vcards" / name).read_bytes()
    found = rows(data)
    assert [row.problems for row in found] == [()] * CARDS[name]
    for row in found:
        text = row.new_card().text
        assert vcard.parse(text).uid
        if "VERSION:2.1" not in row.cells[0]:
            added = f"UID:{vcard.parse(text).uid}\r\n"
            assert text.replace(added, "") == row.cells[0].replace(added, "")


def test_every_export_is_in_the_list(shared_data: Path) -> None:
    assert {path.name for path in (shared_data / "vcards").glob("*.vcf")} == set(CARDS)


def test_versions_together_and_one_bad_card() -> None:
    old = small("Ö", "2.1", "TEL;CELL:1\r\n")
    data = small("a") + "\r\n" + small("b", "4.0") + small("c", more="no colon\r\n") + old
    found = rows(data.encode())
    assert [(row.line, [problem.code for problem in row.problems]) for row in found] == [
        (1, []),
        (6, []),
        (10, ["invalid-card"]),
        (15, []),
    ]
    assert "line 13 of the file" in found[2].problems[0].message


def test_a_file_of_the_other_version_says_the_same_to_a_stored_card() -> None:
    gif = "R0lGODlhAQABAIAAAP///wAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw=="
    [row] = rows(small("A", "4.0", f"PHOTO:data:image/gif;base64,{gif}\r\nGEO:geo:1,2\r\n").encode())
    stored = vcard.parse(small("A", "3.0", "UID:1\r\n"))
    once = row.edited(stored, fill=True)
    assert f"PHOTO;ENCODING=b;TYPE=GIF:{gif}" in unfold(once.text) and "GEO:1;2\r\n" in once.text
    assert row.edited(once, fill=False) == once


def test_what_stands_between_cards_is_a_problem() -> None:
    found = rows((small("a") + "Sent from my phone\r\n" + small("b")).encode())
    assert [bool(row.problems) for row in found] == [False, True, False]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_wide_and_marked_files(encoding: str) -> None:
    mark = b"\xff\xfe" if encoding == "utf-16-le" else b""
    found = rows(mark + (small("김민지") + small("田中")).encode(encoding))
    assert [row.entry.single["name"] for row in found] == ["김민지", "田中"]


def test_named_encoding_reads_what_is_no_utf_8() -> None:
    data = small("김민지").encode("cp949")
    assert rows(data)[0].problems[0].code == "invalid-card"
    assert "--encoding" in rows(data)[0].problems[0].message
    assert "--encoding" not in rows(data, encoding="ascii")[0].problems[0].message
    assert rows(data, encoding="cp949")[0].entry.single["name"] == "김민지"


@pytest.mark.parametrize(("data", "message"), [
    (b"", "empty"),
    (b"\r\n\r\n", "empty"),
    (b"\xff\xfeB\0E\0G\0I\0N\0\x00\xd8", "not utf-16"),
])  # fmt: skip
def test_broken_files(data: bytes, message: str) -> None:
    with pytest.raises(InvalidFile, match=message):
        rows(data)


def test_refused_cards_come_back_with_the_reason_and_without_it() -> None:
    bad = "BEGIN:VCARD\r\nVERSION:3.0\r\nno colon here\r\nEND:VCARD\r\n"
    raw = b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:m\xfcller\r\nEND:VCARD\r\n"
    texts = [row.cells[0] for row in rows(bad.encode() + raw)]
    target = io.BytesIO()
    reason = "it is wrong, " + "and long " * 20
    assert vcf_rows.write_refused(target, [(text, reason) for text in texts]) == 2
    assert target.getvalue().count(b"X-SHAREDBOOK-IMPORT-ERROR:it is wrong") == 2
    assert [row.cells[0] for row in rows(target.getvalue())] == texts
    again = io.BytesIO()
    vcf_rows.write(again, texts)
    assert again.getvalue() == bad.encode() + raw


@pytest.mark.parametrize(("name", "data", "message"), [
    ("book.pdf", b"%PDF-1.7", "a PDF"),
    ("people.xlsx", b"name,email\nKim,k@example.com\n", "its name says spreadsheet"),
    ("people.xlsx", b"", "people.xlsx is empty"),
    ("people.zip", b"", "people.zip is empty"),
    ("people.docx", b"text", "says nothing about its format"),
    ("people.ldif", b"version: 1\n", "no person"),
    ("people.json", b"[]", "no object"),
])  # fmt: skip
def test_other_formats_are_refused_by_name(name: str, data: bytes, message: str) -> None:
    with pytest.raises(InvalidFile, match=message):
        sources.open_source(io.BytesIO(data), name, None, incoming.Reading("US", Limits()))


PIECES = [b"BEGIN:VCARD\r\n", b"VERSION:3.0\r\n", b"VERSION:2.1\n", b"VERSION:4.0\r", b"FN:a\r\n", b"N:b;c\r\n"]
PIECES += [
    b"END:VCARD\r\n",
    b"TEL;CELL:1\r\n",
    b"NOTE;ENCODING=QUOTED-PRINTABLE:=\r\n",
    b"\xff",
    b"\0",
    b":",
    b" x\r\n",
    b"AGENT:",
]


@given(st.one_of(st.binary(max_size=200), st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join)))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        found = rows(b"BEGIN:VCARD" + data)
    except InvalidFile:
        return
    for row in found:
        assert row.problems or vcard.parse(row.new_card().text).uid
