"""Whom a contact reports to: a line RELATED;TYPE=manager with the other card's UID as a URN (RFC 6350 section 6.6.6).

It is a link, not a name: whoever may not see the other contact is not told its name, a new name needs no second
edit, and an erasure finds the line. A manager's name as text, as address books on phones write it, is another thing:
the column ``related.manager``.
"""

from __future__ import annotations

from collections.abc import Collection

from sharedbook.formats.vcards.content_line import Property
from sharedbook.formats.vcards.vcard import Card, Edit, Remove, Set

PROPERTY = "RELATED"
TYPE = "manager"
_URN, _URN_UUID = "urn:", "urn:uuid:"


def line_of(card: Card) -> Property | None:
    """The first line that links a superior."""
    return next(filter(is_link, card.properties), None)


def is_link(line: Property) -> bool:
    """Whether a line links a superior."""
    return line.name == PROPERTY and bool(linked(line.types(), line.text()))


def uid_of(card: Card) -> str:
    """The superior's UID, without ``urn:uuid:``; "" for none."""
    line = line_of(card)
    return linked(line.types(), line.text()) if line else ""


def linked(types: Collection[str], value: str) -> str:
    """The UID, without ``urn:uuid:``, that a line of these types (lower case) links as a superior's; "" for none."""
    target = value.strip()
    if TYPE not in types or not target.lower().startswith(_URN):
        return ""
    return target[len(_URN_UUID) :] if target.lower().startswith(_URN_UUID) else target


def forms(uid: str) -> tuple[str, str]:
    """The UIDs that the card named by ``uid_of`` may have: without and with ``urn:uuid:``."""
    return uid, f"{_URN_UUID}{uid}"


def edit(card: Card, uid: str) -> Edit:
    """What makes a card name this superior, none for ""."""
    line = line_of(card)
    nth = len(card.all(PROPERTY)) if line is None else card.all(PROPERTY).index(line)
    if not uid:
        return Remove(PROPERTY, nth)
    return Set(PROPERTY, uid if uid.lower().startswith(_URN) else f"{_URN_UUID}{uid}", (("TYPE", (TYPE,)),), nth)
