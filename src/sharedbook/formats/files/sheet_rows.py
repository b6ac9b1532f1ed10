"""Rows of a sheet of an xlsx, xls or ods file in. What a spreadsheet did to numbers is undone where it can be known.

The file is read by ``sheet_child.py``; its rows wait in an unnamed temporary file.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any, BinaryIO

from sharedbook.domain.errors import InvalidFile
from sharedbook.formats.limited import child
from sharedbook.formats.rows import csv_rows
from sharedbook.formats.rows.csv_rows import Row
from sharedbook.formats.rows.problems import Problem

SECONDS = 120
"""How long a file may take."""

_LOST = "the number has more than 15 digits, and a spreadsheet keeps no more; write it as text"
_FORMULA = "the formula's result is an error, or not in the file; put the value there"


@dataclass(frozen=True, slots=True)
class SheetTable:
    """A sheet that was read to its end once, as ``csv_rows.Table``; ``others``: the other sheets of the file."""

    header: tuple[str, ...]
    size: int
    samples: tuple[str, ...]
    sheet: str
    others: tuple[str, ...]
    lines: IO[bytes]
    encoding: str = ""
    delimiter: str = ""

    def rows(self) -> Iterator[Row]:
        """Every row below the header, without blank ones and template notes."""
        return _rows(self.lines, self.header)


def open_table(source: BinaryIO, sheet: str = "") -> SheetTable:
    """Reads a sheet (""; the first) of a file that has a descriptor. Raises InvalidFile, saying why it is not read."""
    lines = tempfile.TemporaryFile()  # noqa: SIM115 - the table keeps it
    source.seek(0)
    done = child.run("sheet_child.py", sheet, seconds=SECONDS, source=source, target=lines)
    lines.seek(0)
    first = lines.readline()
    if done is None or not first:
        raise InvalidFile(
            "the file cannot be read: it is damaged, or takes too much memory or time",
            hint="save only the contacts as csv or xlsx",
        )
    told = json.loads(first)
    if "refused" in told:
        raise InvalidFile(told["refused"], hint=told["hint"])
    others = tuple(name for name in told["sheets"] if name != told["sheet"])
    number, cells = next(_records(lines), (1, []))
    if not cells and others and not sheet:
        raise InvalidFile(f"the sheet {told['sheet']} is empty", hint=f"the file also has {', '.join(others)}: --sheet")
    header = csv_rows.checked_header(number, [_text(cell) for cell in cells])
    size, samples = 0, list[str]()
    for row in _rows(lines, header):
        size += 1
        samples += [cell for cell in row.cells if not cell.isascii()][: 3 - len(samples)]
    return SheetTable(header, size, tuple(samples), told["sheet"], others, lines)


def _records(lines: IO[bytes]) -> Iterator[tuple[int, list[Any]]]:
    """Number and cells of every row that is not blank."""
    lines.seek(0)
    lines.readline()
    for line in lines:
        number, cells = json.loads(line)
        if any(isinstance(cell, list) or cell.strip() for cell in cells):
            yield number, cells


def _rows(lines: IO[bytes], header: Sequence[str]) -> Iterator[Row]:
    records = _records(lines)
    next(records, None)
    for number, cells in records:
        texts = tuple(map(_text, cells)) + ("",) * (len(header) - len(cells))
        if texts[0].startswith(csv_rows.NOTE_MARK):
            continue
        kinds = {place: cell[0] for place, cell in enumerate(cells) if isinstance(cell, list)}
        yield Row(
            number,
            texts,
            csv_rows.shape_problem(number, texts, len(header)) or _damage(number, texts, kinds, header),
            numbers=frozenset(place for place, kind in kinds.items() if kind == "number"),
            dates=frozenset(place for place, kind in kinds.items() if kind == "date"),
        )


def _text(cell: str | list[str]) -> str:
    return cell if isinstance(cell, str) else cell[1]


def _damage(number: int, texts: Sequence[str], kinds: dict[int, str], header: Sequence[str]) -> Problem | None:
    """What the spreadsheet did to a cell that nobody can undo."""
    for place, kind in kinds.items():
        if kind == "lost":
            return Problem(number, header[place], "mangled-number", f"{header[place]}: {_LOST}", texts[place])
        if kind == "formula":
            return Problem(number, header[place], "formula-without-value", f"{header[place]}: {_FORMULA}")
    return None
