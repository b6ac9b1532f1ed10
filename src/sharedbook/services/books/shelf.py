"""Where a book's cards stand: the rows of one group, or every contact that the viewer sees in any of his groups.

Reading, searching and syncing are the same for both kinds of book; what differs is asked of the shelf. In the merged
book hrefs are made of the contacts' keys. Of two contacts with one UID it shows the later under a UID of its own, and
so with an ETag of its own; that one is read only.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from sharedbook.domain.access import Viewer
from sharedbook.domain.model import Card, Group
from sharedbook.domain.query import Query
from sharedbook.formats.vcards import vcard
from sharedbook.services.tx import Tx
from sharedbook.services.writing import records
from sharedbook.store import groups, memberships, merged, search, sync
from sharedbook.store.merged import Row
from sharedbook.store.sync import Departure

SUFFIX = ".vcf"
_NAME = re.compile(r"[0-9a-f]{32}\.vcf")


class Entry(NamedTuple):
    """One line of a listing."""

    href: str
    etag: str


@dataclass(frozen=True, slots=True)
class Past:
    """What a sync token remembers: the viewer as he was, the groups that he viewed in this book, when.

    ``seq``: up to which he was told what was touched; ``at``: up to which he was told all else.
    """

    viewer: Viewer
    groups: frozenset[int]
    seq: int
    at: int


class Shelf(Protocol):
    """Every method answers for what the viewer sees. ``groups``: those that the book shows; maybe none."""

    @property
    def groups(self) -> frozenset[int]: ...

    def cards(self, tx: Tx, hrefs: Sequence[str]) -> dict[str, Card]:
        """The cards at these hrefs, by href."""

    def all_cards(self, tx: Tx) -> Iterator[Card]:
        """Every card, streamed."""

    def entries(self, tx: Tx) -> list[Entry]:
        """Every href."""

    def etags(self, tx: Tx, hrefs: Sequence[str]) -> dict[str, str]:
        """ETags by href, of those of these hrefs that hold a card."""

    def search(self, tx: Tx, query: Query, limit: int | None) -> list[str]:
        """The hrefs of the cards that match, in order."""

    def href_of(self, tx: Tx, uid: str) -> str | None:
        """The href of the card with this UID."""

    def floors(self, tx: Tx, then: frozenset[int]) -> dict[int, int]:
        """The seq before which nothing is remembered, by group id: of the groups shown now, and ``then``."""

    def changed(self, tx: Tx, after: int) -> list[tuple[int, Entry]]:
        """What was touched after a seq: each with the seq at which it was, in that order."""

    def gained(self, tx: Tx, then: Past) -> list[Entry]:
        """What was not touched, and came into sight because the viewer changed."""

    def lost(self, tx: Tx, then: Past) -> list[str]:
        """Hrefs of what went out of sight because the viewer changed."""

    def departed(self, tx: Tx, then: Past) -> list[Departure]:
        """Who lost sight of what after then, in the groups that it shows, and showed then."""

    def put_by_himself(self, tx: Tx, then: Past) -> list[str]:
        """Hrefs under which the viewer's own clients have put cards after then: they hold them without being told."""

    def renamed(self, tx: Tx, hrefs: Sequence[str], then: Past) -> list[Entry]:
        """What may be served under another UID because the cards at these hrefs came or went."""


@dataclass(frozen=True, slots=True)
class GroupShelf:
    """The rows of one group. ``shown`` False: the viewer has the book, but empty."""

    group: Group
    shown: bool

    @property
    def groups(self) -> frozenset[int]:
        return frozenset({self.group.id}) if self.shown else frozenset()

    def cards(self, tx: Tx, hrefs: Sequence[str]) -> dict[str, Card]:
        return memberships.cards(tx.db, tx.viewer, self.group.id, hrefs) if self.shown else {}

    def all_cards(self, tx: Tx) -> Iterator[Card]:
        return memberships.all_cards(tx.db, tx.viewer, self.group.id) if self.shown else iter(())

    def entries(self, tx: Tx) -> list[Entry]:
        found = memberships.entries(tx.db, tx.viewer, self.group.id) if self.shown else []
        return list(map(Entry._make, found))

    def etags(self, tx: Tx, hrefs: Sequence[str]) -> dict[str, str]:
        return memberships.etags_seen(tx.db, tx.viewer, self.group.id, hrefs) if self.shown else {}

    def search(self, tx: Tx, query: Query, limit: int | None) -> list[str]:
        return search.hrefs(tx.db, query, tx.viewer, self.group.id, records.reader(tx), limit) if self.shown else []

    def href_of(self, tx: Tx, uid: str) -> str | None:
        rows = memberships.by_uid(tx.db, self.group.id, [uid], living=True) if self.shown else []
        return next((row.href for row in rows if memberships.is_seen(tx.db, tx.viewer, self.group.id, row.href)), None)

    def floors(self, tx: Tx, then: frozenset[int]) -> dict[int, int]:
        return {self.group.id: self.group.floor_seq}

    def changed(self, tx: Tx, after: int) -> list[tuple[int, Entry]]:
        found = memberships.changed(tx.db, tx.viewer, self.group.id, after) if self.shown else []
        return [(seq, Entry(href, etag)) for seq, href, etag in found]

    def gained(self, tx: Tx, then: Past) -> list[Entry]:
        found = sync.gained(tx.db, tx.viewer, then.viewer, self.group.id, then.seq)
        return list(map(Entry._make, found))

    def lost(self, tx: Tx, then: Past) -> list[str]:
        if not self.shown:
            return sync.held(tx.db, then.viewer, self.group.id, then.at)
        return sync.lost(tx.db, tx.viewer, then.viewer, self.group.id, then.at)

    def departed(self, tx: Tx, then: Past) -> list[Departure]:
        return sync.departed(tx.db, self.group.id, then.at) if then.at < self.group.seq else []

    def put_by_himself(self, tx: Tx, then: Past) -> list[str]:
        return sync.put_by(tx.db, self.group.id, tx.viewer.name, then.at) if then.at < self.group.seq else []

    def renamed(self, tx: Tx, hrefs: Sequence[str], then: Past) -> list[Entry]:
        return []


@dataclass(frozen=True, slots=True)
class MergedShelf:
    """Every contact that the viewer sees in any of these groups, once."""

    groups: frozenset[int]

    def cards(self, tx: Tx, hrefs: Sequence[str]) -> dict[str, Card]:
        found = merged.cards(tx.db, tx.viewer, self.groups, _keys(hrefs))
        return {name_of(card.href): _served(card, second) for card, second in found}

    def all_cards(self, tx: Tx) -> Iterator[Card]:
        return (_served(card, second) for card, second in merged.all_cards(tx.db, tx.viewer, self.groups))

    def entries(self, tx: Tx) -> list[Entry]:
        return [_entry(row) for row in merged.entries(tx.db, tx.viewer, self.groups)]

    def etags(self, tx: Tx, hrefs: Sequence[str]) -> dict[str, str]:
        found = merged.by_keys(tx.db, tx.viewer, self.groups, _keys(hrefs))
        return {entry.href: entry.etag for entry in map(_entry, found)}

    def search(self, tx: Tx, query: Query, limit: int | None) -> list[str]:
        found = search.keys(tx.db, query, tx.viewer, records.reader(tx), limit) if self.groups else []
        return list(map(name_of, found))

    def href_of(self, tx: Tx, uid: str) -> str | None:
        found = merged.by_uid(tx.db, tx.viewer, self.groups, uid)
        return next((name_of(row.key) for row in found if not row.second), None)

    def floors(self, tx: Tx, then: frozenset[int]) -> dict[int, int]:
        return groups.floors(tx.db, self.groups | then)

    def changed(self, tx: Tx, after: int) -> list[tuple[int, Entry]]:
        return [(seq, _entry(row)) for seq, row in merged.changed(tx.db, tx.viewer, self.groups, after)]

    def gained(self, tx: Tx, then: Past) -> list[Entry]:
        found = merged.gained(tx.db, tx.viewer, self.groups, then.viewer, then.groups, then.seq)
        return [_entry(row) for row in found]

    def lost(self, tx: Tx, then: Past) -> list[str]:
        found = merged.lost(tx.db, tx.viewer, self.groups, then.viewer, then.groups, then.at)
        return [name_of(key) for key in found]

    def departed(self, tx: Tx, then: Past) -> list[Departure]:
        found = merged.departed(tx.db, self.groups | then.groups, then.at)
        return [Departure(name_of(key), *row) for key, *row in found]

    def put_by_himself(self, tx: Tx, then: Past) -> list[str]:
        return []  # they have chosen none of these names

    def renamed(self, tx: Tx, hrefs: Sequence[str], then: Past) -> list[Entry]:
        found = merged.namesakes(tx.db, tx.viewer, self.groups, _keys(hrefs), then.at)
        return [_entry(row) for row in found]


def name_of(key: str) -> str:
    """The href of a contact in every merged book."""
    return key + SUFFIX


def is_name(href: str) -> bool:
    """Whether only a merged book can have given this name to a card."""
    return bool(_NAME.fullmatch(href))


def _keys(hrefs: Sequence[str]) -> list[str]:
    return [href.removesuffix(SUFFIX) for href in hrefs if is_name(href)]


def _entry(row: Row) -> Entry:
    return Entry(name_of(row.key), _own_etag(row.etag, row.key) if row.second else row.etag)


def _served(card: Card, second: bool) -> Card:
    """A card under its key as the merged book serves it."""
    key = card.href
    if not second:
        return card._replace(href=name_of(key))
    uid = f"{card.uid}-{key}"
    text = vcard.patch(vcard.load(card.vcard), [vcard.Set("UID", uid)])
    etag = _own_etag(card.etag, key)
    return card._replace(href=name_of(key), uid=uid, etag=etag, vcard=text, size=len(text.encode()))


def _own_etag(etag: str, key: str) -> str:
    """Of the bytes with a UID of their own, which follow from the stored bytes and the key."""
    return f'"{hashlib.sha256(f"{etag}|{key}".encode()).hexdigest()[:32]}"'
