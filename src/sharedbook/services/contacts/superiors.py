"""Who reports to whom, by ids, for a reader that keeps everything in memory. What the card says: ``formats/superiors``.

Nothing here is filtered for a viewer: who is told of a superior must see that contact.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from sharedbook.domain.model import Contact
from sharedbook.domain.query import Instance
from sharedbook.formats.vcards import superiors
from sharedbook.services.tx import Tx
from sharedbook.store import contacts, sought
from sharedbook.store.contacts import batches

PROPERTY = superiors.PROPERTY
"""What stands in every card that names a superior."""


def above(tx: Tx, contact_ids: Collection[int] | None = None) -> dict[int, int]:
    """The superior of each of these contacts (None: of all) that has one; those in the trash are nobody's."""
    uids: dict[int, str] = {}
    pieces: list[Sequence[int] | None] = [None] if contact_ids is None else [*batches(sorted(contact_ids))]
    for some in pieces:
        for contact_id, lines in sought.lines(tx.db, [superiors.PROPERTY], some).items():
            if uid := next(filter(None, map(_linked, lines)), ""):
                uids[contact_id] = uid
    forms = sorted({form for uid in uids.values() for form in superiors.forms(uid)})
    ids = contacts.ids_of_uids(tx.db, forms, living=True)
    known = {uid: next((ids[form] for form in superiors.forms(uid) if form in ids), 0) for uid in set(uids.values())}
    return {contact_id: known[uid] for contact_id, uid in uids.items() if known[uid]}


def below(tx: Tx, found: Iterable[Contact]) -> set[int]:
    """Ids of the contacts whose cards name one of these, in whatever way."""
    named = {form for contact in found for form in superiors.forms(contact.uid)}
    return {each for ids in sought.having(tx.db, superiors.PROPERTY, named).values() for each in ids}


def _linked(line: Instance) -> str:
    given = (value for name, values in line.params if name == "TYPE" for value in values)
    return superiors.linked({word.strip() for value in given for word in value.lower().split(",")}, line.value)
