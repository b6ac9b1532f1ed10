"""The erasure ledger: an append-only file in the data folder, outside the database, of every contact ever erased.

A line is a time, a keyed hash of the contact's key (or of a mail address that was erased everywhere), so that it tells
nothing without site.key, and a proof, chained to the line before: a line that was changed, moved or taken out shows. An
older backup still holds what was erased since; a restore finds it by this file and erases it again before anything is
served.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from sharedbook.services.keys.secrets import Secrets

NAME = "erasures.log"
HASH_CHARS, PROOF_CHARS = 64, 16


class Line(NamedTuple):
    """A line: time (RFC 3339), the keyed hash of a contact's key, the proof of this line and all before it."""

    number: int
    at: str
    hash: str
    proof: str


def hash_of(secrets: Secrets, key: str) -> str:
    """What stands for a contact's key, 64 hexadecimal digits."""
    return secrets.mac("ledger", key.encode()).hex()


def hash_of_mail(secrets: Secrets, folded: str) -> str:
    """What stands for the mail address of a person who was forgotten, also where no contact had it."""
    return secrets.mac("ledger", f"mailto:{folded}".encode()).hex()


def read(path: Path) -> dict[str, str]:
    """Hash -> time (RFC 3339) of every line; {} when there is no file. A line cut short by a crash is left out."""
    return {line.hash: line.at for line in _lines(path.read_bytes())} if path.exists() else {}


def broken(secrets: Secrets, path: Path) -> int | None:
    """The number of the first line that is not what was written there, None when all are.

    Lines cut off at the end do not show here; the database knows them (``erasure.unlisted``).
    """
    before = ""
    for line in _lines(path.read_bytes()) if path.exists() else ():
        if line.proof != _proof(secrets, before, line.at, line.hash):
            return line.number
        before = line.proof
    return None


def append(secrets: Secrets, path: Path, at: datetime, hashes: Sequence[str]) -> None:
    """Adds the hashes that are not yet in the file; they are on the disk when this returns. Raises OSError."""
    _append(secrets, path, [(at.isoformat(), each) for each in hashes])


def unite(secrets: Secrets, path: Path, other: Path) -> None:
    """Adds what another ledger has. Raises OSError."""
    _append(secrets, path, [(at, each) for each, at in read(other).items()])


def _lines(data: bytes) -> Iterator[Line]:
    for number, row in enumerate(data.decode("latin-1").splitlines(), 1):
        words = row.split()
        if [len(word) for word in words[1:]] == [HASH_CHARS, PROOF_CHARS]:
            yield Line(number, *words)


def _proof(secrets: Secrets, before: str, at: str, hash_: str) -> str:
    return secrets.mac("ledger-line", f"{before} {at} {hash_}".encode()).hex()[:PROOF_CHARS]


def _append(secrets: Secrets, path: Path, rows: Sequence[tuple[str, str]]) -> None:
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # two erasures at once would both chain to the same line
        file.seek(0)
        data = file.read()
        lines = list(_lines(data))
        known, before = {line.hash for line in lines}, lines[-1].proof if lines else ""
        text = "" if not data or data.endswith(b"\n") else "\n"
        for at, each in rows:
            if each not in known:
                before = _proof(secrets, before, at, each)
                text += f"{at} {each} {before}\n"
        file.write(text.encode("latin-1"))
        file.flush()
        os.fsync(file.fileno())
