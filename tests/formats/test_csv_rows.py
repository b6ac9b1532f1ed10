"""Delimited files: every encoding and delimiter that people's programs write, and a clear answer to what is broken."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sharedbook.domain.errors import InvalidFile, InvalidValue
from sharedbook.formats.entries import columns
from sharedbook.formats.rows import csv_rows

NATIVE = {
    "ko": ("이름,성,전자 메일 주소", "민지,김,minji@example.com", "서준,박,seojun@example.com"),
    "zh": ("名字,姓氏,电子邮件地址", "小明,王,ming@example.com", "娜,李,na@example.com"),
    "ja": ("名,姓,電子メール アドレス", "太郎,田中,taro@example.com", "ハナコ,佐藤,hana@example.com"),
    "de": ("Vorname,Nachname,Straße", "Jörg,Müller,Grüner Weg 1", "Käthe,Weiß,Schöne Aussicht"),
}
WIDE = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be")
ENCODINGS = [
    *((language, encoding) for language in NATIVE for encoding in WIDE),
    ("ko", "cp949"),
    ("zh", "gb18030"),
    ("ja", "shift_jis"),
    ("de", "cp1252"),
]


def table(data: bytes, **more: str) -> csv_rows.Table:
    return csv_rows.open_table(io.BytesIO(data), **more)


def cells(data: bytes) -> list[tuple[str, ...]]:
    return [row.cells for row in table(data).rows()]


@pytest.mark.parametrize("delimiter", list(",;\t|"))
@pytest.mark.parametrize(("language", "encoding"), ENCODINGS)
def test_every_encoding_with_every_delimiter_and_native_headers(language: str, encoding: str, delimiter: str) -> None:
    header, *rows = (tuple(line.split(",")) for line in NATIVE[language])
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows([header, *rows])
    found = table(text.getvalue().encode(encoding))
    assert found.header == header
    assert all(columns.meanings(found.header).values())
    assert found.delimiter == delimiter
    assert [row.cells for row in found.rows()] == list(rows)
    assert found.size == len(rows)
    assert set(found.samples) <= {cell for row in rows for cell in row if not cell.isascii()}
    assert found.samples


@pytest.mark.parametrize(("text", "delimiter"), [
    ("sep=|\r\na|b\r\n1|2,3\r\n", "|"),
    ('"sep=;"\na;b\n1;2\n', ";"),
    ("name;note\nKim, Minji;a,b,c\nLee, Na;d,e,f\n", ";"),
    ("name,note\n\"a;b\",\"c;d\"\n\"e;f\",\"g;h\"\n", ","),
    ("email\nkim@example.com\n", ","),
])  # fmt: skip
def test_delimiter(text: str, delimiter: str) -> None:
    found = table(text.encode())
    assert found.delimiter == delimiter
    assert {len(row.cells) for row in found.rows()} == {len(found.header)}


def test_named_encoding_decides_where_utf_8_does_not() -> None:
    data = "name\nŞükrü\n".encode("cp1254")
    assert [row.cells for row in table(data, encoding="windows-1254").rows()] == [("Şükrü",)]
    assert table("name\nŞükrü\n".encode(), encoding="windows-1254").encoding == "utf-8"


def test_wrong_encoding_is_named_by_line_and_character() -> None:
    with pytest.raises(InvalidFile, match=r"line 3, character 2 .* is not ascii") as caught:
        table(b"name\nanna\nm\xffller\n", encoding="ascii")
    assert caught.value.line == 3
    assert "--encoding" in str(caught.value)


@pytest.mark.parametrize("encoding", ["klingon", "base64", "undefined", ""])
def test_unknown_encoding(encoding: str) -> None:
    data = b"name\nm\xfcller\n"
    if not encoding:
        assert table(data, encoding=encoding).header == ("name",)
        return
    with pytest.raises(InvalidValue, match="no encoding"):
        table(data, encoding=encoding)


@pytest.mark.parametrize(("data", "message"), [
    (b"", "empty"),
    (b"\n\n", "empty"),
    (b"name,email\nKim,k@example.com\nL\0ee,l@example.com\n", "line 3, character 2 is a NUL"),
    (b"name,email,name\n", "row 1, column 3: the header name stands in column 1.*email.2"),
    (b"Name,email,NAME\n", "row 1, column 3"),
    (b"name,,email\nKim,x,k@example.com\n", "row 1, column 2: the header has no name"),
    (b'name,email\nKim,"k@example.com\nLee,l@example.com\n', "row 2, column 2: .* never closed.*save it again"),
    (b'name,email\n"Kim"x,k@example.com\n', "row 2, column 1: .* has text behind it"),
    (b'name,note\nKim,ok\nLee,"a\nb\nPark,"c"\n', "row 3, column 2: "),
    (b"name\n" + b"x" * 2_000_000, "longer than"),
    (b'name\n"' + b"x\n" * 3_000_000, "row 2, column 1"),
    (b"name,note\n" + b'"a",' + b"x" * 200_000 + b"\n", "row 2, column 2: .* far too long"),
    (b"\xff\xfen\0a\0m\0e\0\n\0x", "is not utf-16"),
])  # fmt: skip
def test_broken_files_are_named(data: bytes, message: str) -> None:
    with pytest.raises(InvalidFile, match=message):
        table(data)


def test_row_problems_leave_the_other_rows() -> None:
    start = b"name,email\nKim,k@example.com,extra\nLee,l@example.com,,\nPark\n"
    data = start + b"x" * 32_768 + b",y\nChoi,c@example.com\n"
    rows = list(table(data).rows())
    assert [(row.line, row.problem.code if row.problem else "") for row in rows] == [
        (2, "cell-count"),
        (3, ""),
        (4, "cell-count"),
        (5, "too-long"),
        (6, ""),
    ]


def test_a_header_may_stand_below_blank_rows() -> None:
    found = table(b",,\n\nname,email,\nKim,k@example.com,\n")
    assert (found.header, found.size) == (("name", "email"), 1)
    assert [(row.line, row.cells, row.problem) for row in found.rows()] == [(4, ("Kim", "k@example.com"), None)]


@pytest.mark.parametrize("quote", ["", '"'])
def test_rows_of_spaces_are_blank(quote: str) -> None:
    spaces = "".join(each for each in map(chr, range(0x110000)) if each.isspace() and each not in "\r\n")
    rows = [
        "name,email",
        "Kim,k@example.com",
        *(f"{each},{quote}{each}{each}{quote}" for each in spaces),
        " , ,",
        "Lee,",
    ]
    found = table("\n".join([" ,", *rows, ""]).encode())
    assert (found.header, found.size) == (("name", "email"), 2)
    assert [(row.cells[0], row.problem) for row in found.rows()] == [("Kim", None), ("Lee", None)]


def test_line_numbers_are_those_of_the_file() -> None:
    data = b'sep=,\r\nname,note\r\n\r\nKim,"one\r\ntwo"\r\nLee,x\r\n#sharedbook explains,y\r\nChoi,z\r\n'
    assert [(row.line, row.cells[0]) for row in table(data).rows()] == [(4, "Kim"), (6, "Lee"), (8, "Choi")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(end: str) -> None:
    assert cells(f"name,email{end}Kim,k@example.com{end}Lee,".encode()) == [("Kim", "k@example.com"), ("Lee", "")]


@pytest.mark.parametrize(("value", "written"), [
    ("=1+1", "'=1+1"),
    ("@SUM(A1)", "'@SUM(A1)"),
    ("-2+3", "'-2+3"),
    ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
    ("\t=1", "'\t=1"),
    ("'=1", "''=1"),
    ("+82 10-1234-5678", "+82 10-1234-5678"),
    ("+82-10.1234/5678 (9)", "+82-10.1234/5678 (9)"),
    ("O'Brien", "O'Brien"),
    ("'tis", "'tis"),
    ("", ""),
])  # fmt: skip
def test_formulas_are_neutralised_and_come_back(value: str, written: str) -> None:
    target = io.BytesIO()
    assert csv_rows.write(target, ["name", "note"], [["x", value]]) == 1
    data = target.getvalue()
    assert data.startswith(b"\xef\xbb\xbf")
    assert list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))[1] == ["x", written]
    assert cells(data) == [("x", value)]


TEXT = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0\r"), max_size=20)


@given(st.lists(st.tuples(TEXT, TEXT), max_size=8))
def test_what_is_written_is_read_again(rows: list[tuple[str, str]]) -> None:
    rows = [row for row in rows if "".join(row).strip() and not row[0].startswith(csv_rows.NOTE_MARK)]
    target = io.BytesIO()
    csv_rows.write(target, ["first", "second"], rows)
    assert cells(target.getvalue()) == rows


PIECES = [b"a", b",", b";", b"\t", b'"', b"\n", b"\r\n", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"sep=;", b"=", b"'"]
PIECES += ["김".encode(), "김".encode("cp949"), "é".encode("cp1252")]


@given(st.one_of(st.binary(max_size=200), st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join)))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    read_or_refused(data)


def read_or_refused(data: bytes) -> None:
    try:
        found = table(data)
    except InvalidFile:
        return
    rows = list(found.rows())
    assert len(rows) == found.size
    assert all(row.problem or len(row.cells) == len(found.header) for row in rows)
    assert found.samples == tuple(cell for row in rows for cell in row.cells if not cell.isascii())[:3]


LINES = [
    "a,b\n",
    "a,b\r\n",
    "a,b\r",
    "\n",
    ",\n",
    "김,é\n",
    "#sharedbook,x\n",
    'x,"y\n\n',
    'z"\n',
    "'=é,\r\n",
    "sep=;\n",
    "a\x0bb,c\x85\n",
    "x" * 20,
]


@given(st.lists(st.sampled_from(LINES), max_size=12).map("".join), st.integers(1, 40))
@example("a,b\n" + "x" * 20, 13)
def test_rows_counted_in_blocks_are_those_read_one_by_one(text: str, block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_rows, "_BLOCK", block)
        read_or_refused(f"name,mail\n{text}".encode())


def test_rows_of_a_usual_file_are_counted_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_rows, "_BLOCK", 100)
    monkeypatch.delattr(csv_rows, "_rows")
    data = "name,mail\n" + '김민지,"minji\n@example.com"\n\n' * 40
    assert (table(data.encode()).size, len(table(data.encode("cp949")).samples)) == (40, 3)
