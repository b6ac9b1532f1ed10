"""What is kept of a card in the tables, made without the database: so another process can make it for an import."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

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


def of(card: Card, region: str, limits: Limits) -> Kept:
    """What is kept of a card. Raises as ``photo_reduction.fit``."""
    card = photo_reduction.fit(card, limits)
    found = indexed.of(fields.instances(card, region))
    return made(card.text, card.uid, fields.full_name(card), found, photo_reduction.originals(card))


def made(text: str, uid: str, name: str, found: Indexed, originals: Mapping[str, bytes]) -> Kept:
    """What is kept of a card's text, the uid and the name that it has, what finds it, and its originals."""
    octets = text.encode()
    return Kept(text, uid, etag_of(octets), len(octets), name, sort_of(name), found, originals)


def etag_of(octets: bytes) -> str:
    """The ETag of the bytes that GET serves (quoted)."""
    return f'"{hashlib.sha256(octets).hexdigest()[:32]}"'


def sort_of(name: str) -> str:
    """Where a contact of this name stands in a list."""
    return folding.fold(name)[:_SORT_LENGTH]
