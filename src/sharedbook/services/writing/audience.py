"""Who could see what, and since when: every change of an audience goes through here, so that sync can tell clients.

When the audience of a contact changes, one departure a subject of the old audience is written for each of its hrefs,
and its rows begin a new audience (``since``). One that began in the same transaction saw nothing, and leaves none.
Nothing else writes departures.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from sharedbook.domain import access
from sharedbook.domain.model import CardState, ChangeKind, Contact, Visibility, VisibilityKind
from sharedbook.services.tx import Tx
from sharedbook.store import contacts, groups, memberships, sync
from sharedbook.store.memberships import Membership
from sharedbook.store.sync import Gone


def of(contact: Contact) -> frozenset[int]:
    """The subjects that may see this contact; nobody while it is in the trash."""
    if contact.trashed_at is not None:
        return frozenset()
    return access.audience(contact.visibility, contact.owner_id)


def state_of(contact: Contact) -> CardState:
    """How its groups hold it."""
    return CardState.TRASHED if contact.trashed_at is not None else state_for(contact.visibility)


def state_for(visibility: Visibility) -> CardState:
    """How groups hold a contact of this visibility that is not in the trash."""
    return CardState.SHOWN if visibility.kind is VisibilityKind.ALL else CardState.RESTRICTED


@contextmanager
def changing(tx: Tx, contact_ids: Sequence[int]) -> Iterator[None]:
    """Put around a change of visibility, lists, owner or trash: ticks each contact, and tells those who lose sight."""
    before = {contact.id: contact for contact in contacts.fetch(tx.db, contact_ids)}
    yield
    found = {contact.id: contact for contact in contacts.fetch(tx.db, list(before))}
    seqs = dict(zip(found, tx.tick_many(ChangeKind.CONTACT, list(found)), strict=True))
    changed = [contact_id for contact_id in found if of(before[contact_id]) != of(found[contact_id])]
    held = memberships.of_contacts(tx.db, changed)
    rows = [(before[row.contact_id], row, seqs[row.contact_id]) for row in held if row.contact_id is not None]
    leave(tx, rows)
    memberships.show(tx.db, [(row, seq, state_of(found[contact.id])) for contact, row, seq in rows])


def leave(tx: Tx, rows: Sequence[tuple[Contact, Membership, int]]) -> None:
    """What these contacts' audiences see in these rows is about to go, each at its seq: tells them."""
    gone = (Gone(contact.key, row, of(contact), seq) for contact, row, seq in rows if not tx.ticked(row.since))
    sync.depart(tx.db, gone, tx.now)
    stamp(tx, ((row.group_id, seq) for _, row, seq in rows))


def stamp(tx: Tx, touched: Iterable[tuple[int, int]]) -> None:
    """The cards of these groups changed at these seqs."""
    last: dict[int, int] = {}
    for group_id, seq in touched:
        last[group_id] = max(seq, last.get(group_id, 0))
    for group_id, seq in sorted(last.items()):
        groups.stamp(tx.db, [group_id], seq, tx.now)
