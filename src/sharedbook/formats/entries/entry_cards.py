"""Between entries (columns) and cards: an entry is a new card or changes lines of one, and a card is read as an entry.

``edits`` is the only translation into properties: a new card is a bare one that was edited. Applying the edits of an
entry a second time changes nothing.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sharedbook.formats.entries.columns import FIELDS, Column
from sharedbook.formats.entries.entries import Entry, Value, joined, words
from sharedbook.formats.entries.types import APPLE, kind, split_type, type_text, unquoted
from sharedbook.formats.vcards import composed, fields, superiors
from sharedbook.formats.vcards.content_line import Params, Property, Raw
from sharedbook.formats.vcards.content_line import Value as LineValue
from sharedbook.formats.vcards.names import display_name
from sharedbook.formats.vcards.phones import digits
from sharedbook.formats.vcards.vcard import Add, Card, Edit, Remove, Set

SINGLE = {
    "external_id": "X-EXTERNAL-ID",
    "nickname": "NICKNAME",
    "phonetic_first_name": "X-PHONETIC-FIRST-NAME",
    "phonetic_middle_name": "X-PHONETIC-MIDDLE-NAME",
    "phonetic_last_name": "X-PHONETIC-LAST-NAME",
    "phonetic_company": "X-PHONETIC-ORG",
    "role": "ROLE",
    "birthday": "BDAY",
    "gender": "GENDER",
    "language": "LANG",
    "note": "NOTE",
}
NAME_PARTS = ("last_name", "first_name", "middle_name", "prefix", "suffix")  # the order of N
_ADDRESS_PARTS = ("po_box", "extended", "street", "city", "region", "postal_code", "country")  # the order of ADR
SEVERAL = {
    "email": "EMAIL",
    "phone": "TEL",
    "url": "URL",
    "im": "IMPP",
    "address": "ADR",
    "event": "X-ABDATE",
    "related": "X-ABRELATEDNAMES",
    "custom": "X-CUSTOM",
}
_LABELLED = ("event", "related", "custom")  # what they are is in a label, never in TYPE
PROPERTIES = frozenset({*SINGLE.values(), *SEVERAL.values()})
"""What of a card ``edits`` may write, besides names, companies, titles and tags."""


_BARE = composed.bare()


def build(entry: Entry, *, uid: str = "") -> Card:
    """A new card; ``uid`` "" takes the entry's, or makes one. Raises InvalidCard; limits: see ``vcard.checked``."""
    uid = uid or entry.single.get("uid", "") or str(uuid.uuid4())
    return composed.compose(uid, edits(_BARE, entry, new=True))


def edits(card: Card, entry: Entry, *, fill: bool = False, new: bool = False) -> list[Edit]:
    """What makes a card say what the entry says: all of it, or with ``fill`` only what the card lacks.

    Of several values, the nth of a type takes the place of the card's nth of that type, unless the card has the value
    already; what the card has beyond them stays. Tags are added.
    """
    now = Entry() if new else of_card(card)
    found = [*_name_edits(card, now, entry, fill, new)]
    for name, text in entry.single.items():
        has = now.single.get(name, "")
        if name in SINGLE and has != text and not (fill and has):
            found += _single_edits(card, name, text)
    superior = entry.single.get("reports_to", "")
    if superior and superior != now.single.get("reports_to", "") and not (fill and "reports_to" in now.single):
        found.append(superiors.edit(card, superior))
    found += _organization_edits(card, entry, fill)
    found += _title_edits(card, entry, fill)
    for name in SEVERAL:
        if values := entry.values(name):
            found += _several_edits(card, name, values, fill)
    return found + _tag_edits(card, now, entry, fill)


# ---- names


def _name_edits(card: Card, now: Entry, entry: Entry, fill: bool, new: bool) -> Iterator[Edit]:
    wanted = {part: entry.single[part] for part in NAME_PARTS if part in entry.single}
    changed = {
        part: text
        for part, text in wanted.items()
        if now.single.get(part, "") != text and not (fill and now.single.get(part))
    }
    if new and not wanted and shown_name(entry) not in _other_names(entry):
        changed = {"first_name": shown_name(entry)}  # clients that read N alone would show no name
    if changed:
        yield _name_edit(card, changed)
    shown = shown_name(entry) if new else entry.single.get("name") or (_renamed(now, changed, entry) if changed else "")
    has = now.single.get("name", "")
    if shown and shown != has and not (fill and has):
        yield Set("FN", shown, nth=_preferred(card, "FN"))


def _name_edit(card: Card, changed: Mapping[str, str]) -> Edit:
    nth = next((n for n, each in enumerate(card.all("N")) if not each.param("PHONETIC")), len(card.all("N")))
    parts: list[str | Sequence[str]] = list(card.all("N")[nth].parts()) if nth < len(card.all("N")) else []
    parts += [""] * (len(NAME_PARTS) - len(parts))
    for place, part in enumerate(NAME_PARTS):
        parts[place] = changed.get(part, parts[place])
    return Set("N", parts, nth=nth)


def _renamed(now: Entry, changed: Mapping[str, str], entry: Entry) -> str:
    parts = {part: changed.get(part, now.single.get(part, "")) for part in NAME_PARTS}
    return shown_name(Entry({**parts, "nickname": entry.single.get("nickname", "")}, entry.many))


def shown_name(entry: Entry) -> str:
    """The name that a new card of this entry shows."""
    if whole := entry.single.get("name"):
        return whole
    family, given, additional, prefix, suffix = (entry.single.get(part, "") for part in NAME_PARTS)
    return display_name(family, given, additional, prefix, suffix, _other_names(entry))


def _other_names(entry: Entry) -> list[str]:
    """What stands for a name where there is none."""
    others = (text for name in ("company", "email", "phone") for text in entry.texts(name))
    return [entry.single.get("nickname", ""), *others]


# ---- fields with one value


def _preferred(card: Card, name: str) -> int:
    """Which property of a name is read: the most preferred that is not empty; the first if there is none."""
    ranked = [(each.pref() or 101, nth) for nth, each in enumerate(card.all(name)) if each.raw.strip()]
    return min(ranked, default=(0, 0))[1]


def _single_edits(card: Card, name: str, text: str) -> list[Edit]:
    prop = SINGLE[name]
    nth = _preferred(card, prop)
    if name == "note":  # several notes are read as one
        others: list[Edit] = [Remove(prop, n) for n in range(len(card.all(prop))) if n != nth]
        return [*others, Set(prop, text, nth=nth)]
    if name == "nickname":
        return [Set(prop, [words(text)], nth=nth), *(Remove(prop, n) for n in range(len(card.all(prop))) if n != nth)]
    if name == "birthday":
        return [_birthday_edit(card, text)]
    return [Set(prop, text, nth=nth)]


_DATE = re.compile(r"([0-9]{4}|-)-[0-9]{2}-[0-9]{2}")


def _birthday_edit(card: Card, text: str) -> Edit:
    """As each version writes it; 3.0 has no date without a year, and Apple's way of saying it is what clients know."""
    nth = next((n for n, each in enumerate(card.all("BDAY")) if each.raw.strip()), 0)
    if not _DATE.fullmatch(text):
        return Set("BDAY", text, (("VALUE", ("text",)),), nth)
    if card.version == "4.0":
        year, rest = ("--", text[2:]) if text.startswith("--") else (text[:4], text[5:])
        return Set("BDAY", Raw(year + rest.replace("-", "")), (), nth)
    if text.startswith("--"):
        return Set("BDAY", Raw(f"1604-{text[2:]}"), (("X-APPLE-OMIT-YEAR", ("1604",)),), nth)
    return Set("BDAY", Raw(text), (), nth)


# ---- companies, titles, tags


def _organization_edits(card: Card, entry: Entry, fill: bool) -> Iterator[Edit]:
    numbers = {value.number for name in ("company", "department") for value in entry.values(name)}
    if not numbers:
        return
    slots = _slots(card, "ORG")
    for number in sorted(numbers):
        nth = slots[number - 1] if number <= len(slots) else len(slots)
        parts = list(card.all("ORG")[nth].components()) if nth < len(slots) else []
        given = [_numbered(entry, name, number) for name in ("company", "department")]
        parts += [""] * (2 - len(parts))
        merged = [text if text and not (fill and has.strip()) else has for text, has in zip(given, parts, strict=False)]
        if [text.strip() for text in merged] != [text.strip() for text in parts[:2]]:
            parts[:2] = merged
            yield Set("ORG", parts if any(parts[1:]) else parts[:1], nth=nth)


def _numbered(entry: Entry, name: str, number: int) -> str:
    return next((value.text for value in entry.values(name) if value.number == number), "")


def _filled(card: Card, name: str) -> list[int]:
    """Which properties of a name say something; their places in this list are the numbers of their columns."""
    return [nth for nth, found in enumerate(card.all(name)) if any(map(str.strip, found.components()))]


def _slots(card: Card, name: str) -> list[int]:
    """Where a value of each number is written: first the properties that say something, then the empty ones."""
    filled = _filled(card, name)
    return [*filled, *(nth for nth in range(len(card.all(name))) if nth not in filled)]


def _title_edits(card: Card, entry: Entry, fill: bool) -> Iterator[Edit]:
    slots = _slots(card, "TITLE")
    for place, value in enumerate(entry.values("title")):
        nth = slots[place] if place < len(slots) else len(slots)
        has = card.all("TITLE")[nth].text().strip() if nth < len(slots) else ""
        if has != value.text and not (fill and has):
            yield Set("TITLE", value.text, nth=nth)


_GOOGLES_ALL = ("* myContacts", "* My Contacts")
"""Google's group of all contacts, as its exports call it now and once did: no tag."""


def _tag_edits(card: Card, now: Entry, entry: Entry, fill: bool) -> list[Edit]:
    given = [tag for text in entry.texts("tags") for tag in words(text)]
    if not given:
        return []
    has = [tag for text in now.texts("tags") for tag in words(text)]
    missing = [tag for tag in dict.fromkeys(given) if tag not in has and tag not in _GOOGLES_ALL]
    if not missing or (fill and has):
        return []
    first = card.first("CATEGORIES")
    return [Set("CATEGORIES", [[*filter(None, first.values()), *missing] if first else missing])]


# ---- fields with several values


@dataclass(frozen=True, slots=True)
class Line:
    """One property with a type: which of its name it is, and what it says as a value of an entry."""

    nth: int
    property: Property
    value: Value


def lines_of(card: Card, name: str) -> list[Line]:
    """The properties of a field that say something, in card order."""
    properties = card.all(SEVERAL[name])
    if not properties:
        return []
    labels = {found.group.lower(): unquoted(found.text()) for found in card.all("X-ABLABEL")}
    found = []
    for nth, prop in enumerate(properties):
        kind = labels.get(prop.group.lower()) or prop.param("LABEL") or type_text(prop.types())
        value = _READ.get(name, _read_text)(prop, kind)
        if value.text or any(value.parts.values()):
            found.append(Line(nth, prop, value))
    return found


def _several_edits(card: Card, name: str, values: Sequence[Value], fill: bool) -> Iterator[Edit]:
    lines = lines_of(card, name)
    if not lines:
        yield from (_addition(name, value) for value in values)
        return
    wanted = [value for value in values if not any(same(name, line.value, value) for line in lines)]
    free = [line for line in lines if not any(same(name, line.value, value) for value in values)]
    for value in wanted:
        place = next((line for line in free if kind(line.value.type) == kind(value.type)), None)
        if place is None:
            if not (fill and any(kind(line.value.type) == kind(value.type) for line in lines)):
                yield _addition(name, value)
            continue
        free.remove(place)
        merged = _merged_address(place.value, value, fill) if name == "address" else value
        if name == "address" and merged == place.value:
            continue
        if name == "address" or not fill:
            params = tuple(param for param in place.property.params if param[0] != "VALUE")
            unchanged = params == place.property.params
            yield Set(SEVERAL[name], _written(name, merged), None if unchanged else params, place.nth)


def same(name: str, one: Value, other: Value) -> bool:
    """Whether a card's value says already what the entry's says; the parts that an entry leaves out do not count."""
    if name == "address":
        return kind(one.type) == kind(other.type) and all(
            one.parts.get(part, "") == text for part, text in other.parts.items()
        )
    if name == "email":
        return one.text.casefold() == other.text.casefold()
    if name == "phone" and digits(one.text):
        return one.text == other.text or _international(one.text) == _international(other.text)
    if name in _LABELLED:
        return one.text == other.text and kind(one.type) == kind(other.type)
    return one.text == other.text


def _international(number: str) -> str:
    return ("+" if number.lstrip().startswith("+") else "") + digits(number)


def _merged_address(has: Value, given: Value, fill: bool) -> Value:
    parts = {**has.parts, **given.parts} if not fill else {**given.parts, **{p: t for p, t in has.parts.items() if t}}
    return Value("", has.type, has.number, {part: parts[part] for part in _ADDRESS_PARTS if parts.get(part)})


def _addition(name: str, value: Value) -> Edit:
    if name == "im":
        params: Params = (("X-SERVICE-TYPE", (value.type,)),) if value.type else ()
        return Add("IMPP", _written(name, value), params)
    if name in _LABELLED:
        return Add(SEVERAL[name], _written(name, value), (), APPLE.get(value.type.casefold(), value.type))
    types, label = split_type(value.type)
    return Add(SEVERAL[name], _written(name, value), (("TYPE", types),) if types else (), label)


def _written(name: str, value: Value) -> LineValue:
    if name == "address":
        return [value.parts.get(part, "") for part in _ADDRESS_PARTS]
    if name == "im" and not _SCHEME.match(value.text):
        return Raw(f"{_scheme(value.type)}:{value.text}")
    return Raw(value.text) if name in ("url", "im") else value.text


# ---- reading


_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def _scheme(service: str) -> str:
    return re.sub("[^a-z0-9+.-]", "", service.lower()) or "x-im"


def _read_text(prop: Property, kind: str) -> Value:
    return Value(prop.text().strip(), kind)


def _read_mail(prop: Property, kind: str) -> Value:
    return Value(re.sub("^mailto:", "", prop.text().strip(), flags=re.IGNORECASE), kind)


def _read_phone(prop: Property, kind: str) -> Value:
    number, *parameters = re.sub("^tel:", "", prop.text().strip(), flags=re.IGNORECASE).split(";")
    extension = next((part[4:] for part in parameters if part[:4].lower() == "ext="), "")
    return Value(f"{number} ext. {extension}" if extension else number, kind)


def _read_im(prop: Property, kind: str) -> Value:
    text = prop.text().strip()
    service = prop.param("X-SERVICE-TYPE") or ""
    scheme, colon, rest = text.partition(":")
    if colon and scheme.lower() == _scheme(service):
        return Value(rest, service)
    return Value(rest, scheme) if colon and not service else Value(text, service or kind)


def _read_address(prop: Property, kind: str) -> Value:
    parts = [", ".join(filter(None, map(str.strip, part))) for part in prop.parts()]
    return Value("", kind, 1, {name: text for name, text in zip(_ADDRESS_PARTS, parts, strict=False) if text})


_READ: Mapping[str, Callable[[Property, str], Value]] = {
    "email": _read_mail,
    "phone": _read_phone,
    "im": _read_im,
    "address": _read_address,
}


def of_card(card: Card) -> Entry:
    """What a card says, by columns; several values with the preferred first. Pictures and the like are in no column."""
    read = fields.read(card)
    single = {
        "uid": card.uid,
        "name": read.full_name,
        "prefix": read.prefix,
        "first_name": read.given,
        "middle_name": read.additional,
        "last_name": read.family,
        "suffix": read.suffix,
        "nickname": joined(read.nicknames),
        "birthday": read.birthday,
        "note": read.note,
        "reports_to": superiors.uid_of(card),
    }
    for name, prop in SINGLE.items():
        if name not in single and card.all(prop):
            single[name] = card.all(prop)[_preferred(card, prop)].text().strip()
    many = {
        name: [line.value for line in sorted(lines_of(card, name), key=lambda line: line.property.pref() or 101)]
        for name in SEVERAL
    }
    for number, nth in enumerate(_filled(card, "ORG"), 1):
        for name, text in zip(("company", "department"), card.all("ORG")[nth].components(), strict=False):
            many.setdefault(name, []).append(Value(text.strip(), number=number))
    titles = [card.all("TITLE")[nth].text().strip() for nth in _filled(card, "TITLE")]
    many["title"] = [Value(title, number=number) for number, title in enumerate(titles, 1)]
    many["tags"] = [Value(joined(read.categories))]
    kept = {name: tuple(v for v in values if v.text or v.parts) for name, values in many.items()}
    return Entry({name: text for name, text in single.items() if text}, {k: v for k, v in kept.items() if v})


def cells(entry: Entry) -> dict[Column, str]:
    """An entry as the cells of an export: values by number, each with its type beside it."""
    found = {Column(name): text for name, text in entry.single.items()}
    for name in FIELDS:
        for place, value in enumerate(entry.values(name), 1):
            number = value.number if name in ("company", "department", "title") else place
            if value.type and name != "tags":
                found[Column(name, "", number, "type")] = value.type
            if FIELDS[name].parts:
                found |= {Column(name, "", number, part): text for part, text in value.parts.items()}
            else:
                found[Column(name, "", number)] = value.text
    return found
