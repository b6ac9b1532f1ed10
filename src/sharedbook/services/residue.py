"""The byte scan after an erasure: no 6-byte piece of an erased value is left in a file unless a living record holds it.

Pieces are looked for as UTF-8, as UTF-16 and as base64, because a copy might lie about in a decoded or encoded form.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

PIECE = 6
"""Bytes of a piece: shorter ones are in every file by chance."""

CHUNK = 1 << 20

Pieces = dict[int, frozenset[bytes]]
"""Pieces by their length in bytes: 6 as UTF-8, 8 as base64 (of 6), 12 as UTF-16 (of 6 characters)."""


@dataclass(frozen=True, slots=True)
class Residue:
    """A file that still holds pieces, and how many."""

    path: str
    pieces: int


def windows(data: bytes, length: int) -> set[bytes]:
    """Every run of ``length`` bytes."""
    return {data[at : at + length] for at in range(len(data) - length + 1)}


def pieces_of(values: Iterable[str]) -> Pieces:
    """The pieces of values, in each of the forms looked for."""
    plain: set[bytes] = set()
    wide: set[bytes] = set()
    coded: set[bytes] = set()
    for value in values:
        data = value.encode()
        plain |= windows(data, PIECE)
        for encoding in ("utf-16-le", "utf-16-be"):
            text = value.encode(encoding)
            wide |= {text[at : at + 2 * PIECE] for at in range(0, len(text) - 2 * PIECE + 1, 2)}
        for shift in range(3):
            whole = data[shift : shift + (len(data) - shift) // 3 * 3]
            coded |= windows(base64.b64encode(whole), 8)
    return {PIECE: frozenset(plain), 8: frozenset(coded), 2 * PIECE: frozenset(wide)}


def without(pieces: Pieces, living: Iterable[str]) -> Pieces:
    """The pieces that no living text holds."""
    left = {length: set(found) for length, found in pieces.items()}
    for text in living:
        data = text.encode()
        for found in left.values():
            found.difference_update(piece for piece in tuple(found) if piece in data)
    return {length: frozenset(found) for length, found in left.items()}


def found_in(path: Path, pieces: Pieces) -> set[bytes]:
    """Which pieces a file holds, read in chunks."""
    hits: set[bytes] = set()
    tail = b""
    longest = max(pieces)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            data = tail + chunk
            for length, wanted in pieces.items():
                if wanted:
                    hits |= windows(data, length) & wanted
            tail = data[-(longest - 1) :]
    return hits


def scan(paths: Iterable[Path], pieces: Pieces, living: Callable[[], Iterable[str]]) -> list[Residue]:
    """Files with pieces that ``living()`` (every text of the database) does not explain."""
    hits = {path: found_in(path, pieces) for path in paths}
    every = {
        length: frozenset(piece for found in hits.values() for piece in found if piece in wanted)
        for length, wanted in pieces.items()
    }
    unexplained = frozenset().union(*without(every, living()).values()) if any(every.values()) else frozenset()
    return [Residue(path.name, len(found & unexplained)) for path, found in hits.items() if found & unexplained]
