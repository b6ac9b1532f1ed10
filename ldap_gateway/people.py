"""A contact as the directory shows and finds it: vCard fields to attribute values, made once when the contact changes.

What an answer shows and what a filter finds come from the same values. A filter finds more in two places only: numbers
in every form they are dialled in, and CJK names without the space.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from ldap_gateway import ber, keeping, wire
from ldap_gateway.attributes import ATTRIBUTES, Kind, Names
from ldap_gateway.entries import MORE, USUAL, encode_values
from ldap_gateway.index import ColumnOf, Document, prepare
from sharedbook.domain.model import Limits
from sharedbook.domain.query import Comparison, Instance, Record, record
from sharedbook.formats.vcards import fields, phones, vcard
from sharedbook.formats.vcards.fields import Address, Fields, Typed
from sharedbook.services.feed import FeedContact

OBJECT_CLASSES = (
    "top",
    "person",
    "organizationalPerson",
    "inetOrgPerson",
    "mozillaAbPersonAlpha",
    "sharedbookPerson",
)
PHOTO_BYTES = 16 * 1024
"""A larger photo is not in the directory; it is in the card."""

CONSTANTS: Mapping[str, tuple[str, ...]] = {
    "objectClass": OBJECT_CLASSES,
    "structuralObjectClass": ("inetOrgPerson",),
    "hasSubordinates": ("FALSE",),
    "subschemaSubentry": ("cn=Subschema",),
}
"""Attributes with the same values in every contact."""

_COMPUTED = frozenset({*CONSTANTS, "entryDN", "member", "manager", "dc"})
_ALSO_FOUND = ("cn", "displayName")
_BY_NAME = {attribute.name: attribute for attribute in ATTRIBUTES}


def _dashed(key: str) -> str:
    """A key as entryUUID."""
    return f"{key[:8]}-{key[8:12]}-{key[12:16]}-{key[16:20]}-{key[20:]}"


_WRITTEN: Mapping[str, Callable[[str], str]] = {"uid": str, "entryUUID": _dashed}
"""Attributes whose value is the contact's key."""


def columns(names: Names) -> dict[str, ColumnOf]:
    """What the index keeps of each contact, by attribute."""
    return {
        each.name: ColumnOf(
            Comparison.PHONE if each.kind is Kind.PHONE else Comparison.DIRECTORY,
            each.runs,
            each.whole,
            _WRITTEN.get(each.name),
        )
        for each in ATTRIBUTES
        if each.name not in _COMPUTED and not names.hides(each.name)
    }


def instances(values: Mapping[str, Iterable[str]]) -> Record:
    """Attribute values as a query sees them."""
    return record(Instance(name, value) for name, found in values.items() for value in found)


class People:
    """Makes documents. ``names``: what the site shows. ``region``: where numbers without country code are dialled."""

    def __init__(self, names: Names, region: str, limits: Limits, base: str) -> None:
        self._names = names
        self._region = region
        self._limits = limits
        self._below = f",{base}"
        self._columns = columns(names)
        self.stamp = keeping.stamp(base, region, sorted(self._columns), repr(limits), names.accents)
        self._constants = encode_values(CONSTANTS)

    def indexed(self, contact: FeedContact) -> tuple[Document, dict[str, str]]:
        """What ``Index.put`` takes. Raises InvalidCard for a card over the limits."""
        if contact.kept is not None:
            return keeping.restored(contact, contact.kept)
        document, found = self.document(contact)
        return document, prepare(self._columns, found)

    def document(self, contact: FeedContact) -> tuple[Document, Record]:
        """What the index keeps of a contact, and what it is found by. Raises InvalidCard for a card over the limits."""
        card = vcard.parse(contact.vcard, self._limits)
        read = fields.read(card)
        values = {name: found for name, found in self._values(contact, read).items() if not self._names.hides(name)}
        encoded = self._constants | encode_values(values)
        photo = _photo(card) if read.has_photo else None
        if photo is not None:
            values["jpegPhoto"] = [""]
            encoded["jpegPhoto"] = ber.values((photo,))
        usual = USUAL.encode(encoded)
        entry = wire.entry(f"uid={contact.key}{self._below}".encode(), usual)
        more = MORE.encode({name: each for name, each in encoded.items() if name not in CONSTANTS})
        # the list that a mail client keeps as a card is nobody to write to or to call: no reader is shown it
        groups = () if read.kind == fields.GROUP_CARD else contact.groups
        document = Document(contact.id, contact.key, groups, contact.audience, entry, len(entry) - len(usual), more)
        return document, self._record(values, fields.sought_names(card, read))

    def _record(self, values: dict[str, list[str]], names: list[str]) -> Record:
        found = dict(values)
        for name, numbers in values.items():
            if _BY_NAME[name].kind is Kind.PHONE:
                found[name] = [phones.forms(number, self._region) for number in numbers]
        for name in _ALSO_FOUND:
            found[name] = list(dict.fromkeys([*values.get(name, ()), *names]))
        return instances({name: [self._names.compared(name, each) for each in texts] for name, texts in found.items()})

    def _values(self, contact: FeedContact, read: Fields) -> dict[str, list[str]]:
        home = next((each for each in read.addresses if "home" in each.types), None)
        work = next((each for each in read.addresses if "home" not in each.types), None)
        urls = [each for each in read.urls if each.value]
        values = {
            "uid": [contact.key],
            "cn": [read.full_name or contact.key],
            "displayName": [read.full_name],
            "sn": [read.family or read.full_name or contact.key],
            "givenName": [read.given],
            "mozillaNickname": list(read.nicknames),
            "mail": [each.value for each in read.emails],
            "mozillaSecondEmail": [each.value for each in read.emails[1:2]],
            "o": [read.organization],
            "ou": list(read.units),
            "title": [read.title],
            "mozillaWorkUrl": [each.value for each in urls if "home" not in each.types],
            "mozillaHomeUrl": [each.value for each in urls if "home" in each.types],
            "labeledURI": [each.value for each in urls],
            "description": [read.note],
            "entryUUID": [_dashed(contact.key)],
            "modifyTimestamp": [timestamp(contact.modified)],
            **_numbers(read.phones, fax_at_home=not self._names.hides("homePhone")),
            **(_work(work) if work else {}),
            **(_home(home) if home else {}),
            **_birthday(read.birthday),
        }
        kept = {name: list(dict.fromkeys(filter(None, found))) for name, found in values.items()}
        return {name: found for name, found in kept.items() if found}


def timestamp(when: datetime) -> str:
    """GeneralizedTime (RFC 4517 section 3.3.13) of an aware time in UTC."""
    return when.strftime("%Y%m%d%H%M%SZ")


def _photo(card: vcard.Card) -> bytes | None:
    found = fields.photo(card)
    if found is None or found[0] != "image/jpeg" or len(found[1]) > PHOTO_BYTES:
        return None
    return found[1]


_MOBILE = frozenset({"cell", "mobile", "iphone", "car"})


def _numbers(numbers: Iterable[Typed], *, fax_at_home: bool) -> dict[str, list[str]]:
    """Each number under one attribute, by its types."""
    found: dict[str, list[str]] = {}
    for number in numbers:
        if "fax" in number.types:
            if "home" in number.types and not fax_at_home:
                continue
            name = "facsimileTelephoneNumber"
        elif not number.types.isdisjoint(_MOBILE):
            name = "mobile"
        elif "pager" in number.types:
            name = "pager"
        else:
            name = "homePhone" if "home" in number.types else "telephoneNumber"
        found.setdefault(name, []).append(number.value)
    return found


def _work(address: Address) -> dict[str, list[str]]:
    return {
        "street": [address.street],
        "mozillaWorkStreet2": [address.extended],
        "postOfficeBox": [address.po_box],
        "l": [address.locality],
        "st": [address.region],
        "postalCode": [address.code],
        # the syntax of c allows two letters only
        "c": [address.country] if len(address.country) == 2 else [],
        "co": [address.country],
        "postalAddress": [_lines(address)],
    }


def _home(address: Address) -> dict[str, list[str]]:
    return {
        "mozillaHomeStreet": [address.street],
        "mozillaHomeStreet2": [address.extended],
        "mozillaHomeLocalityName": [address.locality],
        "mozillaHomeState": [address.region],
        "mozillaHomePostalCode": [address.code],
        "mozillaHomeCountryName": [address.country],
        "homePostalAddress": [_lines(address)],
    }


def _lines(address: Address) -> str:
    """A postal address (RFC 4517 section 3.3.28): lines between dollar signs."""
    town = " ".join(filter(None, (address.code, address.locality)))
    lines = (address.po_box, address.extended, address.street, town, address.region, address.country)
    escaped = (line.replace("\\", "\\5C").replace("$", "\\24").replace("\n", "$") for line in lines if line)
    return "$".join(escaped)


def _birthday(text: str) -> dict[str, list[str]]:
    """Year, month and day of what ``fields.read`` understood as a date; nothing else."""
    year, _, rest = text.partition("-") if not text.startswith("--") else ("", "", text[2:])
    month, _, day = rest.partition("-")
    if not (month.isdecimal() and day.isdecimal()):
        return {}
    return {"birthyear": [year], "birthmonth": [str(int(month))], "birthday": [str(int(day))]}
