"""The rows of the LDAP comparison: what clients send, and the ratio to reach beside each."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ldap_gateway import messages as m
from ldap_gateway import schema
from ldap_gateway.ber import Reader
from tests.bench.ber_load import BIND_ID, SEARCH_ID, Load
from tests.ldap.wiring import Answer, number, octets, text, tlv

CLIENTS = 10
NEEDLES = 300
LIMIT = 100
PERSON = ("cn", "mail", "givenName", "sn")
WINDOW = (
    *("cn", "givenName", "sn", "mozillaNickname", "mail", "mozillaSecondEmail", "description", "o", "ou", "title"),
    *("mozillaWorkUrl", "mozillaHomeUrl"),
)
PHONES = ("telephoneNumber", "mobile")


@dataclass(frozen=True, slots=True)
class Row:
    """``targets``: ratio against slapd as indexed by default, and tuned. ``p99``: ratio of p99 times, not of rates."""

    name: str
    targets: tuple[float, float]
    loads: Sequence[Load]
    p99: bool = False


class Requests:
    """Encoded requests on one base, with needles out of the entries themselves."""

    def __init__(self, base: str, entries: Sequence[Answer]) -> None:
        self._base = base.encode()
        self._entries = entries
        self._chance = random.Random(11)

    def encode(
        self,
        found: m.Filter,
        *,
        limit: int = 0,
        attributes: tuple[str, ...] = (),
        controls: tuple[m.Control, ...] = (),
    ) -> bytes:
        """One search below the base."""
        request = m.Search(self._base, m.Scope.SUBTREE, limit, 0, False, found, attributes)
        return octets(m.Message(SEARCH_ID, request, controls))

    def _values(self, *names: str) -> list[bytes]:
        """A value of one of these attributes from each of some entries."""
        return [self._chance.choice(each.attributes[self._chance.choice(names)]) for each in self._sample()]

    def _sample(self) -> list[Answer]:
        return [self._chance.choice(self._entries) for _ in range(NEEDLES)]

    def starts(self, size: int) -> list[bytes]:
        """What names and addresses start with."""
        return [value.decode().lower()[:size].encode() for value in self._values("givenName", "sn", "mail")]

    def parts(self, *sizes: int) -> list[bytes]:
        """What stands somewhere in names and addresses."""
        found = []
        while len(found) < NEEDLES:
            size = self._chance.choice(sizes)
            for value in self._values("cn", "mail"):
                word = value.decode().lower().split("@")[0]
                at = self._chance.randrange(max(1, len(word) - size + 1))
                part = word[at : at + size]
                if len(part) == size and " " not in part:
                    found.append(part.encode())
        return found[:NEEDLES]

    def contains(self, needles: Sequence[bytes], attributes: Sequence[str] = PERSON) -> list[bytes]:
        """Thunderbird: any of some attributes contains a text."""
        return [self.encode(any_of(attributes, lambda a, n=n: like(a, n)), limit=LIMIT) for n in needles]

    def prefix(self, size: int) -> list[bytes]:
        """Any attribute of a person starts with a text."""
        return [self.encode(any_of(PERSON, lambda a, n=n: begins(a, n)), limit=LIMIT) for n in self.starts(size)]

    def kde(self) -> list[bytes]:
        """KDE's compose autocomplete: no limit."""
        kind = m.Or((equal("objectClass", b"person"), equal("objectClass", b"groupOfNames"), m.Present("mail")))
        return [
            self.encode(m.And((kind, any_of(PERSON, lambda a, n=n: begins(a, n)))), attributes=(*PERSON, "objectClass"))
            for n in self.starts(3)
        ]

    def two_words(self) -> list[bytes]:
        """Thunderbird's autocomplete of a given name and a family name."""
        found = []
        for entry in self._sample():
            first, last = (entry.attributes[name][0].decode().lower().encode() for name in ("givenName", "sn"))
            both = first + b" " + last
            parts = (m.Substrings("cn", b"", (first, last), b""), like("mail", both), like("givenName", first))
            found.append(self.encode(m.Or((*parts, like("sn", both))), limit=LIMIT))
        return found

    def mail(self) -> list[bytes]:
        """One mail address."""
        return [self.encode(equal("mail", value)) for value in self._values("mail")]

    def phone(self, *, suffix: int = 0) -> list[bytes]:
        """One number as a phone sends it, or its last digits."""
        digits = [bytes(octet for octet in value if octet in b"+0123456789") for value in self._values(*PHONES)]
        if suffix:
            return [self.encode(any_of(PHONES, lambda a, n=n: m.Substrings(a, b"", (), n[-suffix:]))) for n in digits]
        return [self.encode(any_of(PHONES, lambda a, n=n: equal(a, n))) for n in digits]

    def everything(self, cookie: bytes = b"", page: int = 0) -> bytes:
        """All contacts, or a page of them."""
        asked = tlv(0x30, number(page) + text(cookie))
        controls = (m.Control(schema.PAGED_RESULTS, False, asked),) if page else ()
        return self.encode(equal("objectClass", b"inetOrgPerson"), controls=controls)

    def paged(self, size: int) -> Load:
        """All contacts in pages."""

        def follow(done: bytes) -> bytes | None:
            cookie = cookie_of(done)
            return self.everything(cookie, size) if cookie else None

        return Load([self.everything(page=size)], follow=follow)

    def sorted(self) -> list[bytes]:
        """SOGo: critical sort by cn with its ordering rule."""
        control = m.Control(schema.SORT_REQUEST, True, tlv(0x30, tlv(0x30, text("cn") + text("2.5.13.3", 0x80))))
        return [
            self.encode(any_of(PERSON, lambda a, n=n: like(a, n)), attributes=("cn", "mail"), controls=(control,))
            for n in self.parts(4)
        ]


def any_of(attributes: Sequence[str], term: Callable[[str], m.Filter]) -> m.Filter:
    """An OR of one term for each attribute."""
    return m.Or(tuple(map(term, attributes)))


def like(attribute: str, needle: bytes) -> m.Filter:
    """``(attribute=*needle*)``."""
    return m.Substrings(attribute, b"", (needle,), b"")


def begins(attribute: str, needle: bytes) -> m.Filter:
    """``(attribute=needle*)``."""
    return m.Substrings(attribute, needle, (), b"")


def equal(attribute: str, value: bytes) -> m.Filter:
    """``(attribute=value)``."""
    return m.Assertion(m.Relation.EQUAL, attribute, value)


def cookie_of(done: bytes) -> bytes:
    """The paging cookie of a result, from its message id on."""
    reader = Reader(done)
    reader.integer()
    reader.any()
    control = reader.enter(0xA0).enter()
    control.text()
    answer = Reader(control.octets()).enter()
    answer.integer()
    return answer.octets()


def bind(name: str, password: str) -> bytes:
    """A simple bind."""
    return octets(m.Message(BIND_ID, m.Bind(3, name.encode(), None, password.encode())))


def rows(ask: Requests) -> Mapping[str, Row]:
    """All rows by name."""
    contains3, mail = ask.contains(ask.parts(3)), ask.mail()

    def ten(load: Load) -> list[Load]:
        return [load] * CLIENTS

    def same(requests: Sequence[bytes], *, fresh: bool = False) -> list[Load]:
        return ten(Load(requests, fresh=fresh))

    export = Load([ask.everything()], counted=False)
    made = [
        Row("prefix, 3 letters", (4, 4), same(ask.prefix(3))),
        Row("prefix, 2 letters", (6, 5), same(ask.prefix(2))),
        Row("contains, 3 letters (Thunderbird autocomplete)", (100, 5), same(contains3)),
        Row("contains, 2 letters", (50, 30), same(ask.contains(ask.parts(2)))),
        Row("contains, 4-5 letters", (5, 2), same(ask.contains(ask.parts(4, 5)))),
        Row("two words", (15, 4), same(ask.two_words())),
        Row("Thunderbird directory window", (80, 1.5), same(ask.contains(ask.parts(3), WINDOW))),
        Row("mail =", (1.0, 1.0), same(mail)),
        Row("phone =", (0.9, 0.9), same(ask.phone())),
        Row("phone suffix, 8 digits", (0.9, 0.9), same(ask.phone(suffix=8))),
        Row("KDE prefix, no limit", (3, 3), same(ask.kde())),
        Row("all entries, unpaged", (2.5, 2.5), same([ask.everything()])),
        Row("all entries, pages of 1000", (4, 4), ten(ask.paged(1000))),
        Row("all entries, pages of 200", (6, 6), ten(ask.paged(200))),
        Row("connect + bind + contains 3 + close", (50, 2.5), same(contains3, fresh=True)),
        Row("connect + bind + mail = + close", (0.9, 0.9), same(mail, fresh=True)),
        Row("critical sort", (20, 20), same(ask.sorted())),
        Row("autocomplete p99 during an export", (0.5, 0.5), [*same(contains3), export], p99=True),
    ]
    return {row.name: row for row in made}
