"""A card in the version that a client asks for: vCard 3.0 <-> 4.0, at read only. The stored card stays as it was sent.

The UID is never touched, nor are its parameters. What the other version cannot say is left out of the copy; when that
copy is PUT back, ``convert_back`` changes only what the client changed, so nothing that was left out is lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from sharedbook.formats import convert_to_3, convert_to_4, fields
from sharedbook.formats.content_line import CRLF, Property, Raw, escape_text, make_line
from sharedbook.formats.convert_parts import Unit
from sharedbook.formats.vcard import Card, load

Version = Literal["3.0", "4.0"]


def converted(text: str, version: Version) -> str:
    """A stored card's text in a version: as it is if that is its own."""
    card = load(text)
    if card.version == version:
        return text
    lines = [line_text(card, line, unit.sources) for unit in units(card, version) for line in unit.lines]
    return "".join([f"BEGIN:VCARD{CRLF}", make_line("VERSION", Raw(version)), *lines, f"END:VCARD{CRLF}"])


def units(card: Card, version: Version) -> list[Unit]:
    """The whole card, converted. A name that the version requires is made if the card has none."""
    found = units_of(card.properties, version)
    present = {line.name for unit in found for line in unit.lines}
    return [Unit((), (line,)) for line in _required(card, version) if line.name not in present] + found


def _required(card: Card, version: Version) -> Iterator[Property]:
    """FN, and N in 3.0: the family name is what many programs of 3.0 show; an organisation has none."""
    read = fields.read(card)
    name = escape_text(read.full_name)
    yield Property("", "FN", (), name, 0, 0, 0)
    if version == "3.0":
        yield Property("", "N", (), f"{'' if read.kind == 'org' else name};;;;", 0, 0, 0)


def units_of(properties: Sequence[Property], version: Version) -> list[Unit]:
    """Some properties of the other version, converted; VERSION is passed over."""
    return convert_to_3.units(properties) if version == "3.0" else convert_to_4.units(properties)


def line_text(card: Card, line: Property, sources: Sequence[Property]) -> str:
    """A content line, folded: of a source that was not changed as it stands in the card."""
    if line in sources:
        return card.text[line.start : line.end]
    return make_line(line.name, Raw(line.raw), line.params, line.group)
