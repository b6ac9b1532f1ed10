"""What one member's clients must fetch again: a write of theirs was refused, so their copy is not what is stored.

A refusal leaves one row for the href. The member's own ctag and sync token move by it, and his next sync lists the href
(404 where he sees no card: a refused new one). From then on ETags at that href have a mark for him alone: a client that
goes by ETags would keep its copy otherwise. Nobody knows under which ETag it keeps it, and any may come back (a card
restored, an edit undone), so the mark stays as long as the row. It is the refusal's seq, so that it never returns.
Nobody else's copy, ETag, ctag or token moves.

A backup does not know what was refused after it was made. So since a restore every ETag has a mark, a new one with each
restore: whatever a client holds, it fetches once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar

from sharedbook.domain.access import Viewer
from sharedbook.domain.errors import GroupNotFound
from sharedbook.domain.model import ChangeKind, Client
from sharedbook.services.books import groups
from sharedbook.services.books.groups import Book
from sharedbook.services.tx import App, Tx
from sharedbook.store import refetches

UNKNOWN_HREFS = 1000
"""Rows at hrefs without a card that are kept for one member: he can invent as many hrefs as he likes."""

_MARK = re.compile(r'(-[0-9a-f]+)+"$')


class Listed(Protocol):
    """A named tuple that stands for one href: ``Card`` or ``Entry``."""

    @property
    def href(self) -> str: ...

    @property
    def etag(self) -> str: ...

    def _replace(self, *, etag: str) -> Self: ...


Row = TypeVar("Row", bound=Listed)


@dataclass(frozen=True, slots=True)
class Marks:
    """Seq of the last refusal by href, of one viewer and group; and what the last restore marks every ETag with."""

    rows: Mapping[str, int]
    restored: str

    def on(self, found: Iterable[Row]) -> Iterator[Row]:
        """The rows with the ETags that this viewer is given."""
        return map(self._marked, found) if self.rows or self.restored else iter(found)

    def _marked(self, row: Row) -> Row:
        found = (self.restored, str(self.rows.get(row.href, "")))
        marks = "".join(f"-{mark}" for mark in found if mark)
        return row._replace(etag=f'{row.etag[:-1]}{marks}"') if marks else row


def marks(tx: Tx, group_id: int, hrefs: Sequence[str] | None = None) -> Marks:
    """The marks on the viewer's ETags in a group; no statement if nothing of his was refused there."""
    member_id = tx.viewer.member_id
    if member_id is None or group_id not in tx.viewer.refetched:
        return Marks({}, tx.site.restored)
    return Marks(refetches.of_member(tx.db, member_id, group_id, hrefs), tx.site.restored)


def unmarked(etag: str) -> str:
    """The ETag of the stored card, from one with or without a mark."""
    return _MARK.sub('"', etag)


def after(tx: Tx, group_id: int, seq: int) -> list[str]:
    """Hrefs that the viewer's clients of a token with this seq must fetch again; some may hold no card."""
    member_id = tx.viewer.member_id
    if member_id is None or tx.viewer.refetched.get(group_id, 0) <= seq:
        return []
    return refetches.after(tx.db, member_id, group_id, seq)


def ask(app: App, viewer: Viewer, client: Client, places: Iterable[tuple[str, str]]) -> None:
    """Lets the viewer's clients fetch these (slug, href) again; call it after the refused transaction was rolled back.

    A slug that is no book of his is ignored. Raises Busy, Unavailable.
    """
    with app.begin(viewer, client, write=True) as tx:
        for slug, href in places:
            _ask(tx, slug, href)


def _ask(tx: Tx, slug: str, href: str) -> None:
    try:
        book = groups.book(tx, slug)
    except GroupNotFound:
        return
    note(tx, book, href, has_card=href in book.shelf.etags(tx, [href]))


def note(tx: Tx, book: Book, href: str, *, has_card: bool) -> None:
    """Lets the viewer's clients fetch a href of a book again; where he sees no card, they are told that it is gone.

    ``has_card``: whether a card stands behind it; if not, the row may be forgotten early.
    """
    member_id = tx.viewer.member_id
    if member_id is None:
        return
    seq = tx.tick(ChangeKind.REFETCH, member_id)
    refetches.put(tx.db, member_id, book.group.id, href, has_card=has_card, seq=seq, at=tx.now)
    if not has_card:
        refetches.forget_unknown(tx.db, member_id, UNKNOWN_HREFS)
