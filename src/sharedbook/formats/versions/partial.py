"""A card with some of its properties only, as a client may ask for it (RFC 6352 section 10.4.2)."""

from __future__ import annotations

from collections.abc import Mapping

from sharedbook.formats.vcards.content_line import fold_line, unfold
from sharedbook.formats.vcards.vcard import load

_REQUIRED = {"3.0": frozenset({"VERSION", "UID", "FN", "N"}), "4.0": frozenset({"VERSION", "UID", "FN"})}
"""Without these it would be no vCard, or nobody's."""


def partial(text: str, names: Mapping[str, bool]) -> str:
    """A stored card's text with the properties of these names, upper-case, and those that every card must have.

    A name without group is one of any group; with one (``ITEM1.TEL``) only of that. False: without its value.
    """
    card = load(text)
    required = _REQUIRED[card.version]
    lines = []
    for found in card.properties:
        line = card.text[found.start : found.end]
        wanted = names.get(found.name, names.get(f"{found.group.upper()}.{found.name}"))
        if found.name in required or wanted:
            lines.append(line)
        elif wanted is not None:
            lines.append(_without_value(line, found.raw))
    begin = card.text[: card.properties[0].start]
    return "".join([begin, *lines, card.text[card.end :]])


def _without_value(line: str, raw: str) -> str:
    whole = unfold(line)
    return fold_line(whole[: len(whole) - len(raw)])
