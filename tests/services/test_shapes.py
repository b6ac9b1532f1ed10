"""What is filled into a learned shape is, character for character, what the general way makes of the same row."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharedbook.domain.model import CustomField, FieldKind, Limits
from sharedbook.formats.entries.incoming import Reading
from sharedbook.formats.files import sources
from sharedbook.formats.files.table_source import TableSource
from sharedbook.services.imports import shapes
from sharedbook.services.imports.blocks import Ready
from sharedbook.services.imports.ready import Make
from tests.services.transfers import table

LIMITS = Limits(name_length=30, note_length=120)
OWN = CustomField(1, "size", "Size", FieldKind.TEXT, several=False)
COLUMNS = (
    "name", "prefix", "first_name", "middle_name", "last_name", "suffix", "nickname", "phonetic_first_name", "company",
    "department", "phonetic_company", "title", "role", "email", "email.2", "email.2.type", "email.home", "phone",
    "phone.mobile", "phone.2.type", "phone.2", "address.street", "address.street.2", "address.city",
    "address.postal_code", "address.country", "address.work.city", "address.work.formatted", "url", "im.skype",
    "birthday", "event.anniversary", "related.manager", "gender", "language", "tags", "note", "custom.shoe", "groups",
    "external_id", "uid", "reports_to", "Size", "Left out",
)  # fmt: skip
TEXTS = (
    "Ann", "Bob Lee", "김", "홍", "길동", "민지", "홍길동", "길동 홍", "김 민지", "ㅎㄱㄷ", "王", "小明", "王小明",
    "田中", "さくら", "ガガ", "ﾊﾞ", "José", "Jose\u0301", "Ångström", "Weiß", "Şükrü", "İpek", "ISIK", "Иван",
    "Γιώργος", "ᾳ",
    "ŉ", "ﬁ", "½", "محمد", "שלום", "नमस्ते", "😀", "a 😀", "´x", "x´", "\u0301x", "x\u0301", "\u0345x", "가\u11a8",
    "\u1100\u1161", "\u1161", "｜", "a|b", "a | b", "ａ", "A-B", "50 %", "%s %d", "a,b", "a;b", "x\\y", '"', "'",
    "=1+1", " a", "b ", "a  b", "a ::: b", ":::", "-", "0", "tel:1", "mailto:a@b.example", "a:b", "a\nb", "a\r\nb",
    "a\n\nb",
    "\na", "a\u00a0b", "\u200bx", "x\ufe0f", "individual", "3.0", "work", "x" * 29, "x" * 30, "x" * 31, "é" * 40,
    "길" * 33, "y " * 30 + "y", "z" * 121, "가나 " * 30, "ORG", "Ann Bob", "\U0001f1e9\U0001f1ea", "\x07",
)  # fmt: skip
MAILS = (
    "a@b.example", "A@B.Example", "kim@회사.example", "jörg@x.example", "no mail", "a@b@c", " a@b.example",
    "a@b.example ::: c@d.example", "x" * 250 + "@b.example", "ß@x.example",
)  # fmt: skip
NUMBERS = (
    "+82 10-1234-5678", "010-1234-5678", "02-123-4567", "+49 30 123456", "(030) 123456", "+1 212 555 0123", "112", "0",
    "+82 10-1234-5678 ext. 7", "tel:+82-10-1234-5678", "8.19E+11", "0101234567812345678", "+", "１２３", "02/123/4567",
    "00 49 30 123456", "010.1234.5678", "+44 20 7946 0958", "+39 06 123456", "0082 10 1234 5678", "+82-2-123-4567",
    "821012345678.0",
)  # fmt: skip
DATES = (
    "1985-04-23", "1985. 4. 23.", "--04-23", "0/0/00", "31.12.1999", "1604-04-05", "no date", "12/10/1815", "19850423",
)  # fmt: skip
WORDS = ("", "Work", "* Work", "Mobile", "회사", "a;b", "vip", "고객;VIP", "* myContacts", "F", "unspecified")
OF_FIELD = {"email": MAILS, "phone": NUMBERS, "birthday": DATES, "event": DATES, "gender": WORDS, "tags": WORDS}
ODD = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)


PLAIN = {
    "email": ("a@b.example", "A@B.Example", "kim@회사.example", "c.d@e.example"),
    "phone": NUMBERS[:7],
    **dict.fromkeys(("birthday", "event"), ("1985-04-23", "2001-12-31", "0/0/00")),
    **dict.fromkeys(("gender", "tags", "type"), ("Work", "* Work", "회사", "* myContacts")),
    "first_name": ("길동", "민지", "Ann", "Bob", "José", "小明", "Şükrü"),
    "last_name": ("홍", "김", "Lee", "Müller", "王", "田中", "Weiß", "Bob"),
    "name": ("홍길동", "길동 홍", "Ann Lee", "王小明", "민지 김", "Иван"),
}
PLAIN_TEXTS = (
    "Ann", "서울", "Zürich", "大阪", "Main Street 1", "a, b; c", 'the "x"', "50 %", "two\nlines", "Иван", "محمد", "😀",
    "삼성 전자", "ガガ", "x" * 70, "é" * 25, "길" * 30, "word " * 20 + "end", "ß ﬁ ½",
)  # fmt: skip


def cells_of(column: str) -> st.SearchStrategy[str]:
    """What may stand in a column: mostly what does, now and then anything."""
    known = "type" if column.endswith(".type") else column.split(".")[0]
    usual = st.sampled_from(PLAIN.get(known, PLAIN_TEXTS))
    own = st.sampled_from(WORDS if known == "type" else OF_FIELD.get(known, TEXTS))
    odd = st.one_of(own, st.sampled_from(TEXTS), ODD)
    return st.integers(0, 11).flatmap(lambda chance: usual if chance else odd)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    """A header, and rows of which several fill the same columns."""
    header = draw(st.lists(st.sampled_from(COLUMNS), min_size=2, max_size=8, unique=True))
    filled = draw(st.lists(st.sets(st.sampled_from(header), min_size=1), min_size=1, max_size=2))
    rows = []
    for _ in range(draw(st.integers(5, 30))):
        has = draw(st.sampled_from(filled))
        rows.append([draw(cells_of(column)) if column in has else "" for column in header])
    return header, rows


def source_of(header: Sequence[str], rows: Sequence[Sequence[str]]) -> TableSource:
    reading = Reading("KR", LIMITS, mapping={"Left out": "-"} if "Left out" in header else None, custom=(OWN,))
    found = sources.open_source(io.BytesIO(table(header, rows).encode()), "a.csv", None, reading)
    assert isinstance(found, TableSource)
    return found


def by_shapes_and_without(header: Sequence[str], rows: Sequence[Sequence[str]], limits: Limits = LIMITS) -> int:
    """Reads a table both ways and returns how many rows were filled in."""
    source, beside, make = source_of(header, rows), source_of(header, rows), Make("KR", limits, False)
    filled, made = 0, shapes.Shapes.made

    def counted(self: shapes.Shapes, rows: Sequence[tuple[str, ...]]) -> Any:
        nonlocal filled
        found = made(self, rows)
        filled += len(rows) - len(found[1])
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shapes.Shapes, "made", counted)
        patch.setattr(shapes, "LEARNED_AT", 1)
        found = ready(make, source)
    expected = [generally(make, beside, row, each) for row, each in zip(beside.lines(), found, strict=True)]
    assert list(map(in_order, found)) == list(map(in_order, expected))
    assert source.left_out == beside.left_out
    return filled


def ready(make: Make, source: TableSource, skipped: int = 0) -> list[Ready]:
    """Its rows, each read out of the columns of its block."""
    return [row for block in make.ready(source, skipped) for _, row in block.rows(range(len(block.line)))]


def in_order(row: Ready) -> Ready:
    """The row with its keys, which have no order, in one."""
    if row.kept is None:
        return row
    index = row.kept.indexed
    return row._replace(kept=row.kept._replace(indexed=index._replace(keys=tuple(sorted(index.keys)))))


def generally(make: Make, source: TableSource, row: Any, found: Ready) -> Ready:
    """What the general way makes of a row, with the random UID that was found."""
    incoming = source.incoming(row)
    expected = make._ready(incoming)
    if expected.kept is None or found.kept is None:
        return expected
    return expected._replace(kept=make.kept_of(incoming, uid=found.kept.uid)[0])


def test_both_ways_are_the_same(soak: bool) -> None:
    filled = 0

    @settings(max_examples=4000 if soak else 60)
    @given(tables())
    def run(drawn: tuple[list[str], list[list[str]]]) -> None:
        nonlocal filled
        filled += by_shapes_and_without(*drawn)

    run()
    assert filled > 20


def test_rows_that_do_not_fit_the_header_are_left_to_the_general_way() -> None:
    good, short = ["Ann", "a@b.example"], ["Bob"]
    assert by_shapes_and_without(["name", "email"], [short]) == 0
    assert by_shapes_and_without(["name", "email"], [short, good, short, good]) == 2


def test_numbers_that_the_general_way_repairs_are_left_to_it() -> None:
    rows = [["Ann", "010-1234-5678"], ["Bob", "010-1234-5679"], ["Cid", "821012345678.0"], ["Dan", "'010-1234-5678"]]
    assert by_shapes_and_without(["name", "phone"], rows) == 2


def test_rows_that_are_skipped_tell_what_they_leave_out() -> None:
    source = source_of(["name", "Left out"], [["Ann", "x"], ["Bob", ""]])
    assert [row.line for row in ready(Make("KR", LIMITS, False), source, 1)] == [3]
    assert source.left_out == {"Left out": None}
