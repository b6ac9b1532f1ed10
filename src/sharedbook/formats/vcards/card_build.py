"""Fields to the text of a new card. Only what is given is written; a card that exists is changed with ``vcard.patch``.

New cards are vCard 3.0, the version that every CardDAV client and server must know (RFC 6352 section 3) and the default
of its reports; ``version="4.0"`` writes the same fields in the newer form.
"""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from sharedbook.domain.errors import InvalidCard
from sharedbook.formats.vcards import images
from sharedbook.formats.vcards.content_line import CRLF, Params, Raw, Value, make_line
from sharedbook.formats.vcards.fields import Address, Typed
from sharedbook.formats.vcards.names import display_name

PRODUCT = "-//sharedbook//EN"


@dataclass(frozen=True, slots=True)
class NewCard:
    """What a new card may hold; the names are those of ``fields.Fields``. ``photo`` is a JPEG, PNG or GIF file's bytes.

    ``full_name`` "" is made from the other fields, as ``fields.read`` would. ``extra`` are further properties: name,
    value, parameters.
    """

    full_name: str = ""
    family: str = ""
    given: str = ""
    additional: str = ""
    prefix: str = ""
    suffix: str = ""
    phonetic_family: str = ""
    phonetic_given: str = ""
    nicknames: Sequence[str] = ()
    organization: str = ""
    units: Sequence[str] = ()
    title: str = ""
    role: str = ""
    emails: Sequence[Typed] = ()
    phones: Sequence[Typed] = ()
    urls: Sequence[Typed] = ()
    addresses: Sequence[Address] = ()
    note: str = ""
    birthday: str = ""
    categories: Sequence[str] = ()
    kind: str = "individual"
    members: Sequence[str] = ()
    photo: bytes = b""
    extra: Sequence[tuple[str, Value, Params]] = ()


def build(new: NewCard, *, version: Literal["3.0", "4.0"] = "3.0", uid: str = "") -> str:
    """The text of a new card: escaped, folded, CRLF. ``uid`` "" makes a random one (uuid4).

    Raises InvalidCard if a value holds a control character or the photo is no JPEG, PNG or GIF. Limits are not asked:
    ``vcard.parse`` the text.
    """
    newer = version == "4.0"
    lines = [make_line(name, value, params) for name, value, params in _single(new, uid, newer)]
    labels = 0
    for name, value, found in _typed(new):
        if found.label:
            labels += 1
        group = f"item{labels}" if found.label else ""
        lines.append(make_line(name, value, _typed_params(name, found, newer), group))
        if found.label:
            lines.append(make_line("X-ABLabel", found.label, group=group))
    head = [f"BEGIN:VCARD{CRLF}", make_line("VERSION", Raw(version)), make_line("PRODID", PRODUCT)]
    return "".join([*head, *lines, f"END:VCARD{CRLF}"])


def _single(new: NewCard, uid: str, newer: bool) -> Iterator[tuple[str, Value, Params]]:
    """The properties without a type, in the order of the card."""
    name = (new.family, new.given, new.additional, new.prefix, new.suffix)
    mails_and_numbers = (found.value for found in (*new.emails, *new.phones))
    yield "UID", Raw(uid) if uid else str(uuid.uuid4()), ()
    yield "FN", new.full_name or display_name(*name, [new.organization, *mails_and_numbers]), ()
    yield "N", name, ()
    texts = {
        "X-PHONETIC-LAST-NAME": new.phonetic_family,
        "X-PHONETIC-FIRST-NAME": new.phonetic_given,
        "TITLE": new.title,
        "ROLE": new.role,
        "NOTE": new.note,
    }
    yield from ((name, text, ()) for name, text in texts.items() if text)
    if new.organization or new.units:
        yield "ORG", (new.organization, *new.units), ()
    for list_name, values in (("NICKNAME", new.nicknames), ("CATEGORIES", new.categories)):
        if values:
            yield list_name, (tuple(values),), ()
    if new.birthday:
        yield _birthday(new.birthday, newer)
    yield from _kind(new, newer)
    if new.photo:
        yield photo_property(new.photo, newer)
    yield from new.extra


def _kind(new: NewCard, newer: bool) -> Iterator[tuple[str, Value, Params]]:
    prefix = "" if newer else "X-ADDRESSBOOKSERVER-"
    if new.kind != "individual":
        yield f"{prefix}KIND", new.kind, ()
    yield from ((f"{prefix}MEMBER", Raw(member), ()) for member in new.members)


_DATE = re.compile(r"(?:(\d{4})-?|--)(\d\d)-?(\d\d)", re.ASCII)
_NO_YEAR = "1604"


def _birthday(text: str, newer: bool) -> tuple[str, Value, Params]:
    """A date in the version's form; without its year 3.0 has only Apple's form, 4.0 one of its own."""
    date = _DATE.fullmatch(text)
    if date is None:
        return "BDAY", text, (("VALUE", ("text",)),)
    year, month, day = date.groups()
    if newer:
        return "BDAY", Raw(f"{year or '--'}{month}{day}"), ()
    return "BDAY", Raw(f"{year or _NO_YEAR}-{month}-{day}"), () if year else (("X-APPLE-OMIT-YEAR", (_NO_YEAR,)),)


def photo_property(data: bytes, newer: bool) -> tuple[str, Value, Params]:
    """PHOTO with a file's bytes, as 3.0 or, ``newer``, 4.0 writes it. Raises InvalidCard unless JPEG, PNG or GIF."""
    kind = images.sniff(data)
    if kind is None:
        raise InvalidCard("The photo is not a JPEG, PNG or GIF picture.", hint="use one of these formats")
    text = base64.b64encode(data).decode()
    if newer:
        return "PHOTO", Raw(f"data:{kind.media_type};base64,{text}"), ()
    return "PHOTO", Raw(text), (("ENCODING", ("b",)), ("TYPE", (kind.media_type.removeprefix("image/").upper(),)))


def _typed(new: NewCard) -> Iterator[tuple[str, Value, Typed | Address]]:
    yield from (("EMAIL", email.value, email) for email in new.emails)
    yield from (("TEL", number.value, number) for number in new.phones)
    yield from (("URL", Raw(url.value), url) for url in new.urls)
    yield from (("ADR", address.components(), address) for address in new.addresses)


def _typed_params(name: str, found: Typed | Address, newer: bool) -> Params:
    """TYPE and preference, as 3.0 (types in upper case, ``TYPE=PREF``) or 4.0 (``PREF=1``) says them."""
    types = sorted(found.types)
    if newer:
        params: Params = tuple(("TYPE", (kind,)) for kind in types)
        return (*params, ("PREF", (str(found.pref),))) if found.pref else params
    internet = ["INTERNET"] if name == "EMAIL" else []
    preferred = ["PREF"] if found.pref == 1 else []
    return tuple(("TYPE", (kind.upper(),)) for kind in (*internet, *types, *preferred))
