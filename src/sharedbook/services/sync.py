"""Sync tokens and what changed since one (RFC 6578): each token of ours is answered with the complete difference.

A token holds who asked and when: epoch, group, seq, the viewer's subjects, whether he viewed the group, and a MAC.
From it the hrefs that the client holds are known exactly:
  held    = living cards whose audience began by then and named one of the subjects,
            and departures after it that began by then;
  changed = what he sees now and was touched since, or did not hold;
  removed = what he held, or could see meanwhile, and does not see now.
What a refusal made him fetch again since (``refetch.py``) is added to either, as he sees it now.
Nobody is told of a href that he never could see.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from sharedbook.domain.access import Viewer
from sharedbook.domain.errors import InvalidToken
from sharedbook.domain.model import Right
from sharedbook.services import refetch
from sharedbook.services.cards import Entry
from sharedbook.services.groups import Book
from sharedbook.services.tx import Tx
from sharedbook.store import memberships, sync
from sharedbook.store.sync import Departure

SCHEME = "sharedbook:sync:"
MAC_CHARS = 22


@dataclass(frozen=True, slots=True)
class BookState:
    """What a poll reads: ctag and token move when the viewer's book does."""

    ctag: str
    token: str


@dataclass(frozen=True, slots=True)
class SyncResult:
    """``changed`` and ``removed`` since the token; ``more``: the limit cut it short, ask again with the new token."""

    token: str
    changed: list[Entry]
    removed: list[str]
    more: bool = False


@dataclass(frozen=True, slots=True)
class Token:
    """Who asked, when: the content of a sync token."""

    epoch: str
    group_id: int
    seq: int
    shown: bool
    subjects: frozenset[int]


def state(tx: Tx, book: Book) -> BookState:
    """The book's ctag and sync token for this viewer; no further statement."""
    now = _now(tx, book)
    parts = [_body(now), str(int(book.group.modified.timestamp() * 1000)), str(int(book.rights))]
    return BookState(hashlib.sha256("|".join(parts).encode()).hexdigest()[:32], _encode(tx, now))


def changes(tx: Tx, book: Book, token: str, limit: int | None = None) -> SyncResult:
    """What the client of ``token`` ("" for a first one) must fetch and forget to have what the viewer sees now.

    With ``limit`` at most so many touched cards are given, oldest first, and ``more`` says whether there are others.
    Raises InvalidToken for a token that is foreign, of another book or epoch, or older than what is remembered.
    """
    now = _now(tx, book)
    if not token:
        every = sync.changed(tx.db, tx.viewer, book.group.id, -1) if book.shown else []
        return _answer(tx, now, [], {}, every, limit)
    then = _decode(tx, book, token)
    if then == now:
        return SyncResult(token, [], [])
    was = _viewer_then(tx, then)
    touched = sync.changed(tx.db, tx.viewer, book.group.id, then.seq if then.shown else -1) if book.shown else []
    again, refused = _refetched(tx, book, then, {href for _, href, _ in touched})
    removed = sorted({*_removed(tx, book, then, now, was), *refused})
    return _answer(tx, now, removed, _untouched(tx, book, then, was) | again, touched, limit)


def _answer(
    tx: Tx,
    now: Token,
    removed: list[str],
    untouched: Mapping[str, str],
    touched: Sequence[tuple[int, str, str]],
    limit: int | None,
) -> SyncResult:
    """With a limit everything but the touched cards is given whole, and of those the oldest whole ticks that fit."""
    room = len(touched) if limit is None else max(limit - len(untouched), 1)
    last = touched[-1][0] if touched else now.seq
    if room < len(touched):
        last = touched[room - 1][0]
        if touched[room][0] == last:
            # Cards of one tick stay together, as the next token can only name a whole seq.
            last = next((seq for seq, _, _ in reversed(touched[:room]) if seq < last), last)
    given = [Entry(href, etag) for seq, href, etag in touched if seq <= last]
    entries = [*(Entry(href, etag) for href, etag in untouched.items()), *given]
    more = len(given) < len(touched)
    token = _encode(tx, replace(now, seq=last) if more else now)
    return SyncResult(token, list(refetch.marks(tx, now.group_id).on(entries)), removed, more)


def _viewer_then(tx: Tx, then: Token) -> Viewer:
    """The viewer as the token remembers him: who he was, not what he may."""
    owner = tx.viewer.member_id if tx.viewer.member_id in then.subjects else None
    return replace(tx.viewer, member_id=owner, subjects=then.subjects)


def _untouched(tx: Tx, book: Book, then: Token, was: Viewer) -> dict[str, str]:
    """ETags by href of cards that came into sight because the viewer changed, not they."""
    if not book.shown or not then.shown or then.subjects == tx.viewer.subjects:
        return {}
    return dict(sync.gained(tx.db, tx.viewer, was, book.group.id, then.seq))


def _refetched(tx: Tx, book: Book, then: Token, touched: Collection[str]) -> tuple[dict[str, str], list[str]]:
    """What he must fetch again though it was not touched: ETags by href, and the hrefs where he sees no card."""
    hrefs = refetch.after(tx, book.group.id, then.seq)
    seen = memberships.etags_seen(tx.db, tx.viewer, book.group.id, hrefs) if book.shown else {}
    return {href: etag for href, etag in seen.items() if href not in touched}, [h for h in hrefs if h not in seen]


def _removed(tx: Tx, book: Book, then: Token, now: Token, was: Viewer) -> list[str]:
    gone: set[str] = set()
    if then.shown and not book.shown:
        gone.update(sync.held(tx.db, was, book.group.id, then.seq))
    elif then.shown and then.subjects != now.subjects:
        gone.update(sync.lost(tx.db, tx.viewer, was, book.group.id, then.seq))
    if then.shown or book.shown:
        left = sync.departed(tx.db, book.group.id, then.seq) if then.seq < book.group.seq else []
        gone.update(row.href for row in left if _knew(tx.viewer, book, then, row))
    if gone and book.shown:
        gone -= memberships.etags_seen(tx.db, tx.viewer, book.group.id, sorted(gone)).keys()
    return sorted(gone)


def _knew(viewer: Viewer, book: Book, then: Token, row: Departure) -> bool:
    """Whether the client held this href, or its member could see it after the token without a break until now."""
    if then.shown and row.since <= then.seq and row.subject_id in then.subjects:
        return True
    if not book.shown or row.subject_id not in viewer.subjects:
        return False
    steady = max(viewer.view_since.get(book.group.id, 0), viewer.subject_since.get(row.subject_id, 0))
    return row.since >= steady


# ---- the token


def _now(tx: Tx, book: Book) -> Token:
    seq = max(book.group.seq, tx.viewer.refetched.get(book.group.id, 0))
    return Token(tx.site.epoch, book.group.id, seq, bool(book.rights & Right.VIEW), tx.viewer.subjects)


def _body(token: Token) -> str:
    subjects = ".".join(f"{subject:x}" for subject in sorted(token.subjects))
    return f"{token.epoch}:{token.group_id:x}:{token.seq:x}:{int(token.shown)}:{subjects}"


def _mac(tx: Tx, body: str) -> str:
    return tx.site.secrets.mac("sync-token", body.encode()).hex()[:MAC_CHARS]


def _encode(tx: Tx, token: Token) -> str:
    body = _body(token)
    return f"{SCHEME}{body}:{_mac(tx, body)}"


def _decode(tx: Tx, book: Book, text: str) -> Token:
    """Raises InvalidToken unless the token is ours, of this book and epoch, and remembered."""
    body, _, mac = text.removeprefix(SCHEME).rpartition(":")
    if not text.startswith(SCHEME) or not tx.site.secrets.same(mac, _mac(tx, body)):
        raise InvalidToken("this sync token is not ours", hint="fetch the address book anew")
    epoch, group_id, seq, shown, subjects = body.split(":")
    token = Token(
        epoch,
        int(group_id, 16),
        int(seq, 16),
        shown == "1",
        frozenset(int(subject, 16) for subject in subjects.split(".") if subject),
    )
    ours = token.epoch == tx.site.epoch and token.group_id == book.group.id
    if not ours or token.seq < book.group.floor_seq:
        raise InvalidToken("this sync token is of another time or book", hint="fetch the address book anew")
    return token
