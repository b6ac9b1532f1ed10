"""Rows of a file of any format as incoming contacts: what an import decides about, whatever it was written in."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import PurePath
from typing import BinaryIO, Protocol

from sharedbook.domain.errors import InvalidCard, InvalidFile, InvalidValue
from sharedbook.domain.model import CustomField, Limits
from sharedbook.formats import (
    columns,
    convert,
    csv_rows,
    custom_values,
    encodings,
    entries,
    entry_cards,
    phones,
    sheet_rows,
    vcard,
    vcard21,
    vcf_rows,
)
from sharedbook.formats.columns import Layout
from sharedbook.formats.content_line import Raw
from sharedbook.formats.csv_rows import Row, Table
from sharedbook.formats.entries import Entry
from sharedbook.formats.problems import Problem
from sharedbook.formats.sheet_rows import SheetTable
from sharedbook.formats.vcard import Add, Card, Edit, Set


@dataclass(frozen=True, slots=True)
class Incoming:
    """One row: ``cells`` as it stood in the file; an entry, or the problems that make it none; of a vcf, its card.

    ``custom``: values of the site's own fields, by id, of the columns that the file has.
    """

    line: int
    cells: tuple[str, ...]
    entry: Entry = field(default_factory=Entry)
    problems: tuple[Problem, ...] = ()
    card: Card | None = None
    custom: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    def text(self, *, uid: str = "") -> str:
        """The text of a new card; a vcf card is kept as it is but for a given ``uid``. Raises InvalidCard."""
        if self.card is None:
            return entry_cards.build(self.entry, uid=uid)
        return vcard.patch(self.card, [Set("UID", Raw(uid))]) if uid and uid != self.card.uid else self.card.text

    def edited(self, card: Card, *, fill: bool) -> str:
        """The text of a card that says what this row says; with ``fill`` only what it lacks. Raises InvalidCard."""
        edits = entry_cards.edits(card, self.entry, fill=fill)
        if self.card is not None:
            edits += _other_edits(card, convert.in_version(self.card, card.version), fill)
        return vcard.patch(card, edits)


_OWN_AFFAIRS = {"VERSION", "UID", "PRODID", "REV", "FN", "N", "ORG", "TITLE", "CATEGORIES", "X-ABLABEL", "X-ABADR"}


def _other_edits(card: Card, given: Card, fill: bool) -> Iterator[Edit]:
    """Properties that are no column, pictures for one: added where the card has none, one in place of one.

    ``given`` is of the card's version.
    """
    for name in dict.fromkeys(found.name for found in given.properties):
        if name in _OWN_AFFAIRS or name in entry_cards.PROPERTIES:
            continue
        has, gives = card.all(name), given.all(name)
        if not has:
            yield from (Add(name, Raw(found.raw), found.params) for found in gives)
        elif not fill and len(has) == len(gives) == 1 and has[0].raw != gives[0].raw:
            yield Set(name, Raw(gives[0].raw), gives[0].params)


class Source(Protocol):
    """A file that was read to its end once. ``size``: its rows; ``left_out``: columns that were not empty so far.

    ``warnings``: what was changed in rows so far that a person should look at, the first 1,000; line 0 is of the file.
    """

    format: str
    columns: tuple[str, ...]
    size: int
    encoding: str
    delimiter: str
    product: str
    samples: tuple[str, ...]
    left_out: dict[str, None]
    warnings: list[Problem]

    def rows(self) -> Generator[Incoming, None, None]:
        """Every row, in the order of the file."""
        ...


@dataclass(frozen=True)
class Reading:
    """What is needed to understand a file's rows."""

    region: str
    limits: Limits
    encoding: str | None = None
    mapping: Mapping[str, str] | None = None
    custom: Sequence[CustomField] = ()
    sheet: str = ""


def open_source(file: BinaryIO, name: str, format: str | None, reading: Reading) -> Source:
    """Reads a seekable file to its end. ``format`` None: told from its content and its ``name`` ("" for none).

    Raises InvalidFile: not a file of that format, or one that cannot be read to its end; InvalidValue: ``format``,
    ``reading.encoding`` or ``reading.mapping``.
    """
    found = format or _format_of(file, name)
    if found == "vcf":
        return VcfSource(file, reading)
    if found in ("csv", "tsv", "txt"):
        return TableSource("csv", csv_rows.open_table(file, encoding=reading.encoding), reading)
    if found in SHEETS:
        return _sheet_source(found, file, reading)
    raise InvalidValue(f"{found} cannot be imported", field="format", hint=f"save it as {_ANY_OF}")


_ANY_OF = "csv, xlsx or vcf"
SHEETS = ("xlsx", "xls", "ods")
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_SUFFIXES = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".vcf": "vcf", ".vcard": "vcf", "": "csv"}


def _format_of(file: BinaryIO, name: str) -> str:
    file.seek(0)
    start = file.read(64)
    suffix = PurePath(name).suffix.lower()
    if start.startswith((_ZIP, _OLE)):
        return _sheet_format(start, suffix)
    if start.startswith(b"%PDF"):
        raise InvalidFile(f"{name or 'this'} is a PDF", hint=f"save it as {_ANY_OF}")
    if start.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe\r\n ").upper().startswith(b"BEGIN:VCARD"):
        return "vcf"
    if suffix.removeprefix(".") in SHEETS:
        raise InvalidFile(f"{name} is text, and no sheet but by its name", hint="name it .csv, or say --format csv")
    if suffix not in _SUFFIXES:
        raise InvalidFile(f"{name} is no contact file by its name", hint=f"save it as {_ANY_OF}, or say --format")
    return _SUFFIXES[suffix]


def _sheet_format(start: bytes, suffix: str) -> str:
    """As its name says; an old or an encrypted file is ``xls``, whatever it is called."""
    if start.startswith(_OLE):
        return "xls"
    return "ods" if suffix == ".ods" or b"opendocument" in start else "xlsx"


def _sheet_source(format: str, file: BinaryIO, reading: Reading) -> Source:
    table = sheet_rows.open_table(file, reading.sheet)
    source = TableSource(format, table, reading)
    if table.others and not reading.sheet:
        message = f"only the sheet {table.sheet} is read; the file also has {', '.join(table.others)}: --sheet"
        source.file_warnings = (Problem(0, "", "other-sheets", message),)
    return source


MOST_WARNINGS = 1_000


class TableSource:
    """Rows of a delimited text file, or of a sheet."""

    def __init__(self, format: str, table: Table | SheetTable, reading: Reading) -> None:
        self.format = format
        self.columns = table.header
        self.size = table.size
        self.encoding = table.encoding
        self.delimiter = table.delimiter
        self.samples = table.samples
        self.left_out: dict[str, None] = {}
        self._custom = _custom_columns(table.header, reading)
        own = {table.header[place]: columns.LEFT_OUT for place in self._custom}
        self._layout: Layout = columns.layout(table.header, {**(reading.mapping or {}), **own})
        self._limits = reading.limits
        self._region = reading.region
        self.product = self._layout.product
        self.file_warnings: tuple[Problem, ...] = ()
        self.warnings: list[Problem] = []
        self._table = table
        self._read = partial(entries.read, self._layout, region=reading.region, limits=reading.limits)

    def rows(self) -> Generator[Incoming, None, None]:
        """Every row, in the order of the file."""
        self.warnings = list(self.file_warnings)
        for row in map(self._restored, self._table.rows()):
            found = self._read(row)
            custom = {} if row.problem else self._read_custom(row)
            if isinstance(found, list) or isinstance(custom, list):
                problems = [*(found if isinstance(found, list) else ()), *(custom if isinstance(custom, list) else ())]
                yield Incoming(row.line, row.cells, problems=tuple(problems))
                continue
            for place, (column, header) in enumerate(zip(self._layout.columns, self.columns, strict=True)):
                left = column is None and place not in self._custom and header != columns.REASON_COLUMN
                if left and row.cells[place].strip():
                    self.left_out[header] = None
            yield Incoming(row.line, row.cells, found, custom=custom)

    def _restored(self, row: Row) -> Row:
        """The row with phone numbers as they were before a spreadsheet made numbers of them."""
        cells = list(row.cells)
        for place in sorted(row.numbers | row.dates):
            column = self._layout.columns[place] if place < len(self.columns) else None
            if row.problem or column is None or column.field != "phone" or column.part:
                continue
            header, cell = self.columns[place], row.cells[place]
            if place in row.dates:
                message = f"{header}: a spreadsheet made a date of this number; write it as text"
                return replace(row, problem=Problem(row.line, header, "mangled-number", message, cell))
            full = phones.keys(cell, self._region).e164
            cells[place] = f"+{full}" if full else cell
            if len(self.warnings) < MOST_WARNINGS:
                message = f"{header}: {cell} was a number, not text; it is taken as {cells[place]}"
                self.warnings.append(Problem(row.line, header, "number-restored", message, cell))
        return replace(row, cells=tuple(cells))

    def _read_custom(self, row: Row) -> dict[int, tuple[str, ...]] | list[Problem]:
        """Values of the site's own fields, or everything that is wrong with them."""
        values: dict[int, tuple[str, ...]] = {}
        problems = []
        for place, own in self._custom.items():
            try:
                values[own.id] = custom_values.read(own, row.cells[place], self._limits)
            except InvalidValue as error:
                cell = row.cells[place][:200]
                problems.append(Problem(row.line, self.columns[place], error.code, error.message, cell))
        return problems or values


def _custom_columns(header: Sequence[str], reading: Reading) -> dict[int, CustomField]:
    """The site's own field of each column that is one: mapped to it, or called ``custom:NAME`` or by its name."""
    mapping = {columns.fold(name): target for name, target in (reading.mapping or {}).items()}
    found = {}
    for place, name in enumerate(header):
        target = mapping.get(columns.fold(name), name)
        own = custom_values.named(reading.custom, target) if columns.parse(target) is None else None
        if own is not None:
            found[place] = own
    return found


class VcfSource:
    """Cards of a vcf file."""

    format = "vcf"
    columns: tuple[str, ...] = ("vcard",)
    delimiter = ""
    product = ""

    def __init__(self, file: BinaryIO, reading: Reading) -> None:
        self.encoding = encodings.known(reading.encoding) if reading.encoding else "utf-8"
        self.samples: tuple[str, ...] = ()
        self.left_out: dict[str, None] = {}
        self.warnings: list[Problem] = []
        self._file = file
        self._limits = reading.limits
        self._charset = reading.encoding or ""
        self.size = sum(1 for _ in vcf_rows.cards(file))
        if not self.size:
            raise InvalidFile("the file is empty: it has no card")

    def rows(self) -> Generator[Incoming, None, None]:
        """Every card, in the order of the file."""
        for line, text in vcf_rows.cards(self._file):
            try:
                card = vcard21.upgrade(text, self._limits, charset=self._charset)
                yield Incoming(line, (text,), entry_cards.of_card(card), card=card)
            except InvalidCard as error:
                place = f" (that is line {line + error.line - 1} of the file)" if error.line else ""
                yield Incoming(line, (text,), problems=(Problem(line, "", error.code, error.message + place),))
