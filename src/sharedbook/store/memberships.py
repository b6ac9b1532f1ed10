"""Rows of memberships: which href of which group is which contact, seen by whom. Statements, no rules.

A listing reads this table alone; only restricted cards look at the contact's owner and list.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    and_,
    bindparam,
    delete,
    func,
    literal_column,
    or_,
    select,
    update,
)

from sharedbook.domain.access import Viewer
from sharedbook.domain.model import Card, CardState
from sharedbook.store import sight
from sharedbook.store.contacts import BATCH, batches
from sharedbook.store.database import plain
from sharedbook.store.prepared import Prepared, given, given_ids, insert_columns
from sharedbook.store.schema import contacts, memberships
from sharedbook.store.types import moment

_M = memberships.c
REMEMBERED = 1024
"""Kinds of viewers whose statements are kept built."""


@dataclass(frozen=True, slots=True)
class Membership:
    """A row as it is, whoever asks. ``contact_id`` None: a tombstone."""

    group_id: int
    href: str
    contact_id: int | None
    was_contact_id: int | None
    uid: str
    etag: str
    state: CardState
    seq: int
    since: int
    reason: str | None


_COLUMNS = (
    _M.group_id,
    _M.href,
    _M.contact_id,
    _M.was_contact_id,
    _M.uid,
    _M.etag,
    _M.state,
    _M.seq,
    _M.since,
    _M.reason,
)


def _membership(row: tuple[Any, ...]) -> Membership:
    """Of a row as the driver has it."""
    group_id, href, contact_id, was_contact_id, uid, etag, state, seq, since, reason = row
    return Membership(group_id, href, contact_id, was_contact_id, uid, etag, CardState(state), seq, since, reason)


def _found(connection: Connection, statement: Executable) -> list[Membership]:
    return list(map(_membership, plain(connection, statement)))


def seen_by(viewer: Viewer) -> ColumnElement[bool]:
    """True for living rows whose audience names the viewer; that he views the group is the caller's to know."""
    return _seen(viewer.console, viewer.subjects, viewer.member_id)


@lru_cache(maxsize=REMEMBERED)
def _seen(console: bool, subjects: frozenset[int], member_id: int | None) -> ColumnElement[bool]:
    if console:
        return _M.state < CardState.TRASHED
    named = select(contacts.c.id).where(contacts.c.id == _M.contact_id, sight.visible(subjects, member_id, False))
    allowed = named.correlate(memberships).exists()
    return or_(_M.state == CardState.SHOWN, and_(_M.state == CardState.RESTRICTED, allowed))


_RAW = Prepared(select(*_COLUMNS).where(_M.group_id == bindparam("group"), _M.href.in_(given("hrefs"))))


def raw(connection: Connection, group_id: int, hrefs: Sequence[str]) -> list[Membership]:
    """The rows at these hrefs, living or dead, whoever may see them."""
    return list(map(_membership, _RAW.rows(connection, {"group": group_id, "hrefs": hrefs})))


_OF = Prepared(select(*_COLUMNS).where(_M.contact_id.in_(given_ids("ids"))))


def of_contacts(connection: Connection, contact_ids: Sequence[int]) -> list[Membership]:
    """Every living row of these contacts (in the trash or not), by group and href."""
    found = map(_membership, _OF.rows(connection, {"ids": contact_ids}) if contact_ids else ())
    return sorted(found, key=lambda row: (row.group_id, row.href))


def dead_of(connection: Connection, contact_ids: Sequence[int]) -> list[Membership]:
    """Tombstones that these contacts left behind."""
    found: list[Membership] = []
    for some in batches(contact_ids):
        found += _found(connection, select(*_COLUMNS).where(_M.was_contact_id.in_(some)))
    return found


def of_group(connection: Connection, group_id: int) -> list[Membership]:
    """Every row of a group that holds a contact, in the trash or not."""
    return _found(connection, select(*_COLUMNS).where(_M.group_id == group_id, _M.contact_id.is_not(None)))


_UIDS = select(*_COLUMNS).where(_M.group_id == bindparam("group"), _M.uid.in_(given("uids")))
# Literal, as the partial indexes have them.
_LIVING_UIDS = Prepared(_UIDS.where(_M.state < literal_column(str(int(CardState.TRASHED)))))
_DEAD_UIDS = Prepared(_UIDS.where(_M.state >= literal_column(str(int(CardState.TRASHED)))))


def by_uid(connection: Connection, group_id: int, uids: Sequence[str], *, living: bool) -> list[Membership]:
    """Rows of a group with one of these UIDs: those shown, or those dead and in the trash."""
    statement = _LIVING_UIDS if living else _DEAD_UIDS
    return list(map(_membership, statement.rows(connection, {"group": group_id, "uids": uids}) if uids else ()))


_DEAD = Prepared(
    select(_M.uid)
    .where(_M.group_id == bindparam("group"), _M.state >= literal_column(str(int(CardState.TRASHED))))
    .order_by(_M.uid)  # else SQLite walks the whole group instead of the index of the dead
    .limit(literal_column("1"))
)


def has_dead(connection: Connection, group_id: int) -> bool:
    """Whether a group has tombstones, or rows of contacts in the trash."""
    return bool(_DEAD.rows(connection, {"group": group_id}))


def is_seen(connection: Connection, viewer: Viewer, group_id: int, href: str) -> bool:
    """Whether the viewer sees a card at this href."""
    statement = select(_M.href).where(_M.group_id == group_id, _M.href == href, seen_by(viewer))
    return connection.execute(statement).first() is not None


def etags_seen(connection: Connection, viewer: Viewer, group_id: int, hrefs: Sequence[str]) -> dict[str, str]:
    """ETags by href, of those of these hrefs that hold a card that the viewer sees."""
    return dict(_reading(viewer).etags.rows(connection, {"group": group_id, "hrefs": hrefs}) if hrefs else ())


def entries(connection: Connection, viewer: Viewer, group_id: int) -> list[tuple[str, str]]:
    """(href, etag) of all that the viewer sees in a group."""
    return _reading(viewer).entries.rows(connection, {"group": group_id})


def count(connection: Connection, viewer: Viewer, group_id: int) -> int:
    """How many cards the viewer sees in a group."""
    statement = select(func.count()).select_from(memberships).where(_M.group_id == group_id, seen_by(viewer))
    return int(connection.execute(statement).scalar_one())


def owned(connection: Connection, group_ids: Collection[int], owner_id: int) -> list[tuple[str, str]]:
    """Href and key of each contact in these groups that a member owns, the trash left out."""
    of_owner = contacts.c.owner_id == owner_id, contacts.c.trashed_at.is_(None)
    joined = memberships.join(contacts, contacts.c.id == _M.contact_id)
    statement = select(_M.href, contacts.c.key).select_from(joined).where(_M.group_id.in_(sorted(group_ids)), *of_owner)
    return [(row.href, row.key) for row in connection.execute(statement)]


def held(connection: Connection, viewer: Viewer, group_id: int, contact_ids: Sequence[int]) -> set[int]:
    """Which of these contacts the viewer sees in a group."""
    statement = _reading(viewer).held
    return {row[0] for row in statement.rows(connection, {"group": group_id, "ids": contact_ids})}


@dataclass(frozen=True, slots=True)
class _Reading:
    """What one kind of viewer reads of a group: to build a statement costs more than to run it."""

    cards: Prepared
    entries: Prepared
    etags: Prepared
    changed: Prepared
    held: Prepared


def _reading(viewer: Viewer) -> _Reading:
    return _statements(viewer.console, viewer.subjects, viewer.member_id)


@lru_cache(maxsize=REMEMBERED)
def _statements(console: bool, subjects: frozenset[int], member_id: int | None) -> _Reading:
    in_group = and_(_M.group_id == bindparam("group"), _seen(console, subjects, member_id))
    entries, some = select(_M.href, _M.etag).where(in_group), _M.href.in_(given("hrefs"))
    changed = select(_M.seq, _M.href, _M.etag).where(in_group, _M.seq > bindparam("after"))
    return _Reading(
        cards=Prepared(select(*_CARD).join(contacts, contacts.c.id == _M.contact_id).where(in_group, some)),
        entries=Prepared(entries),
        etags=Prepared(entries.where(some)),
        changed=Prepared(changed.order_by(_M.seq, _M.href)),
        held=Prepared(select(_M.contact_id).where(in_group, _M.contact_id.in_(given_ids("ids")))),
    )


_CARD = (_M.href, _M.contact_id, _M.uid, _M.etag, contacts.c.vcard, contacts.c.size, contacts.c.modified)


def changed(connection: Connection, viewer: Viewer, group_id: int, after: int) -> list[tuple[int, str, str]]:
    """(seq, href, etag) of what the viewer sees and was touched after a seq, in seq order."""
    return _reading(viewer).changed.rows(connection, {"group": group_id, "after": after})


def cards(connection: Connection, viewer: Viewer, group_id: int, hrefs: Sequence[str]) -> dict[str, Card]:
    """The cards at these hrefs that the viewer sees, by href."""
    rows = _reading(viewer).cards.rows(connection, {"group": group_id, "hrefs": hrefs}) if hrefs else []
    return {row[0]: _card(row) for row in rows}


def _card(row: tuple[Any, ...]) -> Card:
    href, contact_id, uid, etag, vcard, size, modified = row
    return Card(href, contact_id, uid, etag, vcard, size, moment(modified))


def all_cards(connection: Connection, viewer: Viewer, group_id: int) -> Iterator[Card]:
    """Every card that the viewer sees in a group, streamed."""
    statement = (
        select(*_CARD)
        .join(contacts, contacts.c.id == _M.contact_id)
        .where(_M.group_id == group_id, seen_by(viewer))
        .order_by(_M.href)
    )
    for row in connection.execute(statement, execution_options={"yield_per": BATCH}):
        yield Card(*row)


class NewRows(NamedTuple):
    """Rows to come, a column each, whose audience begins at their ``seq``."""

    href: Sequence[str]
    contact_id: Sequence[int]
    uid: Sequence[str]
    etag: Sequence[str]
    seq: Sequence[int]


_ADDED = [_M[name] for name in NewRows._fields]


def add(connection: Connection, group_id: int, rows: NewRows, state: CardState) -> None:
    """Inserts rows; their hrefs must be free (see ``remove``)."""
    columns = {**dict(zip(_ADDED, rows, strict=True)), _M.since: rows.seq}
    insert_columns(connection, columns, {_M.group_id: group_id, _M.state: int(state)})


def change(connection: Connection, group_id: int, at: str, **values: Any) -> None:
    """Sets columns of the row at a href."""
    connection.execute(update(memberships).where(_M.group_id == group_id, _M.href == at).values(**values))


def _changing(*names: str) -> Prepared:
    return Prepared(
        update(memberships)
        .where(_M.group_id == bindparam("group"), _M.href == bindparam("at"))
        .values({name: bindparam(name) for name in names})
    )


_TOUCH = _changing("seq", "etag")
_SHOW = _changing("seq", "since", "state")
_BURY = _changing("seq", "contact_id", "was_contact_id", "state", "etag", "reason", "died_at")


def touch(connection: Connection, rows: Iterable[Membership], seq: int, etag: str) -> None:
    """Rows hold a card of another text."""
    new = {"seq": seq, "etag": etag}
    _TOUCH.run_many(connection, [{"group": row.group_id, "at": row.href, **new} for row in rows])


def show(connection: Connection, rows: Iterable[tuple[Membership, int, CardState]]) -> None:
    """Rows begin another audience, each at a seq and in a state."""
    new = [
        {"group": row.group_id, "at": row.href, "seq": seq, "since": seq, "state": int(state)}
        for row, seq, state in rows
    ]
    _SHOW.run_many(connection, new)


def bury(connection: Connection, rows: Iterable[tuple[Membership, int]], reason: str, at: datetime) -> None:
    """Turns living rows into tombstones, each at a seq."""
    dead = {"contact_id": None, "state": int(CardState.DEAD), "etag": "", "reason": reason, "died_at": at}
    new = [
        {"group": row.group_id, "at": row.href, "seq": seq, "was_contact_id": row.contact_id, **dead}
        for row, seq in rows
    ]
    _BURY.run_many(connection, new)


def remove(connection: Connection, group_id: int, hrefs: Sequence[str]) -> None:
    """Deletes rows for good."""
    connection.execute(delete(memberships).where(_M.group_id == group_id, _M.href.in_(hrefs)))


def prune_tombstones(connection: Connection, before: datetime) -> int:
    """Forgets tombstones that died before; returns how many. The erased ones stay: they refuse a stale PUT for ever."""
    statement = delete(memberships).where(_M.state == CardState.DEAD, _M.died_at < before, _M.reason != "erased")
    return connection.execute(statement).rowcount
