"""The demo organisation: its contacts, groups, teams, members and grants. Plain values, the same at every call.

`sharedbook demo` writes them into a site; the tests use the same people, so that a name means the same everywhere.
"""

from __future__ import annotations

import base64
import itertools
import tomllib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from sharedbook.domain.model import ALL_RIGHTS, Right
from sharedbook.formats.vcards.content_line import Raw, make_line
from sharedbook.services.demo import photos

PER_LOCALE = 20


@dataclass(frozen=True, slots=True)
class Locale:
    """What the people of one locale are made of; locales.toml says how to read the texts."""

    tag: str
    country: str
    family_first: bool
    family: str
    given: str
    companies: str
    towns: str
    titles: str
    prefix: str
    mobile: str
    landline: str


@dataclass(frozen=True, slots=True)
class DemoGroup:
    """A group: its name (the slug follows from it) and what it is for."""

    name: str
    slug: str
    description: str


@dataclass(frozen=True, slots=True)
class DemoMember:
    """One who logs in, with the password that everybody can read here."""

    login: str
    display_name: str
    postmaster: bool = False
    teams: tuple[str, ...] = ()
    role: str = ""

    @property
    def email(self) -> str:
        """The member's own address."""
        return f"{self.login}@demo.example"

    @property
    def password(self) -> str:
        """For demonstrations only: it follows from the login."""
        return f"demo-{self.login}"


@dataclass(frozen=True, slots=True)
class Person:
    """A contact. ``key`` never changes; ``kana`` is a Japanese name's sound."""

    key: str
    locale: str
    family: str
    given: str
    kana: tuple[str, str]
    name: str
    emails: tuple[tuple[str, str], ...]
    phones: tuple[tuple[str, str], ...]
    company: str
    title: str
    town: str
    country: str
    tags: tuple[str, ...]
    note: str
    birthday: str
    photo: int | None
    groups: tuple[str, ...]
    owner: str | None
    seen_by: str

    @property
    def uid(self) -> str:
        """The card's UID."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"https://demo.example/{self.key}"))

    @property
    def vcard(self) -> str:
        """The card, vCard 3.0 (RFC 2426)."""
        return "".join(_lines(self))


GROUPS: tuple[DemoGroup, ...] = (
    DemoGroup("Customers", "customers", "Who buys from us"),
    DemoGroup("Suppliers", "suppliers", "Whom we buy from"),
    DemoGroup("Partners", "partners", "Resellers and consultants"),
    DemoGroup("Press", "press", "Newspapers and broadcasters"),
    DemoGroup("서울 지사", "서울-지사", "The Seoul branch"),
    DemoGroup("東京オフィス", "東京オフィス", "The Tokyo office"),
    DemoGroup("Europe", "europe", "Offices in Europe"),
    DemoGroup("Management", "management", "For the management only"),
)

TEAMS: tuple[str, ...] = ("sales", "support", "management")

MEMBERS: tuple[DemoMember, ...] = (
    DemoMember("alice", "Alice Kim", postmaster=True, teams=("management",), role="postmaster; sees every group"),
    DemoMember("bob", "Bob Schäfer", teams=("sales",), role="sales: adds and edits customers"),
    DemoMember("carol", "Carol Tanaka", role="in no team: sees what everyone may view"),
    DemoMember("dave", "Dave O'Neill", teams=("support",), role="support: edits partners, views customers"),
    DemoMember("erin", "Erin Dubois", teams=("sales", "management"), role="sales and management"),
    DemoMember("frank", "Frank Papadopoulos", teams=("support",), role="support: a second pair of eyes"),
)

_CHANGE = Right.VIEW | Right.ADD | Right.EDIT
GRANTS: tuple[tuple[str, str, Right], ...] = (
    *((group.slug, "alice", ALL_RIGHTS) for group in GROUPS),
    ("customers", "@sales", _CHANGE | Right.DELETE | Right.EXPORT),
    ("customers", "@support", Right.VIEW),
    ("suppliers", "@sales", Right.VIEW),
    ("partners", "@support", _CHANGE),
    ("partners", "@sales", Right.VIEW),
    ("press", "everyone", Right.VIEW),
    ("서울-지사", "everyone", Right.VIEW),
    ("東京オフィス", "@sales", Right.VIEW),
    ("europe", "@sales", _CHANGE),
    ("europe", "@support", Right.VIEW),
    ("management", "@management", ALL_RIGHTS),
)
"""Group, subject, rights."""

_BY_LOCALE = {
    "ko": "서울-지사",
    "ja": "東京オフィス",
    "de": "europe",
    "fr": "europe",
    "el": "europe",
    "pl": "europe",
    "es": "europe",
}
_TAGS = ("VIP", "newsletter", "trade fair", "reseller")
_NOTES = (
    "Calls back after lunch.",
    "Met at the trade fair; wants the new catalogue.",
    "Prefers mail, in writing.",
    "Ask for the invoice number first.",
)


@cache
def people() -> tuple[Person, ...]:
    """All contacts of the demo organisation, in a fixed order."""
    counter = itertools.count()
    return tuple(_person(locale, place, next(counter)) for locale in locales() for place in range(PER_LOCALE))


def locales() -> tuple[Locale, ...]:
    """The locales of ``locales.toml``."""
    text = (files("sharedbook.services.demo") / "locales.toml").read_text(encoding="utf-8")
    return tuple(Locale(tag, **values) for tag, values in tomllib.loads(text).items())


def _person(locale: Locale, place: int, number: int) -> Person:
    families, givens = _words(locale.family), _words(locale.given)
    family, given = families[place % len(families)], givens[(place * 3 + place // len(families)) % len(givens)]
    companies, towns, titles = _words(locale.companies), _words(locale.towns), locale.titles.split("|")
    company, domain = companies[(place + place // len(families)) % len(companies)]
    address = f"{given[1]}.{family[1]}@{domain}.example"
    return Person(
        key=f"{locale.tag}-{place:02}",
        locale=locale.tag,
        family=family[0],
        given=given[0],
        kana=(family[2], given[2]) if len(family) > 2 else ("", ""),
        name=_full_name(locale, family[0], given[0]),
        emails=(("WORK", address), *([("HOME", f"{given[1]}@home.example")] if place % 7 == 3 else [])),
        phones=(
            ("CELL", _phone(locale.prefix, locale.mobile, number)),
            *([("WORK", _phone(locale.prefix, locale.landline, number + 1000))] if place % 2 else []),
        ),
        company=company,
        title=titles[place % len(titles)],
        town=towns[place % len(towns)][0],
        country=locale.country,
        tags=tuple(tag for at, tag in enumerate(_TAGS) if number % (5 + 2 * at) == 0),
        note=_NOTES[number // 6 % len(_NOTES)] if number % 6 == 0 else "",
        birthday=f"19{60 + number % 40}-{1 + number % 12:02}-{1 + number % 28:02}" if number % 9 == 0 else "",
        photo=number if number % 12 == 5 else None,
        groups=_groups(locale, place, number),
        owner=("bob", "erin")[number % 2] if number % 25 in (7, 8) else None,
        seen_by={11: "@sales", 12: "private", 13: "@management"}.get(number % 60, "all"),
    )


def _words(text: str) -> list[tuple[str, ...]]:
    return [tuple(part.replace("_", " ") for part in word.split("/")) for word in text.split()]


def _full_name(locale: Locale, family: str, given: str) -> str:
    if not locale.family_first:
        return f"{given} {family}"
    return f"{family} {given}" if locale.tag in ("ja", "vi") else family + given


def _phone(prefix: str, pattern: str, number: int) -> str:
    """The pattern with its # filled by digits that follow from the number."""
    digits = itertools.cycle(str(123_457 * (number + 81) % 10_000_019 + 10_000_000)[::-1])
    return f"{prefix} " + "".join(next(digits) if character == "#" else character for character in pattern)


def _groups(locale: Locale, place: int, number: int) -> tuple[str, ...]:
    kind = ("customers", "suppliers", "customers", "partners")[place % 4]
    found = [kind]
    if locale.tag in _BY_LOCALE and place < PER_LOCALE // 2:
        found.append(_BY_LOCALE[locale.tag])
    if number % 20 == 9:
        found = ["press"]
    if number % 30 == 14:
        found.append("management")
    return tuple(found)


def _lines(person: Person) -> Iterator[str]:
    yield "BEGIN:VCARD\r\nVERSION:3.0\r\n"
    yield make_line("UID", person.uid)
    yield make_line("FN", person.name)
    yield make_line("N", (person.family, person.given, "", "", ""))
    if person.kana[0]:
        yield make_line("X-PHONETIC-LAST-NAME", person.kana[0])
        yield make_line("X-PHONETIC-FIRST-NAME", person.kana[1])
    for place, (kind, address) in enumerate(person.emails):
        yield make_line("EMAIL", address, [("TYPE", ["INTERNET", kind, *(["PREF"] if place == 0 else [])])])
    for kind, phone in person.phones:
        yield make_line("TEL", phone, [("TYPE", [kind, "VOICE"])])
    yield make_line("ORG", [person.company])
    yield make_line("TITLE", person.title)
    yield make_line("ADR", ("", "", "", person.town, "", "", person.country), [("TYPE", ["WORK"])])
    if person.birthday:
        yield make_line("BDAY", person.birthday)
    if person.tags:
        yield make_line("CATEGORIES", [person.tags])
    if person.note:
        yield make_line("NOTE", person.note)
    if person.photo is not None:
        picture = base64.b64encode(photos.png(person.photo)).decode()
        yield make_line("PHOTO", Raw(picture), [("ENCODING", ["b"]), ("TYPE", ["PNG"])])
    yield "END:VCARD\r\n"
