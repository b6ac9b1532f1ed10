"""Sheets of xlsx, xls and ods: what spreadsheets do to phone numbers is undone or refused, and no file can do harm."""

from __future__ import annotations

import io
import tempfile
import zipfile
from datetime import date
from pathlib import Path

import pytest

from sharedbook.domain.errors import InvalidFile
from sharedbook.domain.model import Limits
from sharedbook.formats.entries import incoming
from sharedbook.formats.entries.incoming import Incoming, Source
from sharedbook.formats.files import sheet_write, sources, template
from sharedbook.formats.limited import sheet_child
from sharedbook.formats.rows import csv_rows
from tests.formats.sheets import ods, raw_xlsx, text_cell, xlsx, zipped

GOLDEN = Path(__file__).parents[1] / "golden" / "sheets"
HEADER = ("name", "email", "phone.mobile", "birthday")
PEOPLE = [
    HEADER,
    ("김민지", "minji@example.com", 821012345678, date(1985, 4, 23)),
    ("王小明", "wang@example.com", "+86 138 0013 8000", ""),
]


def source(data: bytes, name: str, sheet: str = "") -> Source:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the source reads it later
    file.write(data)
    return sources.open_source(file, name, None, incoming.Reading("KR", Limits(), sheet=sheet))


def rows(data: bytes, name: str = "book.xlsx") -> list[Incoming]:
    return list(source(data, name).rows())


@pytest.mark.parametrize("name", ["people.xlsx", "people.ods", "people.xls", "people.csv"])
def test_every_format_says_the_same(name: str) -> None:
    data = {
        ".xlsx": xlsx({"People": PEOPLE, "Old": [("name",), ("Former",)]}),
        ".csv": xlsx({"People": PEOPLE, "Old": [("name",), ("Former",)]}),
        ".ods": ods(PEOPLE),
        ".xls": (GOLDEN.with_name("imports") / "sheet.xls").read_bytes(),
    }[Path(name).suffix]
    found = source(data, name)
    assert found.format == ("xlsx" if name == "people.csv" else Path(name).suffix.removeprefix("."))
    assert found.size == 2
    first, second = found.rows()
    assert first.problems == second.problems == ()
    assert (first.line, second.line) == (2, 3)
    assert first.entry.single == {"name": "김민지", "birthday": "1985-04-23"}
    assert first.entry.texts("phone") == ["+821012345678"]
    assert second.entry.texts("email") == ["wang@example.com"]
    assert second.entry.texts("phone") == ["+86 138 0013 8000"]
    assert ("other-sheets", 0) in [(each.code, each.line) for each in found.warnings] or name == "people.ods"
    assert [(each.line, each.column) for each in found.warnings if each.code == "number-restored"] == [
        (2, found.columns[2])
    ]


def test_a_sheet_is_chosen_by_name() -> None:
    data = xlsx({"Notes": [("anything",)], "People": PEOPLE})
    assert [row.entry.single["name"] for row in source(data, "a.xlsx", "People").rows()] == ["김민지", "王小明"]
    with pytest.raises(InvalidFile, match="no sheet Staff"):
        source(data, "a.xlsx", "Staff")


@pytest.mark.parametrize("cover", [[("Exported on 2026-01-01",)], []])
def test_contacts_may_be_on_another_sheet_than_the_first(cover: list[tuple[str, ...]]) -> None:
    with pytest.raises(InvalidFile) as caught:
        source(xlsx({"Cover": cover, "People": PEOPLE}), "a.xlsx")
    assert caught.value.hint and caught.value.hint.endswith("the file also has People: --sheet")


@pytest.mark.parametrize(("cell", "taken"), [
    (821012345678, "+821012345678"),  # its plus is lost
    (1012345678, "+821012345678"),  # its zero is lost
    (1234, "1234"),
    ("01012345678", "01012345678"),
    ("+82 10-1234-5678", "+82 10-1234-5678"),
    ((1012345678, "000-0000-0000"), "010-1234-5678"),
    ((821012345678, '"+"0'), "+821012345678"),
    ((2025550123, r"[<=9999999]###\-####;\(###\)\ ###\-####"), "(202) 555-0123"),
    ((5550123, r"[<=9999999]###\-####;\(###\)\ ###\-####"), "555-0123"),
    ((821012345678, "#,##0"), "+821012345678"),
    ("=A1", None),
    (date(1985, 4, 23), None),
    (1234567890123456789, None),
    (8.21012345678e18, None),
])  # fmt: skip
def test_a_phone_number_in_a_cell(cell: str | int, taken: str | None) -> None:
    data = xlsx({"S": [HEADER, ("Kim", "kim@example.com", cell)]})
    if cell == "=A1":  # as openpyxl writes a formula: without a value
        head = "".join(text_cell(f"{letter}1", name) for letter, name in zip("ABCD", HEADER, strict=True))
        formula = f'{text_cell("A2", "Kim")}<c r="C2"><f>A1</f><v></v></c>'
        data = raw_xlsx(f'<row r="1">{head}</row><row r="2">{formula}</row>')
    (row,) = rows(data)
    if taken is None:
        (problem,) = row.problems
        expected = "formula-without-value" if cell == "=A1" else "mangled-number"
        assert (problem.line, problem.column, problem.code) == (2, "phone.mobile", expected)
    else:
        assert row.problems == ()
        assert row.entry.texts("phone") == [taken]


def test_numbers_in_other_columns_are_what_they_say() -> None:
    (row,) = rows(xlsx({"S": [("name", "external_id", "note", "address.city"), ("Kim", 1001, 1.5, True)]}))
    assert row.cells == ("Kim", "1001", "1.5", "TRUE")


def test_empty_rows_and_columns_around_the_table() -> None:
    head = text_cell("B3", "name") + text_cell("C3", "email")
    spaces = [f'<row r="{each}">{text_cell(f"B{each}", " ")}</row>' for each in (2, 5)]
    data = raw_xlsx(f'{spaces[0]}<row r="3">{head}</row>{spaces[1]}<row r="6">{text_cell("B6", "Kim")}</row>')
    (row,) = rows(data)
    assert (row.line, row.cells, row.problems) == (6, ("Kim", ""), ())
    wide = rows(raw_xlsx(f'<row r="3">{head}</row><row r="4">{text_cell("B4", "Kim")}{text_cell("D4", "x")}</row>'))
    assert [problem.code for problem in wide[0].problems] == ["cell-count"]


HEAD = f'<row r="1">{text_cell("A1", "name")}</row>'


@pytest.mark.parametrize(("name", "data", "says"), [
    ("far.xlsx", raw_xlsx(f'{HEAD}<row r="1048576">{text_cell("XFD1048576", "x")}</row>'), "reaches beyond row"),
    ("dtd.xlsx", raw_xlsx(HEAD, before='<!DOCTYPE x [<!ENTITY a "b">]>'), "document type"),
    ("cut.xlsx", xlsx({"S": PEOPLE})[:-300], "neither|damaged|cannot be read"),
    ("encrypted.xlsx", (GOLDEN / "encrypted.xlsx").read_bytes(), "encrypted"),
    ("encrypted.ods", ods(PEOPLE, encrypted=True), "encrypted"),
    ("text.xlsx", b"name,email\nKim,kim@example.com\n", "its name says spreadsheet"),
    ("empty.xlsx", raw_xlsx(""), "empty"),
    ("twice.xlsx", raw_xlsx(f'<row r="1">{text_cell("A1", "name")}{text_cell("B1", "Name")}</row>'), "already"),
    ("title.xlsx", xlsx({"S": [("Contacts of 2026", "", ""), *PEOPLE]}), "title above the header"),
    ("merged.xlsx", xlsx({"S": [("name", "phone", "", "email"), ("Kim", "1", "2", "k@example.com")]}), "merged cells"),
    ("broken.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "damaged|cannot be read"),
    ("ole.xlsx", (GOLDEN.with_name("imports") / "sheet.xls").read_bytes()[:2000], "damaged|cannot be read"),
], ids=lambda value: value if isinstance(value, str) and "." in value else "")  # fmt: skip
def test_what_is_refused_says_so(name: str, data: bytes, says: str) -> None:
    with pytest.raises(InvalidFile, match=says):
        source(data, name)


def test_what_unzips_to_too_much() -> None:
    bomb = bytearray(raw_xlsx(HEAD))
    size = bomb.rindex(b"PK\x01\x02") + 24  # of the last part, unzipped
    bomb[size : size + 4] = (301 << 20).to_bytes(4, "little")
    with pytest.raises(InvalidFile, match="unzips to more than 300 MB"):
        source(bytes(bomb), "bomb.xlsx")
    with pytest.raises(InvalidFile, match="neither an xlsx nor an ods"):
        source(zipped({"[Content_Types].xml": b"x", "word/document.xml": b"x"}), "a.docx")


@pytest.mark.parametrize(("value", "code", "shown"), [
    (12, "0", ""), (12, "General", ""), (12, "yyyy", ""), (12, "0.00", ""), (12, "@", ""),
    (12, "00000", "00012"), (1234567, "0-00", "12345-67"), (7, "##-##", "-7"),
])  # fmt: skip
def test_number_formats(value: int, code: str, shown: str) -> None:
    assert sheet_child.formatted(value, code) == shown


# ---- what we write


CELLS = [
    "=1+1", "+82 10-1234-5678", "'quoted", "@cmd", "a\nb", "a\r\nb", "_x0041_", " x ", "https://example.com/", "007",
    "<&>",
]  # fmt: skip


def test_what_is_written_is_text_and_read_again() -> None:
    target = io.BytesIO()
    assert sheet_write.write(target, ["name", "note"], [[f"n{place}", cell] for place, cell in enumerate(CELLS)]) == 11
    found = rows(target.getvalue())
    assert [row.cells[1] for row in found] == CELLS
    assert b"<f>" not in target.getvalue()


@pytest.mark.parametrize("product", template.products())
def test_a_template_has_choices_and_holds_no_row(product: str) -> None:
    header, *notes = template.rows(product)
    target = io.BytesIO()
    sheet_write.write(target, header, notes, template.choices(header))
    found = source(target.getvalue(), "template.xlsx")
    assert (found.size, found.columns, found.product) == (0, tuple(header), product)
    assert ("Phone 1 - Label" in template.choices(header)) is (product == "google")
    assert csv_rows.NOTE_MARK in notes[0][0]


@pytest.mark.parametrize(("count", "rule"), [
    (2, "<formula1>\"group-1,group-2\"</formula1>"),
    (40, "<formula1>Sheet2!$A$1:$A$40</formula1>"),
])  # fmt: skip
def test_a_template_offers_groups(count: int, rule: str) -> None:
    slugs = [f"group-{number}" for number in range(1, count + 1)]
    header, *notes = template.rows(groups=slugs)
    assert (header[-1], notes[1][-1]) == ("groups", "group-1")
    target = io.BytesIO()
    sheet_write.write(target, header, notes, template.choices(header, slugs))
    with zipfile.ZipFile(target) as parts:
        assert rule in parts.read("xl/worksheets/sheet1.xml").decode()
    found = source(target.getvalue(), "template.xlsx")
    assert (found.size, found.names_groups, found.warnings) == (0, True, [])
    list(found.rows())
    assert found.warnings == []
