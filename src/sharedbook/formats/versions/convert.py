"""A card in the version that a client asks for: vCard 3.0 <-> 4.0, at read only. The stored card stays as it was sent.

The UID is never touched, nor are its parameters. What the other version cannot say is left out of the copy; when that
copy is PUT back, ``convert_back`` changes only what the client changed, so nothing that was left out is lost.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from sharedbook.formats.vcards import fields
from sharedbook.formats.vcards.content_line import CRLF, Property, Raw, escape_text, make_line
from sharedbook.formats.vcards.vcard import Card, load
from sharedbook.formats.versions import convert_to_3, convert_to_4
from sharedbook.formats.versions.convert_parts import Unit


def converted(text: str, version: str) -> str:
    """A stored card's text in a version, 3.0 or 4.0: as it is if that is its own."""
    card = load(text)
    if card.version == version:
        return text
    lines = [line_text(card, line, unit.sources) for unit in units(card, version) for line in unit.lines]
    return "".join([f"BEGIN:VCARD{CRLF}", make_line("VERSION", Raw(version)), *lines, f"END:VCARD{CRLF}"])


def in_version(card: Card, version: str) -> Card:
    """A card in a version, itself if that is its own."""
    return card if card.version == version else load(converted(card.text, version))


def units(card: Card, version: str) -> list[Unit]:
    """The whole card, converted. A name that the version requires is made if the card has none."""
    found = units_of(card.properties, version)
    required = {"FN", "N"} if version == "3.0" else {"FN"}
    missing = required - {line.name for unit in found for line in unit.lines}
    return [Unit((), (line,)) for line in _made(card, missing)] + found


def _made(card: Card, missing: Collection[str]) -> Iterator[Property]:
    """FN and N from what else is there: the family name is what many programs of 3.0 show; an organisation has none."""
    if missing:
        read = fields.read(card)
        name = escape_text(read.full_name)
        values = {"FN": name, "N": f"{'' if read.kind == 'org' else name};;;;"}
        yield from (Property("", each, (), values[each], 0, 0, 0) for each in sorted(missing))


def units_of(properties: Sequence[Property], version: str) -> list[Unit]:
    """Some properties of the other version, converted; VERSION is passed over."""
    return convert_to_3.units(properties) if version == "3.0" else convert_to_4.units(properties)


def line_text(card: Card, line: Property, sources: Sequence[Property]) -> str:
    """A content line, folded: of a source that was not changed as it stands in the card."""
    if line in sources:
        return card.text[line.start : line.end]
    return make_line(line.name, Raw(line.raw), line.params, line.group)
