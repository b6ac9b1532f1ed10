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
from sharedbook.formats.entries.columns import REASON_COLUMN
from sharedbook.formats.rows import encodings

CARD = "vcard"
_CHUNK = 64 * 1024
_LARGEST_OBJECT = 32 * 1024 * 1024
_BETWEEN = re.compile(r"[\s,\[\]]*")


def objects(source: BinaryIO, *, encoding: str | None = None) -> Iterator[tuple[int, object]]:
    """Every element of a seekable file with its number, from 1. Raises InvalidFile where it is no json."""
    codec = encodings.detect(source, encoding=encoding)
    source.seek(0)
    text = io.TextIOWrapper(source, encoding=codec, newline="")
    try:
        yield from enumerate(_elements(text), 1)
    finally:
        text.detach()


def _elements(text: io.TextIOWrapper) -> Iterator[object]:
    buffer, line, size, open_lists = "", 1, _CHUNK, 0
    while True:
        more = text.read(size)
        buffer += more
        while True:
            skipped = _BETWEEN.match(buffer)
            assert skipped is not None  # it matches nothing, too
            line += skipped[0].count("\n")
            open_lists += skipped[0].count("[") - skipped[0].count("]")
            buffer = buffer[skipped.end() :]
            found = _first(buffer, line, is_whole=not more) if buffer else None
            if found is None:
                break
            value, end = found
            yield value
            line += buffer.count("\n", 0, end)
            buffer, size = buffer[end:], _CHUNK
        if not more and open_lists > 0:
            raise InvalidFile(f"line {line}: the list has no end", line=line, hint="it may be cut off: get it again")
        if not more:
            return
        size = max(_CHUNK, len(buffer))  # a long object is not begun anew at every chunk
        if len(buffer) > _LARGEST_OBJECT:
            raise InvalidFile(f"line {line}: an object is larger than 32 MiB", line=line, hint="is this a json file?")


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
