"""People of an LDIF file in and out (RFC 2849), with the attributes of inetOrgPerson and of Thunderbird's address book.

An attribute that is no column is left out on the way in. A column that these attributes have no place for, or that
would be read otherwise out of them, has its cells beside them, in an attribute of ours that other programs leave out.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import starmap
from typing import BinaryIO

from sharedbook.domain.errors import CardTooLarge
from sharedbook.domain.model import Limits
from sharedbook.formats.entries import entries, entry_cards
from sharedbook.formats.entries.entries import Entry, Value
from sharedbook.formats.rows.problems import Problem
from sharedbook.formats.vcards.card_limits import MEGABYTE

_BEGINNING = 64 * 1024
_MOST_VALUES = 10_000
_WIDTH = 76
_REASON = "# import error: "
_PEOPLE = {"person", "organizationalperson", "inetorgperson", "mozillaabpersonalpha", "pilotperson", "contact", "user"}

_SINGLE = {
    "cn": "name", "displayname": "name", "commonname": "name", "givenname": "first_name", "gn": "first_name",
    "sn": "last_name", "surname": "last_name", "mozillanickname": "nickname", "xmozillanickname": "nickname",
    "title": "title", "o": "company", "company": "company", "ou": "department", "department": "department",
    "orgunit": "department", "description": "note", "notes": "note", "employeenumber": "external_id",
    "preferredlanguage": "language",
}  # fmt: skip
_SEVERAL = {
    "mail": "email", "mozillasecondemail": "email", "xmozillasecondemail": "email",
    "telephonenumber": "phone.work", "workphone": "phone.work", "homephone": "phone.home", "mobile": "phone.mobile",
    "cellphone": "phone.mobile", "facsimiletelephonenumber": "phone.work_fax", "fax": "phone.work_fax",
    "pager": "phone.pager", "pagerphone": "phone.pager", "mozillaworkurl": "url.work", "workurl": "url.work",
    "mozillahomeurl": "url.home", "homeurl": "url.home", "labeleduri": "url",
}  # fmt: skip
_ADDRESS = {
    "street": "work.street", "streetaddress": "work.street", "mozillaworkstreet2": "work.street.2",
    "l": "work.city", "locality": "work.city", "st": "work.region", "region": "work.region",
    "postalcode": "work.postal_code", "zip": "work.postal_code", "c": "work.country", "countryname": "work.country",
    "co": "work.country", "postofficebox": "work.po_box", "mozillahomestreet": "home.street",
    "mozillahomestreet2": "home.street.2", "mozillahomelocalityname": "home.city", "mozillahomestate": "home.region",
    "mozillahomepostalcode": "home.postal_code", "mozillahomecountryname": "home.country",
}  # fmt: skip

ATTRIBUTES = (*_SINGLE, *_SEVERAL, *_ADDRESS)
"""Attributes of a person that have a column."""

_BIRTH = ("birthyear", "birthmonth", "birthday")
_FIELDS = {
    **{name: column.partition(".")[0] for name, column in (_SINGLE | _SEVERAL).items()},
    **dict.fromkeys(_ADDRESS, "address"),
    **dict.fromkeys(_BIRTH, "birthday"),
}
"""Which field an attribute is of."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record: ``text`` as it stood in the file, values by attribute in lower case, without options.

    Attributes that nothing is read from stand under ``_UNREAD``, without values.
    """

    line: int
    text: str
    values: Mapping[str, list[bytes]] = field(default_factory=dict)
    problem: Problem | None = None

    @property
    def is_person(self) -> bool:
        """Whether its object classes, if it names any, are those of people."""
        classes = {value.decode(errors="replace").lower() for value in self.values.get("objectclass", ())}
        return not classes or bool(classes & _PEOPLE)


def records(source: BinaryIO, limits: Limits) -> Iterator[Record]:
    """Every record of a seekable file; of one that is larger than any card may be, the beginning and a problem."""
    return filter(None, starmap(partial(_record, limits), _paragraphs(source, limits.card_bytes)))


def _paragraphs(source: BinaryIO, most: int) -> Iterator[tuple[int, bytearray, int]]:
    """The first line, the octets (at most so many) and the size of what stands between blank lines."""
    held, size, begin = [bytearray()], 0, 1
    source.seek(0)
    for number, line in enumerate(iter(partial(source.readline, most), b""), 1):
        line = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if line.strip(b"\r\n"):
            begin = begin if size else number
            size += len(line)
            if size <= most:
                held[0] += line.rstrip(b"\r\n") + b"\n"
            continue
        if size:
            yield begin, held.pop(), size  # nothing of it is kept here
            held.append(bytearray())
        size = 0
    if size:
        yield begin, held.pop(), size


def _record(limits: Limits, begin: int, octets: bytearray, size: int) -> Record | None:
    """The record of these lines; None if they are only comments or the version."""
    is_whole = size <= limits.card_bytes
    if not is_whole:
        octets[_BEGINNING:] = b"\n"
    text = octets.decode(errors="surrogateescape").removesuffix("\n")
    values: dict[str, list[bytes]] = {}
    problem = _read(octets, begin, values)
    if not is_whole:
        found = Record(begin, text, values)
        message = f"the record is larger than {limits.card_bytes / MEGABYTE:g} MB"
        return replace(found, problem=Problem(begin, "", CardTooLarge.code, message)) if found.is_person else found
    if problem:
        return Record(begin, text, problem=_change_problem(begin, values) or problem)
    return Record(begin, text, values, _change_problem(begin, values)) if values.keys() - {"version"} else None


def _read(octets: bytearray, begin: int, values: dict[str, list[bytes]]) -> Problem | None:
    """Adds the values of a record to ``values``, those that are of no use not; what is wrong with it, if anything."""
    for line in _unfolded(octets):
        colon = line.find(b":")
        kind, name = line[colon + 1 : colon + 2], line[: max(colon, 0)]
        if colon < 0 or kind == b"<":
            what = "has no colon" if colon < 0 else "refers to another file, which is not read"
            return Problem(begin, "", "invalid-record", f"{line[:40].decode(errors='replace')} {what}")
        try:
            is_base64 = kind == b":"
            rest = line[colon + 2 :].strip() if is_base64 else line[colon + 1 :].lstrip(b" ")
            value = base64.b64decode(rest, validate=True) if is_base64 else rest
        except binascii.Error:
            return Problem(begin, "", "invalid-record", f"the base64 of {name[:40].decode(errors='replace')} is broken")
        attribute = name.partition(b";")[0].decode(errors="replace").strip().lower()
        known = values.setdefault(attribute if attribute in _READ else _UNREAD, [])
        if len(known) == _MOST_VALUES:
            return Problem(begin, "", "invalid-record", f"{attribute} has more than {_MOST_VALUES:,} values")
        if attribute in _READ:
            known.append(value)
    return None


def _unfolded(octets: bytearray) -> Iterator[bytes]:
    """Each line that is no comment, without its end: one at a time, as many take far more memory than the record."""
    start = 0
    while start < len(octets):
        end = octets.find(b"\n", start)
        while octets.startswith(b"\n ", end):
            end = octets.find(b"\n", end + 1)
        if not octets.startswith(b"#", start):
            yield bytes(octets[start:end].replace(b"\n ", b""))
        start = end + 1


def _change_problem(begin: int, values: Mapping[str, list[bytes]]) -> Problem | None:
    kinds = [value.decode(errors="replace").strip().lower() for value in values.get("changetype", ())]
    if kinds in ([], ["add"]):
        return None
    return Problem(begin, "", "invalid-record", f"it is a change ({kinds[0]}), not a person")


_FIELD = "sharedbookField"
"""``Contract no.=A-1``: a field of the site's own, which no schema has."""

GROUP = "sharedbookGroup"
"""The slug of a group that the contact is in."""

_CELL = "sharedbookColumn"
"""``tags=vip``: all cells of a field that would be read otherwise without them; ``last_name=``: it has none."""

_PHOTO = "sharedbookPhoto"
"""A photo that is no JPEG."""

_OURS = ("jpegphoto", *map(str.lower, (_FIELD, GROUP, _CELL, _PHOTO)))
_READ = frozenset({*_FIELDS, *_OURS, "uid", "objectclass", "changetype", "version"})
_UNREAD = ""
"""In place of the name of any other attribute, without its values."""


def columns_of(values: Mapping[str, list[bytes]]) -> dict[str, str]:
    """A record as texts by column name. Raises UnicodeDecodeError."""
    found: dict[str, str] = {}
    counts: dict[str, int] = {}
    for name in (*_SINGLE, *_ADDRESS):
        column = _SINGLE.get(name) or f"address.{_ADDRESS[name]}"
        if values.get(name) and column not in found:
            found[column] = values[name][0].decode()
    for name, value in _in_order(values):
        column = _SEVERAL[name]
        counts[column] = number = counts.get(column, 0) + 1
        found[column if number == 1 else f"{column}.{number}"] = value.decode()
    year, month, day = (values.get(name, [b""])[0].decode().strip() for name in _BIRTH)
    if month and day:
        found["birthday"] = f"{year or '-'}-{month:0>2}-{day:0>2}"
    identity = "uid" if b"mozillaabpersonalpha" in map(bytes.lower, values.get("objectclass", ())) else "external_id"
    if values.get("uid") and identity not in found:  # elsewhere it is a login of that directory
        found[identity] = values["uid"][0].decode()
    return found


def cells_of(values: Mapping[str, list[bytes]], limits: Limits) -> dict[str, str]:
    """A record as texts by column name, with the cells that an export has put there. Raises UnicodeDecodeError.

    Those of a field count as long as the attributes beside them say the same: who has changed these means it.
    """
    found = columns_of(values)
    own: dict[str, dict[str, str]] = {}
    for name, _, cell in (value.decode().partition("=") for value in values.get(_CELL.lower(), ())):
        own.setdefault(name.partition(".")[0], {})[name] = cell
    if not own:
        return found
    whole = {name: cell for name, cell in found.items() if name.partition(".")[0] not in own}
    for cells in own.values():
        whole |= cells
    entry = entries.of_columns(whole, limits=limits)
    says = _by_field(_encoded(_attributes(entry, b""))) if isinstance(entry, Entry) else {}
    given = _by_field(values)
    for name, cells in own.items():
        if says.get(name) == given.get(name):
            found = {each: cell for each, cell in found.items() if each.partition(".")[0] != name} | cells
    return found


def _by_field(values: Mapping[str, Sequence[bytes]]) -> dict[str, set[tuple[str, bytes]]]:
    """What the attributes of each field say."""
    found: dict[str, set[tuple[str, bytes]]] = {}
    for name, of in _FIELDS.items():
        if name in values:
            found.setdefault(of, set()).update((name, value) for value in values[name])
    return found


def _in_order(values: Mapping[str, list[bytes]]) -> Iterator[tuple[str, bytes]]:
    """Attributes with several values; the second mail address has a name of its own and comes second."""
    mails = values.get("mail", [])
    yield from (("mail", value) for value in mails[:1])
    for name in _SEVERAL:
        yield from ((name, value) for value in values.get(name, ()) if name != "mail")
        if name == "xmozillasecondemail":
            yield from (("mail", value) for value in mails[1:])


def photo_of(values: Mapping[str, list[bytes]]) -> bytes:
    """A record's photo, b"" for none."""
    return next((values[name][0] for name in ("jpegphoto", _PHOTO.lower()) if values.get(name)), b"")


def fields_of(values: Mapping[str, list[bytes]]) -> dict[str, str]:
    """Cells of the site's own fields, by name. Raises UnicodeDecodeError."""
    pairs = (value.decode().partition("=") for value in values.get(_FIELD.lower(), ()))
    return {name: cell for name, _, cell in pairs}


def groups_of(values: Mapping[str, list[bytes]]) -> tuple[str, ...]:
    """Groups that a record names. Raises UnicodeDecodeError."""
    return tuple(value.decode() for value in values.get(GROUP.lower(), ()))


# ---- out


def write(target: BinaryIO, people: Iterable[tuple[Entry, bytes, Mapping[str, str], Sequence[str]]]) -> int:
    """Writes entries, each with a photo or b"", cells of the site's own fields by name, groups; returns how many."""
    target.write(b"version: 1\n")
    count = 0
    for entry, photo, custom, groups in people:
        plain = list(_attributes(entry, photo))
        own = [(_FIELD, f"{name}={cell}") for name, cell in custom.items()] + [(GROUP, slug) for slug in groups]
        lines = (*plain, *((_CELL, cell) for cell in _unsaid(entry, plain)), *own)
        target.write(b"\n" + b"".join(_line(name, value) for name, value in lines))
        count += 1
    return count


Attribute = tuple[str, str | bytes]


def _unsaid(entry: Entry, attributes: Sequence[Attribute]) -> Iterator[str]:
    """The cells of each field that its attributes do not say as it is."""
    read = entries.of_columns(columns_of(_encoded(attributes)), limits=Limits())
    says, has = _cells(read if isinstance(read, Entry) else Entry()), _cells(entry)
    for each in dict.fromkeys([*has, *says]):
        if has.get(each) != says.get(each):
            yield from (f"{name}={cell}" for name, cell in has.get(each, {each: ""}).items())


def _cells(entry: Entry) -> dict[str, dict[str, str]]:
    """The cells of each field by their names."""
    found: dict[str, dict[str, str]] = {}
    for column, cell in entry_cards.cells(entry).items():
        found.setdefault(column.field, {})[column.name] = cell
    return found


def _encoded(attributes: Iterable[Attribute]) -> dict[str, list[bytes]]:
    """Values by attribute in lower case, as they are read."""
    found: dict[str, list[bytes]] = {}
    for name, value in attributes:
        found.setdefault(name.lower(), []).append(_octets(value))
    return found


def _attributes(entry: Entry, photo: bytes) -> Iterator[Attribute]:
    name, single = entry_cards.shown_name(entry), entry.single
    yield "dn", "uid=" + re.sub(r'([,+"\\<>;=#])', r"\\\1", single.get("uid", name))
    for kind in ("top", "person", "organizationalPerson", "inetOrgPerson", "mozillaAbPersonAlpha"):
        yield "objectClass", kind
    fixed = {
        "uid": single.get("uid"), "cn": name, "givenName": single.get("first_name"),
        "sn": single.get("last_name") or name, "mozillaNickname": single.get("nickname"),
        "title": next(iter(entry.texts("title")), ""), "o": next(iter(entry.texts("company")), ""),
        "ou": next(iter(entry.texts("department")), ""), "description": single.get("note"),
        "employeeNumber": single.get("external_id"), "preferredLanguage": single.get("language"),
    }  # fmt: skip
    yield from ((attribute, value) for attribute, value in fixed.items() if value)
    for place, text in enumerate(entry.texts("email")):
        yield "mozillaSecondEmail" if place == 1 else "mail", text
    for value in sorted(entry.values("phone"), key=lambda value: _PHONES.index(_phone(value))):
        yield _phone(value), value.text
    for value in sorted(entry.values("url"), key=_is_home):
        yield "mozillaHomeUrl" if _is_home(value) else "mozillaWorkUrl", value.text
    yield from _address(entry)
    if found := re.fullmatch(r"(\d{4}|-)-(\d\d)-(\d\d)", single.get("birthday", "")):
        yield from ((part, text) for part, text in zip(_BIRTH, found.groups(), strict=True) if text != "-")
    if photo:
        yield "jpegPhoto" if photo.startswith(b"\xff\xd8") else _PHOTO, photo


_PHONES = ("telephoneNumber", "homePhone", "mobile", "facsimileTelephoneNumber", "pager")
_PARTS = {
    "street": ("street", "mozillaHomeStreet"), "city": ("l", "mozillaHomeLocalityName"),
    "region": ("st", "mozillaHomeState"), "postal_code": ("postalCode", "mozillaHomePostalCode"),
    "country": ("c", "mozillaHomeCountryName"), "po_box": ("postOfficeBox", ""),
}  # fmt: skip


def _phone(value: Value) -> str:
    words = {"fax": "facsimileTelephoneNumber", "mobile": "mobile", "pager": "pager", "home": "homePhone"}
    return next((attribute for word, attribute in words.items() if word in value.type), "telephoneNumber")


def _is_home(value: Value) -> bool:
    return "home" in value.type


def _address(entry: Entry) -> Iterator[tuple[str, str]]:
    """The first address of work, or of no type, and the first at home: there is no name for more."""
    for home in (False, True):
        value = next((value for value in entry.values("address") if _is_home(value) is home), Value())
        for part, names in _PARTS.items():
            if value.parts.get(part) and names[home]:
                yield names[home], value.parts[part]


_SAFE = re.compile(rb"[!-9;=-~][ -~]*(?<! )")


def _line(name: str, value: str | bytes) -> bytes:
    data = _octets(value)
    plain = _SAFE.fullmatch(data) is not None
    line = f"{name}: ".encode() + data if plain else f"{name}:: ".encode() + base64.b64encode(data)
    pieces = [line[:_WIDTH], *(line[at : at + _WIDTH - 1] for at in range(_WIDTH, len(line), _WIDTH - 1))]
    return b"\n ".join(pieces) + b"\n"


def _octets(value: str | bytes) -> bytes:
    return value.encode(errors="surrogateescape") if isinstance(value, str) else value


def write_refused(target: BinaryIO, refused: Iterable[tuple[str, str]]) -> int:
    """Writes records that were refused, each below a comment with its reason; returns how many."""
    count = 0
    for text, reason in refused:
        kept = "\n".join(line for line in text.split("\n") if not line.startswith(_REASON))
        target.write(f"{_REASON}{' '.join(reason.split())}\n{kept}\n\n".encode(errors="surrogateescape"))
        count += 1
    return count
