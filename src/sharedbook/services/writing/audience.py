"""Who could see what, and since when: every change of an audience goes through here, so that sync can tell clients.

When the audience of a contact changes, one departure a subject of the old audience is written for each of its hrefs,
and its rows begin a new audience (``since``). One that began in the same transaction saw nothing, and leaves none.
Nothing else writes departures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sharedbook.domain import access
from sharedbook.domain.model import CardState, ChangeKind, Contact, Visibility, VisibilityKind
from sharedbook.services.tx import Tx
from sharedbook.store import contacts, groups, memberships, sync
from sharedbook.store.memberships import Membership


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
    for contact in contacts.fetch(tx.db, contact_ids):
        seq = tx.tick(ChangeKind.CONTACT, contact.id)
        old = of(before[contact.id])
        if old == of(contact):
            continue
        rows = memberships.of_contacts(tx.db, [contact.id])
        _depart(tx, contact, rows, old, seq)
        touched = memberships.stamp_contacts(tx.db, [contact.id], seq, since=seq, state=state_of(contact))
        groups.stamp(tx.db, touched, seq, tx.now)


def leave(tx: Tx, contact: Contact, rows: Sequence[Membership], seq: int) -> None:
    """These rows of a contact are about to go: tells its audience."""
    _depart(tx, contact, rows, of(contact), seq)
    groups.stamp(tx.db, [row.group_id for row in rows], seq, tx.now)


def _depart(tx: Tx, contact: Contact, rows: Sequence[Membership], subjects: frozenset[int], seq: int) -> None:
    sync.depart(tx.db, contact.key, [row for row in rows if not tx.ticked(row.since)], subjects, seq, tx.now)
