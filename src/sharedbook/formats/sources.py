"""Which kind of file this is, told from its content and its name, and the source that reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import BinaryIO

from sharedbook.domain.errors import InvalidFile, InvalidValue
from sharedbook.formats import csv_rows, sheet_rows
from sharedbook.formats.incoming import Reading, Source
from sharedbook.formats.problems import Problem
from sharedbook.formats.record_sources import JsonSource, LdifSource, VcfSource
from sharedbook.formats.table_source import TableSource


def open_source(file: BinaryIO, name: str, format: str | None, reading: Reading) -> Source:
    """Reads a seekable file to its end. ``format`` None: told from its content and its ``name`` ("" for none).

    Raises InvalidFile: not a file of that format, or one that cannot be read to its end; InvalidValue: ``format``,
    ``reading.encoding`` or ``reading.mapping``.
    """
    found = format or _format_of(file, name)
    if found in _RECORDS:
        return _RECORDS[found](file, reading)
    if found in ("csv", "tsv", "txt"):
        return TableSource("csv", csv_rows.open_table(file, encoding=reading.encoding), reading)
    if found in SHEETS:
        return _sheet_source(found, file, reading)
    raise InvalidValue(f"{found} cannot be imported", field="format", hint=f"save it as {_ANY_OF}")


_RECORDS: Mapping[str, Callable[[BinaryIO, Reading], Source]] = {
    "vcf": VcfSource,
    "json": JsonSource,
    "ldif": LdifSource,
}
_ANY_OF = "csv, xlsx or vcf"
SHEETS = ("xlsx", "xls", "ods")
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_SUFFIXES = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", "": "csv", ".vcf": "vcf", ".vcard": "vcf", ".json": "json",
    ".ldif": "ldif", ".ldi": "ldif",
}  # fmt: skip


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
