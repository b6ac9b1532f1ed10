"""What is kept of a card in the tables, made without the database: so another process can make it for an import."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sharedbook.domain import folding
from sharedbook.domain.model import Limits
from sharedbook.formats.vcards import fields, photo_reduction
from sharedbook.formats.vcards.vcard import Card
from sharedbook.store import indexed
from sharedbook.store.indexed import Indexed

_SORT_LENGTH = 200


class Kept(NamedTuple):
    """A card's text, its columns, what finds it; ``originals``: photos as they came, by what is served.

    ``size`` in octets.
    """

    text: str
    uid: str
    etag: str
    size: int
    name: str
    sort: str
    indexed: Indexed
    originals: Mapping[str, bytes]


class Columns(NamedTuple):
    """What is kept of several cards, a list of each, with an entry a card; what text and name tell is left out."""

    text: list[str]
    uid: list[str]
    name: list[str]
    texts: list[str]
    notes: list[str]
    keys: list[tuple[int, ...]]
    originals: list[Mapping[str, bytes]]

    @classmethod
    def of(cls, found: Iterable[Kept]) -> Columns:
        """What is kept of these; one at least."""
        return cls._make(map(list, zip(*map(cls.flat, found), strict=True)))

    @staticmethod
    def flat(found: Kept) -> tuple[Any, ...]:
        """An entry of each column."""
        return found.text, found.uid, found.name, *found.indexed, found.originals

    def at(self, place: int) -> Kept:
        """What is kept of one card."""
        columns: Sequence[Any] = self
        text, uid, name, *index, originals = [column[place] for column in columns]
        return _made(text, uid, name, Indexed._make(index), originals)

    def put(self, place: int, found: Kept) -> None:
        """Keeps this in place of what is there."""
        columns: Sequence[Any] = self
        for column, value in zip(columns, self.flat(found), strict=True):
            column[place] = value

    def some(self, places: Sequence[int]) -> Columns:
        """Those at these places, each named once and in order."""
        columns: Sequence[Any] = self
        return self if len(places) == len(self.uid) else Columns._make([each[at] for at in places] for each in columns)


def of(card: Card, region: str, limits: Limits) -> Kept:
    """What is kept of a card. Raises as ``photo_reduction.fit``."""
    card = photo_reduction.fit(card, limits)
    found = indexed.of(fields.instances(card, region))
    return _made(card.text, card.uid, fields.full_name(card), found, photo_reduction.originals(card))


def _made(text: str, uid: str, name: str, found: Indexed, originals: Mapping[str, bytes]) -> Kept:
    [etag], [size] = etags_and_sizes([text])
    return Kept(text, uid, etag, size, name, sort_of(name), found, originals)


def etags_and_sizes(texts: Iterable[str]) -> tuple[list[str], list[int]]:
    """The ETag (quoted) of the bytes that GET serves of each card, and how many there are."""
    octets = list(map(str.encode, texts))
    return [f'"{hashlib.sha256(each).hexdigest()[:32]}"' for each in octets], list(map(len, octets))


def sort_of(name: str) -> str:
    """Where a contact of this name stands in a list."""
    return folding.fold(name)[:_SORT_LENGTH]
