"""Photos as they are served: one over the site's limit is replaced by a small JPEG of the same view.

Everything else of the card stays byte for byte, and no other photo is written anew. The original goes along with the
card (``Card.originals``) until it is stored, and is found again by the hash of the picture that stands for it: whatever
text holds that picture, in whatever version and folding, has that original.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import replace

from sharedbook.domain.errors import Busy, InvalidCard
from sharedbook.domain.model import Limits
from sharedbook.formats.limited import child
from sharedbook.formats.vcards import images, vcard
from sharedbook.formats.vcards.content_line import Params, Property, Value
from sharedbook.formats.vcards.vcard import Card, Edit, Original, Set

SECONDS = 30
"""How long one picture may take, and how long one may wait for its turn."""

_one_at_a_time = threading.Semaphore()  # a picture may take a gigabyte


def fit(card: Card, limits: Limits) -> Card:
    """The card with each photo over ``limits.served_photo_bytes`` reduced, and its originals; else the card itself.

    It may take seconds: call it before the write lock is taken. Raises InvalidCard, naming the line, for what cannot be
    read as a picture or takes too much to read; Busy when others' pictures take too long.
    """
    edits: list[Edit] = []
    originals: list[Original] = []
    for nth, photo in enumerate(card.all("PHOTO")):
        data = images.inline_data(photo) if len(photo.raw) > limits.served_photo_bytes else None
        if data is not None and len(data) > limits.served_photo_bytes:
            small = _reduced(photo, data, limits)
            edits.append(Set("PHOTO", *_replacement(photo, small, card.version), nth))
            originals.append(Original(hashlib.sha256(small).hexdigest(), data))
    return replace(vcard.load(vcard.patch(card, edits)), originals=tuple(originals)) if edits else card


def served(card: Card) -> list[str]:
    """SHA-256 (hex) of each PHOTO inside the card, "" for one that is elsewhere."""
    found = map(images.inline_data, card.all("PHOTO"))
    return ["" if data is None else hashlib.sha256(data).hexdigest() for data in found]


def originals(card: Card) -> dict[str, bytes]:
    """The originals that came with a card, by what it has in their place."""
    has = set(served(card)) if card.originals else ()
    return {each.served: each.data for each in card.originals if each.served in has}


def whole(text: str, originals: Mapping[str, bytes]) -> str:
    """The text of a stored card with the original, where there is one for its hash, in place of each photo."""
    card = vcard.load(text)
    return vcard.patch(
        card,
        [
            Set("PHOTO", *_replacement(photo, originals[known], card.version), nth)
            for nth, (photo, known) in enumerate(zip(card.all("PHOTO"), served(card), strict=True))
            if known in originals
        ],
    )


_OF_THE_DATA = frozenset({"ENCODING", "VALUE", "MEDIATYPE"})
_KINDS = frozenset({"jpeg", "jpg", "png", "gif"})


def _replacement(photo: Property, data: bytes, version: str) -> tuple[Value, Params]:
    """Value and parameters of a PHOTO with another picture; what a parameter says of anything else stays."""
    _, value, own = images.photo_property(data, version)
    kept = []
    for name, values in photo.params:
        if name == "TYPE":
            values = tuple(each for each in values if each.lower().removeprefix("image/") not in _KINDS)
        if values and name not in _OF_THE_DATA:
            kept.append((name, values))
    return value, (*kept, *own)


def _reduced(photo: Property, data: bytes, limits: Limits) -> bytes:
    """The picture as a JPEG that may be served, made in a process of its own. Raises InvalidCard, Busy."""
    if not _one_at_a_time.acquire(timeout=SECONDS):
        raise Busy("other pictures are being reduced", hint="try again in a minute")
    try:
        most = str(limits.served_photo_bytes), str(limits.photo_pixels)
        small = child.run("photo_child.py", *most, seconds=SECONDS, source=data)
    finally:
        _one_at_a_time.release()
    if small is None or images.sniff(small) is None:
        raise InvalidCard(
            f"Line {photo.line}: the PHOTO cannot be read as a picture, so it cannot be reduced.",
            line=photo.line,
            hint="save the picture again, or make it smaller",
        )
    return small
