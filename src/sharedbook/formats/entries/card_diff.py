"""What differs between two texts of one card: by field, for people, and by property, for programs.

A field is a column (``columns.py``), ``photo``, or the name of a property that no column holds. Pictures, keys and
sounds are told by kind, size and a short hash.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from itertools import zip_longest

from sharedbook.formats.entries import columns, entry_cards
from sharedbook.formats.vcards import fields, images, superiors, vcard
from sharedbook.formats.vcards.content_line import Property, unfold
from sharedbook.formats.vcards.vcard import Card

PHOTO = "photo"
_IN_COLUMNS = entry_cards.PROPERTIES | {"FN", "N", "ORG", "TITLE", "CATEGORIES", "X-ABLABEL", "X-ABADR"}
_OWN_AFFAIRS = frozenset({"VERSION", "UID", "PRODID", "REV"})


@dataclass(frozen=True, slots=True)
class Difference:
    """A field's value, or a property's whole line, before and after; None where there is none."""

    name: str
    before: str | None
    after: str | None


def fields_of(text: str | None) -> dict[str, str]:
    """Every field of a stored card with its value; of None, the card before there was one, nothing."""
    if text is None:
        return {}
    card = vcard.load(text)
    cells = entry_cards.cells(entry_cards.of_card(card))
    found = {column.name: value for column, value in cells.items() if column.field != "uid" and value}
    superior = superiors.line_of(card)
    for each in card.properties:
        if each.name not in _IN_COLUMNS | _OWN_AFFAIRS and each != superior:
            name = PHOTO if each.name == "PHOTO" else each.name
            shown = described(each) if fields.is_binary(each) else each.text()
            found[name] = f"{found[name]}\n{shown}" if name in found else shown
    return found


def by_field(before: str | None, after: str | None) -> list[Difference]:
    """The fields that differ, those of ``before`` first."""
    old, new = fields_of(before), fields_of(after)
    return [Difference(name, old.get(name), new.get(name)) for name in {**old, **new} if old.get(name) != new.get(name)]


def by_property(before: str | None, after: str | None) -> list[Difference]:
    """The property lines that differ, unfolded; of one property the nth that went is beside the nth that came."""
    old, new = _lines(before), _lines(after)
    gone, come = Counter(old) - Counter(new), Counter(new) - Counter(old)
    found = []
    for name in dict.fromkeys(each for each, _ in (*gone.elements(), *come.elements())):
        lines = ([line for each, line in some.elements() if each == name] for some in (gone, come))
        found += [Difference(name, went, came) for went, came in zip_longest(*lines)]
    return found


def _lines(text: str | None) -> list[tuple[str, str]]:
    if text is None:
        return []
    card = vcard.load(text)
    return [(found.name, _line(card, found)) for found in card.properties]


def _line(card: Card, found: Property) -> str:
    line = unfold(card.text[found.start : found.end])
    if not fields.is_binary(found):
        return line
    return line[: len(line) - len(found.raw)] + described(found)


def described(found: Property) -> str:
    """What is told of a picture, key or sound."""
    data = images.inline_data(found)
    if data is None:
        return found.raw
    kind = images.sniff(data)
    digest = hashlib.sha256(found.raw.encode()).hexdigest()[:12]
    return f"({kind.media_type if kind else 'data'}, {len(data)} bytes, {digest})"


def has_value(text: str | None, column: columns.Column, value: str) -> bool:
    """Whether a card has this value in the column's field, at whatever number."""
    names = ((columns.parse(name), held) for name, held in fields_of(text).items())
    return any(
        found is not None and (found.field, found.part) == (column.field, column.part) and held == value
        for found, held in names
    )
