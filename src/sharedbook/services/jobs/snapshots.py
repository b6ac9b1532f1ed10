"""What no revision holds of a contact, taken before a job changes it; and the way back to it.

A contact's text and custom fields before a job are in the revisions that the job made. All else is here: where it
stands under which name, its owner, who sees it, whether it lies in the trash, which directory keeps it. To give that
back needs the rights that a person would need for it by hand. It is ids and hrefs, and goes with its contact.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
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
    Visibility,
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


@dataclass(frozen=True, slots=True)
class Past:
    """What a contact was; ``first`` and ``last``: the ids around the revisions of what is undone."""

    was: Snapshot
    first: int
    last: int


def give_back(tx: Tx, pasts: Mapping[int, Past]) -> dict[int, str]:
    """Makes contacts what they were, by id: all or none.

    Returns what is not as it was, of whom there is something to say. Raises NotUndoable, Forbidden, UidConflict,
    CardErased.
    """
    found = _get(tx, pasts)
    if _bring_back(tx, [each for each in found.values() if each.trashed_at and not pasts[each.id].was.trashed], pasts):
        found = _get(tx, pasts)
    if _give_texts(tx, found, pasts):
        found = _get(tx, pasts)
    thens = {contact_id: past.was for contact_id, past in pasts.items()}
    moved = {key: then.places for key, then in thens.items() if set(found[key].groups) != then.places.keys()}
    notes = _give_places(tx, found, moved) if moved else {}
    found = _get(tx, pasts) if moved else found
    _give_audiences(tx, found, thens)
    _give_sources(tx, [(each, thens[each.id].source) for each in found.values()])
    _give_trash(tx, {each.id: thens[each.id] for each in found.values() if not each.trashed_at})
    return notes


def discard(tx: Tx, contact_ids: Collection[int]) -> None:
    """Puts contacts into the trash, but for those that are there already. Raises Forbidden."""
    living = [contact for contact in _get(tx, contact_ids).values() if contact.trashed_at is None]
    for contact in living:
        _require(access.may_trash(tx.viewer, held(contact)), tx, contact)
    if living:
        records.trash(tx, [contact.id for contact in living])


def _get(tx: Tx, contact_ids: Collection[int]) -> dict[int, Contact]:
    found = {contact.id: contact for contact in contacts.fetch(tx.db, list(contact_ids))}
    if missing := set(contact_ids) - found.keys():
        raise ContactNotFound(f"there is no contact {min(missing)}")
    return found


def _require(allowed: bool, tx: Tx, contact: Contact) -> None:
    if not allowed:
        raise Forbidden(f"{tx.viewer.name} may not do this to contact {contact.id}", hint="ask a postmaster")


def _bring_back(tx: Tx, found: Sequence[Contact], pasts: Mapping[int, Past]) -> bool:
    """Out of the trash; returns whether there was anything to bring back."""
    known = groups.names(tx).keys() if found else ()
    for contact in found:
        places = pasts[contact.id].was.places.keys() & known
        _require(access.may_take_back(tx.viewer, replace(held(contact), groups=places)), tx, contact)
    if found:
        trash.bring_back(tx, found)
    return bool(found)


def _give_texts(tx: Tx, found: Mapping[int, Contact], pasts: Mapping[int, Past]) -> bool:
    """The texts and custom fields before what is undone; returns whether anything was to be given."""
    undone: dict[int, list[Revision]] = {}
    for step in revisions.after(tx.db, list(pasts), min(past.first for past in pasts.values())):
        if pasts[step.contact_id].first < step.id <= pasts[step.contact_id].last:
            undone.setdefault(step.contact_id, []).append(step)
    given = False
    for contact_id, steps in undone.items():
        texts = [step.before for step in steps if step.event in WRITES_TEXT]
        values = [step.custom for step in steps if step.event is Event.CUSTOM]
        if texts:
            _require(access.may_edit(tx.viewer, held(found[contact_id])), tx, found[contact_id])
            records.rewrite(tx, found[contact_id], vcard.load(_kept(texts[0])), Event.REVERTED)
        if values:
            _give_values(tx, contact_id, values)
        given = given or bool(texts or values)
    return given


def _give_values(tx: Tx, contact_id: int, values: Sequence[str | None]) -> None:
    custom: dict[int, tuple[str, ...]] = {}
    for text in reversed(values):
        custom |= custom_fields.before(_kept(text))
    known = {field.id for field in custom_fields.every(tx)}
    custom_fields.write(tx, contact_id, {key: given for key, given in custom.items() if key in known})


def _kept(text: str | None) -> str:
    """Raises NotUndoable for what an erasure has forgotten."""
    if text is None:
        raise NotUndoable("what it was before was erased")
    return text


def _give_places(tx: Tx, found: Mapping[int, Contact], thens: Mapping[int, Mapping[int, str]]) -> dict[int, str]:
    """The groups that held them, under the names they had there; first those they are missing from.

    So each has a group all the time.
    """
    rows = {(row.contact_id or 0, row.group_id): row for row in memberships.of_contacts(tx.db, list(thens))}
    notes: dict[int, list[str]] = {}
    missing = {(group, key) for key, then in thens.items() for group in then if (key, group) not in rows}
    for group_id, keys in _by_group(missing):
        group = groups.names(tx).get(group_id)
        if group is None:
            raise NotUndoable(f"a group that held contact {keys[0]} is gone")
        access.require(tx.viewer, Right.ADD, group.id, group.slug)
        hrefs = _free_hrefs(tx, group, {key: thens[key][group_id] for key in keys})
        records.refuse_uids(tx, group.id, group.slug, [found[key].uid for key in keys])
        records.link(tx, [found[key] for key in keys], group.id, [hrefs[key] for key in keys], Event.RESTORED)
        for key in (key for key in keys if hrefs[key] != thens[key][group_id]):
            notes.setdefault(key, []).append(f"another card has its name in {group.slug}; it got a new one")
    for group_id, keys in _by_group({(group, key) for key, group in rows if group not in thens[key]}):
        for key in keys:
            _require(access.may_take_out(tx.viewer, held(found[key]), group_id), tx, found[key])
        leaving = [(found[key], rows[key, group_id]) for key in keys]
        records.take_out(tx, leaving, Departed.MOVED, Event.MOVED)
    return {key: "; ".join(said) for key, said in notes.items()}


def _by_group(pairs: Collection[tuple[int, int]]) -> Iterator[tuple[int, list[int]]]:
    """Pairs of a group and a contact: each group with its contacts, in order."""
    for group_id, of_group in groupby(sorted(pairs), key=lambda pair: pair[0]):
        yield group_id, [contact_id for _, contact_id in of_group]


def _free_hrefs(tx: Tx, group: Group, wanted: Mapping[int, str]) -> dict[int, str]:
    """The hrefs that contacts had, freed of their tombstones; fresh ones where another card has them."""
    standing = {row.href: row.was_contact_id for row in memberships.raw(tx.db, group.id, list(wanted.values()))}
    own = [href for contact_id, href in wanted.items() if standing.get(href) == contact_id]
    if own:
        memberships.remove(tx.db, group.id, own)
    free: dict[int, str] = {}
    for contact_id, href in wanted.items():
        is_free = standing.get(href, contact_id) == contact_id and href not in free.values()
        free[contact_id] = href if is_free else records.fresh_href()
    return free


def _give_audiences(tx: Tx, found: Mapping[int, Contact], thens: Mapping[int, Snapshot]) -> None:
    """Owners, visibilities and lists."""
    lists = contacts.lists_of(tx.db, list(found))
    owners = [each.id for each in found.values() if each.owner_id != thens[each.id].owner]
    sights = [
        each.id
        for each in found.values()
        if (each.visibility.kind, lists.get(each.id, frozenset())) != (thens[each.id].visibility, thens[each.id].listed)
    ]
    if owners:
        access.require_manage(tx.viewer, "change owners")
    for contact_id in sights:
        _require(access.may_set_visibility(tx.viewer, held(found[contact_id])), tx, found[contact_id])
    changed = sorted({*owners, *sights})
    if not changed:
        return
    _require_living(tx, {contact_id: thens[contact_id] for contact_id in changed})
    with audience.changing(tx, changed):
        contacts.show_to(tx.db, [_shown_as(found[contact_id], thens[contact_id]) for contact_id in changed])
        contacts.set_lists(tx.db, {contact_id: thens[contact_id].listed for contact_id in changed})
    records.note(tx, owners, Event.OWNER)
    records.note(tx, sights, Event.VISIBILITY)


def _shown_as(contact: Contact, then: Snapshot) -> Contact:
    return replace(
        contact, owner_id=then.owner, visibility=Visibility(then.visibility, then.listed), version=contact.version + 1
    )


def _require_living(tx: Tx, thens: Mapping[int, Snapshot]) -> None:
    """Raises NotUndoable when the owner of one of these contacts, or a subject on its list, was deleted."""
    named = {contact_id: {*then.listed, *filter(None, [then.owner])} for contact_id, then in thens.items()}
    deleted = subjects.deleted(tx.db, set[int]().union(*named.values()))
    for contact_id, ids in named.items():
        if not deleted.isdisjoint(ids):
            raise NotUndoable(f"the owner of contact {contact_id}, or a subject on its list, was deleted since")


def _give_sources(tx: Tx, wanted: Sequence[tuple[Contact, str | None]]) -> None:
    """Which directory keeps them."""
    changed = [(contact.id, source) for contact, source in wanted if contact.source != source]
    if not changed:
        return
    access.require_manage(tx.viewer, "attach contacts to their directory")
    for contact_id, source in changed:
        contacts.change(tx.db, [contact_id], source=source)
    ids = [contact_id for contact_id, _ in changed]
    tx.tick_many(ChangeKind.CONTACT, ids)
    records.note(tx, ids, Event.SOURCE)


def _give_trash(tx: Tx, living: Mapping[int, Snapshot]) -> None:
    """Back into the trash, since when they were there, and merged into what they were merged into."""
    going = {contact_id: then for contact_id, then in living.items() if then.trashed is not None}
    if not going:
        return
    into = {contact_id: then.into for contact_id, then in going.items() if then.into is not None}
    there = {contact.id for contact in contacts.fetch(tx.db, list(into.values()))}
    for contact_id, kept in into.items():
        if kept not in there:
            raise NotUndoable(f"contact {kept}, into which contact {contact_id} was merged, is gone for good")
    discard(tx, going)
    for contact_id, then in going.items():
        contacts.change(tx.db, [contact_id], trashed_at=then.trashed)
    for contact_id, kept in into.items():
        merged_contacts.add(tx.db, [contact_id], kept)
