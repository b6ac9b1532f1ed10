"""The byte scan after an erasure: no 6-byte piece of an erased value is left in a file unless a living record holds it.

Pieces are looked for as UTF-8, as UTF-16 and as base64, because a copy might lie about in a decoded or encoded form.
Every position of every file is compared. A piece is a number of 64 bits, found in a table of bits first and in the
sorted pieces then: a file of 150 MB takes seconds, also when there are a million pieces.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy
from numpy.typing import NDArray

PIECE = 6
"""Bytes of a piece: shorter ones are in every file by chance."""

ZEROS = 3
"""Zero bytes that make a piece of data a number, such as of a page: nobody is known by it."""

LONGEST = 12
"""Bytes of the longest form: 6 characters as UTF-16."""

CHUNK = 1 << 20

Keys = NDArray[numpy.uint64]
"""Pieces as numbers."""

_SIX_BYTES = numpy.uint64((1 << 48) - 1)
_MIX = numpy.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: Knuth's multiplier, spreads neighbours over the table
_NONE = numpy.zeros(0, numpy.uint64)


@dataclass(frozen=True, slots=True)
class Residue:
    """A file that still holds pieces, and how many."""

    path: Path
    pieces: int


@dataclass(frozen=True, slots=True)
class Pieces:
    """Sorted pieces without repetition, by form: 6 bytes of UTF-8, 8 of base64 (of 6), 12 of UTF-16 (6 characters)."""

    plain: Keys
    coded: Keys
    wide: Keys

    def __len__(self) -> int:
        return len(self.plain) + len(self.coded) + len(self.wide)

    def union(self, other: Pieces) -> Pieces:
        """The pieces of both."""
        return Pieces(*(numpy.union1d(*pair) for pair in zip(self._forms(), other._forms(), strict=True)))

    def without(self, other: Pieces) -> Pieces:
        """The pieces that the other does not have."""
        pairs = zip(self._forms(), other._forms(), strict=True)
        return Pieces(*(numpy.setdiff1d(own, theirs, assume_unique=True) for own, theirs in pairs))

    def both(self, other: Pieces) -> Pieces:
        """The pieces that the other has, too."""
        pairs = zip(self._forms(), other._forms(), strict=True)
        return Pieces(*(numpy.intersect1d(own, theirs, assume_unique=True) for own, theirs in pairs))

    def _forms(self) -> tuple[Keys, Keys, Keys]:
        return self.plain, self.coded, self.wide


def _plain(data: bytes) -> Keys:
    return _words(data)[: max(0, len(data) - PIECE + 1)] & _SIX_BYTES


def _telling(data: bytes) -> NDArray[numpy.bool_]:
    """Which pieces of data are more than small numbers, as in the header of any picture and the pages of a database."""
    is_zero = numpy.frombuffer(data, numpy.uint8) == 0
    sums = numpy.concatenate((numpy.zeros(1, numpy.int64), numpy.cumsum(is_zero)))
    zeros: NDArray[numpy.int64] = sums[PIECE:] - sums[:-PIECE]
    return zeros < ZEROS


def _coded(data: bytes) -> Keys:
    return _words(data)[: max(0, len(data) - 7)]


def _wide(data: bytes) -> Keys:
    words, count = _words(data), max(0, len(data) - LONGEST + 1)
    return words[:count] * _MIX + words[4 : 4 + count]


def _words(data: bytes) -> Keys:
    """The 8 bytes from each position on, as numbers; zeros follow the end."""
    return numpy.ndarray((len(data),), "<u8", data + bytes(8), 0, (1,))


def pieces_of(values: Iterable[str | bytes]) -> Pieces:
    """The pieces of values, in each of the forms looked for; data has no form as UTF-16."""
    plain, coded, wide = [_NONE], [_NONE], [_NONE]
    for value in values:
        if isinstance(value, str):
            for encoding in ("utf-16-le", "utf-16-be"):
                wide.append(_wide(value.encode(encoding, "surrogatepass"))[::2])
        data = value.encode() if isinstance(value, str) else value
        plain.append(_plain(data) if isinstance(value, str) else _plain(data)[_telling(data)])
        for shift in range(3):
            coded.append(_coded(base64.b64encode(data[shift : shift + (len(data) - shift) // 3 * 3])))
    return Pieces(*(numpy.unique(numpy.concatenate(found)) for found in (plain, coded, wide)))


class Finder:
    """Finds pieces in data, at every position."""

    def __init__(self, pieces: Pieces) -> None:
        self._forms = [
            (cut, _Table(wanted))
            for cut, wanted in ((_plain, pieces.plain), (_coded, pieces.coded), (_wide, pieces.wide))
        ]

    def find(self, blocks: Iterable[bytes]) -> Pieces:
        """Which pieces the blocks hold; a piece may begin in one block and end in the next."""
        seen = [numpy.zeros(len(table.wanted), numpy.bool_) for _cut, table in self._forms]
        tail = b""
        for block in blocks:
            data = tail + block
            for marks, (cut, table) in zip(seen, self._forms, strict=True):
                table.mark(cut(data), marks)
            tail = data[-(LONGEST - 1) :]
        return Pieces(*(table.wanted[marks] for marks, (_cut, table) in zip(seen, self._forms, strict=True)))


class _Table:
    """Pieces by hash. Where two have the same one, the second is found in the next level, which is smaller."""

    def __init__(self, wanted: Keys) -> None:
        self.wanted = wanted
        mixed = wanted * _MIX
        self._shift = _shift(16 * len(wanted))
        self._used = numpy.zeros(1 << (64 - int(self._shift)), numpy.bool_)
        self._used[mixed >> self._shift] = True
        self._levels: list[tuple[numpy.uint64, NDArray[numpy.int32]]] = []
        left = numpy.arange(len(wanted), dtype=numpy.int32)
        while len(left):
            shift = _shift(2 * len(left))
            level = numpy.zeros(1 << (64 - int(shift)), numpy.int32)
            level[mixed[left] >> shift] = left
            self._levels.append((shift, level))
            left = left[level[mixed[left] >> shift] != left]

    def mark(self, keys: Keys, marks: NDArray[numpy.bool_]) -> None:
        """Sets the marks (one for each piece) of those that are among the keys."""
        if not len(self.wanted):
            return
        mixed = keys * _MIX
        likely = self._used[mixed >> self._shift]
        keys, mixed = keys[likely], mixed[likely]
        for shift, level in self._levels:
            places = level[mixed >> shift]
            marks[places[self.wanted[places] == keys]] = True


def _shift(room: int) -> numpy.uint64:
    """How far a mixed key goes right to be a place in a table with about this room, of 4,096 to 16 million places."""
    return numpy.uint64(64 - min(24, max(12, room.bit_length())))


def scan(paths: Iterable[Path], pieces: Pieces, living: Callable[[], Iterable[bytes]]) -> list[Residue]:
    """Files with pieces that ``living()`` (the bytes of what is rightly there) does not explain. Raises OSError."""
    finder = Finder(pieces)
    hits = {path: finder.find(blocks_of(path)) for path in paths}
    every = Pieces(_NONE, _NONE, _NONE)
    for found in hits.values():
        every = every.union(found)
    if not len(every):
        return []
    unexplained = every.without(Finder(every).find(living()))
    left = {path: len(found.both(unexplained)) for path, found in hits.items()}
    return [Residue(path, count) for path, count in left.items() if count]


def blocks_of(path: Path) -> Iterator[bytes]:
    """A file's bytes. Raises OSError."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
