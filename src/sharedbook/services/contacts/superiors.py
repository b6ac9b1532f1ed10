"""Who reports to whom, by ids, for a reader that keeps everything in memory. What the card says: ``formats/superiors``.

Nothing here is filtered for a viewer: who is told of a superior must see that contact.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sharedbook.domain.model import Contact
from sharedbook.formats.vcards import superiors, vcard
from sharedbook.services.tx import Tx
from sharedbook.store import contacts, sought
from sharedbook.store.contacts import batches

PROPERTY = superiors.PROPERTY
"""What stands in every card that names a superior."""


def above(tx: Tx, contact_ids: Collection[int] | None = None) -> dict[int, int]:
    """The superior of each of these contacts (None: of all) that has one; those in the trash are nobody's."""
    asked = sought.naming(tx.db, [superiors.PROPERTY]) if contact_ids is None else sorted(contact_ids)
    uids: dict[int, str] = {}
    for some in batches(asked):
        for contact in contacts.fetch(tx.db, some):
            if uid := superiors.uid_of(vcard.load(contact.vcard)):
                uids[contact.id] = uid
    forms = sorted({form for uid in uids.values() for form in superiors.forms(uid)})
    ids = contacts.ids_of_uids(tx.db, forms, living=True)
    known = {uid: next((ids[form] for form in superiors.forms(uid) if form in ids), 0) for uid in set(uids.values())}
    return {contact_id: known[uid] for contact_id, uid in uids.items() if known[uid]}


def below(tx: Tx, found: Iterable[Contact]) -> set[int]:
    """Ids of the contacts whose cards name one of these, in whatever way."""
    named = {form for contact in found for form in superiors.forms(contact.uid)}
    return {each for ids in sought.having(tx.db, superiors.PROPERTY, named).values() for each in ids}
