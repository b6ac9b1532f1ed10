"""A contact as one book serves it, by href: what a mail client reads, puts, deletes and moves.

Every write looks at the raw row at the target, not at the viewer's view: a hidden, foreign or dead row is refused
without naming what it holds (RFC 6352 section 6.3.2, RFC 4918 section 9.9).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sharedbook.domain import access
from sharedbook.domain.errors import (
    CardErased,
    CardGone,
    ContactNotFound,
    Forbidden,
    HrefTaken,
    UidConflict,
    VersionConflict,
)
from sharedbook.domain.model import Card, CardState, Contact, Departed, Event, Right
from sharedbook.formats.vcards import photo_reduction, vcard
from sharedbook.formats.versions import convert_back
from sharedbook.services.books import breaker, groups, refetch
from sharedbook.services.books.groups import Book
from sharedbook.services.books.shelf import Entry as Entry
from sharedbook.services.books.shelf import is_name, name_of
from sharedbook.services.tx import Site, Tx
from sharedbook.services.writing import records
from sharedbook.services.writing.kept import Columns
from sharedbook.store import contacts, memberships
from sharedbook.store.memberships import Membership


@dataclass(frozen=True, slots=True)
class PutResult:
    """The card as it is now served. ``changed`` False: the same bytes were there already."""

    card: Card
    created: bool
    changed: bool


def get(tx: Tx, book: Book, href: str) -> Card | None:
    """The card at a href, or None when there is none that the viewer sees."""
    return get_many(tx, book, [href]).get(href)


def get_many(tx: Tx, book: Book, hrefs: Sequence[str]) -> dict[str, Card]:
    """The cards at these hrefs that the viewer sees, by href."""
    found = book.shelf.cards(tx, hrefs)
    return {card.href: card for card in refetch.marks(tx, book.group.id, hrefs).on(found.values())}


def listing(tx: Tx, book: Book) -> list[Entry]:
    """Every href that the viewer sees in the book."""
    return list(refetch.marks(tx, book.group.id).on(book.shelf.entries(tx)))


def all_cards(tx: Tx, book: Book) -> Iterator[Card]:
    """Every card that the viewer sees in the book, streamed."""
    return refetch.marks(tx, book.group.id).on(book.shelf.all_cards(tx))


def has_uid(tx: Tx, book: Book, uid: str) -> str | None:
    """The href of the card with this UID, if the viewer sees it."""
    return book.shelf.href_of(tx, uid)


# ---- writing


def put(
    tx: Tx,
    book: Book,
    href: str,
    data: bytes | str | vcard.Card,
    *,
    if_match: Sequence[str] | None = None,
    only_new: bool = False,
) -> PutResult:
    """Creates or replaces the card at a href, keeping its bytes but those of a photo over the limit (``prepared``).

    A card keeps its version: one of the other version is patched into it.

    ``if_match``: the ETags of If-Match (``*`` for any); ``only_new``: If-None-Match: *. Raises InvalidCard and its kin,
    Forbidden, VersionConflict (412), UidConflict, HrefTaken, CardGone, CardErased (409), QuotaExceeded (507).
    """
    card = data if isinstance(data, vcard.Card) else vcard.parse(data, tx.site.limits)
    if book.merged:
        return _put_merged(tx, book, href, card, if_match, only_new)
    row = _row_at(tx, book, href)
    if row is None or row.state >= CardState.TRASHED:
        _refuse_return(tx, book, href, row, card.uid, if_match, only_new)
        return _create(tx, book, href, card, row)
    return _edit(tx, book, href, _edited(tx, book, row), card, if_match, only_new)


def _edit(
    tx: Tx,
    book: Book,
    href: str,
    contact: Contact,
    card: vcard.Card,
    if_match: Sequence[str] | None,
    only_new: bool,
) -> PutResult:
    if only_new:
        raise VersionConflict("there is a card at this name already", hint="choose another name, or edit that card")
    _check_match(contact.etag, if_match)
    if not access.may_edit(tx.viewer, _held(contact, book)):
        raise access.missing(tx.viewer, Right.EDIT, book.group.slug)
    if card.uid != contact.uid:
        raise UidConflict("a card keeps its UID", href=href, hint="put a card with another UID at another name")
    stored = in_stored_version(tx, contact, card)
    if stored.text != contact.vcard:
        records.refuse_sourced(contact)
    changed = records.rewrite(tx, contact, stored)
    if changed:
        tx.audit("card.put", contact=contact.id, group=book.group.id)
    return PutResult(_served(tx, book, href), created=False, changed=changed)


def owned(tx: Tx, book: Book) -> frozenset[str]:
    """Names of the cards that the viewer may edit as their owner, whatever his rights on the book."""
    viewer = tx.viewer
    if viewer.member_id is None or viewer.read_only:
        return frozenset()
    found = memberships.owned(tx.db, book.shelf.groups, viewer.member_id)
    return frozenset(name_of(key) if book.merged else href for href, key in found)


def prepared(site: Site, data: bytes) -> vcard.Card | None:
    """Parses a body that may hold a photo to reduce, before the write lock is taken; None for a smaller body.

    Raises InvalidCard and its kin, Busy.
    """
    if len(data) <= site.limits.served_photo_bytes:
        return None
    return photo_reduction.fit(vcard.parse(data, site.limits), site.limits)


def in_stored_version(tx: Tx, contact: Contact, card: vcard.Card) -> vcard.Card:
    """The card as it is to be stored: one of the other version is patched into the stored card.

    Raises InvalidCard and its kin.
    """
    stored = vcard.load(contact.vcard)
    if stored.version == card.version:
        return card
    patched = vcard.parse(convert_back.patched(stored, card), tx.site.limits)
    return replace(patched, originals=card.originals)


def _row_at(tx: Tx, book: Book, href: str) -> Membership | None:
    """The raw row at a href, or the tombstone that an erased card left under its keyed hash."""
    buried = records.buried_name(tx, book.group.id, "href", href)
    rows = {row.href: row for row in memberships.raw(tx.db, book.group.id, [href, buried])}
    return rows.get(href) or rows.get(buried)


def _refuse_return(
    tx: Tx,
    book: Book,
    href: str,
    row: Membership | None,
    uid: str,
    if_match: Sequence[str] | None,
    only_new: bool,
) -> None:
    """Refuses what may not be created here: without the right, as a stale edit, or as the return of the dead."""
    if not book.rights & Right.ADD:
        raise access.missing(tx.viewer, Right.ADD, book.group.slug)
    if row is not None and row.reason == Departed.ERASED:
        raise CardErased("the card at this name was erased for good", hint="make a new card under a new name")
    if if_match is not None:
        raise VersionConflict("there is no card at this name any more", hint="fetch the address book again")
    _refuse_dead([*records.dead_uids(tx, book.group.id, [uid]), *([row] if row is not None else [])], only_new)
    records.refuse_living_uids(tx, book.group.id, book.group.slug, [uid])


def _refuse_dead(rows: Sequence[Membership], only_new: bool) -> None:
    """Refuses the return of what these rows held: what moved may come again, and a new card what was deleted."""
    dead = [row for row in rows if row.reason != Departed.MOVED]
    if any(row.reason == Departed.ERASED for row in dead):
        raise CardErased("a card with this UID was erased for good", hint="make a new card")
    if dead and not only_new:
        raise CardGone("this card was deleted meanwhile", hint="fetch the address book again, or save it as a new card")


def _create(tx: Tx, book: Book, href: str, card: vcard.Card, row: Membership | None) -> PutResult:
    _free_name(tx, row)
    kept = records.kept_of(tx, card)
    [contact_id] = records.create(tx, book.group.id, Columns.of([kept]), [href], owner_id=tx.viewer.member_id)
    tx.audit("card.add", contact=contact_id, group=book.group.id)
    made = Card(href, contact_id, kept.uid, kept.etag, kept.text, kept.size, tx.now)
    [served] = refetch.marks(tx, book.group.id, [href]).on([made])
    return PutResult(served, created=True, changed=True)


def _served(tx: Tx, book: Book, href: str) -> Card:
    found = get(tx, book, href)
    if found is None:
        raise ContactNotFound("the card is not seen by the one who put it")
    return found


def _seen_contact(tx: Tx, book: Book, row: Membership) -> Contact:
    """The contact of a living row. Raises HrefTaken when the viewer does not see it."""
    found = contacts.fetch(tx.db, [row.contact_id] if row.contact_id is not None else [])
    if not found or not book.shown or not access.sees(tx.viewer, _held(found[0], book)):
        raise HrefTaken("this name is in use", hint="save the card under another name")
    return found[0]


def _edited(tx: Tx, book: Book, row: Membership) -> Contact:
    """The contact that a PUT would replace. Who may not add gets the same answer for a hidden card as for none."""
    try:
        return _seen_contact(tx, book, row)
    except HrefTaken:
        if not book.rights & Right.ADD:
            raise access.missing(tx.viewer, Right.ADD, book.group.slug) from None
        raise


def _held(contact: Contact, book: Book) -> access.Held:
    """What the permission table asks of a contact; a book that is being deleted gives no rights."""
    groups = () if book.group.emptied_at is not None else contact.groups
    return access.Held(groups, contact.owner_id, contact.visibility)


def _check_match(etag: str, if_match: Sequence[str] | None) -> None:
    if if_match is not None and "*" not in if_match and etag not in map(refetch.unmarked, if_match):
        raise VersionConflict("the card was changed meanwhile", hint="fetch it again, then edit")


def refuse_known(tx: Tx, book: Book, href: str, etags: Sequence[str]) -> None:
    """If-None-Match: nothing is done to a card that has one of these tags, ``*`` for any. Raises VersionConflict."""
    found = get(tx, book, href) if etags else None
    if found is not None and ("*" in etags or refetch.unmarked(found.etag) in map(refetch.unmarked, etags)):
        raise VersionConflict("the card is the one that was not to be written over", hint="fetch it again, then edit")


def remove(tx: Tx, book: Book, href: str, *, if_match: Sequence[str] | None = None) -> None:
    """A client's DELETE: takes the card out of this book; out of its last one it goes to the trash.

    Out of the merged book it goes where he may delete it, and stays there when another group shows it to him.
    Raises ContactNotFound, VersionConflict, Forbidden, DeletionHeld.
    """
    if book.merged:
        contact, places = _shown(tx, book, href, Right.DELETE)
    else:
        row, contact = _living(tx, book, href)
        places = [(book, row)]
    _check_match(contact.etag, if_match)
    held = _held(contact, book)
    places = [(place, row) for place, row in places if access.may_take_out(tx.viewer, held, place.group.id)]
    if not places:
        raise access.missing(tx.viewer, Right.DELETE, book.group.slug)
    for place, row in places:
        breaker.count(tx, place, contact, row.href)
        tx.audit("card.remove", contact=contact.id, group=place.group.id)
    if len(places) < len(contact.groups):
        for _, row in places:
            records.take_out(tx, [(contact, row)], Departed.DELETED, Event.DELETED)
    elif tx.site.settings.deletion == "trash":
        records.trash(tx, [contact.id])
    else:
        records.drop(tx, contact)


def _living(tx: Tx, book: Book, href: str) -> tuple[Membership, Contact]:
    row = next(iter(memberships.raw(tx.db, book.group.id, [href])), None)
    if row is None or row.state >= CardState.TRASHED:
        raise ContactNotFound("there is no card at this name")
    try:
        return row, _seen_contact(tx, book, row)
    except HrefTaken as error:
        raise ContactNotFound("there is no card at this name") from error


HREF = re.compile(r"[^/\x00-\x09\x0b-\x1f\x7f]{1,255}")
"""What a client may name a card: one path segment of at most 255 characters; some names hold a line feed."""


def move(
    tx: Tx,
    book: Book,
    href: str,
    target: Book,
    to_href: str,
    *,
    if_match: Sequence[str] | None = None,
    overwrite: bool = True,
) -> bool:
    """MOVE of a card into another book, or to another name in the same one. Returns whether the target was new.

    A card with another UID is not replaced (RFC 6352 section 6.3.2.1).
    Raises ContactNotFound, Forbidden, VersionConflict (412), HrefTaken, UidConflict, CardErased, DeletionHeld.
    """
    if book.merged or target.merged:
        raise Forbidden("cards cannot be moved in a merged book", right="delete", hint="move it on the command line")
    row, contact = _living(tx, book, href)
    _check_match(contact.etag, if_match)
    if not access.may_take_out(tx.viewer, _held(contact, book), book.group.id):
        raise access.missing(tx.viewer, Right.DELETE, book.group.slug)
    if not target.rights & Right.ADD:
        raise access.missing(tx.viewer, Right.ADD, target.group.slug)
    if target.group.id != book.group.id:
        breaker.count(tx, book, contact, href, to=target.group.id)
    replaced = _clear_target(tx, target, to_href, contact, overwrite)
    records.take_out(tx, [(contact, row)], Departed.MOVED, Event.MOVED)
    still = contacts.fetch(tx.db, [contact.id])[0]
    if target.group.id not in still.groups:
        records.refuse_uids(tx, target.group.id, target.group.slug, [contact.uid])
        records.link(tx, [still], target.group.id, [to_href], Event.MOVED)
    tx.audit("card.move", contact=contact.id, group=book.group.id, to=target.group.id)
    return not replaced


def _clear_target(tx: Tx, target: Book, to_href: str, contact: Contact, overwrite: bool) -> bool:
    """Makes room at the target; returns whether a card was replaced there."""
    row = _row_at(tx, target, to_href)
    if row is not None and row.reason == Departed.ERASED:
        raise CardErased("the card at this name was erased for good", hint="use another name")
    replaced = row is not None and row.state < CardState.TRASHED
    if row is not None and replaced:
        if not overwrite:
            raise VersionConflict("there is a card at the target name", hint="use another name")
        standing = _seen_contact(tx, target, row)
        if standing.id == contact.id:
            raise HrefTaken("the card is in that book already", hint="delete it here instead")
        if standing.uid != contact.uid:
            raise UidConflict("a card replaces only one with the same UID", href=to_href, hint="use another name")
        remove(tx, target, to_href)
        row = _row_at(tx, target, to_href)
    _free_name(tx, row)
    return replaced


def _free_name(tx: Tx, row: Membership | None) -> None:
    """A tombstone goes, and a card in the trash gives up its name: nobody sees it there."""
    if row is not None and row.state is CardState.TRASHED:
        memberships.change(tx.db, row.group_id, row.href, href=records.fresh_href())
    elif row is not None and row.state is CardState.DEAD:
        memberships.remove(tx.db, row.group_id, [row.href])


# ---- through the merged book


def _put_merged(
    tx: Tx, book: Book, href: str, card: vcard.Card, if_match: Sequence[str] | None, only_new: bool
) -> PutResult:
    """An edit at the name that the card's key gives; at any other name a new card for the default group.

    There the client's name is its href; here it is served under its key, and the client told to forget his own name.
    """
    if is_name(href):
        try:
            contact, _ = _shown(tx, book, href, Right.EDIT)
        except ContactNotFound:
            raise _not_given(tx, book, conditional=if_match is not None or only_new) from None
        return _edit(tx, book, href, contact, card, if_match, only_new)
    home = groups.single(tx, groups.default(tx))
    row = _row_at(tx, home, href)
    new = row is None or row.state >= CardState.TRASHED
    if not book.rights & home.rights & (Right.ADD if new else Right.VIEW):
        raise access.missing(tx.viewer, Right.ADD, book.group.slug)
    if new and if_match is None:
        _refuse_uid(tx, book, card.uid, only_new)
    done = put(tx, home, href, card, if_match=if_match, only_new=only_new)
    name = name_of(contacts.fetch(tx.db, [done.card.contact_id])[0].key)
    if done.created:
        refetch.note(tx, book, href, has_card=True)
    return replace(done, card=_served(tx, book, name))


def _not_given(tx: Tx, book: Book, *, conditional: bool) -> Forbidden | VersionConflict | CardGone:
    """Names of this kind are given by the server: the card was hidden, deleted or erased, which is not told."""
    if not book.rights & Right.ADD:
        return access.missing(tx.viewer, Right.ADD, book.group.slug)
    kind = VersionConflict if conditional else CardGone
    return kind("there is no card at this name any more", hint="fetch the address book again, or use another name")


def _refuse_uid(tx: Tx, book: Book, uid: str, only_new: bool) -> None:
    """Refuses a new card with the UID of another in the merged book, or of a dead one in any group."""
    taken = book.shelf.href_of(tx, uid)
    if taken is not None:
        raise UidConflict("there is a card with this UID already", href=taken, hint="edit that card")
    _refuse_dead([row for group in book.shelf.groups for row in records.dead_uids(tx, group, [uid])], only_new)


def _shown(tx: Tx, book: Book, href: str, right: Right) -> tuple[Contact, list[tuple[Book, Membership]]]:
    """What stands at a name of the merged book, and where: the groups that show it as books, with its rows.

    Raises ContactNotFound, and Forbidden for a card under a UID that is not its own: it is read only.
    """
    card = book.shelf.cards(tx, [href]).get(href)
    if card is None:
        raise ContactNotFound("there is no card at this name")
    [contact] = contacts.fetch(tx.db, [card.contact_id])
    if card.uid != contact.uid:
        raise Forbidden(
            "another card has the same UID, so this one is read only here",
            right=right.word,
            hint="ask a postmaster to delete one of the two",
        )
    singles = groups.singles(tx, book)
    rows = memberships.of_contacts(tx.db, [contact.id])
    return contact, [(singles[row.group_id], row) for row in rows if row.group_id in singles]
