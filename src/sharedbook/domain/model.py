"""The words of the field: what a group, a contact, a member, a grant are. Plain values, nothing that needs a database.

Ids are integers and never reused; ``seq`` is a number of the one clock (the change log); times are aware, in UTC.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


class Right(enum.IntFlag):
    """What a grant allows on a group. Any right includes VIEW (see ``access.normalize``)."""

    VIEW = 1
    ADD = 2
    EDIT = 4
    DELETE = 8
    IMPORT = 16
    EXPORT = 32

    @property
    def word(self) -> str:
        """A single right as people write it: ``view``."""
        return str(self.name).lower()

    @property
    def words(self) -> list[str]:
        """Each of these rights as people write it."""
        return [right.word for right in Right if right & self]


RIGHTS = {right.word: right for right in Right}
"""Every right by its word."""

NO_RIGHTS = Right(0)
ALL_RIGHTS = Right.VIEW | Right.ADD | Right.EDIT | Right.DELETE | Right.IMPORT | Right.EXPORT
WRITE_RIGHTS = Right.ADD | Right.EDIT | Right.DELETE
"""What a mail client needs to write in an address book as it likes; without any of them the book is read-only."""


class SubjectKind(enum.StrEnum):
    """Who can be named in a grant or a visibility list."""

    MEMBER = "member"
    TEAM = "team"
    EVERYONE = "everyone"
    POSTMASTERS = "postmasters"


EVERYONE_ID = 1
POSTMASTERS_ID = 2
MERGED_ID = 0
"""Stands for the merged book where the id of a group names a book."""


class VisibilityKind(enum.StrEnum):
    """Which viewers of its groups see a contact. ALL; LISTED: those on its list; PRIVATE: the owner and postmasters."""

    ALL = "all"
    LISTED = "listed"
    PRIVATE = "private"


@dataclass(frozen=True, slots=True)
class Visibility:
    """Visibility of a contact; ``listed`` holds subject ids and is empty unless the kind is LISTED."""

    kind: VisibilityKind = VisibilityKind.ALL
    listed: frozenset[int] = frozenset()


VISIBLE_TO_ALL = Visibility()
PRIVATE = Visibility(VisibilityKind.PRIVATE)


@dataclass(frozen=True, slots=True)
class Subject:
    """A member, a team, everyone or the postmasters. ``name`` is the login, the team's name, or the kind."""

    id: int
    kind: SubjectKind
    name: str

    @property
    def label(self) -> str:
        """As it is written on the command line: ``alice``, ``@sales``, ``everyone``."""
        return f"@{self.name}" if self.kind is SubjectKind.TEAM else self.name


@dataclass(frozen=True, slots=True)
class Member:
    """One who logs in. ``login`` is folded and immutable."""

    id: int
    login: str
    display_name: str
    email: str
    postmaster: bool
    disabled: bool
    merged_book: bool = False


@dataclass(frozen=True, slots=True)
class Team:
    """Some members under one name."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Group:
    """A shared contact group: one address book. ``slug`` is its path segment and is never reused."""

    id: int
    slug: str
    name: str
    description: str
    position: int
    default: bool
    seq: int
    floor_seq: int
    modified: datetime
    emptied_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact as it is stored: ``vcard`` is the text that GET serves, byte for byte (UTF-8).

    ``source``: the directory that keeps its text, so that nobody edits it here; None for all others.
    """

    id: int
    key: str
    uid: str
    vcard: str
    etag: str
    name: str
    owner_id: int | None
    visibility: Visibility
    version: int
    created: datetime
    modified: datetime
    trashed_at: datetime | None
    source: str | None = None
    groups: tuple[int, ...] = ()


class Card(NamedTuple):
    """A contact as one group serves it: the row behind one href."""

    href: str
    contact_id: int
    uid: str
    etag: str
    vcard: str
    size: int
    modified: datetime


class FieldKind(enum.StrEnum):
    """What the values of a custom field are: text, links (http, https, mailto), or a member's login (ASSIGNED_ID)."""

    TEXT = "text"
    LINK = "link"
    MEMBER = "member"


ASSIGNED_ID = 1
"""The field that every site has: the member who looks after a contact. It gives no right."""


@dataclass(frozen=True, slots=True)
class CustomField:
    """A field of the site's own. ``key``: its name as it is compared; ``several``: it may have more than one value.

    ``logins``: where values are read, the members that a MEMBER field may name.
    """

    id: int
    key: str
    name: str
    kind: FieldKind
    several: bool
    logins: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Grant:
    """Rights of a subject on a group."""

    group_id: int
    subject: Subject
    rights: Right


class Event(enum.StrEnum):
    """What a revision records."""

    ADDED = "added"
    EDITED = "edited"
    COMBINED = "combined"
    MOVED = "moved"
    COPIED = "copied"
    DELETED = "deleted"
    RESTORED = "restored"
    REVERTED = "reverted"
    OWNER = "owner"
    VISIBILITY = "visibility"
    CUSTOM = "custom"
    SOURCE = "source"
    """A directory keeps it no longer, or again."""


WRITES_TEXT = frozenset({Event.EDITED, Event.COMBINED, Event.REVERTED})
"""Steps that change the card's text: their revision holds the text before."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One step of a contact's history. ``before`` is the card's text before it (None for *added* and for moves).

    ``custom``: of *custom*, what its custom fields were before (``services/contacts/custom_fields.py``).
    """

    id: int
    contact_id: int
    at: datetime
    actor: str
    client: str
    event: Event
    before: str | None
    custom: str | None = None


class ChangeKind(enum.StrEnum):
    """Which kind of row a change touched; the LDAP index and the feed reload by it."""

    CONTACT = "contact"
    GROUP = "group"
    SUBJECT = "subject"
    REFETCH = "refetch"
    """Nothing changed but what one member's clients must fetch again; the id is his."""


@dataclass(frozen=True, slots=True)
class Change:
    """One tick of the clock: ids only, never values."""

    seq: int
    kind: ChangeKind
    id: int


class CardState(enum.IntEnum):
    """How a group holds a contact: shown to all its viewers, to some, to nobody (trash), or no more (tombstone)."""

    SHOWN = 0
    RESTRICTED = 1
    TRASHED = 2
    DEAD = 3


class Departed(enum.StrEnum):
    """Why a href is dead."""

    DELETED = "deleted"
    ERASED = "erased"
    MOVED = "moved"


class HoldState(enum.StrEnum):
    """A client that deleted too much: HELD back, RELEASED for a while, or DISCARDED: what it deleted is back."""

    HELD = "held"
    RELEASED = "released"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True)
class Limits:
    """What the site accepts (settings can change each); sizes in bytes, lengths in characters."""

    contacts: int = 50_000
    values_per_field: int = 100
    properties: int = 500
    card_bytes: int = 16 * 1024 * 1024
    photo_bytes: int = 10 * 1024 * 1024
    photo_pixels: int = 50_000_000
    served_photo_bytes: int = 256 * 1024
    name_length: int = 100
    note_length: int = 4_000
    file_bytes: int = 200 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is: rows done, and how many had which result."""

    done: int
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Client:
    """Through what an actor acts: the door, the program it names, and the app password used (its label)."""

    door: str
    agent: str = ""
    app_password: str = ""

    def __str__(self) -> str:
        parts = [self.door] + [part for part in (self.agent, self.app_password) if part]
        return " ".join(parts)
