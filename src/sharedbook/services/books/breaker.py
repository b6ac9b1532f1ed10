"""The mass-delete breaker: a mail client that empties a group is held back until a postmaster has looked.

Counted is what one client of one member took out of one group within ``hold.window``, by DELETE or MOVE: under the
write lock, so that requests in parallel cannot slip through together. The group's size is the cards that this member
sees there, and those he took: hidden cards neither count nor show, and a group does not shrink while it is emptied.
It is counted once, when the minimum is reached, and kept with the removal.

A held client stays held after the hour, too: it would otherwise take the next share every hour of the night. The rows
that a hold has taken over count no more, so that a released or forgiven client begins anew.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sharedbook.domain.access import Viewer
from sharedbook.domain.errors import DeletionHeld
from sharedbook.domain.model import Client, Contact, HoldState
from sharedbook.services.books.groups import Book
from sharedbook.services.notices import notices
from sharedbook.services.tx import App, Tx
from sharedbook.services.writing import records
from sharedbook.store import groups, holds, memberships
from sharedbook.store.holds import Counted, Hold


def count(tx: Tx, book: Book, contact: Contact, href: str, *, to: int | None = None) -> None:
    """Counts a card that a client takes out of a book; ``to``: id of the group into which it moves it.

    Raises DeletionHeld; unless it is ``known``, the edge then calls ``hold``, once this transaction has ended.
    """
    if tx.viewer.member_id is None:
        return
    who = Counted(book.group.id, tx.viewer.member_id, client_name(tx.client))
    hold = _standing(tx, who)
    if hold is not None and hold.state is HoldState.HELD:
        raise _refusal(tx, book, hold.taken, hold.size, known=True)
    holds.add_removal(
        tx.db,
        who,
        at=tx.now,
        contact_id=contact.id,
        name=name_of(tx, book.group.id, href),
        to_group_id=None if to in contact.groups else to,
        size=_size(tx, book, who) if hold is None else None,
        hold_id=None if hold is None else hold.id,
    )


def client_name(client: Client) -> str:
    """Who is counted: an app password is one device; without one, the program, whatever its version."""
    if client.app_password:
        return f"app password {client.app_password}"
    product = client.agent.partition("/")[0]
    return "".join(char for char in product if char.isprintable()) or "unnamed program"


def name_of(tx: Tx, group_id: int, href: str) -> str:
    """What is kept of a href, to know it again."""
    return records.buried_name(tx, group_id, "href", href)


def _standing(tx: Tx, who: Counted) -> Hold | None:
    """The client's hold: one that nobody has decided, or a release that lasts."""
    hold = holds.last(tx.db, who)
    if hold is None or hold.state is HoldState.HELD:
        return hold
    lasts = hold.state is HoldState.RELEASED and hold.until is not None and hold.until > tx.now
    return hold if lasts else None


def _size(tx: Tx, book: Book, who: Counted) -> int | None:
    """The group's size, once the minimum is reached. Raises DeletionHeld when the share is reached, too."""
    settings = tx.site.settings
    taken, size = holds.taken(tx.db, who, _window(tx))
    if taken < settings.hold_minimum:
        return None
    size = size or taken + memberships.count(tx.db, tx.viewer, book.group.id)
    if taken * 100 >= size * settings.hold_share:
        raise _refusal(tx, book, taken, size, known=False)
    return size


def _window(tx: Tx) -> datetime:
    return tx.now - timedelta(seconds=tx.site.settings.hold_window)


def _refusal(tx: Tx, book: Book, taken: int, size: int, *, known: bool) -> DeletionHeld:
    return DeletionHeld(
        f"this program took {taken} of {size} cards out of {book.group.slug}; a postmaster has to decide first",
        group_id=book.group.id,
        at=tx.now,
        taken=taken,
        size=size,
        known=known,
        hint="fetch the address book again",
    )


def hold(app: App, viewer: Viewer, client: Client, refused: DeletionHeld) -> None:
    """Holds a client back from now on, and tells the postmasters: in a transaction of its own, as the one that was
    refused has left nothing. Does nothing when another request of this client has done it by now. Raises Busy."""
    with app.begin(viewer, client, write=True) as tx:
        tx.now = refused.at
        group = groups.by_id(tx.db, refused.group_id)
        member_id = tx.viewer.member_id
        if group is None or member_id is None:
            return
        who = Counted(group.id, member_id, client_name(client))
        if _standing(tx, who) is not None:
            return
        hold_id = holds.add(tx.db, who, tx.now, taken=refused.taken, size=refused.size)
        holds.claim(tx.db, who, _window(tx), hold_id)
        tx.audit("hold.raise", hold=hold_id, group=group.id, member=member_id)
        notices.add(
            tx,
            "hold.raised",
            f"{viewer.name} is held back from deleting in {group.name}",
            f"{who.client} of {viewer.name} took {refused.taken} of {refused.size} contacts out of {group.name}"
            f" ({group.slug}). It may take no more out of it until you decide:\n\n"
            f"  sharedbook hold show {hold_id}       what it took\n"
            f"  sharedbook hold discard {hold_id}    bring it all back\n"
            f"  sharedbook hold release {hold_id}    let it go on\n",
            hold=hold_id,
            group=group.id,
            member=member_id,
        )
