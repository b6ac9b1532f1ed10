"""The erasure ledger: an append-only file in the data folder, outside the database, of every contact ever erased.

A line is a time and a keyed hash of the contact's key, so that it tells nothing without site.key. An older backup still
holds what was erased since; a restore finds it by this file and erases it again before anything is served.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from sharedbook.services.keys.secrets import Secrets

NAME = "erasures.log"


def hash_of(secrets: Secrets, key: str) -> str:
    """What stands for a contact's key, 64 hexadecimal digits."""
    return secrets.mac("ledger", key.encode()).hex()


def read(path: Path) -> dict[str, str]:
    """Hash -> time (RFC 3339) of every line; {} when there is no file. A line cut short by a crash is left out."""
    if not path.exists():
        return {}
    lines = (line.split() for line in path.read_text("ascii").splitlines())
    return {line[1]: line[0] for line in lines if len(line) == 2 and len(line[1]) == 64}


def append(path: Path, at: datetime, hashes: Sequence[str]) -> None:
    """Adds the hashes that are not yet in the file; they are on the disk when this returns. Raises OSError."""
    known = read(path)
    _write(path, [f"{at.isoformat()} {each}" for each in hashes if each not in known])


def unite(path: Path, other: Path) -> set[str]:
    """Adds the lines of another ledger; returns every hash of both. Raises OSError."""
    known, more = read(path), read(other)
    _write(path, [f"{at} {each}" for each, at in more.items() if each not in known])
    return known.keys() | more.keys()


def _write(path: Path, lines: Iterable[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    if not text:
        return
    whole = not path.exists() or path.read_bytes().endswith(b"\n")
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as file:
        file.write((text if whole else f"\n{text}").encode("ascii"))
        file.flush()
        os.fsync(file.fileno())
