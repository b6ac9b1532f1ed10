"""A card made to say just what an entry says: what the entry does not name is taken away. The rest stays byte for byte.

Only fields that differ are written; of several values of a field the order says nothing. Pictures, and properties that
are no column, stay.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping

from sharedbook.domain.errors import InvalidValue
from sharedbook.domain.model import Limits
from sharedbook.formats.entries import column_edits, entries, entry_cards, types
from sharedbook.formats.entries.book_file import NUMBERED
from sharedbook.formats.entries.column_edits import Change
from sharedbook.formats.entries.columns import FIELDS, Column, column
from sharedbook.formats.entries.entries import Entry
from sharedbook.formats.vcards import vcard
from sharedbook.formats.vcards.vcard import Card, Edit, Remove

_NAMES = ("name", *entry_cards.NAME_PARTS)


def make_exact(card: Card, columns: Mapping[str, str], *, limits: Limits) -> Card:
    """The card as the columns (``uid`` aside) say; the same card when it says so already.

    A value that the card has already is taken as it is; another one must be what an import would take. Raises
    InvalidValue.
    """
    given = _entry({**columns, "uid": card.uid}, limits)
    has = entry_cards.of_card(card)
    changed = [name for name in _compared(columns) if said(given, name) != said(has, name)]
    if not changed:
        return card
    own = {name: text for name, text in columns.items() if column(name).field in changed}
    wanted = _entry(own, limits)
    changed = [name for name in changed if said(wanted, name) != said(has, name)]
    for name in changed:
        card = _made(card, name, wanted, limits)
    if columns.get("name") and set(changed) & set(_NAMES):
        card = _apply(card, Change(Column("name"), "=", given.single["name"]), limits)
    now = entry_cards.of_card(card)
    for name in changed:
        if said(now, name) != said(wanted, name):
            raise InvalidValue(
                f"{name} cannot be made so", field=name, hint="change it with: sharedbook contact set REF K=V"
            )
    return card


def said(entry: Entry, name: str) -> Hashable:
    """What an entry says in a field, in a form in which two can be compared."""
    if not FIELDS[name].many:
        text = entry.single.get(name, "")
        return frozenset(entries.words(text)) if name == "nickname" else text
    if name == "tags":
        return _tags(entry)
    if name in NUMBERED:
        return frozenset((value.number, value.text) for value in entry.values(name) if value.text)
    kept = ((types.kind(each.type), each.text, _parts(each)) for each in entry.values(name))
    return frozenset(Counter(kept).items())


def _tags(entry: Entry) -> frozenset[str]:
    return frozenset(word for text in entry.texts("tags") for word in entries.words(text))


def _parts(value: entries.Value) -> Hashable:
    return frozenset((part, text) for part, text in value.parts.items() if text)


def _compared(columns: Mapping[str, str]) -> list[str]:
    """The fields that are made exact; a name that is not given is made of its parts, and they may be made of it."""
    parts = entry_cards.NAME_PARTS if any(columns.get(part) for part in entry_cards.NAME_PARTS) else ()
    names = {*(["name"] if columns.get("name") else []), *parts}
    return [name for name in FIELDS if name != "uid" and (name not in _NAMES or name in names)]


def _entry(columns: Mapping[str, str], limits: Limits) -> Entry:
    # that a contact has a name is asked of all that is said of it, not here
    found = entries.of_columns({"name": "-", **columns}, limits=limits)
    if isinstance(found, list):
        raise entries.refusal(found)
    return found


def _made(card: Card, name: str, wanted: Entry, limits: Limits) -> Card:
    """The card with one field as it is wanted."""
    if name == "tags":
        has, given = _tags(entry_cards.of_card(card)), _tags(wanted)
        return column_edits.tag(card, sorted(given - has), sorted(has - given), limits)
    if not FIELDS[name].many:
        return _apply(card, Change(Column(name), "=", wanted.single.get(name, "")), limits)
    own = Entry(many={name: wanted.values(name)})
    card = vcard.parse(vcard.patch(card, entry_cards.edits(card, own)), limits)
    if name in NUMBERED:
        numbers = {value.number for value in wanted.values(name) if value.text}
        extra = {value.number for value in entry_cards.of_card(card).values(name) if value.text} - numbers
        for number in sorted(extra, reverse=True):
            card = _apply(card, Change(Column(name, "", number), "=", ""), limits)
        return card
    edits: list[Edit] = []
    for line in entry_cards.lines_of(card, name):
        if not any(_is(name, line.value, value) for value in wanted.values(name)):
            edits.append(Remove(line.property.name, line.nth))
    return vcard.parse(vcard.patch(card, edits), limits) if edits else card


def _is(name: str, one: entries.Value, other: entries.Value) -> bool:
    return said(Entry(many={name: (one,)}), name) == said(Entry(many={name: (other,)}), name)


def _apply(card: Card, change: Change, limits: Limits) -> Card:
    return column_edits.apply(card, [change], limits=limits)
