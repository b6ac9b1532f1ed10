"""Rows out into a sheet of an xlsx file. Every cell is text: no phone number loses a zero, and no cell is a formula.

Nothing is set aside in a file while the sheet is made: what waits, waits in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from xlsxwriter import Workbook

LAST_ROW = 50_000
"""Down to this row, empty cells are formatted as text and offer choices, too."""

_LONGEST_LIST = 255
"""Characters of choices that a cell's rule may hold."""


def write(
    target: BinaryIO,
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    choices: Mapping[str, Sequence[str]] | None = None,
) -> int:
    """Writes the header, which stays in sight, and the rows; returns their number.

    ``choices``: what is offered below a header; anything else may be written there, too.
    """
    import xlsxwriter  # only who writes sheets waits for it

    with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
        book.set_properties({"created": datetime(2000, 1, 1)})  # the same contacts make the same file
        sheet = book.add_worksheet("contacts")
        text = book.add_format({"num_format": "@"})
        bold = book.add_format({"num_format": "@", "bold": True})
        sheet.set_column(0, len(header) - 1, 18, text)
        sheet.freeze_panes(1, 0)
        for column, name in enumerate(header):
            sheet.write_string(0, column, name, bold)
            if choices and name in choices:
                offered = {"validate": "list", "source": _offered(book, choices[name]), "error_type": "information"}
                sheet.data_validation(1, column, LAST_ROW, column, offered)
        count = 0
        for count, row in enumerate(rows, 1):
            for column, cell in enumerate(row):
                if cell:
                    sheet.write_string(count, column, cell, text)
    return count


def _offered(book: Workbook, choices: Sequence[str]) -> list[str] | str:
    """Choices as they are; or, where a rule cannot hold them, the cells of a hidden sheet that do."""
    if len(",".join(choices)) <= _LONGEST_LIST:
        return list(choices)
    sheet = book.add_worksheet()
    sheet.hide()
    for row, choice in enumerate(choices):
        sheet.write_string(row, 0, choice)
    return f"={sheet.get_name()}!$A$1:$A${len(choices)}"
