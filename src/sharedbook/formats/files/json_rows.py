"""Contacts of a json file in and out: an array of objects (or objects one after the other), read one by one.

An object has the columns of ``columns.py`` as keys with texts as values, ``custom:NAME`` for the site's own fields,
``groups``, a list, and ``vcard``, the whole card. Where that is there, it counts, and the columns only show what is in
it.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO

from sharedbook.domain.errors import InvalidFile
from sharedbook.domain.model import Limits
from sharedbook.formats.entries.columns import REASON_COLUMN
from sharedbook.formats.rows import encodings

CARD = "vcard"
_CHUNK = 64 * 1024
_BETWEEN = re.compile(r"[\s,\[\]]*")


def objects(source: BinaryIO, limits: Limits, *, encoding: str | None = None) -> Iterator[tuple[int, object]]:
    """Every element of a seekable file with its number, from 1.

    Raises InvalidFile where it is no json, or an element holds far more than any card may.
    """
    codec = encodings.detect(source, encoding=encoding)
    source.seek(0)
    text = io.TextIOWrapper(source, encoding=codec, newline="")
    try:
        yield from _elements(text, limits.card_bytes * 9 // 8)  # a card's line ends are longer here
    finally:
        text.detach()


def _elements(text: io.TextIOWrapper, largest: int) -> Iterator[tuple[int, object]]:
    buffer, line, size, number, open_lists = "", 1, _CHUNK, 0, 0
    while True:
        before = len(buffer)
        buffer += _read(text, size)
        is_whole = len(buffer) == before
        while True:
            skipped = _BETWEEN.match(buffer)
            assert skipped is not None  # it matches nothing, too
            line += skipped[0].count("\n")
            open_lists += skipped[0].count("[") - skipped[0].count("]")
            buffer = buffer[skipped.end() :]
            found = _first(buffer, line, is_whole=is_whole) if buffer else None
            if found is None:
                break
            line += buffer.count("\n", 0, found[1])
            buffer, size, number = buffer[found[1] :], _CHUNK, number + 1
            yield number, found[0]
            del found  # it is not kept while the next is read
        if is_whole and open_lists > 0:
            raise InvalidFile(f"line {line}: the list has no end", line=line, hint="it may be cut off: get it again")
        if is_whole:
            return
        if len(buffer) > largest:
            most = f"{largest // 1024 // 1024} MB"
            raise InvalidFile(f"line {line}: an object is larger than {most}", line=line, hint="is this a json file?")
        size = min(max(_CHUNK, len(buffer)), largest + 1 - len(buffer))  # a long object is not begun anew each time


def _read(text: io.TextIOWrapper, size: int) -> str:
    """So many characters or some more, as long as there are any; a file keeps what was read of it last, so little."""
    return "".join([text.read(_CHUNK) for _ in range(0, size, _CHUNK)])


def _first(buffer: str, line: int, *, is_whole: bool) -> tuple[object, int] | None:
    """The element that the buffer begins with and where it ends; None if the rest of it is still to be read."""
    try:
        value, end = json.JSONDecoder().raw_decode(buffer)
    except RecursionError:
        raise InvalidFile(f"line {line}: objects are nested too deeply", line=line) from None
    except json.JSONDecodeError as error:
        if not is_whole:
            return None
        at = line + error.lineno - 1
        raise InvalidFile(f"line {at}: {error.msg}", line=at, hint="is this a json file?") from None
    except ValueError:  # Python reads no number of more digits than sys.get_int_max_str_digits()
        raise InvalidFile(f"line {line}: a number is too long", line=line, hint="write it as text") from None
    return (value, end) if is_whole or end < len(buffer) else None


def write(target: BinaryIO, rows: Iterable[Mapping[str, object]]) -> int:
    """Writes an array with one object a line, in UTF-8; returns how many."""
    count = 0
    for count, row in enumerate(rows, 1):
        target.write((b",\n" if count > 1 else b"[\n") + _octets(row))
    target.write(b"\n]\n" if count else b"[]\n")
    return count


def _octets(row: Mapping[str, object]) -> bytes:
    try:
        return json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which only an escape can say
        return json.dumps(row).encode()


def write_refused(target: BinaryIO, refused: Iterable[tuple[str, str]]) -> int:
    """Writes objects that were refused, each with its reason under ``REASON_COLUMN``; returns how many."""
    return write(target, (_with_reason(json.loads(text), reason) for text, reason in refused))


def _with_reason(found: object, reason: str) -> Mapping[str, object]:
    return {REASON_COLUMN: reason, **(found if isinstance(found, dict) else {})}
