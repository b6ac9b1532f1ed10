"""What no revision holds of a contact, taken before a job changes it; and the way back to it.

A contact's text and custom fields before a job are in the revisions that the job made. All else is here: where it
stands under which name, its owner, who sees it, whether it lies in the trash, which directory keeps it. To give that
back needs the rights that a person would need for it by hand. It is ids and hrefs, and goes with its contact.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sharedbook.domain import access
from sharedbook.domain.errors import ContactNotFound, Forbidden, NotUndoable
from sharedbook.domain.model import (
    WRITES_TEXT,
    ChangeKind,
    Contact,
    Departed,
    Event,
    Group,
    Revision,
    Right,
    VisibilityKind,
)
from sharedbook.formats.vcards import vcard
from sharedbook.services.books import groups
from sharedbook.services.contacts import custom_fields, trash
from sharedbook.services.contacts.contacts import held
from sharedbook.services.tx import Tx
from sharedbook.services.writing import audience, records
from sharedbook.store import contacts, memberships, merged_contacts, revisions, subjects


@dataclass(frozen=True, slots=True)
class Snapshot:
    """``places``: href by group id, also while it lies in the trash. ``listed``: a private contact keeps its list.

    ``into``: the contact that it was merged into.
    """

    places: Mapping[int, str]
    owner: int | None
    visibility: VisibilityKind
    listed: frozenset[int]
    trashed: datetime | None
    source: str | None
    into: int | None

    def written(self) -> str:
        """As a job keeps it: JSON."""
        kept: dict[str, Any] = {"places": list(self.places.items()), "visibility": self.visibility.value}
        more = {
            "owner": self.owner,
            "listed": sorted(self.listed),
            "trashed": self.trashed and self.trashed.isoformat(),
            "source": self.source,
            "into": self.into,
        }
        return json.dumps(kept | {name: value for name, value in more.items() if value}, ensure_ascii=False)


def read(text: str) -> Snapshot:
    """A snapshot as a job has kept it."""
    kept = json.loads(text)
    return Snapshot(
        places=dict(kept["places"]),
        owner=kept.get("owner"),
        visibility=VisibilityKind(kept["visibility"]),
        listed=frozenset(kept.get("listed", ())),
        trashed=datetime.fromisoformat(kept["trashed"]).astimezone(UTC) if "trashed" in kept else None,
        source=kept.get("source"),
        into=kept.get("into"),
    )


def take(tx: Tx, contact_ids: Sequence[int]) -> dict[int, Snapshot]:
    """How contacts are now, by id; those that are gone are left out."""
    found = contacts.fetch(tx.db, contact_ids)
    lists = contacts.lists_of(tx.db, contact_ids)
    into = merged_contacts.kept(tx.db, contact_ids)
    places: dict[int, dict[int, str]] = {contact.id: {} for contact in found}
    for row in memberships.of_contacts(tx.db, list(places)):
        if row.contact_id is not None:
            places[row.contact_id][row.group_id] = row.href
    return {
        each.id: Snapshot(
            places[each.id],
            each.owner_id,
            each.visibility.kind,
            lists.get(each.id, frozenset()),
            each.trashed_at,
            each.source,
            into.get(each.id),
        )
        for each in found
    }


def give_back(tx: Tx, contact_id: int, then: Snapshot, first: int, last: int) -> str:
    """Makes a contact what it was; ``first`` and ``last``: the ids around the revisions of what is undone.

    Returns what is not as it was, or "". Raises NotUndoable, Forbidden, UidConflict, CardErased.
    """
    contact = _get(tx, contact_id)
    if contact.trashed_at is not None and then.trashed is None:
        places = then.places.keys() & groups.names(tx).keys()
        _require(access.may_take_back(tx.viewer, replace(held(contact), groups=places)), tx, contact)
        trash.bring_back(tx, contact)
    _give_text(tx, contact_id, revisions.between(tx.db, contact_id, first, last))
    contact = _get(tx, contact_id)
    notes: list[str] = []
    if set(contact.groups) != then.places.keys():
        notes = _give_places(tx, contact, then.places)
        contact = _get(tx, contact_id)
    _give_audience(tx, contact, then)
    if contact.source != then.source:
        access.require_manage(tx.viewer, "attach contacts to their directory")
        contacts.change(tx.db, [contact_id], source=then.source)
        tx.tick(ChangeKind.CONTACT, contact_id)
        records.note(tx, [contact_id], Event.SOURCE)
    if contact.trashed_at is None and then.trashed is not None:
        _give_trash(tx, contact_id, then.trashed, then.into)
    return "; ".join(notes)


def _give_trash(tx: Tx, contact_id: int, trashed: datetime, into: int | None) -> None:
    if into is not None and not contacts.fetch(tx.db, [into]):
        raise NotUndoable(f"contact {into}, into which contact {contact_id} was merged, is gone for good")
    discard(tx, contact_id)
    contacts.change(tx.db, [contact_id], trashed_at=trashed)
    if into is not None:
        merged_contacts.add(tx.db, [contact_id], into)


def discard(tx: Tx, contact_id: int) -> None:
    """Puts a contact into the trash, unless it is there already. Raises Forbidden."""
    contact = _get(tx, contact_id)
    if contact.trashed_at is None:
        _require(access.may_trash(tx.viewer, held(contact)), tx, contact)
        records.trash(tx, [contact_id])


def _get(tx: Tx, contact_id: int) -> Contact:
    found = contacts.fetch(tx.db, [contact_id])
    if not found:
        raise ContactNotFound(f"there is no contact {contact_id}")
    return found[0]


def _require(allowed: bool, tx: Tx, contact: Contact) -> None:
    if not allowed:
        raise Forbidden(f"{tx.viewer.name} may not do this to contact {contact.id}", hint="ask a postmaster")


def _give_text(tx: Tx, contact_id: int, steps: Sequence[Revision]) -> None:
    """The text and custom fields before these steps."""
    texts = [step.before for step in steps if step.event in WRITES_TEXT]
    values = [step.custom for step in steps if step.event is Event.CUSTOM]
    if texts:
        contact = _get(tx, contact_id)
        _require(access.may_edit(tx.viewer, held(contact)), tx, contact)
        records.rewrite(tx, contact, vcard.load(_kept(texts[0])), Event.REVERTED)
    custom: dict[int, tuple[str, ...]] = {}
    for text in reversed(values):
        custom |= custom_fields.before(_kept(text))
    known = {field.id for field in custom_fields.every(tx)} if custom else set()
    custom_fields.write(tx, contact_id, {key: given for key, given in custom.items() if key in known})


def _kept(text: str | None) -> str:
    """Raises NotUndoable for what an erasure has forgotten."""
    if text is None:
        raise NotUndoable("what it was before was erased")
    return text


def _give_places(tx: Tx, contact: Contact, then: Mapping[int, str]) -> list[str]:
    """The groups that held it, under the names it had there; first those it is missing from, so that it has one."""
    rows = {row.group_id: row for row in memberships.of_contacts(tx.db, [contact.id])}
    known = groups.names(tx)
    notes = []
    for group_id in then.keys() - rows.keys():
        group = known.get(group_id)
        if group is None:
            raise NotUndoable(f"a group that held contact {contact.id} is gone")
        access.require(tx.viewer, Right.ADD, group.id, group.slug)
        href = _free_href(tx, contact, group, then[group_id])
        records.refuse_uids(tx, group.id, group.slug, [contact.uid])
        records.link(tx, [contact], group.id, [href], Event.RESTORED)
        if href != then[group_id]:
            notes.append(f"another card has its name in {group.slug}; it got a new one")
    for group_id in rows.keys() - then.keys():
        _require(access.may_take_out(tx.viewer, held(contact), group_id), tx, contact)
        records.take_out(tx, [(contact, rows[group_id])], Departed.MOVED, Event.MOVED)
    return notes


def _free_href(tx: Tx, contact: Contact, group: Group, href: str) -> str:
    """The href that it had, freed of its tombstone; a fresh one when another card has it."""
    rows = memberships.raw(tx.db, group.id, [href])
    if not rows:
        return href
    if rows[0].was_contact_id != contact.id:
        return records.fresh_href()
    memberships.remove(tx.db, group.id, [href])
    return href


def _give_audience(tx: Tx, contact: Contact, then: Snapshot) -> None:
    """Owner, visibility and list."""
    listed = contacts.list_of(tx.db, contact.id)
    if contact.owner_id != then.owner:
        access.require_manage(tx.viewer, "change owners")
    sight_changes = (contact.visibility.kind, listed) != (then.visibility, then.listed)
    if sight_changes:
        _require(access.may_set_visibility(tx.viewer, held(contact)), tx, contact)
    if contact.owner_id == then.owner and not sight_changes:
        return
    _require_living(tx, contact, {*then.listed, *({then.owner} if then.owner is not None else ())})
    with audience.changing(tx, [contact.id]):
        contacts.change(
            tx.db,
            [contact.id],
            owner_id=then.owner,
            visibility=then.visibility.value,
            version=contact.version + 1,
        )
        contacts.set_listed(tx.db, contact.id, then.listed)
    if contact.owner_id != then.owner:
        records.note(tx, [contact.id], Event.OWNER)
    if sight_changes:
        records.note(tx, [contact.id], Event.VISIBILITY)


def _require_living(tx: Tx, contact: Contact, subject_ids: Collection[int]) -> None:
    """Raises NotUndoable when one of these subjects was deleted."""
    if subjects.deleted(tx.db, subject_ids):
        raise NotUndoable(f"the owner of contact {contact.id}, or a subject on its list, was deleted since")
