"""Contacts by id: what the command line and imports do. Each function asks the permission table once, then writes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Sequence

from sharedbook.domain import access
from sharedbook.domain.errors import Ambiguous, ContactNotFound, Forbidden, InvalidValue, Protected, VersionConflict
from sharedbook.domain.model import (
    PRIVATE,
    VISIBLE_TO_ALL,
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
from sharedbook.domain.query import Op, Or, Query, Some, Test
from sharedbook.formats.vcards import vcard
from sharedbook.services.contacts import search
from sharedbook.services.tx import Tx
from sharedbook.services.writing import audience, records
from sharedbook.services.writing.kept import Columns
from sharedbook.store import contacts, memberships, revisions


def held(contact: Contact) -> access.Held:
    """What the permission table asks of a contact."""
    return access.Held(contact.groups, contact.owner_id, contact.visibility)


def get(tx: Tx, contact_id: int) -> Contact:
    """A contact that the viewer sees; the console sees the trash too. Raises ContactNotFound."""
    return get_many(tx, [contact_id])[0]


def get_many(tx: Tx, contact_ids: Sequence[int]) -> list[Contact]:
    """Contacts in the order of their ids given. Raises ContactNotFound for the first that the viewer does not see."""
    found = {contact.id: contact for contact in contacts.fetch(tx.db, contact_ids)}
    for contact_id in contact_ids:
        contact = found.get(contact_id)
        if contact is None or not _seen(tx, contact):
            raise ContactNotFound(f"there is no contact {contact_id}", hint="find it with: sharedbook contact find")
    return [found[contact_id] for contact_id in contact_ids]


def seen(tx: Tx, contact_ids: Sequence[int]) -> list[Contact]:
    """Those of these contacts that the viewer sees, in their order."""
    return [contact for contact in contacts.fetch(tx.db, contact_ids) if _seen(tx, contact)]


def _seen(tx: Tx, contact: Contact) -> bool:
    return tx.viewer.console or (contact.trashed_at is None and access.sees(tx.viewer, held(contact)))


def with_uids(tx: Tx, uids: Collection[str]) -> list[Contact]:
    """The contacts not in the trash that the viewer sees and that have one of these UIDs, given in lower case."""
    found = contacts.with_uids(tx.db, uids) if uids else []
    return [contact for contact in found if contact.trashed_at is None and _seen(tx, contact)]


def resolve(tx: Tx, ref: str) -> Contact:
    """A contact by id, UID, mail address, or name when only one has it. Raises ContactNotFound, Ambiguous."""
    found = _candidates(tx, ref)
    if not found:
        hint = "see: sharedbook contact list" if ref.isdigit() else f"see: sharedbook contact find {ref}"
        raise ContactNotFound(f"there is no contact {ref}", hint=hint)
    if len(found) > 1:
        ids = ", ".join(str(contact.id) for contact in found[:5])
        raise Ambiguous(f"{ref} matches {len(found)} contacts: {ids}", hint="name one by its id")
    return found[0]


def _candidates(tx: Tx, ref: str) -> list[Contact]:
    if ref.isascii() and ref.isdigit() and len(ref) < 19:
        by_id = [contact for contact in contacts.fetch(tx.db, [int(ref)]) if _seen(tx, contact)]
        if by_id:
            return by_id
    by_uid = [contact for contact in contacts.by_uid(tx.db, ref) if _seen(tx, contact)]
    if by_uid:
        return by_uid
    named: Query = Or((Some("email", (Test(Op.EQUALS, ref),)), Some("fullname", (Test(Op.EQUALS, ref),))))
    return search.find(tx, search.Search(query=named), limit=20)


# ---- writing


def add(
    tx: Tx,
    group: Group,
    card: vcard.Card,
    *,
    owner_id: int | None = None,
    visibility: Visibility = VISIBLE_TO_ALL,
    source: str | None = None,
) -> Contact:
    """A new contact in a group, owned by who adds it unless the console says otherwise with ``owner_id``.

    Raises Forbidden, UidConflict, CardErased, QuotaExceeded.
    """
    contact_id = add_many(tx, group, [card], owner_id=owner_id, visibility=visibility, source=source)[0]
    return contacts.fetch(tx.db, [contact_id])[0]


def add_many(
    tx: Tx,
    group: Group,
    cards: Sequence[vcard.Card],
    *,
    owner_id: int | None = None,
    visibility: Visibility = VISIBLE_TO_ALL,
    source: str | None = None,
) -> list[int]:
    """New contacts in a group, all or none; returns their ids. Raises as ``add``."""
    kept = [records.kept_of(tx, card) for card in cards]
    return add_kept(tx, group, Columns.of(kept), owner_id=owner_id, visibility=visibility, source=source)


def add_kept(
    tx: Tx,
    group: Group,
    found: Columns,
    *,
    owner_id: int | None = None,
    visibility: Visibility = VISIBLE_TO_ALL,
    source: str | None = None,
    has_new_uids: bool = False,
) -> list[int]:
    """``add_many`` for cards that were prepared beforehand (``kept.py``); ``has_new_uids``: made at random for them."""
    access.require(tx.viewer, Right.ADD, group.id, group.slug)
    if not has_new_uids:
        records.refuse_uids(tx, group.id, group.slug, found.uid)
    owner = owner_id if owner_id is not None and tx.viewer.console else tx.viewer.member_id
    hrefs = records.fresh_hrefs(len(found.uid))
    ids = records.create(tx, group.id, found, hrefs, owner_id=owner, visibility=visibility, source=source)
    tx.audit("contact.add", contacts=ids, group=group.id)
    return ids


def replace(
    tx: Tx,
    contact_id: int,
    card: vcard.Card,
    *,
    if_version: int | None = None,
    event: Event = Event.EDITED,
    source: str | None = None,
) -> Contact:
    """Another text for a contact; the same bytes change nothing.

    Raises as ``editable``; Forbidden, too, where another ``source`` than this keeps it.
    """
    contact = editable(tx, contact_id, if_version=if_version)
    records.refuse_sourced(contact, source)
    if records.rewrite(tx, contact, card, event):
        tx.audit("contact.edit", contact=contact.id)
    return contacts.fetch(tx.db, [contact_id])[0]


def editable(tx: Tx, contact_id: int, *, if_version: int | None = None) -> Contact:
    """A contact that the viewer may edit.

    Raises ContactNotFound, Forbidden, VersionConflict, and Protected for one in the trash.
    """
    contact = get(tx, contact_id)
    if if_version is not None and contact.version != if_version:
        raise VersionConflict(
            f"contact {contact_id} is at version {contact.version}, not {if_version}", hint="look at it, then try again"
        )
    _require_editable(tx, contact)
    return contact


def _require_editable(tx: Tx, contact: Contact) -> None:
    if not access.may_edit(tx.viewer, held(contact)):
        raise _forbidden(tx, contact, Right.EDIT)
    _require_living(contact)


def edit(tx: Tx, contact_ids: Sequence[int], change: Callable[[vcard.Card], vcard.Card]) -> None:
    """Changes the cards of contacts all alike, all or none. Raises as ``replace``, and what ``change`` raises."""
    changed = []
    for contact in get_many(tx, contact_ids):
        _require_editable(tx, contact)
        records.refuse_sourced(contact)
        if records.rewrite(tx, contact, change(vcard.load(contact.vcard))):
            changed.append(contact.id)
    if changed:
        tx.audit("contact.edit", contacts=changed)


def copy(tx: Tx, contact_ids: Sequence[int], to: Group) -> list[Contact]:
    """Shows contacts in one more group; those already there stay as they are. Returns the contacts as they are now."""
    access.require(tx.viewer, Right.ADD, to.id, to.slug)
    _link(tx, _living(tx, contact_ids), to, Event.COPIED)
    tx.audit("contact.copy", contacts=list(contact_ids), to=to.id)
    return contacts.fetch(tx.db, contact_ids)


def move(tx: Tx, contact_ids: Sequence[int], source: Group, to: Group) -> list[Contact]:
    """Takes contacts out of one group and puts them into another. Raises ContactNotFound for one not in ``source``."""
    access.require(tx.viewer, Right.ADD, to.id, to.slug)
    found = _living(tx, contact_ids)
    rows = {row.contact_id: row for row in memberships.of_contacts(tx.db, contact_ids) if row.group_id == source.id}
    for contact in found:
        if contact.id not in rows:
            raise ContactNotFound(
                f"contact {contact.id} is not in {source.slug}", hint=f"see: sharedbook contact show {contact.id}"
            )
        if not access.may_take_out(tx.viewer, held(contact), source.id):
            raise _forbidden(tx, contact, Right.DELETE)
    if source.id != to.id:
        records.take_out(tx, [(contact, rows[contact.id]) for contact in found], Departed.MOVED, Event.MOVED)
        _link(tx, found, to, Event.MOVED)
    tx.audit("contact.move", contacts=list(contact_ids), group=source.id, to=to.id)
    return contacts.fetch(tx.db, contact_ids)


def _link(tx: Tx, found: Sequence[Contact], to: Group, event: Event) -> None:
    new = [contact for contact in found if to.id not in contact.groups]
    records.refuse_uids(tx, to.id, to.slug, [contact.uid for contact in new])
    records.link(tx, new, to.id, records.fresh_hrefs(len(new)), event)


def leave(tx: Tx, contact_id: int, group: Group) -> None:
    """Takes a contact out of a group; one that is in no other goes to the trash. One that is not in it stays as it is.

    Raises ContactNotFound, Protected, Forbidden.
    """
    [contact] = _living(tx, [contact_id])
    row = next((row for row in memberships.of_contacts(tx.db, [contact_id]) if row.group_id == group.id), None)
    if row is None:
        return
    if contact.groups == (group.id,):
        delete(tx, [contact_id])
        return
    if not access.may_take_out(tx.viewer, held(contact), group.id):
        raise _forbidden(tx, contact, Right.DELETE)
    records.take_out(tx, [(contact, row)], Departed.MOVED, Event.MOVED)
    tx.audit("contact.leave", contact=contact_id, group=group.id)


def delete(tx: Tx, contact_ids: Sequence[int]) -> int:
    """Puts contacts into the trash, out of all their groups (or removes them, where the site has no trash).

    Returns how many; those in the trash already are left. Raises ContactNotFound, Forbidden: then nothing is deleted.
    """
    found = [contact for contact in get_many(tx, contact_ids) if contact.trashed_at is None]
    for contact in found:
        if not access.may_trash(tx.viewer, held(contact)):
            raise _forbidden(tx, contact, Right.DELETE)
    if tx.site.settings.deletion == "trash":
        records.trash(tx, [contact.id for contact in found])
    else:
        for contact in found:
            records.drop(tx, contact)
    tx.audit("contact.delete", contacts=[contact.id for contact in found])
    return len(found)


def set_visibility(tx: Tx, contact_ids: Sequence[int], visibility: Visibility) -> int:
    """Sets which viewers of its groups see each contact. Returns how many changed."""
    return _set_visibility(tx, contact_ids, lambda _: visibility, keep_list=False)


def change_list(tx: Tx, contact_ids: Sequence[int], on: Collection[int], off: Collection[int]) -> int:
    """Puts subjects on the list of those who see each contact, and takes others off it. Returns how many changed.

    Raises InvalidValue where there is no list to take somebody off.
    """

    def wanted(contact: Contact) -> Visibility:
        is_listed = contact.visibility.kind is VisibilityKind.LISTED
        if not on and not is_listed:
            raise InvalidValue(
                f"contact {contact.id} has no list to take somebody off: it is visible to {contact.visibility.kind}",
                field="visibility",
                hint="put those who see it on a list: +SUBJECT,...",
            )
        has = contact.visibility.listed if is_listed else frozenset()
        return Visibility(VisibilityKind.LISTED, (has | set(on)) - set(off))

    return _set_visibility(tx, contact_ids, wanted, keep_list=False)


def share(tx: Tx, contact_ids: Sequence[int], on: bool) -> int:
    """``share off`` makes contacts private; ``share on`` gives them the visibility they had before."""

    lists = contacts.lists_of(tx.db, contact_ids) if on else {}

    def wanted(contact: Contact) -> Visibility:
        if not on:
            return PRIVATE
        before = lists.get(contact.id)
        return Visibility(VisibilityKind.LISTED, before) if before else VISIBLE_TO_ALL

    if on:
        contact_ids = [
            contact.id for contact in _living(tx, contact_ids) if contact.visibility.kind is VisibilityKind.PRIVATE
        ]
    return _set_visibility(tx, contact_ids, wanted, keep_list=True)


def _set_visibility(
    tx: Tx, contact_ids: Sequence[int], wanted: Callable[[Contact], Visibility], *, keep_list: bool
) -> int:
    changed = [contact for contact in _living(tx, contact_ids) if contact.visibility != wanted(contact)]
    for contact in changed:
        if not access.may_set_visibility(tx.viewer, held(contact)):
            raise Forbidden(f"{tx.viewer.name} does not own contact {contact.id}", hint="ask its owner or a postmaster")
    ids = [contact.id for contact in changed]
    become = [dataclasses.replace(each, visibility=wanted(each), version=each.version + 1) for each in changed]
    with audience.changing(tx, ids):
        contacts.show_to(tx.db, become)
        if not keep_list:
            contacts.set_lists(tx.db, {each.id: each.visibility.listed for each in become})
    records.note(tx, ids, Event.VISIBILITY)
    tx.audit("contact.visibility", contacts=ids)
    return len(ids)


def give_to(tx: Tx, contact_ids: Sequence[int], owner_id: int | None) -> int:
    """Gives contacts to a member, by id, or to nobody. Returns how many changed."""
    access.require_manage(tx.viewer, "change owners")
    changed = [contact for contact in get_many(tx, contact_ids) if contact.owner_id != owner_id]
    ids = [contact.id for contact in changed]
    with audience.changing(tx, ids):
        contacts.show_to(
            tx.db, [dataclasses.replace(each, owner_id=owner_id, version=each.version + 1) for each in changed]
        )
    records.note(tx, ids, Event.OWNER)
    tx.audit("contact.owner", contacts=ids)
    return len(ids)


def detach(tx: Tx, contact_ids: Sequence[int]) -> int:
    """Makes contacts of a directory ours: they are edited here, and its next import leaves them. Returns how many."""
    access.require_manage(tx.viewer, "detach contacts from their directory")
    ids = [contact.id for contact in get_many(tx, contact_ids) if contact.source is not None]
    contacts.change(tx.db, ids, source=None)
    if ids:
        tx.tick_many(ChangeKind.CONTACT, ids)
    records.note(tx, ids, Event.SOURCE)
    tx.audit("contact.detach", contacts=ids)
    return len(ids)


def history(tx: Tx, contact_id: int) -> list[Revision]:
    """Every remembered step, the oldest first. Raises ContactNotFound."""
    return revisions.of_contact(tx.db, get(tx, contact_id).id)


def _living(tx: Tx, contact_ids: Sequence[int]) -> list[Contact]:
    found = get_many(tx, contact_ids)
    for contact in found:
        _require_living(contact)
    return found


def _require_living(contact: Contact) -> None:
    if contact.trashed_at is not None:
        raise Protected(f"contact {contact.id} is in the trash", hint=f"run: sharedbook trash restore {contact.id}")


def _forbidden(tx: Tx, contact: Contact, right: Right) -> Forbidden:
    return Forbidden(
        f"{tx.viewer.name} may not {right.word} contact {contact.id}",
        right=right.word,
        hint=f"ask its owner, or a postmaster for the right {right.word} on its groups",
    )
