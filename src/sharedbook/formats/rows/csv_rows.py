"""Rows of a delimited text file in, rows out. What is wrong is named by line and column; nothing is guessed in a row.

A file is read twice: once whole, to know that it can be read to its end, then for its rows; neither keeps more than
one row in memory. A leading apostrophe stands before what a spreadsheet would take for a formula: ``write`` adds it,
reading takes it away, so that a value survives both.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from typing import BinaryIO, NamedTuple

from sharedbook.domain.errors import InvalidFile
from sharedbook.formats.rows import encodings
from sharedbook.formats.rows.problems import Problem

LONGEST_CELL = 32_767
"""Characters in one cell: what a spreadsheet holds."""

NOTE_MARK = "#sharedbook"
"""A row whose first cell begins so explains a template and is no contact."""

DELIMITERS = ",;\t|"
_SAMPLE_CHARACTERS = 256 * 1024
_SAMPLE_ROWS = 50
_LONGEST_LINE = 1024 * 1024
_LONGEST_ROW = 4 * 1024 * 1024

_FORMULA = re.compile("'*[=+@\t\r＝＋－＠-]")
_PHONE = re.compile(r"\+[0-9() ./-]+")
_QUOTED = re.compile(r'"(?:[^"]++|"")*+"')


class Row(NamedTuple):
    """One row: ``line`` is the line of the file on which it begins, from 1; ``problem`` says why it is none.

    ``numbers`` and ``dates``: places of cells that a spreadsheet holds as a bare number or a date, not as text.
    """

    line: int
    cells: tuple[str, ...]
    problem: Problem | None = None
    numbers: frozenset[int] = frozenset()
    dates: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Table:
    """A file that was read to its end once. ``size`` is the number of its rows, the header left out.

    ``sound``: it is known that no line is too long or holds a NUL.
    """

    source: BinaryIO
    encoding: str
    delimiter: str
    header: tuple[str, ...]
    size: int
    samples: tuple[str, ...]
    sound: bool

    def rows(self) -> Iterator[Row]:
        """Every row below the header, without blank lines and template notes."""
        if self.sound:
            return _sound_rows(self.source, self.encoding, self.delimiter)
        records = _records(self.source, self.encoding, self.delimiter)
        return _rows(records, _width(records))


def open_table(source: BinaryIO, *, encoding: str | None = None, guesses: Sequence[str] = encodings.GUESSES) -> Table:
    """Reads a seekable file to its end and tells its encoding, delimiter, header and number of rows.

    Raises InvalidFile: empty, wrong encoding, NUL, a quote that does not end, a line or row that is far too long, a
    header with an empty or repeated name; InvalidValue for an unknown ``encoding``.
    """
    if encoding:
        encodings.known(encoding)
    if not encodings.is_marked(source):
        with suppress(_Doubt, csv.Error, UnicodeError, InvalidFile):
            return _sound(source, encodings.USUAL)
    codec = encodings.detect(source, encoding=encoding, guesses=guesses)
    delimiter = _delimiter(source, codec)
    header = _header(source, codec, delimiter)
    with suppress(_Doubt, csv.Error, UnicodeError):
        return _sound(source, codec)
    size, samples = _counted(source, codec, delimiter)
    return Table(source, codec, delimiter, header, size, tuple(samples), sound=False)


def _sound(source: BinaryIO, codec: str) -> Table:
    """A file in which nothing is wrong, looked at once; raises _Doubt, and what its parts raise."""
    delimiter = _delimiter(source, codec)
    header = _header(source, codec, delimiter)
    size, samples = _counted_in_blocks(source, codec, delimiter)
    return Table(source, codec, delimiter, header, size, tuple(samples), sound=True)


def write(target: BinaryIO, header: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
    """Writes a csv file in UTF-8 with a byte order mark, formulas neutralised; returns the number of rows."""
    text = io.TextIOWrapper(target, encoding="utf-8-sig", newline="")
    try:
        writer = csv.writer(text)
        writer.writerow(header)
        count = 0
        for row in rows:
            writer.writerow(map(_neutral, row))
            count += 1
        text.flush()
        return count
    finally:
        text.detach()


def _neutral(cell: str) -> str:
    """The cell with an apostrophe before what would be a formula; a phone number with a plus is none."""
    return f"'{cell}" if _FORMULA.match(cell) and not _PHONE.fullmatch(cell) else cell


def _plain(cell: str) -> str:
    """The cell as it was before ``_neutral``."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


# ---- the shape of the file


def _delimiter(source: BinaryIO, codec: str) -> str:
    """What ``sep=`` names, else that with which most rows have as many cells as the first, then the most cells."""
    sample = _beginning(source, codec)
    first, _, rest = sample.partition("\n")
    if named := _named_delimiter(first):
        return named
    lines = (first + "\n" + rest).splitlines(keepends=True)
    if len(sample) == _SAMPLE_CHARACTERS:
        lines.pop()  # cut off in the middle
    return max(DELIMITERS, key=lambda delimiter: _evenness(lines, delimiter))


def _beginning(source: BinaryIO, codec: str) -> str:
    source.seek(0)
    text = io.TextIOWrapper(source, encoding=codec, newline="")
    try:
        return text.read(_SAMPLE_CHARACTERS)
    finally:
        text.detach()


def _named_delimiter(line: str) -> str | None:
    found = re.fullmatch('"?sep=(.)"?[,;|\\s]*', line.rstrip("\r\n"), re.IGNORECASE)
    return found[1] if found else None


def _evenness(lines: Sequence[str], delimiter: str) -> tuple[float, int]:
    counts: list[int] = []
    try:
        for cells in csv.reader(lines, delimiter=delimiter):
            if cells:
                counts.append(len(cells))
            if len(counts) > _SAMPLE_ROWS:
                break
    except csv.Error:
        counts = counts[:1] or [0]
    if not counts or counts[0] < 2:
        return 0.0, 0
    return sum(count == counts[0] for count in counts) / len(counts), counts[0]


def _header(source: BinaryIO, codec: str, delimiter: str) -> tuple[str, ...]:
    return checked_header(*_first(_records(source, codec, delimiter)))


def _first(records: Iterator[tuple[int, list[str]]]) -> tuple[int, list[str]]:
    """The header: the first record that is not blank."""
    return next((record for record in records if not _is_blank(record[1])), (1, []))


def _is_blank(cells: Iterable[str]) -> bool:
    """Whether there is nothing in the cells but spaces."""
    return not any(map(str.strip, cells))


def checked_header(line: int, cells: Sequence[str]) -> tuple[str, ...]:
    """The names of the columns. Raises InvalidFile: none at all, one that is empty or repeated."""
    header = _without_empty_end([cell.strip() for cell in cells])
    if not header:
        raise InvalidFile("the file is empty: it has not even a header", line=line, hint="see: sharedbook template -")
    seen: dict[str, int] = {}
    for column, name in enumerate(header, 1):
        if not name:
            hint = "write one; a name that stands in merged cells is that of the first alone"
            raise InvalidFile(f"row {line}, column {column}: the header has no name there", line=line, hint=hint)
        if name.casefold() in seen:
            raise InvalidFile(
                f"row {line}, column {column}: the header {name} stands in column {seen[name.casefold()]} already",
                line=line, hint="rename one of them: a second mail address is email.2, a second number phone.2",
            )  # fmt: skip
        seen[name.casefold()] = column
    return tuple(header)


def _without_empty_end(cells: list[str]) -> list[str]:
    while cells and not cells[-1]:
        cells.pop()
    return cells


# ---- how many rows

_BLOCK = 64 * 1024
"""Characters; so a line that ends in each block is no longer than two of them."""


class _Doubt(Exception):
    """Only who reads row by row can say what is wrong, and where."""


def _counted(source: BinaryIO, codec: str, delimiter: str) -> tuple[int, list[str]]:
    """The number of rows and the samples of ``Table``; raises what ``_records`` raises."""
    size, samples = 0, list[str]()
    records = _records(source, codec, delimiter)
    for row in _rows(records, _width(records)):
        size += 1
        samples += _samples(row.cells, len(samples))
    return size, samples


def _samples(cells: Iterable[str], known: int) -> list[str]:
    return [_plain(cell) for cell in cells if not cell.isascii()][: 3 - known]


def _counted_in_blocks(source: BinaryIO, codec: str, delimiter: str) -> tuple[int, list[str]]:
    """The same, without a look at each line; raises _Doubt."""
    source.seek(0)
    text = io.TextIOWrapper(source, encoding=codec, newline="")
    try:
        blocks = _Blocks(text, delimiter)
        for cells in blocks.reader:
            blocks.ended = blocks.reader.line_num
            if _is_blank(cells) or (blocks.records and cells[0].startswith(NOTE_MARK)):
                continue
            if blocks.records and not blocks.ascii:
                blocks.samples += _samples(cells, len(blocks.samples))
            blocks.records += 1
        return max(blocks.records - 1, 0), blocks.samples
    finally:
        text.detach()


_SPACES = "".join(filter(str.isspace, map(chr, range(0x3001))))
"""Every character that ``str.isspace`` takes for one."""


class _Blocks:
    """The lines of a file, many at a time, but for those that are plainly a record each: these are only counted.

    ``reader`` reads those that are not. ``records``: so far, the header is one. ``ascii``: so far. ``begun`` and
    ``ended``: the line of the reader with which the last lines begin, and that with which its last record ended.
    """

    def __init__(self, text: io.TextIOWrapper, delimiter: str) -> None:
        self.text = text
        self.empty = delimiter + _SPACES
        self.reader = csv.reader(chain.from_iterable(self), delimiter=delimiter, strict=True)
        self.records = 0
        self.samples: list[str] = []
        self.ascii = True
        self.begun, self.ended = -1, 0

    def __iter__(self) -> Iterator[Iterable[str]]:
        first, rest = self.text.readline(_BLOCK), ""
        if not _named_delimiter(first):
            rest = first
        while block := self.text.read(_BLOCK):
            if "\0" in block or self.ended <= self.begun or ("\n" not in block and len(block) == _BLOCK):
                raise _Doubt
            self.ascii = self.ascii and block.isascii()
            lines, end, last = block.rpartition("\n")
            if not end:  # the end of the file, in the line that the block before began
                rest += last
                break
            yield from self._read(rest + lines + end)
            rest = last
        yield from self._read(rest)

    def _read(self, lines: str) -> Iterator[Iterable[str]]:
        if self._is_simple(lines):
            self.records += sum([line.lstrip(self.empty) != "" for line in io.StringIO(lines, newline="")])
        else:
            self.begun = self.reader.line_num
            yield io.StringIO(lines, newline="")

    def _is_simple(self, lines: str) -> bool:
        """Whether each line is a record, and none is a sample or a note."""
        if '"' in lines or NOTE_MARK in lines or not self.records or self.ended < self.reader.line_num:
            return False
        return self.ascii or len(self.samples) == 3


# ---- rows


def _width(records: Iterator[tuple[int, list[str]]]) -> int:
    """The cells of the header, which is the first record."""
    return len(_without_empty_end([cell.strip() for cell in _first(records)[1]]))


def _rows(records: Iterable[tuple[int, list[str]]], width: int) -> Iterator[Row]:
    """Rows of the records below the header."""
    for line, cells in records:
        if len(cells) > width:
            cells[width:] = _without_empty_end(cells[width:])
        whole = "".join(cells)
        if not whole or whole.isspace() or cells[0].startswith(NOTE_MARK):
            continue
        plain = tuple(map(_plain, cells)) if "'" in whole else tuple(cells)
        fits = len(plain) == width and len(whole) <= LONGEST_CELL
        yield Row(line, plain, None if fits else shape_problem(line, plain, width))


def shape_problem(line: int, cells: tuple[str, ...], width: int) -> Problem | None:
    """Why a row does not fit below a header of that width, if it does not."""
    if len(cells) != width:
        return Problem(line, "", "cell-count", f"the row has {len(cells)} cells, the header has {width}")
    for column, cell in enumerate(cells, 1):
        if len(cell) > LONGEST_CELL:
            return Problem(
                line, str(column), "too-long", f"column {column} has {len(cell)} characters; at most {LONGEST_CELL}"
            )
    return None


def _records(source: BinaryIO, codec: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Line and cells of every record that is not a blank line, the ``sep=`` line left out."""
    source.seek(0)
    text = io.TextIOWrapper(source, encoding=codec, newline="")
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        while True:
            lines.record.clear()
            begin = lines.number + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise _broken_record("".join(lines.record), begin, delimiter) from error
            if cells and not (begin == 1 and _named_delimiter(lines.record[0])):
                yield begin, cells
    finally:
        text.detach()


_AT_ONCE = 100
"""Records that are looked at together."""


def _sound_rows(source: BinaryIO, codec: str, delimiter: str) -> Iterator[Row]:
    """The same as ``_rows``, of a file in which nothing is wrong: none of its lines is looked at, records together."""
    source.seek(0)
    text = io.TextIOWrapper(source, encoding=codec, newline="")
    try:
        first = text.readline()
        above = 1 if _named_delimiter(first) else 0
        reader = csv.reader(text if above else chain([first], text), delimiter=delimiter, strict=True)
        width = _width((1, cells) for cells in reader)
        end = reader.line_num
        while some := [(reader.line_num, cells) for cells in islice(reader, _AT_ONCE)]:
            ends, records = zip(*some, strict=True)
            begins = [above + 1 + line for line in (end, *ends[:-1])]
            end = ends[-1]
            if _are_plain(records, width):
                yield from map(Row, begins, map(tuple, records))
            else:
                yield from _rows(zip(begins, records, strict=True), width)
    except (csv.Error, UnicodeError) as error:
        raise InvalidFile("the file was changed while it was read", hint="run the import again") from error
    finally:
        text.detach()


def _are_plain(records: Sequence[list[str]], width: int) -> bool:
    """Whether each is a row, its cells as they are."""
    wholes = list(map("".join, records))
    whole = "".join(wholes)
    if "'" in whole or NOTE_MARK in whole:
        return False
    if not all(wholes) or any(map(str.isspace, wholes)):
        return False
    return all(len(cells) == width for cells in records) and max(map(len, wholes)) <= LONGEST_CELL


class _Lines:
    """The lines of a file for ``csv.reader``; ``record``: those of the record being read, ``number``: of the last."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self.text = text
        self.number = 0
        self.record: list[str] = []
        self.length = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self.text.readline(_LONGEST_LINE)
        if not line:
            raise StopIteration
        self.number += 1
        self.length = len(line) + (self.length if self.record else 0)
        self.record.append(line)
        if len(line) == _LONGEST_LINE or self.length > _LONGEST_ROW:
            raise InvalidFile(
                f"line {self.number} or its row is longer than {_LONGEST_LINE:,} characters",
                line=self.number,
                hint="check that a quote is closed and that this is a csv file",
            )
        if "\0" in line:
            column = line.index("\0") + 1
            raise InvalidFile(
                f"line {self.number}, character {column} is a NUL, which no text has",
                line=self.number,
                hint="save the file again as csv in UTF-8",
            )
        return line


def _broken_record(record: str, begin: int, delimiter: str) -> InvalidFile:
    """Names the cell at which the csv grammar breaks."""
    at, column = 0, 1
    while at < len(record):
        quoted = record[at] == '"'
        match = _QUOTED.match(record, at) if quoted else re.compile(f"[^{re.escape(delimiter)}\r\n]*").match(record, at)
        end = match.end() if match else len(record)
        if match is None or record[end : end + 1] not in ("", delimiter, "\r", "\n") or end - at > LONGEST_CELL:
            break
        at, column = end + 1, column + 1
    line = begin + len(re.findall("\r\n?|\n", record[:at]))
    reason = "its quote is never closed, or has text behind it" if record[at : at + 1] == '"' else "it is far too long"
    hint = "correct that cell, or open the file in a spreadsheet program and save it again"
    return InvalidFile(f"row {line}, column {column}: the cell cannot be read: {reason}", line=line, hint=hint)
