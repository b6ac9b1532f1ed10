"""Originals of the photos that are served reduced: kept for each contact, as long as one of its texts has the photo.

Two contacts never share an original, so that each goes with its contact. No text refers to one by anything but the
picture that it holds itself (``photo_reduction.py``): a revert, an undo, a restore brings the original back with the
text, and a client that puts the picture back as it was served changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sharedbook.domain.model import Contact
from sharedbook.formats.vcards import fields, photo_reduction, vcard
from sharedbook.services.tx import Tx
from sharedbook.store import contacts, photos, revisions


def keep(tx: Tx, contact_id: int, originals: Mapping[str, bytes]) -> None:
    """Stores originals of a contact's photos, by what is served in their place."""
    if originals:
        photos.put(tx.db, contact_id, originals)


def whole(tx: Tx, found: Sequence[Contact]) -> Iterator[str]:
    """The text of each card, with the originals of its photos."""
    having = photos.known(tx.db, [contact.id for contact in found])
    for contact in found:
        yield with_originals(tx, contact.id, contact.vcard) if contact.id in having else contact.vcard


def with_originals(tx: Tx, contact_id: int, text: str) -> str:
    """One of a contact's texts, with the originals of its photos."""
    return photo_reduction.whole(text, photos.of_contact(tx.db, contact_id))


def picture(tx: Tx, contact: Contact) -> tuple[str, bytes] | None:
    """Media type and bytes of a contact's preferred photo as it came; None when none is inside its card."""
    return fields.photo(vcard.load(next(whole(tx, [contact]))))


def tidy(tx: Tx, contact_ids: Sequence[int]) -> int:
    """Forgets the originals that no text of these contacts has any more, now or in its history. Returns how many."""
    gone = 0
    for contact_id, known in photos.known(tx.db, contact_ids).items():
        texts = [contact.vcard for contact in contacts.fetch(tx.db, [contact_id])]
        texts += [step.before for step in revisions.of_contact(tx.db, contact_id) if step.before is not None]
        unused = known.difference(*(photo_reduction.served(vcard.load(text)) for text in texts))
        photos.remove(tx.db, contact_id, unused)
        gone += len(unused)
    return gone
