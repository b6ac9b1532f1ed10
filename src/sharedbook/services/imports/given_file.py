"""The file or folder that an import reads: opened, put where it can be read twice, and known again by its hash."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from sharedbook.domain.errors import InvalidFile
from sharedbook.formats.entries import incoming
from sharedbook.formats.files import archive_source, sources


@contextmanager
def opened_source(source: Path | BinaryIO, format: str | None, reading: incoming.Reading) -> Iterator[incoming.Source]:
    """Its rows, as ``import_file`` is told to read them. Raises InvalidFile, InvalidValue."""
    if isinstance(source, Path) and source.is_dir():
        yield sources.open_folder(source, reading)
        return
    with seekable(source, reading.limits.file_bytes) as file:
        yield sources.open_source(file, source.name if isinstance(source, Path) else "", format, reading)


@contextmanager
def seekable(source: Path | BinaryIO, most: int) -> Iterator[BinaryIO]:
    """The source as a file that can be read twice. Raises InvalidFile: not there, not readable, over the limit."""
    with _opened(source) if isinstance(source, Path) else spooled(source, most) as file:
        if file.seek(0, 2) > most:
            raise _too_large(most)
        yield file


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise InvalidFile(f"{path} cannot be read: {error.strerror}", hint="check its path and permissions") from error


@contextmanager
def spooled(source: BinaryIO, most: int) -> Iterator[BinaryIO]:
    """What a pipe gives, as an unnamed file. Raises InvalidFile for more than ``most`` octets."""
    with tempfile.TemporaryFile() as file:
        size = 0
        while data := source.read(1024 * 1024):
            size += len(data)
            if size > most:
                raise _too_large(most)
            file.write(data)
        file.seek(0)
        yield file


def _too_large(most: int) -> InvalidFile:
    return InvalidFile(f"the file is larger than {most // 1_000_000} MB", hint="split it, or raise limits.file_bytes")


def hash_beside(source: Path, reading: incoming.Reading) -> Future[str]:
    """``hash_of``, while the file is read for something else."""
    thread = ThreadPoolExecutor(1)
    found = thread.submit(hash_of, source, reading)
    thread.shutdown(wait=False)
    return found


def hash_of(source: Path, reading: incoming.Reading) -> str:
    """The SHA-256 of a file; of a folder that of its files' names and hashes; in hex."""
    if not source.is_dir():
        with _opened(source) as file:
            return _digest(file).hex()
    found = hashlib.sha256()
    for member in archive_source.of_folder(source, reading.limits.file_bytes):
        with member.open() as file:
            found.update(member.name.encode(errors="surrogateescape") + b"\0" + _digest(file))
    return found.hexdigest()


def _digest(file: BinaryIO) -> bytes:
    found = hashlib.sha256()
    while piece := file.read(1024 * 1024):
        found.update(piece)
    return found.digest()
