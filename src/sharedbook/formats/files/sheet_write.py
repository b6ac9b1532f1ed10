"""Rows out into a sheet of an xlsx file. Every cell is text: no phone number loses a zero, and no cell is a formula.

XlsxWriter makes the file with its header; the rows are put in while it is packed, one after the other. It would keep
all of them in memory itself, or in files with names, where no personal data shall be set aside.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, BinaryIO
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from xlsxwriter import Workbook

LAST_ROW = 50_000
"""Down to this row, empty cells are formatted as text and offer choices, too."""

_LONGEST_LIST = 255
"""Characters of choices that a cell's rule may hold."""

_LONGEST_CELL = 32_767
"""Characters: what a spreadsheet holds."""

_SHEET, _END = "xl/worksheets/sheet1.xml", "</sheetData>"
_DIMENSION, _STYLE = re.compile("<dimension [^>]*>"), re.compile('<col [^>]*style="([0-9]+)"')
_UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")


def write(
    target: BinaryIO,
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    choices: Mapping[str, Sequence[str]] | None = None,
) -> int:
    """Writes the header, which stays in sight, and the rows; returns their number.

    ``choices``: what is offered below a header; anything else may be written there, too.
    """
    count = 0
    with zipfile.ZipFile(_empty(header, choices or {})) as empty, zipfile.ZipFile(target, "w") as file:
        for part in empty.infolist():
            if part.filename != _SHEET:
                file.writestr(part, empty.read(part))
                continue
            before, _, behind = _DIMENSION.sub("", empty.read(part).decode()).partition(_END)
            with file.open(part, "w") as sheet:
                sheet.write(before.encode())
                for line in _lines(rows, _style(before)):
                    sheet.write(line.encode())
                    count += 1
                sheet.write((_END + behind).encode())
    return count


def _empty(header: Sequence[str], choices: Mapping[str, Sequence[str]]) -> BinaryIO:
    """A file with the header alone."""
    import xlsxwriter  # only who writes sheets waits for it

    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
        book.set_properties({"created": datetime(2000, 1, 1)})  # the same contacts make the same file
        sheet = book.add_worksheet("contacts")
        text = book.add_format({"num_format": "@"})
        bold = book.add_format({"num_format": "@", "bold": True})
        sheet.set_column(0, len(header) - 1, 18, text)
        sheet.freeze_panes(1, 0)
        for column, name in enumerate(header):
            sheet.write_string(0, column, name, bold)
            if name in choices:
                offered = {"validate": "list", "source": _offered(book, choices[name]), "error_type": "information"}
                sheet.data_validation(1, column, LAST_ROW, column, offered)
    return target


def _style(sheet: str) -> str:
    """The number of the format of the columns, which is text."""
    found = _STYLE.search(sheet)
    assert found is not None  # set_column wrote it
    return found[1]


def _lines(rows: Iterable[Sequence[str]], style: str) -> Iterator[str]:
    """Each row as XML; the header is the first of the sheet."""
    from xlsxwriter.utility import xl_col_to_name

    for number, row in enumerate(rows, 2):
        cells = [
            f'<c r="{xl_col_to_name(column)}{number}" s="{style}" t="inlineStr"><is>'
            f'<t xml:space="preserve">{_escaped(cell)}</t></is></c>'
            for column, cell in enumerate(row)
            if cell
        ]
        yield f'<row r="{number}">{"".join(cells)}</row>'


def _escaped(cell: str) -> str:
    """A cell's text in XML; what XML cannot hold as ECMA-376 (part 1, 22.9.2.19) has it."""
    return escape(_UNWRITABLE.sub(lambda found: f"_x{ord(found[0]):04X}_", cell[:_LONGEST_CELL]))


def _offered(book: Workbook, choices: Sequence[str]) -> list[str] | str:
    """Choices as they are; or, where a rule cannot hold them, the cells of a hidden sheet that do."""
    if len(",".join(choices)) <= _LONGEST_LIST:
        return list(choices)
    sheet = book.add_worksheet()
    sheet.hide()
    for row, choice in enumerate(choices):
        sheet.write_string(row, 0, choice)
    return f"={sheet.get_name()}!$A$1:$A${len(choices)}"
