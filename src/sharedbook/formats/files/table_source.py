"""Rows of a delimited text file or of a sheet as incoming contacts, by their headers: the site's own fields, too."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from sharedbook.domain.errors import InvalidValue
from sharedbook.domain.model import CustomField
from sharedbook.formats.entries import columns, custom_values, dates, entries
from sharedbook.formats.entries.columns import Layout
from sharedbook.formats.entries.dates import Cell, Style
from sharedbook.formats.entries.incoming import Incoming, Reading
from sharedbook.formats.entries.plain import PlainRows
from sharedbook.formats.files.mail_rows import MailTable
from sharedbook.formats.files.sheet_rows import SheetTable
from sharedbook.formats.rows.csv_rows import Row, Table
from sharedbook.formats.rows.problems import Problem
from sharedbook.formats.vcards import phones

MOST_WARNINGS = 1_000
_DATES = ("birthday", "event")
_UID = columns.Column("uid")


_NO_CUSTOM: dict[int, tuple[str, ...]] = {}
"""Never written to."""


class Beside(NamedTuple):
    """``custom`` and ``groups`` of an ``Incoming``."""

    custom: dict[int, tuple[str, ...]]
    groups: tuple[str, ...]


class TableSource:
    """Rows of a delimited text file, or of a sheet."""

    def __init__(self, format: str, table: Table | SheetTable | MailTable, reading: Reading) -> None:
        self.format = format
        self.columns = table.header
        self.size = table.size
        self.encoding = table.encoding
        self.delimiter = table.delimiter
        self.samples = table.samples
        self.left_out: dict[str, None] = {}
        self._custom = _custom_columns(table.header, reading)
        own = {table.header[place]: columns.LEFT_OUT for place in self._custom}
        given = dict(reading.mapping or {})
        for name in columns.missing_in(table.header, given) if reading.of_several else ():
            del given[name]
        self._layout: Layout = columns.layout(table.header, {**given, **own})
        self._limits = reading.limits
        self._region = reading.region
        self.product = self._layout.product
        self.names_groups = columns.GROUPS in self._layout.columns
        self._table = table
        style, self.file_warnings = self._dates(reading)
        self.warnings: list[Problem] = []
        self._read = partial(entries.read, self._layout, style=style, limits=reading.limits)
        self.plain = PlainRows(self._layout, style, reading.limits)
        self._without_place = [
            place
            for place, (column, header) in enumerate(zip(self._layout.columns, self.columns, strict=True))
            if column is None and place not in self._custom and header != columns.REASON_COLUMN
        ]

    def _dates(self, reading: Reading) -> tuple[Style, tuple[Problem, ...]]:
        """How dates are read, which the whole file tells, and what is to be said of them."""
        places = [
            place
            for place, column in enumerate(self._layout.columns)
            if column and column.field in _DATES and not column.part
        ]
        uid = self._layout.columns.index(_UID) if _UID in self._layout.columns else None
        rows = self._table.rows() if places else ()
        cells = (
            Cell(row.line, self.columns[place], row.cells[place].strip())
            for row in rows
            if not row.problem and (uid is None or not row.cells[uid].strip())
            for place in places
        )
        headers = [self.columns[place] for place in places]
        return dates.of_file(cells, headers, region=reading.region, given=reading.dates)

    def rows(self) -> Generator[Incoming, None, None]:
        """Every row, in the order of the file."""
        return (self.incoming(row) for row in self.lines())

    def lines(self) -> Iterator[Row]:
        """Every row as it stands in the file, in its order, for ``incoming``."""
        self.warnings = list(self.file_warnings)
        rows = self._table.rows()
        return rows if isinstance(self._table, Table) else map(self._restored, rows)

    def incoming(self, row: Row) -> Incoming:
        """A row as a contact to come."""
        found = self._read(row)
        custom = {} if row.problem else self._read_custom(row)
        if isinstance(found, list) or isinstance(custom, list):
            problems = [*(found if isinstance(found, list) else ()), *(custom if isinstance(custom, list) else ())]
            return Incoming(row.line, row.cells, problems=tuple(problems))
        self._leave_out(row)
        return Incoming(row.line, row.cells, found, custom=custom, groups=self._groups(row))

    @property
    def says_beside(self) -> bool:
        """Whether ``beside`` has anything to tell of any row."""
        return bool(self._custom or self._without_place or self.names_groups)

    def beside(self, row: Row) -> Beside | None:
        """What a row says beside its entry, which has no problem; None if something else has."""
        custom = self._read_custom(row) if self._custom else _NO_CUSTOM
        if isinstance(custom, list):
            return None
        if self._without_place:
            self._leave_out(row)
        return Beside(custom, self._groups(row) if self.names_groups else ())

    def _leave_out(self, row: Row) -> None:
        """Notes the columns that contacts have no place for and hold something."""
        if self._without_place and any(map(row.cells.__getitem__, self._without_place)):
            for place in [place for place in self._without_place if row.cells[place].strip()]:
                self._without_place.remove(place)
                self.left_out[self.columns[place]] = None

    def _groups(self, row: Row) -> tuple[str, ...]:
        if not self.names_groups:
            return ()
        return tuple(entries.words(row.cells[self._layout.columns.index(columns.GROUPS)]))

    def _restored(self, row: Row) -> Row:
        """The row with phone numbers as they were before a spreadsheet made numbers of them."""
        if not (row.numbers or row.dates):
            return row
        cells = list(row.cells)
        for place in sorted(row.numbers | row.dates):
            column = self._layout.columns[place] if place < len(self.columns) else None
            if row.problem or column is None or column.field != "phone" or column.part:
                continue
            header, cell = self.columns[place], row.cells[place]
            if place in row.dates:
                message = f"{header}: a spreadsheet made a date of this number; write it as text"
                return row._replace(problem=Problem(row.line, header, "mangled-number", message, cell))
            full = phones.keys(cell, self._region).e164
            cells[place] = f"+{full}" if full else cell
            if len(self.warnings) < MOST_WARNINGS:
                message = f"{header}: {cell} was a number, not text; it is taken as {cells[place]}"
                self.warnings.append(Problem(row.line, header, "number-restored", message, cell))
        return row._replace(cells=tuple(cells))

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
        is_ours = columns.parse(target) is not None or target == columns.GROUPS.name
        own = None if is_ours else custom_values.named(reading.custom, target)
        if own is not None:
            found[place] = own
        elif target.startswith(custom_values.PREFIX) and target != name:
            raise InvalidValue(f"there is no field {target}", field=name, hint="see: sharedbook field list")
    return found
