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
    octets = card.text.encode()
    name = fields.full_name(card)
    return Kept(
        text=card.text,
        uid=card.uid,
        etag=etag_of(octets),
        size=len(octets),
        name=name,
        sort=sort_of(name),
        indexed=indexed.of(fields.instances(card, region)),
        originals=photo_reduction.originals(card),
    )


def etag_of(octets: bytes) -> str:
    """The ETag of the bytes that GET serves (quoted)."""
    return f'"{hashlib.sha256(octets).hexdigest()[:32]}"'


def sort_of(name: str) -> str:
    """Where a contact of this name stands in a list."""
    return folding.fold(name)[:_SORT_LENGTH]
