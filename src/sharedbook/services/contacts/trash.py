"""The trash: what was deleted and can come back under the same hrefs, UID and rights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sharedbook.domain import access
from sharedbook.domain.errors import ContactNotFound
from sharedbook.domain.model import CardState, Contact, Event
from sharedbook.services.books import groups
from sharedbook.services.tx import Tx
from sharedbook.services.writing import audience, records
from sharedbook.store import contacts, memberships, merged_contacts


@dataclass(frozen=True, slots=True)
class Restored:
    """A contact that came back. ``note`` says what could not be as before, or is empty."""

    contact: Contact
    note: str


def list_trash(tx: Tx) -> list[Contact]:
    """What lies in the trash, the latest first."""
    access.require_manage(tx.viewer, "look into the trash")
    return contacts.trashed(tx.db)


def older_than(tx: Tx, days: int) -> list[int]:
    """Ids of what has been in the trash for more than so many days."""
    access.require_manage(tx.viewer, "look into the trash")
    return contacts.trashed_before(tx.db, tx.now - timedelta(days=days))


def restore(tx: Tx, contact_ids: Sequence[int]) -> list[Restored]:
    """Brings contacts back. Raises ContactNotFound for one that is not in the trash, UidConflict for one in the way."""
    access.require_manage(tx.viewer, "restore from the trash")
    found = contacts.fetch(tx.db, contact_ids)
    trashed = {contact.id for contact in found if contact.trashed_at is not None}
    for contact_id in contact_ids:
        if contact_id not in trashed:
            raise ContactNotFound(f"contact {contact_id} is not in the trash", hint="see: sharedbook trash list")
    restored = [bring_back(tx, contact) for contact in found]
    tx.audit("trash.restore", contacts=list(contact_ids))
    return restored


def bring_back(tx: Tx, contact: Contact) -> Restored:
    """Brings one contact back out of the trash; the caller has asked for the right. Raises UidConflict."""
    note = ""
    known = groups.names(tx)
    for row in memberships.of_contacts(tx.db, [contact.id]):
        group = known.get(row.group_id)
        if group is not None and row.state is CardState.TRASHED:
            records.refuse_living_uids(tx, group.id, group.slug, [contact.uid])
    if into := merged_contacts.kept(tx.db, [contact.id]):
        note = f"it was merged into contact {into[contact.id]}, which keeps what came from it"
        merged_contacts.forget(tx.db, [contact.id])
    with audience.changing(tx, [contact.id]):
        contacts.change(tx.db, [contact.id], trashed_at=None)
    records.note(tx, [contact.id], Event.RESTORED)
    back = contacts.fetch(tx.db, [contact.id])[0]
    if not back.groups:
        home = groups.default(tx)
        records.link(tx, [back], home.id, [records.fresh_href()], Event.RESTORED)
        note = "; ".join(filter(None, [note, f"its group is gone; it is in {home.slug} now"]))
    return Restored(contacts.fetch(tx.db, [contact.id])[0], note)
