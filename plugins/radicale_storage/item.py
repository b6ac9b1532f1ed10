"""The stand-in for Radicale's Item: the stored text, byte for byte, that vobject never reads or writes."""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime

from radicale.item import Item
from radicale.storage import BaseCollection

from radicale_storage.request import current
from sharedbook.domain.model import Card

STAND_IN_UID = "stand-in"
STAND_IN = f"BEGIN:VCARD\r\nVERSION:3.0\r\nUID:{STAND_IN_UID}\r\nFN:x\r\nN:x;;;;\r\nEND:VCARD\r\n".encode()
"""What Radicale parses in place of the body of a PUT; ``BookCollection.upload`` stores the body."""

TARGET = "x" * 256
"""What Radicale takes for the name in a MOVE's Destination: longer than any name that a card can have."""


def http_date(moment: datetime) -> str:
    """A time as Last-Modified has it."""
    return format_datetime(moment, usegmt=True)


class CardItem(Item):
    """One card of one book."""

    def __init__(self, collection: BaseCollection, card: Card) -> None:
        # Radicale compares UIDs by itself, on PUT with the stand-in's. The services compare the real ones, and know
        # what may be replaced; so here all are made the same.
        uid = STAND_IN_UID if current().method in ("PUT", "MOVE") else card.uid
        super().__init__(
            collection=collection,
            href=card.href,
            last_modified=http_date(card.modified),
            text=current().text_of(card),
            etag=card.etag,
            uid=uid,
            name="VCARD",
            component_name="",
            time_range=(0, 0),
        )
