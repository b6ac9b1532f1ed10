"""An organisation in memory: contacts of 14 locales, three groups, readers with different sight. No database."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ldap_gateway.attributes import Names
from ldap_gateway.directory import Directory, Reader
from sharedbook.domain.model import EVERYONE_ID, POSTMASTERS_ID, Limits, Right
from sharedbook.services.demo.people import people
from sharedbook.services.feed import FeedContact, FeedGroup, FeedMember

BASE = "ou=contacts,dc=example,dc=com"
ALICE, BOB, CAROL, DAVE, SALES = 11, 12, 13, 14, 15
OPEN, SECRET, EMPTY = 1, 2, 3
MODIFIED = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)

MEMBERS = [
    FeedMember(
        ALICE,
        "alice",
        "alice@example.com",
        "hash of alice",
        False,
        frozenset({ALICE, EVERYONE_ID, POSTMASTERS_ID, SALES}),
    ),
    FeedMember(BOB, "bob", "", "hash of bob", False, frozenset({BOB, EVERYONE_ID, SALES})),
    FeedMember(CAROL, "carol", "", "hash of carol", False, frozenset({CAROL, EVERYONE_ID})),
    FeedMember(DAVE, "dave", "", "hash of dave", True, frozenset({DAVE, EVERYONE_ID, SALES})),
]
GROUPS = [
    FeedGroup(OPEN, "open", "Open, to all", "for everybody", {EVERYONE_ID: Right.VIEW}),
    FeedGroup(SECRET, "비밀", "Secret", "", {SALES: Right.VIEW | Right.EDIT}),
    FeedGroup(EMPTY, "empty", "Empty", "", {ALICE: Right.VIEW}),
]
EVERYBODY = frozenset({EVERYONE_ID})
SUBJECTS = {name: member.subjects for name, member in zip(("alice", "bob", "carol"), MEMBERS[:3], strict=True)}


def key_of(number: int) -> str:
    """The key of a contact of this world."""
    return hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest()


def contact(
    number: int,
    *lines: str,
    name: str = "Kim Min",
    groups: Iterable[int] = (OPEN,),
    audience: frozenset[int] = EVERYBODY,
    version: int = 1,
) -> FeedContact:
    """A contact with some lines of vCard."""
    card = ["BEGIN:VCARD", "VERSION:3.0", f"UID:{number}", f"FN:{name}", *lines, "END:VCARD", ""]
    return FeedContact(number, key_of(number), version, MODIFIED, "\r\n".join(card), audience, tuple(groups))


def demo() -> list[FeedContact]:
    """The demo organisation's people, in both groups, some for few eyes only."""
    audiences = [EVERYBODY, EVERYBODY, frozenset({SALES}), frozenset({POSTMASTERS_ID}), frozenset({CAROL, BOB})]
    places = [(OPEN,), (SECRET,), (OPEN, SECRET)]
    return [
        FeedContact(
            number,
            key_of(number),
            1,
            MODIFIED,
            person.vcard,
            audiences[number % len(audiences)],
            places[number % len(places)],
        )
        for number, person in enumerate(people(), 1)
    ]


@dataclass
class World:
    """A directory, and the contacts that are in it."""

    directory: Directory
    contacts: dict[int, FeedContact] = field(default_factory=dict)

    def put(self, *contacts: FeedContact) -> None:
        """Adds or replaces contacts."""
        for each in contacts:
            self.directory.index.put(*self.directory.people.indexed(each))
            self.contacts[each.id] = each

    def reader(self, name: str) -> Reader:
        """One of SUBJECTS as he reads now."""
        return self.directory.reader(SUBJECTS[name])

    def sees(self, name: str, each: FeedContact) -> bool:
        """The rule of seeing, written once more."""
        subjects = SUBJECTS[name]
        held = (self.directory.groups[group] for group in each.groups)
        viewed = any(
            right & Right.VIEW for group in held for subject, right in group.rights.items() if subject in subjects
        )
        return viewed and not subjects.isdisjoint(each.audience)


def world(
    contacts: Iterable[FeedContact] = (), parts: Iterable[str] = (), region: str = "KR", *, accents: bool = True
) -> World:
    """A directory with the members, the groups and these contacts. ``parts``: the setting ldap.attributes."""
    names = Names(tuple(parts), accents=accents)
    directory = Directory(BASE, names=names, region=region, limits=Limits(), start_tls=True)
    directory.set_members(MEMBERS)
    directory.set_groups(GROUPS)
    made = World(directory)
    made.put(*contacts)
    return made
