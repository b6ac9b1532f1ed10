"""Cards of a vcf file in, cards out. A file may hold vCard 2.1, 3.0 and 4.0 together; one bad card is one problem."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import starmap
from typing import BinaryIO, NamedTuple

from sharedbook.domain.errors import InvalidCard
from sharedbook.domain.model import Limits
from sharedbook.formats.rows import encodings
from sharedbook.formats.vcards import pieces, vcard
from sharedbook.formats.vcards.content_line import CRLF, make_line
from sharedbook.formats.vcards.vcard import Add, Remove

REASON_PROPERTY = "X-SHAREDBOOK-IMPORT-ERROR"
"""Why a card was refused: the property that error files have and the import takes out."""

FIELD_PROPERTY = "X-SHAREDBOOK-FIELD"
"""A value of a field of the site's own, which no card has: exports add it, named by its parameter NAME."""

GROUP_PROPERTY = "X-SHAREDBOOK-GROUP"
"""The slug of a group that the contact is in: exports add one for each."""

_REASON = re.compile(rf"^{REASON_PROPERTY}:.*(?:\r\n[ \t].*)*\r\n", re.MULTILINE)
_WIDE = (b"\xff\xfe", b"\xfe\xff")


def cards(source: BinaryIO, limits: Limits) -> Iterator[tuple[int, str]]:
    """Every card of a seekable file with the line on which it begins; what stands between cards comes as a card too.

    Of a card over the limit comes a ``pieces.Beginning``. Octets that are no UTF-8 are kept as surrogate escapes:
    ``vcard21.upgrade`` reads them. Raises InvalidFile: broken UTF-16.
    """
    source.seek(0)
    wide = source.read(2) in _WIDE
    source.seek(0)
    lines: Iterable[bytes] = iter(partial(source.readline, limits.card_bytes), b"")
    if wide:
        lines = _transcoded(source, encodings.detect(source), limits.card_bytes)
    return starmap(_without_reason, pieces.split(lines, limits.card_bytes))


def _without_reason(line: int, text: str) -> tuple[int, str]:
    return line, type(text)(_REASON.sub("", text))


def _transcoded(source: BinaryIO, codec: str, longest: int) -> Iterator[bytes]:
    source.seek(0)
    text = io.TextIOWrapper(source, encoding=codec, newline="")
    try:
        while line := text.readline(longest):
            yield line.encode()
    finally:
        text.detach()


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
