"""Which encoding a text file has: byte order mark, strict UTF-8, the one that was named, a guess among a site's list.

Nothing is decoded with replacement characters: a file is read whole in one encoding, or refused with the place.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from sharedbook.domain.errors import InvalidFile, InvalidValue

GUESSES = (
    "cp949",
    "gb18030",
    "cp932",
    "cp1252",
    "utf-16-le",
    "utf-16-be",
    "big5",
    "cp1250",
    "cp1251",
    "cp1253",
    "cp1254",
)
"""What a file may be in when nothing says it; cp932 is Shift-JIS as Windows writes it."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
USUAL = "utf-8"
"""Of a file without a mark, if it can be read so and holds no NUL."""

_CHUNK = 64 * 1024
_SAMPLE = 64 * 1024


@dataclass(frozen=True, slots=True)
class _Broken:
    """Where decoding stopped: line and character in it, from 1, and the byte in the file, from 0."""

    line: int
    character: int
    offset: int


def is_marked(source: BinaryIO) -> bool:
    """Whether a byte order mark says the encoding."""
    return _marked(source) is not None


def _marked(source: BinaryIO) -> str | None:
    source.seek(0)
    start = source.read(4)
    return next((codec for mark, codec in _MARKS if start.startswith(mark)), None)


def detect(source: BinaryIO, *, encoding: str | None = None, guesses: Sequence[str] = GUESSES) -> str:
    """The codec in which the whole seekable file can be read.

    Raises InvalidFile with line and character where no encoding fits, InvalidValue for an unknown ``encoding``.
    """
    named = known(encoding) if encoding else None
    marked = _marked(source)
    if marked:
        return _certain(source, marked)
    broken, holds_nul = _decode(source, USUAL)
    if broken is None and not holds_nul:
        return USUAL
    if named:
        return _certain(source, named)
    guess = _guess(source, guesses)
    if guess:
        return guess
    if broken is None:
        return USUAL
    raise _refusal(broken, "UTF-8, and no other encoding fits it")


def known(encoding: str) -> str:
    """The codec of an encoding's name. Raises InvalidValue when there is none."""
    try:
        "".encode(encoding)
        return codecs.lookup(encoding).name
    except (LookupError, ValueError):
        raise InvalidValue(
            f"there is no encoding {encoding}",
            field="encoding",
            hint="for example cp949, gb18030, shift_jis, cp1252, utf-16",
        ) from None


def _certain(source: BinaryIO, codec: str) -> str:
    broken, _ = _decode(source, codec)
    if broken:
        raise _refusal(broken, codec)
    return codec


def _refusal(broken: _Broken, codec: str) -> InvalidFile:
    return InvalidFile(
        f"line {broken.line}, character {broken.character} (byte {broken.offset + 1} of the file) is not {codec}",
        line=broken.line,
        hint="name the file's encoding with --encoding, or save it as UTF-8",
    )


def _decode(source: BinaryIO, codec: str) -> tuple[_Broken | None, bool]:
    """Decodes the whole file: where it breaks, if it does, and whether a NUL was in it before that."""
    decoder = codecs.getincrementaldecoder(codec)()
    source.seek(0)
    line, character, done, holds_nul = 1, 1, 0, False
    while True:
        chunk = source.read(_CHUNK)
        pending = len(decoder.getstate()[0])
        try:
            text, failed = decoder.decode(chunk, final=not chunk), None
        except UnicodeDecodeError as error:
            text, failed = error.object[: error.start].decode(codec, "ignore"), error.start
        newlines = text.count("\n")
        line += newlines
        character = len(text) - text.rfind("\n") if newlines else character + len(text)
        holds_nul = holds_nul or "\0" in text
        if failed is not None:
            return _Broken(line, character, done - pending + failed), holds_nul
        if not chunk:
            return None, holds_nul
        done += len(chunk)


def _guess(source: BinaryIO, guesses: Sequence[str]) -> str | None:
    """The likeliest of ``guesses`` in which the whole file can be read; a file with a NUL is UTF-16, another is not."""
    import chardet  # its tables are large, and most files are UTF-8

    source.seek(0)
    beginning = source.read(_SAMPLE)
    wide = b"\0" in beginning
    candidates = [guess for guess in guesses if guess.startswith("utf-16") == wide]
    if not candidates:
        return None
    sample = beginning if wide else b"".join(_foreign_lines(source))[:_SAMPLE]
    if not sample:
        return None
    # ASCII stands for no match: neither sample can be read in it.
    for found in chardet.detect_all(sample, include_encodings=[*candidates, "ascii"], no_match_encoding="ascii"):
        codec = codecs.lookup(found["encoding"] or "ascii").name
        if _decode(source, codec) == (None, False):
            return codec
    return None


def _foreign_lines(source: BinaryIO) -> Iterator[bytes]:
    """What tells the others apart: the lines that are not ASCII, up to 64 KiB."""
    source.seek(0)
    size = 0
    while size < _SAMPLE and (line := source.readline(_SAMPLE)):
        if not line.isascii():
            size += len(line)
            yield line
