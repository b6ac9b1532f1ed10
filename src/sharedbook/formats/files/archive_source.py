"""A zip or a folder of import files as one file: every row of every file in it, in the order of their names.

Nothing is unpacked to where its name says: names only tell which kind of file it is, and where a row came from.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from sharedbook.domain.errors import InvalidFile, InvalidValue
from sharedbook.formats.entries import columns
from sharedbook.formats.entries.incoming import Incoming, Source
from sharedbook.formats.rows.problems import Problem

MOST_FILES = 10_000
UNZIPPED_BYTES = 300 * 1024 * 1024
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a zip or folder; ``open`` gives it as a seekable file."""

    name: str
    open: Callable[[], AbstractContextManager[BinaryIO]]


def of_folder(folder: Path, most_bytes: int) -> list[Member]:
    """The files in and below a folder, links left out. Raises InvalidFile: too many, too large."""
    found = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]
    _refuse_too_much(len(found), sum(path.stat().st_size for path in found), most_bytes)
    return [Member(path.relative_to(folder).as_posix(), _opener(path)) for path in found]


def _opener(path: Path) -> Callable[[], AbstractContextManager[BinaryIO]]:
    def opened() -> BinaryIO:
        try:
            return path.open("rb")
        except OSError as error:
            raise InvalidFile(f"{path} cannot be read: {error.strerror}", hint="check its permissions") from error

    return opened


def of_zip(file: BinaryIO) -> list[Member]:
    """The files in a zip. Raises InvalidFile: damaged, encrypted, too many, too large, names that lead elsewhere."""
    parts = _parts(file)
    infos = [info for info in sorted(parts.infolist(), key=lambda info: info.filename) if not info.is_dir()]
    _refuse_too_much(len(infos), sum(info.file_size for info in infos), UNZIPPED_BYTES)
    for info in infos:
        path = PurePosixPath(info.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
            raise InvalidFile(f"the name {info.filename} points outside the zip file", hint="pack it again")
        if info.flag_bits & 1:
            raise InvalidFile(f"{info.filename} is encrypted", hint="pack it without a password")
    return [Member(info.filename, _unzipper(parts, info)) for info in infos]


def names(file: BinaryIO) -> set[str]:
    """The names in a zip. Raises InvalidFile for a damaged one."""
    return set(_parts(file).namelist())


def _parts(file: BinaryIO) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise InvalidFile(f"the zip file is damaged: {error}", hint="pack it again") from None


def _refuse_too_much(files: int, size: int, most_bytes: int) -> None:
    if files > MOST_FILES or size > most_bytes:
        raise InvalidFile(
            f"there are more than {MOST_FILES:,} files or {most_bytes // 1024 // 1024} MB", hint="import it in parts"
        )


def _unzipper(parts: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], AbstractContextManager[BinaryIO]]:
    @contextmanager
    def unzipped() -> Iterator[BinaryIO]:
        with tempfile.TemporaryFile() as file:
            try:
                with parts.open(info) as part:  # it gives no more bytes than its head says
                    while data := part.read(_CHUNK):
                        file.write(data)
            except (zipfile.BadZipFile, zlib.error, NotImplementedError, OSError, EOFError) as error:
                raise InvalidFile(f"it is damaged: {error}", hint="pack it again") from None
            file.seek(0)
            yield file

    return unzipped


class ArchiveSource:
    """The rows of several files. A row's line is its number among all rows; its own line is in what is said of it."""

    format = "zip"
    columns: tuple[str, ...] = ("file", "row")
    encoding = delimiter = product = ""

    def __init__(
        self,
        members: Iterable[Member],
        open_member: Callable[[BinaryIO, str], Source | None],
        mapping: Iterable[str] = (),
    ) -> None:
        """``open_member``: file and name to a source, None for a file that is left out. ``mapping``: its headers."""
        self._members = list(members)
        self._open_member = open_member
        self._left: list[Problem] = []
        self.size = 0
        self.names_groups = False
        headers = set[str]()
        for name, found in self._sources():
            if found is None:
                self._left.append(Problem(0, "", "left-out", f"{name} is left out"))
            else:
                self.size += found.size
                self.names_groups |= found.names_groups
                headers.update(found.columns)
        for name in columns.missing_in(headers, mapping):  # files of refused rows lack those whose rows all came in
            self._left.append(Problem(0, "", "header-missing", f"the map names {name}, which none of the files has"))
        self.samples: tuple[str, ...] = ()
        self.left_out: dict[str, None] = {}
        self.warnings: list[Problem] = []
        if not self.size:
            raise InvalidFile("there is no contact in these files", hint="it may hold csv, xlsx, vcf, ldif, json files")

    def _sources(self) -> Generator[tuple[str, Source | None], None, None]:
        for member in self._members:
            try:
                with member.open() as file:
                    yield member.name, self._open_member(file, member.name)
            except InvalidFile as error:
                raise InvalidFile(f"{member.name}: {error.message}", line=error.line, hint=error.hint) from None
            except InvalidValue as error:  # such as a map that does not fit this file
                raise InvalidValue(f"{member.name}: {error.message}", field=error.field, hint=error.hint) from None

    def rows(self) -> Generator[Incoming, None, None]:
        """Every row of every file."""
        self.warnings = list(self._left)
        number = 0
        for name, found in self._sources():
            if found is None:
                continue
            origin = json.dumps([name, found.format, found.columns], ensure_ascii=False)
            for row in found.rows():
                number += 1
                problems = tuple(
                    replace(each, line=number, message=f"{name}, line {row.line}: {each.message}")
                    for each in row.problems
                )
                yield replace(row, line=number, cells=(origin, *row.cells), problems=problems)
            self.left_out |= found.left_out
            self.warnings += [replace(each, line=0, message=f"{name}: {each.message}") for each in found.warnings]


def origin(cell: str) -> tuple[str, str, Sequence[str]]:
    """Name, format and columns of the file that a row came from, by its first cell."""
    name, format, header = json.loads(cell)
    return name, format, header
