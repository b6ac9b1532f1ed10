"""QR codes: what of a card a phone's camera takes for a contact, and any text drawn for terminals and files.

The vCard in the code is a small one: what does not fit into a code of MOST_BYTES, which a terminal of 80 columns can
show and a camera can read from it, is left out. Lines are not folded: some readers of codes know no folding.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sharedbook.formats.vcards import fields
from sharedbook.formats.vcards.content_line import CRLF, Params, Raw, Value, make_line, unfold
from sharedbook.formats.vcards.vcard import Card

if TYPE_CHECKING:
    from segno import QRCode

MOST_BYTES = 425
"""What version 13 of the code holds at error correction L (ISO/IEC 18004, table 7): 69 modules wide."""

QUIET_ZONE = 4
"""Modules of white around a code (ISO/IEC 18004, section 6.3.8)."""

KINDS = ("png", "svg")
"""Files that a code can be drawn into."""


@dataclass(frozen=True, slots=True)
class SmallCard:
    """A vCard 3.0 for a code. ``left_out``: property names of the card's lines that did not fit, each once."""

    text: str
    left_out: tuple[str, ...]


def small_card(card: Card) -> SmallCard:
    """Name, numbers, mail addresses, company, title, web pages and addresses of a card, as far as they fit."""
    read = fields.read(card)
    name = (read.family, read.given, read.additional, read.prefix, read.suffix)
    lines = ["BEGIN:VCARD" + CRLF, "VERSION:3.0" + CRLF, _line("N", name), _line("FN", read.full_name)]
    end = "END:VCARD" + CRLF
    size = len("".join([*lines, end]).encode())
    left_out: dict[str, None] = {}
    for property_name, value, params in _optional(read):
        line = _line(property_name, value, params)
        if size + len(line.encode()) > MOST_BYTES:
            left_out[property_name] = None
        else:
            lines.append(line)
            size += len(line.encode())
    return SmallCard("".join([*lines, end]), tuple(left_out))


def _optional(read: fields.Fields) -> Iterator[tuple[str, Value, Params]]:
    """What may be left out, the most useful first."""
    numbers = [("TEL", each.value, _types(each)) for each in read.phones]
    mails = [("EMAIL", each.value, _types(each)) for each in read.emails]
    yield from (*numbers[:2], *mails[:2])
    if read.organization:
        yield "ORG", (read.organization,), ()
    if read.title:
        yield "TITLE", read.title, ()
    yield from (*numbers[2:], *mails[2:])
    yield from (("URL", Raw(each.value), ()) for each in read.urls)
    yield from (("ADR", each.components(), _types(each)) for each in read.addresses)


def _types(found: fields.Typed | fields.Address) -> Params:
    return (("TYPE", tuple(sorted(map(str.upper, found.types)))),) if found.types else ()


def _line(name: str, value: Value, params: Params = ()) -> str:
    return unfold(make_line(name, value, params)) + CRLF


def blocks(text: str) -> list[str]:
    """The code as lines of blocks, two rows of modules a line; light ones are drawn, dark ones left empty."""
    drawn = io.StringIO()
    _code(text).terminal(drawn, border=QUIET_ZONE, compact=True)
    return drawn.getvalue().splitlines()


def picture(text: str, kind: str) -> bytes:
    """The code as a file of one of KINDS."""
    drawn = io.BytesIO()
    _code(text).save(drawn, kind=kind, scale=8, border=QUIET_ZONE)
    return drawn.getvalue()


def _code(text: str) -> QRCode:
    """In UTF-8 whatever the text: readers of codes guess any other encoding wrong."""
    import segno  # slow to load, and most calls of the command line draw nothing

    return segno.make_qr(text, error="l", encoding="utf-8")
