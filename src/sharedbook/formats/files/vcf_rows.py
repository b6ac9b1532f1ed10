"""Cards of a vcf file in, cards out. A file may hold vCard 2.1, 3.0 and 4.0 together; one bad card is one problem."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import BinaryIO, NamedTuple

from sharedbook.domain.errors import InvalidCard, InvalidFile
from sharedbook.formats.rows import encodings
from sharedbook.formats.vcards import vcard
from sharedbook.formats.vcards.content_line import CRLF, make_line
from sharedbook.formats.vcards.vcard import Add, Remove

REASON_PROPERTY = "X-SHAREDBOOK-IMPORT-ERROR"
"""Why a card was refused: the property that error files have and the import takes out."""

FIELD_PROPERTY = "X-SHAREDBOOK-FIELD"
"""A value of a field of the site's own, which no card has: exports add it, named by its parameter NAME."""

GROUP_PROPERTY = "X-SHAREDBOOK-GROUP"
"""The slug of a group that the contact is in: exports add one for each."""

_REASON = re.compile(rf"^{REASON_PROPERTY}:.*(?:\r\n[ \t].*)*\r\n", re.MULTILINE)
_LARGEST_CARD = 32 * 1024 * 1024
_WIDE = (b"\xff\xfe", b"\xfe\xff")


def cards(source: BinaryIO) -> Iterator[tuple[int, str]]:
    """Every card of a seekable file with the line on which it begins; what stands between cards comes as a card too.

    Octets that are no UTF-8 are kept as surrogate escapes: ``vcard21.upgrade`` reads them. Raises InvalidFile: broken
    UTF-16, no end of a card within 32 MiB.
    """
    source.seek(0)
    wide = source.read(2) in _WIDE
    source.seek(0)
    lines: Iterable[bytes] = iter(lambda: source.readline(_LARGEST_CARD), b"")
    if wide:
        lines = _transcoded(source, encodings.detect(source))
    for line, text in vcard.split(_bounded(lines)):
        yield line, _REASON.sub("", text)


def _transcoded(source: BinaryIO, codec: str) -> Iterator[bytes]:
    source.seek(0)
    text = io.TextIOWrapper(source, encoding=codec, newline="")
    try:
        for line in text:
            yield line.encode()
    finally:
        text.detach()


def _bounded(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The lines; a card that never ends is not gathered in memory."""
    size = 0
    for number, line in enumerate(lines, 1):
        size += len(line)
        if size > _LARGEST_CARD:
            raise InvalidFile(f"line {number}: a card is larger than 32 MiB", line=number, hint="is this a vcf file?")
        yield line
        if line.strip().upper() == b"END:VCARD":
            size = 0


def write(target: BinaryIO, texts: Iterable[str]) -> int:
    """Writes cards one behind the other, each as it is; returns how many."""
    count = 0
    for text in texts:
        target.write((text if text.endswith(CRLF) else text + CRLF).encode(errors="surrogateescape"))
        count += 1
    return count


class Beside(NamedTuple):
    """What an export adds to a card: cells of the site's own fields, by name, and slugs of groups."""

    fields: Mapping[str, str]
    groups: Sequence[str]


_OURS = (Remove(FIELD_PROPERTY), Remove(GROUP_PROPERTY))


def with_beside(text: str, beside: Beside) -> str:
    """A card with what is known of its contact beside it; lines of an earlier export, put back by a client, go."""
    fields = (Add(FIELD_PROPERTY, cell, (("NAME", (name,)),)) for name, cell in beside.fields.items())
    groups = (Add(GROUP_PROPERTY, slug) for slug in beside.groups)
    return vcard.patch(vcard.load(text), [*_OURS, *fields, *groups])


def without_beside(card: vcard.Card) -> tuple[vcard.Card, Beside]:
    """A card as it was before ``with_beside``, and what that added."""
    fields = {found.param("NAME") or "": found.text() for found in card.all(FIELD_PROPERTY)}
    beside = Beside(fields, [found.text() for found in card.all(GROUP_PROPERTY)])
    return (vcard.load(vcard.patch(card, _OURS)) if any(beside) else card), beside


def write_refused(target: BinaryIO, refused: Iterable[tuple[str, str]]) -> int:
    """Writes cards that were refused, each with its reason as one more property; returns how many."""
    return write(target, (_with_reason(text, reason) for text, reason in refused))


def _with_reason(text: str, reason: str) -> str:
    first, end, rest = text.partition(CRLF)
    if first.strip().upper() != "BEGIN:VCARD":
        return text
    try:
        line = make_line(REASON_PROPERTY, reason)
    except InvalidCard:  # the reason quotes a character that no card can carry
        line = make_line(REASON_PROPERTY, reason.encode("ascii", "backslashreplace").decode())
    return first + end + line + rest
