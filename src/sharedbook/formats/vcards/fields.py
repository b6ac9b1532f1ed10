"""What is read out of a card: its fields for people and doors, its values for search. Reading never changes a card.

Whatever a client wrote can be read: what is missing is "" or empty, and what has no meaning to us is still a value
under its own name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from sharedbook.domain import folding
from sharedbook.domain.query import GROUP, Instance
from sharedbook.formats.vcards import images, names, phones
from sharedbook.formats.vcards.content_line import Params, Property, unescape_text
from sharedbook.formats.vcards.vcard import Card

GROUP_CARD = "group"
"""The kind of a card that is a list of others: KIND of 4.0, X-ADDRESSBOOKSERVER-KIND of Apple's programs."""


class Typed(NamedTuple):
    """A mail address, number or URL. ``types`` are lower case, without ``pref`` and ``internet``; ``pref`` is 1 to 100.

    ``label`` is the user's own word for it (X-ABLabel, or the parameter LABEL of RFC 9554), "" if there is none.
    """

    value: str
    types: frozenset[str] = frozenset()
    pref: int | None = None
    label: str = ""


class Address(NamedTuple):
    """A postal address (RFC 6350 section 6.3.1); several values of one component are joined by ", "."""

    po_box: str = ""
    extended: str = ""
    street: str = ""
    locality: str = ""
    region: str = ""
    code: str = ""
    country: str = ""
    types: frozenset[str] = frozenset()
    pref: int | None = None
    label: str = ""

    def components(self) -> tuple[str, ...]:
        """The seven components in the order of a card."""
        return (self.po_box, self.extended, self.street, self.locality, self.region, self.code, self.country)


class Fields(NamedTuple):
    """A card's fields as text, each list with the preferred value first. ``kind`` is lower case (RFC 6350, 6.1.4).

    ``full_name`` is never empty if the card has a name, organisation, mail address or number. ``birthday`` is a date of
    RFC 6350 with hyphens (``1980-03-22``, ``--03-22``) where it can be understood, else as written.
    """

    uid: str
    kind: str
    full_name: str
    family: str
    given: str
    additional: str
    prefix: str
    suffix: str
    phonetic_family: str
    phonetic_given: str
    nicknames: tuple[str, ...]
    organization: str
    units: tuple[str, ...]
    title: str
    role: str
    emails: tuple[Typed, ...]
    phones: tuple[Typed, ...]
    urls: tuple[Typed, ...]
    addresses: tuple[Address, ...]
    note: str
    birthday: str
    categories: tuple[str, ...]
    members: tuple[str, ...]
    has_photo: bool


def read(card: Card) -> Fields:
    """The fields of a card."""
    family, given, additional, prefix, suffix = _name(card)
    organization, *units = _organization(card) or ("",)
    emails, numbers = _typed(card, "EMAIL", _mail_address), _typed(card, "TEL", _number)
    phonetic_family, phonetic_given = _phonetic(card)
    full_name, nicknames = next(iter(_formatted_names(card)), ""), _list(card, "NICKNAME")
    if not full_name:
        others = [*nicknames, organization, *(found.value for found in (*emails, *numbers))]
        full_name = names.display_name(family, given, additional, prefix, suffix, others)
    return Fields(
        uid=card.uid,
        kind=(_first(card, "KIND") or _first(card, "X-ADDRESSBOOKSERVER-KIND") or "individual").lower(),
        full_name=full_name,
        family=family,
        given=given,
        additional=additional,
        prefix=prefix,
        suffix=suffix,
        phonetic_family=phonetic_family,
        phonetic_given=phonetic_given,
        nicknames=nicknames,
        organization=organization,
        units=tuple(filter(None, units)),
        title=_first(card, "TITLE"),
        role=_first(card, "ROLE"),
        emails=emails,
        phones=numbers,
        urls=_typed(card, "URL", str.strip),
        addresses=_addresses(card),
        note="\n".join(_texts(card, "NOTE")),
        birthday=_birthday(card),
        categories=_list(card, "CATEGORIES"),
        members=(*_texts(card, "MEMBER"), *_texts(card, "X-ADDRESSBOOKSERVER-MEMBER")),
        has_photo=any(found.raw for found in card.all("PHOTO")),
    )


def full_name(card: Card) -> str:
    """``read(card).full_name``, without reading the rest."""
    return next(iter(_formatted_names(card)), None) or read(card).full_name


def photo(card: Card) -> tuple[str, bytes] | None:
    """Media type and bytes of the preferred photo inside the card; None if there is none (a URI is not fetched)."""
    for found in _preferred(card.all("PHOTO")):
        data = images.inline_data(found)
        kind = images.sniff(data) if data else None
        if data and kind:
            return kind.media_type, data
    return None


# ---- plain texts


def _texts(card: Card, name: str) -> tuple[str, ...]:
    every = card.all(name)
    return tuple(filter(None, [found.text().strip() for found in _preferred(every)])) if every else ()


def _first(card: Card, name: str) -> str:
    return next(iter(_texts(card, name)), "")


def _list(card: Card, name: str) -> tuple[str, ...]:
    every = card.all(name)
    values = (value.strip() for found in _preferred(every) for value in found.values())
    return tuple(dict.fromkeys(filter(None, values))) if every else ()


def _preferred(properties: Sequence[Property]) -> Sequence[Property]:
    """Properties with the most preferred first, those that say nothing last, else in card order."""
    if len(properties) < 2:
        return properties
    return sorted(properties, key=lambda found: found.pref() or 101)


# ---- names


def _name(card: Card) -> tuple[str, str, str, str, str]:
    """Family, given, additional, prefix, suffix: the first N that is no pronunciation (RFC 9554 section 4.6)."""
    found = next((each for each in card.all("N") if not each.param("PHONETIC")), None)
    parts = _parts(found, " ") if found else []
    family, given, additional, prefix, suffix = [*parts, "", "", "", "", ""][:5]
    return family, given, additional, prefix, suffix


def _parts(found: Property, between: str) -> list[str]:
    """The components of a structured value, each a text; ``between``: what stands between its values."""
    if "," not in found.raw and "\\" not in found.raw:  # as most have it
        return [part.strip() for part in found.raw.split(";")]
    return [between.join(filter(None, map(str.strip, part))) for part in found.parts()]


def _formatted_names(card: Card) -> list[str]:
    return [" ".join(name.split()) for name in _texts(card, "FN")]


def _phonetic(card: Card) -> tuple[str, str]:
    """How family and given name are pronounced or sorted, from whichever place a client writes it to."""
    family, given = _first(card, "X-PHONETIC-LAST-NAME"), _first(card, "X-PHONETIC-FIRST-NAME")
    for found in card.all("N"):
        spoken = found.components() if found.param("PHONETIC") else ",".join(found.values_of("SORT-AS")).split(",")
        spoken_family, spoken_given = [*map(str.strip, spoken), "", ""][:2]
        family, given = family or spoken_family, given or spoken_given
    return family or _first(card, "SORT-STRING"), given


def _organization(card: Card) -> tuple[str, ...]:
    return next((tuple(map(str.strip, found.components())) for found in _preferred(card.all("ORG"))), ())


# ---- typed values

_SILENT_TYPES = frozenset({"pref", "internet"})
_APPLE_WORD = re.compile(r"_\$!<(.*)>!\$_", re.DOTALL)


def _labels(card: Card) -> dict[str, str]:
    """Group -> the label that X-ABLabel gives it; Apple's own words lose their brackets."""
    return {found.group.lower(): _APPLE_WORD.sub(r"\1", found.text().strip()) for found in card.all("X-ABLABEL")}


def _typed(card: Card, name: str, clean: Callable[[str], str]) -> tuple[Typed, ...]:
    every = _preferred(card.all(name))
    if not every:
        return ()
    labels = _labels(card)
    typed = [
        Typed(
            clean(found.text()),
            found.types() - _SILENT_TYPES,
            found.pref(),
            labels.get(found.group.lower()) or found.param("LABEL") or "",
        )
        for found in every
    ]
    return tuple([found for found in typed if found.value])


def _mail_address(text: str) -> str:
    text = text.strip()
    return text[7:] if text[:7].lower() == "mailto:" else text


def _number(text: str) -> str:
    """A number as written; of a ``tel:`` URI (RFC 3966) the number and its extension."""
    text = text.strip()
    if text[:4].lower() != "tel:":
        return text
    number, *parameters = text[4:].split(";")
    extension = next((part[4:] for part in parameters if part[:4].lower() == "ext="), "")
    return f"{number} ext. {extension}" if extension else number


def _addresses(card: Card) -> tuple[Address, ...]:
    every = card.all("ADR")
    labels = _labels(card) if every else {}
    addresses = []
    for found in _preferred(every):
        parts = _parts(found, ", ")
        po_box, extended, street, locality, region, code, country = [*parts, *[""] * 7][:7]
        types, label = found.types() - _SILENT_TYPES, labels.get(found.group.lower(), "")
        address = Address(po_box, extended, street, locality, region, code, country, types, found.pref(), label)
        if any(address.components()):
            addresses.append(address)
    return tuple(addresses)


_DATE = re.compile(r"(\d{4}|--)-?(\d\d)-?(\d\d)(?:T.*)?", re.ASCII)
_NO_YEAR = "1604"


def _birthday(card: Card) -> str:
    """The first BDAY; Apple's year 1604 means none."""
    found = next((each for each in card.all("BDAY") if each.raw.strip()), None)
    if found is None:
        return ""
    date = _DATE.fullmatch(found.text().strip())
    if date is None:
        return found.text().strip()
    year = "--" if found.param("X-APPLE-OMIT-YEAR") == date[1] or date[1] == _NO_YEAR else date[1]
    return f"{year}{'' if year == '--' else '-'}{date[2]}-{date[3]}"


# ---- values to be found by

DERIVED: Mapping[str, str] = {
    "uid": "the UID",
    "kind": "individual, group, org, location, ...",
    "fullname": "the name to show, each FN, and a CJK name without spaces",
    "family": "family name",
    "given": "given name",
    "additional": "additional names",
    "prefix": "honorific prefix",
    "suffix": "honorific suffix",
    "family-phonetic": "pronunciation or sort key of the family name",
    "given-phonetic": "pronunciation or sort key of the given name",
    "initials": "Hangul initials of the names (ㅎㄱㄷ)",
    "nickname": "each nickname",
    "org": "each organisation",
    "org-phonetic": "pronunciation or sort key of the organisation",
    "unit": "each organisational unit",
    "title": "job title",
    "role": "role",
    "email": "each mail address, without mailto:",
    "number": "each phone number as written, without tel:",
    "phone": "each phone number's digits (formats.phones.forms), to be compared by folding.phone_equal",
    "url": "each URL",
    "address": "each postal address, its components on lines of their own",
    "street": "street of each address",
    "locality": "town of each address",
    "region": "region of each address",
    "code": "postal code of each address",
    "country": "country of each address",
    "note": "the notes",
    "birthday": "the birthday",
    "category": "each category (tag)",
    "member": "each member of a group card, as a URI",
}
"""The names of values that no vCard property is called, in lower case. Those of typed values carry TYPE (lower case),
PREF and LABEL as parameters where the card has them; empty values are left out."""

_BINARY = frozenset({"PHOTO", "LOGO", "KEY", "SOUND"})


def instances(card: Card, region: str) -> tuple[Instance, ...]:
    """The values to find a card by: every property under its upper-case name, then the derived ones (``DERIVED``).

    Pictures, keys and sounds have an empty value. ``region`` is the ISO 3166 code where numbers without
    country code are dialled, "" for none.
    """
    rows = [
        Instance(found.name, "" if is_binary(found) else unescape_text(found.raw), _with_group(found))
        for found in card.properties
    ]
    rows += [row for row in _derived(card, region) if row.value]
    return tuple(rows)


def _with_group(found: Property) -> Params:
    return ((GROUP, (found.group,)), *found.params) if found.group else found.params


def is_binary(found: Property) -> bool:
    """Whether a property holds a picture, key, sound or other data instead of text."""
    if found.name in _BINARY or not found.params:
        return found.name in _BINARY
    return (found.param("ENCODING") or "").upper() in ("B", "BASE64")


def _derived(card: Card, region: str) -> list[Instance]:
    fields = read(card)
    rows = [Instance("uid", fields.uid), Instance("kind", fields.kind), *_name_rows(card, fields)]
    for found in card.all("ORG"):
        organization, *units = map(str.strip, found.components())
        rows.append(Instance("org", organization))
        rows += [Instance("unit", unit) for unit in units]
        rows.append(Instance("org-phonetic", ",".join(found.values_of("SORT-AS")).split(",")[0].strip()))
    rows.append(Instance("org-phonetic", _first(card, "X-PHONETIC-ORG")))
    rows += [Instance("title", text) for text in _texts(card, "TITLE")]
    rows += [Instance("role", text) for text in _texts(card, "ROLE")]
    rows += [Instance("email", email.value, _params(email)) for email in fields.emails]
    for number in fields.phones:
        params = _params(number)
        rows.append(Instance("number", number.value, params))
        rows.append(Instance("phone", phones.forms(number.value, region), params))
    rows += [Instance("url", url.value, _params(url)) for url in fields.urls]
    for address in fields.addresses:
        rows += _address_rows(address)
    rows += [Instance("note", fields.note), Instance("birthday", fields.birthday)]
    rows += [Instance("category", category) for category in fields.categories]
    rows += [Instance("member", member) for member in fields.members]
    return rows


def sought_names(card: Card, fields: Fields) -> list[str]:
    """Every form under which a contact's name is sought: the one to show, each FN, CJK ones in one piece."""
    shown = [fields.full_name, *_formatted_names(card)]
    in_one_piece = map(names.compact, [*shown, f"{fields.family} {fields.given}"])
    return list(dict.fromkeys(filter(None, [*shown, *in_one_piece])))


def _name_rows(card: Card, fields: Fields) -> list[Instance]:
    every = sought_names(card, fields)
    rows = [Instance("fullname", name) for name in every]
    for found in card.all("N"):
        if not found.param("PHONETIC"):
            rows += map(Instance, ("family", "given", "additional", "prefix", "suffix"), _parts(found, " "))
    rows.append(Instance("family-phonetic", fields.phonetic_family))
    rows.append(Instance("given-phonetic", fields.phonetic_given))
    rows += [Instance("initials", initials) for initials in dict.fromkeys(map(folding.hangul_initials, every))]
    rows += [Instance("nickname", nickname) for nickname in fields.nicknames]
    return rows


def _address_rows(address: Address) -> list[Instance]:
    params = _params(address)
    whole = Instance("address", "\n".join(filter(None, address.components())), params)
    parts = ("street", "locality", "region", "code", "country")
    return [whole, *(Instance(name, getattr(address, name), params) for name in parts)]


def _params(found: Typed | Address) -> Params:
    """The parameters of a derived value."""
    return _written_params(found.types, found.pref, found.label)


@lru_cache(maxsize=64)  # few are in most cards
def _written_params(types: frozenset[str], pref: int | None, label: str) -> Params:
    params = (
        ("TYPE", tuple(sorted(types))),
        ("PREF", (str(pref),) if pref else ()),
        ("LABEL", (label,) if label else ()),
    )
    return tuple((name, values) for name, values in params if values)
