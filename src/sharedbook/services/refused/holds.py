"""Holds, for postmasters: which clients took too much out of a group, letting one go on, or bringing back what it took.

Bringing back goes card by card, the last one first, each in a savepoint: what cannot come back is said, and holds up
nothing. Others write between two batches. What they have done since stands: who has the same UID by now, what they
deleted, erased or restored.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sharedbook.domain import access
from sharedbook.domain.errors import Conflict, HoldNotFound
from sharedbook.domain.model import Client, Contact, Departed, Event, Group, HoldState
from sharedbook.services.books import breaker, groups
from sharedbook.services.contacts import trash
from sharedbook.services.people import subjects
from sharedbook.services.tx import Actor, App, Tx
from sharedbook.services.writing import records
from sharedbook.store import contacts, holds, memberships
from sharedbook.store.holds import Hold, Removal

BATCH = 100
"""Cards for which the write lock is held at a time: less than half a second."""
LAST = 1 << 62
"""Above every id."""


@dataclass(frozen=True, slots=True)
class Held:
    """A hold, with the login of its member and the slug of its group ("" when that is gone)."""

    hold: Hold
    login: str
    group: str


@dataclass(frozen=True, slots=True)
class Discarded:
    """What came back, by contact id, and in words what did not, or not as before."""

    held: Held
    restored: list[int]
    notes: list[str]


def waiting(tx: Tx) -> int:
    """How many clients are held back."""
    return len(holds.every(tx.db, HoldState.HELD))


def list_holds(tx: Tx) -> list[Held]:
    """Every hold that is remembered, the newest first."""
    access.require_manage(tx.viewer, "list holds")
    return _named(tx, holds.every(tx.db))


def show(tx: Tx, hold_id: int) -> tuple[Held, list[Contact]]:
    """A hold, and the contacts that its client took, as they are now; those gone for good are left out."""
    access.require_manage(tx.viewer, "look at holds")
    held = _get(tx, hold_id)
    taken = dict.fromkeys(removal.contact_id for removal in holds.removals_of(tx.db, hold_id))
    return held, contacts.fetch(tx.db, list(taken))


def release(tx: Tx, hold_id: int) -> Held:
    """Lets the client take out what it likes, for ``hold.release`` from now on. Raises HoldNotFound, Conflict."""
    access.require_manage(tx.viewer, "release holds")
    held = _undecided(tx, hold_id)
    until = tx.now + timedelta(seconds=tx.site.settings.hold_release)
    holds.change(tx.db, hold_id, HoldState.RELEASED, until)
    tx.audit("hold.release", hold=hold_id, group=held.hold.counted.group_id, member=held.hold.counted.member_id)
    return _get(tx, hold_id)


def discard(app: App, actor: Actor, client: Client, hold_id: int, *, rehearse: bool = False) -> Discarded:
    """Brings back what the client took, under the same hrefs, UIDs and rights, batch by batch.

    Until the last batch the client is held back; cut off before, it can be done again. ``rehearse``: nothing is kept.
    Raises HoldNotFound, Conflict.
    """
    restored: list[int] = []
    notes: list[str] = []
    below: int | None = LAST
    while below is not None:
        begun = time.monotonic()
        with app.begin(actor, client, write=True) as tx:
            below, held = _discard_some(tx, hold_id, below, restored, notes)
            if rehearse:
                tx.rollback()
        if below is not None:
            app.site.database.make_way(time.monotonic() - begun)
    return Discarded(held, restored, notes)


def _discard_some(tx: Tx, hold_id: int, below: int, restored: list[int], notes: list[str]) -> tuple[int | None, Held]:
    """One batch, of the newest removals below an id; what becomes of them is added to the lists.

    Returns where the next batch begins, None for nowhere, and the hold.
    """
    access.require_manage(tx.viewer, "discard holds")
    who = _undecided(tx, hold_id).hold.counted
    some, back, first = holds.removals_of(tx.db, hold_id, below, BATCH), set(restored), len(restored)
    for removal in some:
        if removal.contact_id in back:
            continue
        try:
            with tx.savepoint():
                note = _give_back(tx, removal)
            restored.append(removal.contact_id)
            back.add(removal.contact_id)
        except Conflict as error:
            note = error.message
        notes += [f"contact {removal.contact_id}: {note}"] if note else []
    more = len(some) == BATCH
    holds.change(tx.db, hold_id, HoldState.HELD if more else HoldState.DISCARDED, None if more else tx.now)
    tx.audit("hold.discard", hold=hold_id, group=who.group_id, member=who.member_id, contacts=restored[first:])
    return some[-1].id if more else None, _get(tx, hold_id)


def _undecided(tx: Tx, hold_id: int) -> Held:
    held = _get(tx, hold_id)
    if held.hold.state is HoldState.DISCARDED:
        raise Conflict(f"hold {hold_id} was discarded: the client may delete again", hint="see: sharedbook hold list")
    return held


def _get(tx: Tx, hold_id: int) -> Held:
    found = holds.get(tx.db, hold_id)
    if found is None:
        raise HoldNotFound(f"there is no hold {hold_id}", hint="see: sharedbook hold list")
    return _named(tx, [found])[0]


def _named(tx: Tx, found: Sequence[Hold]) -> list[Held]:
    slugs = {group_id: group.slug for group_id, group in groups.names(tx).items()}
    members = subjects.by_ids(tx, {each.counted.member_id for each in found})
    return [Held(each, members[each.counted.member_id].name, slugs.get(each.counted.group_id, "")) for each in found]


def _give_back(tx: Tx, removal: Removal) -> str:
    """Undoes one removal; returns what is not as before, or "". Raises Conflict when there is nothing to undo."""
    contact = _contact(tx, removal.contact_id)
    group = groups.names(tx).get(removal.counted.group_id)
    notes = []
    if contact.trashed_at is not None:
        if not holds.took(tx.db, removal.counted, contact.id, contact.trashed_at):
            raise Conflict("others have put it into the trash since")
        notes.append(trash.bring_back(tx, [contact])[0].note)
    elif group is None:
        raise Conflict("its group is gone")
    elif group.id in contact.groups:
        raise Conflict("it was back already")
    if group is not None:
        notes.append(_put_back(tx, _contact(tx, contact.id), group, removal))
    return "; ".join(filter(None, notes))


def _contact(tx: Tx, contact_id: int) -> Contact:
    found = contacts.fetch(tx.db, [contact_id])
    if not found:
        raise Conflict("it was deleted for good")
    return found[0]


def _put_back(tx: Tx, contact: Contact, group: Group, removal: Removal) -> str:
    """Sees to it that a living contact is in its group again, under its old name, and not where it was moved to."""
    places = {row.group_id: row for row in memberships.of_contacts(tx.db, [contact.id])}
    if group.id in places:
        href = places[group.id].href
    else:
        href = _free_name(tx, contact, removal)
        records.refuse_uids(tx, group.id, group.slug, [contact.uid])
        records.link(tx, [contact], group.id, [href], Event.RESTORED)
    if removal.to_group_id in places:
        records.take_out(tx, [(contact, places[removal.to_group_id])], Departed.MOVED, Event.MOVED)
    return "" if breaker.name_of(tx, group.id, href) == removal.name else "another card has its name; it got a new one"


def _free_name(tx: Tx, contact: Contact, removal: Removal) -> str:
    """The old href, freed of the contact's tombstone; a fresh one when another card has taken it."""
    group_id = removal.counted.group_id
    for row in memberships.dead_of(tx.db, [contact.id]):
        if row.group_id == group_id and breaker.name_of(tx, group_id, row.href) == removal.name:
            memberships.remove(tx.db, group_id, [row.href])
            return row.href
    return records.fresh_href()
