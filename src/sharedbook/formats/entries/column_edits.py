"""Columns by name: a new card of them, or single ones of a card that exists.

``K=V`` sets, ``K+=V`` adds a value, ``K-=V`` takes one away, ``K=`` empties; what no change names stays byte for byte.
What a column is called: ``columns.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sharedbook.domain import folding
from sharedbook.domain.errors import InvalidValue
from sharedbook.domain.model import Limits
from sharedbook.formats.entries import columns, entries, entry_cards
from sharedbook.formats.entries.columns import FIELDS, Column
from sharedbook.formats.entries.entries import Entry, Value
from sharedbook.formats.vcards import images, superiors, vcard
from sharedbook.formats.vcards.content_line import Raw, escape_text, split_raw, unescape_text
from sharedbook.formats.vcards.vcard import Card, Edit, Remove, Set

_NUMBERED = {"company": "ORG", "department": "ORG", "title": "TITLE"}
_CHANGE = re.compile(r"(?P<column>[^=+\s-][^=]*?)(?P<operator>\+=|-=|=)(?P<text>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Change:
    """One change. ``operator`` is ``=``, ``+=`` or ``-=``; ``text`` is "" to empty the column."""

    column: Column
    operator: str
    text: str


def parse(text: str) -> Change:
    """Reads ``K=V``, ``K+=V``, ``K-=V``. Raises InvalidValue: no such form, no such column, no value to add."""
    found = _CHANGE.fullmatch(text)
    if found is None:
        raise InvalidValue(f"{text!r} is not a change", hint="write K=V, K+=V, K-=V, or K= to empty it")
    column = columns.column(found["column"])
    if column.field == "uid" or column.part == "type":
        raise InvalidValue(
            f"{column.name} cannot be changed", field=column.name, hint="add a new value, or a new contact"
        )
    if found["operator"] != "=" and not FIELDS[column.field].many and column.field != "nickname":
        raise InvalidValue(f"{column.name} has one value", field=column.name, hint=f"set it: {column.name}=...")
    if found["operator"] != "=" and not found["text"].strip():
        raise InvalidValue(f"{text!r} names no value", field=column.name, hint="write the value after the =")
    return Change(column, found["operator"], found["text"].strip())


def new_card(values: Mapping[str, str], limits: Limits) -> Card:
    """A card of columns and their texts. Raises InvalidValue, which says all that is wrong; InvalidCard."""
    found = entries.of_columns(values, limits=limits)
    if isinstance(found, list):
        raise entries.refusal(found)
    return vcard.checked(entry_cards.build(found), limits)


def emptied(name: str) -> Change:
    """The change that empties a column. Raises InvalidValue."""
    return parse(f"{columns.column(name).name}=")


def apply(card: Card, changes: Iterable[Change], *, limits: Limits) -> Card:
    """The card after the changes, one after the other. Raises InvalidValue, InvalidCard."""
    for change in changes:
        card = vcard.parse(vcard.patch(card, _edits(card, _checked(change, limits))), limits)
    return card


def photo(card: Card, data: bytes | None, limits: Limits) -> Card:
    """The card with a picture in place of those it has; None: without any. Raises InvalidCard, CardTooLarge."""
    others: list[Edit] = [Remove("PHOTO", nth) for nth in range(0 if data is None else 1, len(card.all("PHOTO")))]
    if data is not None:
        name, value, params = images.photo_property(data, card.version)
        others.append(Set(name, value, params))
    return vcard.parse(vcard.patch(card, others), limits)


def tag(card: Card, add: Sequence[str], remove: Sequence[str], limits: Limits) -> Card:
    """The card with some tags more and some less, compared as people read them; the others stay as they are written.

    Raises InvalidCard.
    """
    lines = [split_raw(found.raw, ",") for found in card.all("CATEGORIES")]
    unwanted = set(map(folding.fold, remove))
    left = [[piece for piece in pieces if _tag_key(piece) not in unwanted] for pieces in lines]
    has = {_tag_key(piece) for pieces in left for piece in pieces}
    new = {folding.fold(text): escape_text(text) for text in reversed(add) if folding.fold(text) not in has}
    if new:
        if not left:
            left.append([])
        left[-1] = [piece for piece in left[-1] if piece.strip()] + list(reversed(new.values()))
    edits: list[Edit] = []
    for nth, pieces in enumerate(left):
        if not pieces:
            edits.append(Remove("CATEGORIES", nth))
        elif lines[nth : nth + 1] != [pieces]:
            edits.append(Set("CATEGORIES", Raw(",".join(pieces)), nth=nth))
    return vcard.parse(vcard.patch(card, edits), limits) if edits else card


def _tag_key(piece: str) -> str:
    return folding.fold(unescape_text(piece).strip())


def _checked(change: Change, limits: Limits) -> Change:
    """The change with its text as an import would write it. Raises InvalidValue."""
    if not change.text or change.operator == "-=":
        return change
    # a row must name somebody; that the whole contact does is not asked of one column
    found = entries.of_columns({"nickname": "-", change.column.name: change.text}, limits=limits)
    if isinstance(found, list):
        raise InvalidValue(found[0].message, field=found[0].column)
    if FIELDS[change.column.field].many:
        value = found.values(change.column.field)[0]
        return replace(change, text=value.text or next(iter(value.parts.values())))
    return replace(change, text=found.single.get(change.column.field, ""))


def _edits(card: Card, change: Change) -> list[Edit]:
    field = change.column.field
    if field in ("tags", "nickname"):
        return _list_edits(card, change)
    if not FIELDS[field].many:
        return _single_edits(card, change)
    has = list(entry_cards.of_card(card).values(field))
    if change.operator == "-=" or not (change.text or change.column.part):
        return _removals(card, change, has)
    place = None if change.operator == "+=" else _place(change.column, has)
    if place is None:
        number = max((value.number for value in has), default=0) + 1
        place = len(has)
        has.append(Value(type=change.column.type, number=number))
    before, has[place] = has[place], _changed(has[place], change)
    if not (has[place].text or any(has[place].parts.values())):
        return [
            Remove(line.property.name, line.nth) for line in entry_cards.lines_of(card, field) if line.value == before
        ]
    return entry_cards.edits(card, Entry(many={field: tuple(has)}))


def _changed(value: Value, change: Change) -> Value:
    if FIELDS[change.column.field].parts:
        return value._replace(parts={**value.parts, (change.column.part or "street"): change.text})
    return value._replace(text=change.text)


def _place(column: Column, has: list[Value]) -> int | None:
    """Which of the values a column means: the nth of its type, or the nth of all; None when there are fewer."""
    if column.field in _NUMBERED:
        return next((place for place, value in enumerate(has) if value.number == column.number), None)
    fitting = [place for place, value in enumerate(has) if not column.type or value.type == column.type]
    return fitting[column.number - 1] if column.number <= len(fitting) else None


def _single_edits(card: Card, change: Change) -> list[Edit]:
    field = change.column.field
    if field == "reports_to":
        return [superiors.edit(card, change.text)]
    if change.text or field in entry_cards.NAME_PARTS:
        return entry_cards.edits(card, Entry(single={field: change.text}))
    if field == "name":
        raise InvalidValue("a contact has a name", field="name", hint="give it another one")
    return [Remove(entry_cards.SINGLE[field])]


_LISTS = {"tags": "CATEGORIES", "nickname": "NICKNAME"}


def _list_edits(card: Card, change: Change) -> list[Edit]:
    """Fields whose values stand in one line."""
    name = _LISTS[change.column.field]
    has = [text.strip() for found in card.all(name) for text in found.values() if text.strip()]
    given = entries.words(change.text)
    if change.operator == "+=":
        given = [*has, *given]
    elif change.operator == "-=":
        if missing := [word for word in given if word not in has]:
            raise _not_there(change, missing[0])
        given = [word for word in has if word not in given]
    others: list[Edit] = [Remove(name, nth) for nth in range(1, len(card.all(name)))]
    return [*others, Set(name, [list(dict.fromkeys(given))])] if given else [Remove(name)]


def _removals(card: Card, change: Change, has: list[Value]) -> list[Edit]:
    """Takes values away: the one given, the one numbered, or all of the column."""
    column = change.column
    if column.field in _NUMBERED:
        return _numbered_removals(card, change, has)
    lines = [line for line in entry_cards.lines_of(card, column.field) if column.type in ("", line.value.type)]
    if change.text:
        wanted = [
            line for line in lines if entry_cards.same(column.field, line.value, Value(change.text, line.value.type))
        ]
    else:
        wanted = lines if column.number == 1 else lines[column.number - 1 : column.number]
    if change.text and not wanted:
        raise _not_there(change, change.text)
    return [Remove(line.property.name, line.nth) for line in wanted]


def _numbered_removals(card: Card, change: Change, has: list[Value]) -> list[Edit]:
    """The nth of these columns is the nth line; a company takes its departments along, a department only leaves."""
    name, number = _NUMBERED[change.column.field], change.column.number
    numbers = sorted(value.number for value in has if change.text in ("", value.text) and number in (1, value.number))
    if change.text and not numbers:
        raise _not_there(change, change.text)
    if change.column.field != "department":
        return [Remove(name, each - 1) for each in numbers]
    return [Set(name, [card.all(name)[each - 1].components()[0]], nth=each - 1) for each in numbers]


def _not_there(change: Change, text: str) -> InvalidValue:
    return InvalidValue(
        f"{change.column.name} has no value {text}", field=change.column.name, hint="see: sharedbook contact show REF"
    )
