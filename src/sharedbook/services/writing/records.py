"""The steps that every write of a contact is made of: card, index, memberships, revision, change, stamps together.

No permission is asked here: the services that call it (cards, contacts, trash, transfer) have asked.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence

from sharedbook.domain.errors import CardErased, Forbidden, QuotaExceeded, UidConflict
from sharedbook.domain.model import (
    VISIBLE_TO_ALL,
    ChangeKind,
    Contact,
    Departed,
    Event,
    Visibility,
)
from sharedbook.domain.query import Instance
from sharedbook.formats.vcards import fields, photo_reduction, vcard
from sharedbook.services.tx import Tx
from sharedbook.services.writing import audience, kept, photos
from sharedbook.services.writing.kept import Columns, Kept
from sharedbook.store import contacts, custom_fields, directory, groups, indexed, memberships, revisions, sought
from sharedbook.store.memberships import Membership

INDEX_VERSION = 5
"""Raised when what is read out of a card changes; ``sharedbook reindex`` brings older rows up to it."""


def fresh_href() -> str:
    """A name that no client chose."""
    return fresh_hrefs(1)[0]


def fresh_hrefs(count: int) -> list[str]:
    """So many of them."""
    return [f"{name}.vcf" for name in _fresh_names(count)]


def _fresh_names(count: int) -> list[str]:
    """Each of 128 bits: the time, so that indexes have those together that are made together, and 80 at random."""
    digits, now = secrets.token_hex(10 * count), f"{time.time_ns() // 1_000_000:012x}"
    return [now + digits[at : at + 20] for at in range(0, len(digits), 20)]


def buried_name(tx: Tx, group_id: int, kind: str, value: str) -> str:
    """What stands for the href or UID of an erased card: a keyed hash that still refuses its return."""
    return "x-" + tx.site.secrets.mac("tombstone", f"{group_id}|{kind}|{value}".encode()).hex()


def kept_of(tx: Tx, card: vcard.Card) -> Kept:
    """What is kept of a card. Raises as ``photo_reduction.fit``."""
    return kept.of(card, tx.site.settings.default_region, tx.site.limits)


def reader(tx: Tx) -> Callable[[str], Sequence[Instance]]:
    """What reads out of a card's text all that a query may be asked of."""
    region = tx.site.settings.default_region
    return lambda text: fields.instances(vcard.load(text), region)


def _columns(tx: Tx, found: Kept) -> dict[str, object]:
    return {
        "vcard": found.text,
        "etag": found.etag,
        "size": found.size,
        "name": found.name,
        "sort": found.sort,
        "modified": tx.now,
        "index_version": INDEX_VERSION,
    }


def reindex(tx: Tx, limit: int) -> int:
    """Reads so many older contacts anew out of their cards, by what this version reads; returns how many there were."""
    found = contacts.fetch(tx.db, contacts.indexed_before(tx.db, INDEX_VERSION, limit))
    for contact in found:
        card = vcard.load(contact.vcard)
        name = fields.full_name(card)
        contacts.change(tx.db, [contact.id], name=name, sort=kept.sort_of(name), index_version=INDEX_VERSION)
        instances = fields.instances(card, tx.site.settings.default_region)
        sought.replace(tx.db, contact.id, indexed.of(instances))
    custom_fields.index(tx.db, [contact.id for contact in found])
    return len(found)


def mark_all_for_reindex(tx: Tx) -> None:
    """Every contact is read anew by the next ``reindex``."""
    contacts.forget_index(tx.db)


def room(tx: Tx) -> int:
    """How many more contacts the quota lets in: those in the trash count."""
    return tx.site.limits.contacts - contacts.count(tx.db)


def refuse_uids(tx: Tx, group_id: int, slug: str, uids: Sequence[str]) -> None:
    """Raises UidConflict or CardErased when a group may not take cards with these UIDs."""
    refuse_living_uids(tx, group_id, slug, uids)
    if any(row.reason == Departed.ERASED for row in dead_uids(tx, group_id, uids)):
        raise CardErased(f"a card with this UID was erased from {slug} for good", hint="make a new card")


def refuse_living_uids(tx: Tx, group_id: int, slug: str, uids: Sequence[str]) -> None:
    """Raises UidConflict when two cards would have one UID; the other's href is told only to who sees it."""
    if len(set(uids)) < len(uids):
        raise UidConflict("two of these cards have the same UID", hint="give each card a UID of its own")
    taken = memberships.by_uid(tx.db, group_id, uids, living=True)
    if taken:
        seen = memberships.is_seen(tx.db, tx.viewer, group_id, taken[0].href)
        raise UidConflict(
            f"{slug} already holds a card with this UID",
            href=taken[0].href if seen else None,
            hint="edit that card, or give this one a UID of its own",
        )


def dead_uids(tx: Tx, group_id: int, uids: Sequence[str]) -> Sequence[Membership]:
    """Tombstones and trashed rows of these UIDs, under their own names or their keyed hashes."""
    if not memberships.has_dead(tx.db, group_id):
        return ()
    buried = [buried_name(tx, group_id, "uid", uid) for uid in uids]
    return memberships.by_uid(tx.db, group_id, [*uids, *buried], living=False)


def create(
    tx: Tx,
    group_id: int,
    found: Columns,
    hrefs: Sequence[str],
    *,
    owner_id: int | None = None,
    visibility: Visibility = VISIBLE_TO_ALL,
    source: str | None = None,
) -> list[int]:
    """New contacts at hrefs of one group, in as few statements as one would take; returns their ids.

    Raises QuotaExceeded.
    """
    if contacts.most(tx.db) + len(hrefs) > tx.site.limits.contacts and room(tx) < len(hrefs):
        raise QuotaExceeded(
            f"the limit of {tx.site.limits.contacts} contacts is reached",
            hint="empty the trash or raise limits.contacts",
        )
    alike = owner_id, visibility.kind.value, INDEX_VERSION, source
    etags, sizes = kept.etags_and_sizes(found.text)
    columns = found.uid, etags, sizes, found.name, list(map(kept.sort_of, found.name)), found.text
    ids = contacts.add_many(tx.db, contacts.NewRows(_fresh_names(len(hrefs)), *columns, *alike), tx.now)
    sought.add_many(tx.db, ids, found.texts, found.notes, found.keys)
    for contact_id, originals in zip(ids, found.originals, strict=True):
        if originals:
            photos.keep(tx, contact_id, originals)
    if visibility.listed:
        contacts.set_lists(tx.db, dict.fromkeys(ids, visibility.listed))
    seqs = tx.tick_many(ChangeKind.CONTACT, ids)
    rows = memberships.NewRows(hrefs, ids, found.uid, etags, seqs)
    memberships.add(tx.db, group_id, rows, audience.state_for(visibility))
    groups.stamp(tx.db, [group_id], seqs[-1], tx.now)
    note(tx, ids, Event.ADDED)
    return ids


def refuse_sourced(contact: Contact, source: str | None = None) -> None:
    """Raises Forbidden when a directory keeps this contact's text, and it is not ``source`` that writes."""
    if contact.source not in (None, source):
        raise Forbidden(
            f"contact {contact.id} is kept by {contact.source}",
            right="edit",
            hint=f"change it there; or a postmaster makes it ours: sharedbook contact detach {contact.id}",
        )


def link(tx: Tx, found: Sequence[Contact], group_id: int, hrefs: Sequence[str], event: Event) -> None:
    """Puts living contacts into one more group, at these hrefs."""
    if not found:
        return
    ids = [contact.id for contact in found]
    seqs = tx.tick_many(ChangeKind.CONTACT, ids)
    rows = list(zip(hrefs, ids, [each.uid for each in found], [each.etag for each in found], seqs, strict=True))
    states = list(map(audience.state_of, found))
    for state in sorted(set(states)):
        some = zip(*(row for row, own in zip(rows, states, strict=True) if own is state), strict=True)
        memberships.add(tx.db, group_id, memberships.NewRows(*some), state)
    groups.stamp(tx.db, [group_id], seqs[-1], tx.now)
    note(tx, ids, event)


def rewrite(tx: Tx, contact: Contact, card: vcard.Card, event: Event = Event.EDITED) -> bool:
    """Gives a contact a new text; the same bytes change nothing. Returns whether anything changed.

    Raises as ``photo_reduction.fit``.
    """
    card = photo_reduction.fit(card, tx.site.limits)
    photos.keep(tx, contact.id, photo_reduction.originals(card))
    if card.text == contact.vcard:
        return False
    found = kept_of(tx, card)
    contacts.change(tx.db, [contact.id], version=contact.version + 1, **_columns(tx, found))
    directory.forget(tx.db, [contact.id])
    sought.replace(tx.db, contact.id, found.indexed)
    seq = tx.tick(ChangeKind.CONTACT, contact.id)
    rows = memberships.of_contacts(tx.db, [contact.id])
    memberships.touch(tx.db, rows, seq, found.etag)
    groups.stamp(tx.db, [row.group_id for row in rows], seq, tx.now)
    note(tx, [contact.id], event, before=contact.vcard)
    return True


def take_out(tx: Tx, leaving: Sequence[tuple[Contact, Membership]], reason: Departed, event: Event) -> None:
    """Takes contacts out of a group, each with its row there, and leaves tombstones; they live on elsewhere."""
    ids = [contact.id for contact, _ in leaving]
    seqs = tx.tick_many(ChangeKind.CONTACT, ids)
    rows = [row for _, row in leaving]
    audience.leave(tx, [(contact, row, seq) for (contact, row), seq in zip(leaving, seqs, strict=True)])
    memberships.bury(tx.db, zip(rows, seqs, strict=True), reason.value, tx.now)
    note(tx, ids, event)


def trash(tx: Tx, contact_ids: Sequence[int]) -> None:
    """Puts contacts into the trash: memberships stay, those who saw them are told."""
    with audience.changing(tx, contact_ids):
        contacts.change(tx.db, contact_ids, trashed_at=tx.now)
    note(tx, contact_ids, Event.DELETED)


def drop(tx: Tx, contact: Contact) -> None:
    """Deletes a contact at once (``deletion = immediate``): tombstones stay, its rows go."""
    rows = memberships.of_contacts(tx.db, [contact.id])
    seq = tx.tick(ChangeKind.CONTACT, contact.id)
    audience.leave(tx, [(contact, row, seq) for row in rows])
    memberships.bury(tx.db, [(row, seq) for row in rows], Departed.DELETED.value, tx.now)
    contacts.remove(tx.db, [contact.id])


def note(
    tx: Tx, contact_ids: Sequence[int], event: Event, before: str | None = None, custom: str | None = None
) -> None:
    """One revision each."""
    revisions.add(tx.db, contact_ids, tx.now, tx.viewer.name, str(tx.client), event, before, custom)
