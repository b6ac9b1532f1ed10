"""What a client of an old token holds, and what changed since: the statements behind ``services/books/sync.py``.

A departure says: from ``since`` until ``seq`` this subject could see this href here. Together with the living rows' own
``since`` it tells exactly which hrefs a set of subjects saw at any remembered seq.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, and_, bindparam, delete, func, insert, not_, or_, select

from sharedbook.domain.access import Viewer
from sharedbook.domain.model import Event
from sharedbook.store.contacts import batches
from sharedbook.store.database import plain
from sharedbook.store.memberships import Membership, seen_by
from sharedbook.store.prepared import Prepared
from sharedbook.store.schema import changes, departures, memberships, revisions

_M = memberships.c
_D = departures.c


@dataclass(frozen=True, slots=True)
class Departure:
    """One subject's lost sight of one href."""

    href: str
    group_id: int
    subject_id: int
    since: int
    seq: int


_DEPART = Prepared(insert(departures), ("group_id", "seq", "href", "subject_id", "since", "at", "key", "uid"))


class Gone(NamedTuple):
    """A row of the contact with this key, which these subjects saw until ``seq``."""

    key: str
    row: Membership
    subjects: Collection[int]
    seq: int


def depart(connection: Connection, gone: Iterable[Gone], at: datetime) -> None:
    """Records who lost sight of what."""
    rows = [
        {
            "group_id": row.group_id,
            "seq": seq,
            "href": row.href,
            "subject_id": subject,
            "since": row.since,
            "at": at,
            "key": key,
            "uid": row.uid,
        }
        for key, row, subjects, seq in gone
        for subject in sorted(subjects)
    ]
    if rows:
        _DEPART.run_many(connection, rows)


_DEPARTED = Prepared(
    select(_D.href, _D.group_id, _D.subject_id, _D.since, _D.seq).where(
        _D.group_id == bindparam("group"), _D.seq > bindparam("after")
    )
)


def departed(connection: Connection, group_id: int, after: int) -> list[Departure]:
    """Every departure of a group after a seq."""
    return [Departure(*row) for row in _DEPARTED.rows(connection, {"group": group_id, "after": after})]


def gained(connection: Connection, now: Viewer, then: Viewer, group_id: int, after: int) -> list[tuple[str, str]]:
    """(href, etag) of untouched cards that the viewer sees now, and as the viewer he was did not."""
    statement = select(_M.href, _M.etag).where(
        _M.group_id == group_id, _M.seq <= after, seen_by(now), not_(seen_by(then))
    )
    return plain(connection, statement)


def held(connection: Connection, then: Viewer, group_id: int, at: int) -> list[str]:
    """Hrefs of living cards whose present audience began by ``at`` and named the viewer that he was."""
    statement = select(_M.href).where(_M.group_id == group_id, _M.since <= at, seen_by(then))
    return list(connection.execute(statement).scalars())


def lost(connection: Connection, now: Viewer, then: Viewer, group_id: int, at: int) -> list[str]:
    """Of those ``held``, the hrefs that the viewer does not see now, though their audience is the same."""
    statement = select(_M.href).where(_M.group_id == group_id, _M.since <= at, seen_by(then), not_(seen_by(now)))
    return list(connection.execute(statement).scalars())


_PUT = (Event.ADDED.value, Event.MOVED.value)


def put_by(connection: Connection, group_id: int, member: str, after: int) -> list[str]:
    """Hrefs at which the mail clients of a member have put or moved cards after a seq; some may be there no more."""
    living = select(_M.href, _M.since).where(_M.group_id == group_id, _M.seq > after, _M.since > after)
    began = living.union(select(_D.href, _D.since).where(_D.group_id == group_id, _D.seq > after, _D.since > after))
    rows = began.subquery()
    same = and_(revisions.c.contact_id == changes.c.ref_id, revisions.c.at == changes.c.at)
    his = revisions.c.actor == member, revisions.c.client.startswith("carddav"), revisions.c.event.in_(_PUT)
    statement = select(rows.c.href).join(changes, changes.c.seq == rows.c.since).join(revisions, same).where(*his)
    return list(connection.execute(statement).scalars())


def forget(connection: Connection, keys: Sequence[str]) -> dict[int, int]:
    """Deletes every departure of the contacts with these keys; returns the highest seq forgotten by group."""
    forgotten: dict[int, int] = {}
    for some in batches(keys):
        gone = delete(departures).where(_D.key.in_(some)).returning(_D.group_id, _D.seq)
        for group_id, seq in connection.execute(gone):
            forgotten[group_id] = max(seq, forgotten.get(group_id, 0))
    return forgotten


def prune(connection: Connection, before: datetime) -> dict[int, int]:
    """Forgets departures older than ``before``; returns the highest seq forgotten by group: the new floors."""
    statement = select(_D.group_id, func.max(_D.seq)).where(_D.at < before).group_by(_D.group_id)
    floors = {row[0]: row[1] for row in connection.execute(statement)}
    if floors:
        pruned = or_(*((_D.group_id == group) & (_D.seq <= seq) for group, seq in floors.items()))
        connection.execute(delete(departures).where(pruned))
    return floors
