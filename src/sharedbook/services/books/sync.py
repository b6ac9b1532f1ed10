"""Sync tokens and what changed since one (RFC 6578): each token of ours is answered with the complete difference.

A token holds who asked and when: epoch, book, seq, the viewer's subjects, the groups that the book showed, and a MAC.
One that stands between two pages has told the touched cards up to its seq, and all else up to the later one, ``at``:
what is left may be of any age, and what had departed by then is told, or was never shown to a first sync.
From it the hrefs that the client holds are known exactly:
  held    = living cards whose audience began by then and named one of the subjects,
            and departures after it that began by then;
  changed = what he sees now and was touched since, or did not hold;
  removed = what he held, or could see meanwhile, and does not see now; also what he has put there himself meanwhile.
What a refusal made him fetch again since (``refetch.py``) is added to either, as he sees it now. In a merged book he
holds a contact when he held it in any group.
Nobody is told of a href that he never could see.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from sharedbook.domain.access import Viewer
from sharedbook.domain.errors import InvalidToken
from sharedbook.services.books import cards, refetch
from sharedbook.services.books.groups import Book
from sharedbook.services.books.shelf import Entry, Past
from sharedbook.services.tx import Tx
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
    """Who asked, when: the content of a sync token. ``at`` is later than ``seq`` between two pages only."""

    epoch: str
    group_id: int
    seq: int
    at: int
    groups: frozenset[int]
    subjects: frozenset[int]


def state(tx: Tx, book: Book) -> BookState:
    """The book's ctag and sync token for this viewer; no further statement."""
    now = _now(tx, book)
    parts = [_body(now), str(int(book.group.modified.timestamp() * 1000)), str(int(book.rights))]
    return BookState(hashlib.sha256("|".join(parts).encode()).hexdigest()[:32], _encode(tx, now))


def changes(tx: Tx, book: Book, token: str, limit: int | None = None, *, forgive: bool = False) -> SyncResult:
    """What the client of ``token`` ("" for a first one) must fetch and forget to have what the viewer sees now.

    With ``limit`` at most so many touched cards are given, oldest first, and ``more`` says whether there are others.
    Raises InvalidToken for a token that is foreign, of another book or epoch, or older than what is remembered; with
    ``forgive`` that is answered by every card, and by what is remembered to have left the member's sight.
    """
    now = _now(tx, book)
    if not token and limit is None:
        return SyncResult(_encode(tx, now), cards.listing(tx, book), [])
    if not token:
        return _answer(tx, now, [], {}, book.shelf.changed(tx, -1), limit)
    if token == _encode(tx, now):
        return SyncResult(token, [], [])
    try:
        then = _past(tx, _decode(tx, book, token))
    except InvalidToken:
        if not (forgive and now.groups):
            raise
        every = book.shelf.changed(tx, -1)
        return _answer(tx, now, _seen_once(tx, book, now, {entry.href for _, entry in every}), {}, every, limit)
    touched = book.shelf.changed(tx, then.seq if then.groups else -1)
    also, removed = _also(tx, book, then, now, {entry.href for _, entry in touched})
    for _, entry in touched:
        also.pop(entry.href, None)
    return _answer(tx, now, removed, also, touched, limit)


def _answer(
    tx: Tx,
    now: Token,
    removed: list[str],
    also: Mapping[str, str],
    touched: Sequence[tuple[int, Entry]],
    limit: int | None,
) -> SyncResult:
    """With a limit everything but the touched cards is given whole, and of those the oldest that fit."""
    given = touched if limit is None else touched[: max(limit - len(also), 1)]
    entries = [*(Entry(href, etag) for href, etag in also.items()), *(entry for _, entry in given)]
    more = len(given) < len(touched)
    token = _encode(tx, replace(now, seq=given[-1][0]) if more else now)
    return SyncResult(token, list(refetch.marks(tx, now.group_id).on(entries)), removed, more)


def _past(tx: Tx, then: Token) -> Past:
    """The viewer as the token remembers him: who he was, not what he may."""
    return Past(replace(tx.viewer, subjects=then.subjects), then.groups, then.seq, then.at)


def _also(tx: Tx, book: Book, then: Past, now: Token, touched: Collection[str]) -> tuple[dict[str, str], list[str]]:
    """What the client must fetch though it was not touched, as ETags by href, and what it must forget."""
    shelf, also, gone = book.shelf, dict[str, str](), set[str]()
    if then.groups and (then.groups, then.viewer.subjects) != (now.groups, now.subjects):
        also.update((entry.href, entry.etag) for entry in shelf.gained(tx, then))
        gone.update(shelf.lost(tx, then))
    if then.groups or now.groups:
        gone.update(row.href for row in shelf.departed(tx, then) if _knew(tx.viewer, now, then, row))
    if not _unbroken(tx.viewer, then, now):
        gone.update(shelf.put_by_himself(tx, then))
    also.update((entry.href, entry.etag) for entry in shelf.renamed(tx, sorted(gone.union(also, touched)), then))
    gone.update(refetch.after(tx, book.group.id, then.at))
    still = shelf.etags(tx, sorted(gone))
    return also | still, sorted(gone - still.keys())


def _seen_once(tx: Tx, book: Book, now: Token, seen: Collection[str]) -> list[str]:
    """Hrefs that left the viewer's sight since he views their group, but for those that he sees again."""
    left = book.shelf.departed(tx, Past(tx.viewer, now.groups, -1, -1))
    mine = {row.href for row in left if row.subject_id in now.subjects and row.seq > _steady(tx.viewer, row)}
    return sorted(mine.difference(seen))


def _unbroken(viewer: Viewer, then: Past, now: Token) -> bool:
    """Whether he has viewed the same since the token, as the same: then he is told of all that left his sight."""
    since = [viewer.view_since.get(group, 0) for group in now.groups]
    since += [viewer.subject_since.get(subject, 0) for subject in now.subjects]
    return (then.groups, then.viewer.subjects) == (now.groups, now.subjects) and max(since, default=0) <= then.at


def _knew(viewer: Viewer, now: Token, then: Past, row: Departure) -> bool:
    """Whether the client held this href, or its member could see it after the token without a break until now."""
    if row.since <= then.at and row.group_id in then.groups and row.subject_id in then.viewer.subjects:
        return True
    if row.group_id not in now.groups or row.subject_id not in viewer.subjects:
        return False
    return row.since >= _steady(viewer, row)


def _steady(viewer: Viewer, row: Departure) -> int:
    """The seq since when the viewer has been the departure's subject and viewed its group without a break."""
    return max(viewer.view_since.get(row.group_id, 0), viewer.subject_since.get(row.subject_id, 0))


# ---- the token


def _now(tx: Tx, book: Book) -> Token:
    seq = max(book.group.seq, tx.viewer.refetched.get(book.group.id, 0))
    return Token(tx.site.epoch, book.group.id, seq, seq, book.shelf.groups, tx.viewer.subjects)


def _body(token: Token) -> str:
    when = f"{token.seq:x}" if token.seq == token.at else f"{token.seq:x}-{token.at:x}"
    return f"{token.epoch}:{token.group_id:x}:{when}:{_written(token.groups)}:{_written(token.subjects)}"


def _written(ids: frozenset[int]) -> str:
    return ".".join(f"{each:x}" for each in sorted(ids))


def _read(text: str) -> frozenset[int]:
    return frozenset(int(each, 16) for each in text.split(".") if each)


def _mac(tx: Tx, body: str) -> str:
    return tx.site.secrets.mac("sync-token", body.encode()).hex()[:MAC_CHARS]


def _encode(tx: Tx, token: Token) -> str:
    body = _body(token)
    return f"{SCHEME}{body}:{_mac(tx, body)}"


def _decode(tx: Tx, book: Book, text: str) -> Token:
    """Raises InvalidToken unless the token is ours, of this member, book and epoch, and remembered."""
    body, _, mac = text.removeprefix(SCHEME).rpartition(":")
    if not text.startswith(SCHEME) or not tx.site.secrets.same(mac, _mac(tx, body)):
        raise InvalidToken("this sync token is not ours", hint="fetch the whole address book again")
    epoch, group_id, when, groups, subjects = body.split(":")
    seq, _, at = when.partition("-")
    token = Token(epoch, int(group_id, 16), int(seq, 16), int(at or seq, 16), _read(groups), _read(subjects))
    ours = token.epoch == tx.site.epoch and token.group_id == book.group.id
    ours = ours and tx.viewer.member_id in token.subjects  # what another one held is not told
    if not ours or not _remembered(tx, book, token):
        raise InvalidToken(
            "this sync token is from another time, or for another book", hint="fetch the whole address book again"
        )
    return token


def _remembered(tx: Tx, book: Book, token: Token) -> bool:
    """Whether all is remembered that left a group since the viewer could see it here, and the token is not older."""
    floors, since = book.shelf.floors(tx, token.groups), tx.viewer.view_since
    return all(
        floors[group] <= (token.at if group in token.groups else max(token.at, since.get(group, 0)))
        for group in token.groups | book.shelf.groups
    )
