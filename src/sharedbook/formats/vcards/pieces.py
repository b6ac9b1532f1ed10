"""The cards of a file, one after the other, each as its text.

One is gathered in octets: as lines, or as a text with rare characters, it would take many times the memory.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator

from sharedbook.formats.vcards.content_line import CRLF

BEGIN, END = "BEGIN:VCARD", "END:VCARD"


class Beginning(str):
    """How a card begins that is too large to be held in memory: it has no end."""

    __slots__ = ()


_BEGINNING = 64 * 1024


def split(data: bytes | str | Iterable[bytes], most: int = sys.maxsize) -> Iterator[tuple[int, str]]:
    """The cards of a file of any version, each with the number of its first line, from 1.

    An iterable gives lines, as a file opened in binary mode does; then only one card is in memory, and a ``Beginning``
    comes of one with more than ``most`` octets. Octets that are no UTF-8 stay in the text as surrogate escapes;
    UTF-16 is read if the whole file is given. Whatever stands between cards comes as a piece of its own, so that
    reading it says what is wrong with it; so does a card that never ends.
    """
    piece = _Piece(most)
    first, depth, is_agent = 1, 0, False
    for number, line in enumerate(_physical_lines(data), 1):
        word = line.strip().upper()
        if word == BEGIN and piece.size and not (depth and is_agent):
            yield first, piece.taken()
            depth = 0
        if word and not piece.size:
            first = number
        if word or piece.size:
            piece.add(line)
        is_agent = _opens_agent(word) if word else is_agent
        depth += (word == BEGIN) - (word == END and depth > 0)
        if word == END and depth == 0:
            yield first, piece.taken()
    if piece.size:
        yield first, piece.taken()


def _physical_lines(data: bytes | str | Iterable[bytes]) -> Iterator[str]:
    """Lines without their ends and byte order marks."""
    if isinstance(data, bytes) and data.startswith((b"\xff\xfe", b"\xfe\xff")):
        data = data.decode("utf-16", "replace")
    if isinstance(data, str):
        yield from with_crlf(data).replace(f"{CRLF}\ufeff", CRLF).removeprefix("\ufeff").split(CRLF)
        return
    for line in io.BytesIO(data) if isinstance(data, bytes) else data:
        text = with_crlf(line.decode(errors="surrogateescape"))
        yield from text.removeprefix("\ufeff").removesuffix(CRLF).split(CRLF)


def _opens_agent(line: str) -> bool:
    """Whether an upper-case line is a 2.1 AGENT, whose value is the card that follows."""
    return line.endswith(":") and line.partition(":")[0].split(";")[0].rpartition(".")[2] == "AGENT"


class _Piece:
    """Lines that belong together."""

    def __init__(self, most: int) -> None:
        self.most, self.size, self.octets = most, 0, bytearray()

    def add(self, line: str) -> None:
        octets = (line + CRLF).encode(errors=_ANY)
        self.size += len(octets)
        if self.size <= self.most:
            self.octets += octets

    def taken(self) -> str:
        octets, is_whole = self.octets, self.size <= self.most
        self.size, self.octets = 0, bytearray()
        return octets.decode(errors=_ANY) if is_whole else Beginning(octets[:_BEGINNING].decode(errors="ignore"))


_ANY = "surrogatepass"
"""Surrogate escapes stay as they are."""


def with_crlf(text: str) -> str:
    """Text with CRLF for LF, CR, and the CR CR LF of files written twice in text mode."""
    if text.count(CRLF) == text.count("\n") == text.count("\r"):
        return text
    return text.replace("\r\r\n", "\n").replace(CRLF, "\n").replace("\r", "\n").replace("\n", CRLF)
