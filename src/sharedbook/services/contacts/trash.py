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
    restored = bring_back(tx, found)
    tx.audit("trash.restore", contacts=list(contact_ids))
    return restored


def bring_back(tx: Tx, found: Sequence[Contact]) -> list[Restored]:
    """Brings contacts back out of the trash; the caller has asked for the right. Raises UidConflict."""
    ids, known = [contact.id for contact in found], groups.names(tx)
    rows = [row for row in memberships.of_contacts(tx.db, ids) if row.state is CardState.TRASHED]
    for group_id in sorted({row.group_id for row in rows} & known.keys()):
        uids = [row.uid for row in rows if row.group_id == group_id]
        records.refuse_living_uids(tx, group_id, known[group_id].slug, uids)
    into = merged_contacts.kept(tx.db, ids)
    merged_contacts.forget(tx.db, list(into))
    with audience.changing(tx, ids):
        contacts.change(tx.db, ids, trashed_at=None)
    records.note(tx, ids, Event.RESTORED)
    homeless = [contact for contact in contacts.fetch(tx.db, ids) if not contact.groups]
    notes = {key: [f"it was merged into contact {into[key]}, which keeps what came from it"] for key in into}
    if homeless:
        home = groups.default(tx)
        records.refuse_living_uids(tx, home.id, home.slug, [contact.uid for contact in homeless])
        records.link(tx, homeless, home.id, records.fresh_hrefs(len(homeless)), Event.RESTORED)
        for contact in homeless:
            notes.setdefault(contact.id, []).append(f"its group is gone; it is in {home.slug} now")
    return [Restored(back, "; ".join(notes.get(back.id, ()))) for back in contacts.fetch(tx.db, ids)]
