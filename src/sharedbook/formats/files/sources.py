"""Which kind of file this is, told from its content and its name, and the source that reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePath
from typing import BinaryIO

from sharedbook.domain.errors import InvalidFile, InvalidValue
from sharedbook.formats.entries.incoming import Reading, Source
from sharedbook.formats.files import archive_source, heap, mail_rows, sheet_rows
from sharedbook.formats.files.archive_source import ArchiveSource, Member
from sharedbook.formats.files.record_sources import JsonSource, LdifSource, VcfSource
from sharedbook.formats.files.table_source import TableSource
from sharedbook.formats.rows import csv_rows
from sharedbook.formats.rows.problems import Problem


def open_source(file: BinaryIO, name: str, format: str | None, reading: Reading) -> Source:
    """Reads a seekable file to its end. ``format`` None: told from its content and its ``name`` ("" for none).

    Raises InvalidFile: not a file of that format, or one that cannot be read to its end; InvalidValue: ``format``,
    ``reading.encoding`` or ``reading.mapping``.
    """
    found = format or _format_of(file, name)
    _refuse_what_does_nothing(found, reading)
    if found in _RECORDS:
        heap.give_back()  # a record may hold a photo
        return _RECORDS[found](file, reading)
    if found in TEXTS:
        return TableSource("csv", csv_rows.open_table(file, encoding=reading.encoding), reading)
    if found in SHEETS:
        return _sheet_source(found, file, reading)
    if found in MAILS:
        return _mail_source(found, file, reading)
    if found == "zip":
        return _archive(archive_source.of_zip(file), reading)
    raise InvalidValue(f"{found} cannot be imported", field="format", hint=f"save it as {_ANY_OF}")


_RECORDS: Mapping[str, Callable[[BinaryIO, Reading], Source]] = {
    "vcf": VcfSource,
    "json": JsonSource,
    "ldif": LdifSource,
}


def _refuse_what_does_nothing(format: str, reading: Reading) -> None:
    """Raises InvalidValue for an option that says something of files of another format."""
    wrong = (
        ("--map", reading.mapping and format not in (*TEXTS, *SHEETS)),
        ("--sheet", reading.sheet and format not in SHEETS),
        ("--recipients", reading.recipients and format not in MAILS),
    )
    for what, is_given in wrong:
        if is_given and format != "zip" and not reading.of_several:
            raise InvalidValue(f"{what} says nothing of a file of format {format}", field=what, hint="leave it out")


def header_of(file: BinaryIO, name: str, format: str | None, reading: Reading) -> tuple[str, ...]:
    """The headers of a table as they stand in it. Raises as ``open_source`` does; InvalidValue for what is no table."""
    found = format or _format_of(file, name)
    if found in SHEETS:
        return sheet_rows.open_table(file, reading.sheet).header
    if found in TEXTS:
        return csv_rows.open_table(file, encoding=reading.encoding).header
    raise InvalidValue(f"a file of format {found} has no headers to map", field="format", hint="name a csv or a sheet")


def open_folder(folder: Path, reading: Reading) -> Source:
    """Reads every file in and below a folder. Raises as ``open_source`` does, naming the file."""
    return _archive(archive_source.of_folder(folder, reading.limits.file_bytes), reading)


def _archive(members: Iterable[Member], reading: Reading) -> Source:
    return ArchiveSource(members, partial(_open_member, replace(reading, of_several=True)), reading.mapping or ())


def _open_member(reading: Reading, file: BinaryIO, name: str) -> Source | None:
    """A file in a zip or folder; None for one that is of no kind that can be imported, and for hidden ones."""
    path = PurePath(name)
    is_hidden = any(part.startswith((".", "__")) for part in path.parts)
    if is_hidden or not path.suffix or path.suffix.lower() not in {*_SUFFIXES, ".zip"}:
        return None
    found = _format_of(file, name)
    if found == "zip":
        raise InvalidFile("it is a zip file in a zip file or folder", hint="unpack it, and import it by itself")
    source = open_source(file, name, found, reading)
    return source if source.size or found not in MAILS else None  # a draft has no sender


_ANY_OF = "csv, xlsx or vcf"
TEXTS = ("csv", "tsv", "txt")
SHEETS = ("xlsx", "xls", "ods")
MAILS = ("eml", "mbox")
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_SUFFIXES = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", "": "csv", ".vcf": "vcf", ".vcard": "vcf", ".json": "json",
    ".ldif": "ldif", ".ldi": "ldif", ".eml": "eml", ".mbox": "mbox", ".mbx": "mbox", ".xlsx": "xlsx", ".xls": "xls",
    ".ods": "ods",
}  # fmt: skip


def _format_of(file: BinaryIO, name: str) -> str:
    file.seek(0)
    start = file.read(64)
    suffix = PurePath(name).suffix.lower()
    if start.startswith((_ZIP, _OLE)):
        return _packed_format(file, start)
    if start.startswith(b"%PDF"):
        raise InvalidFile(f"{name or 'this'} is a PDF", hint=f"save it as {_ANY_OF}")
    if start.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe\r\n ").upper().startswith(b"BEGIN:VCARD"):
        return "vcf"
    if not start and _SUFFIXES.get(suffix) in (None, *SHEETS):
        raise InvalidFile(f"{name} is empty", hint="is it the right file?")
    if suffix.removeprefix(".") in SHEETS:
        raise InvalidFile(
            f"{name} is a text file, although its name says spreadsheet", hint="name it .csv, or say --format csv"
        )
    if suffix not in _SUFFIXES:
        raise InvalidFile(
            f"{name} has a name that says nothing about its format", hint=f"save it as {_ANY_OF}, or say --format"
        )
    return _SUFFIXES[suffix]


def _packed_format(file: BinaryIO, start: bytes) -> str:
    """By its parts; an old or an encrypted file is ``xls``, whatever it is called."""
    if start.startswith(_OLE):
        return "xls"
    names = archive_source.names(file)
    if "content.xml" in names:
        return "ods"
    return "xlsx" if "[Content_Types].xml" in names else "zip"


def _mail_source(format: str, file: BinaryIO, reading: Reading) -> Source:
    table = mail_rows.open_table(file, is_box=format == "mbox", recipients=reading.recipients)
    if not table.size and not reading.of_several:
        raise InvalidFile("the file has no message with a sender", hint="is it an eml or mbox file?")
    source = TableSource(format, table, reading)
    if table.mailings:
        message = f"messages to more than {reading.recipients}, of which only the senders are taken: {table.mailings}"
        source.file_warnings = (Problem(0, "", "many-recipients", message), *source.file_warnings)
    return source


def _sheet_source(format: str, file: BinaryIO, reading: Reading) -> Source:
    table = sheet_rows.open_table(file, reading.sheet)
    if reading.sheet or not table.others:
        return TableSource(format, table, reading)
    unread = f"only the sheet {table.sheet} is read; the file also has {', '.join(table.others)}: --sheet"
    try:
        source = TableSource(format, table, reading)
    except InvalidFile as error:
        raise InvalidFile(error.message, line=error.line, hint=unread) from None
    source.file_warnings = (Problem(0, "", "other-sheets", unread), *source.file_warnings)
    return source
