"""Rows of the merged book: one for each contact that the viewer sees in any of his groups. Statements, no rules.

Whether he sees a contact depends on these groups and the contact alone, so contacts are listed here, not memberships.
``second``: he sees an older contact with the same UID, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, FromClause, Select, and_, bindparam, func, not_, select, union

from sharedbook.domain.access import Viewer
from sharedbook.domain.model import Card
from sharedbook.store import sight
from sharedbook.store.contacts import BATCH, batches
from sharedbook.store.memberships import REMEMBERED
from sharedbook.store.schema import contacts, departures, memberships

_C, _M, _D = contacts.c, memberships.c, departures.c
_OLDER = contacts.alias("older")

Groups = frozenset[int]


class Row(NamedTuple):
    """One line of a listing."""

    key: str
    uid: str
    etag: str
    second: bool


class _Sight(NamedTuple):
    """Who looks at which groups: what statements are made of, and kept built by."""

    subjects: frozenset[int]
    member_id: int | None
    groups: Groups


def _sight(viewer: Viewer, groups: Groups) -> _Sight:
    return _Sight(viewer.subjects, viewer.member_id, groups)


def _seen(who: _Sight, of: FromClause = contacts) -> ColumnElement[bool]:
    visible = sight.visible(who.subjects, who.member_id, of=of)
    return and_(of.c.trashed_at.is_(None), visible, sight.held(who.groups, of))


def _second(who: _Sight) -> ColumnElement[bool]:
    older = select(_OLDER.c.id).where(_OLDER.c.uid == _C.uid, _OLDER.c.id < _C.id, _seen(who, _OLDER))
    return older.correlate(contacts).exists().label("second")


@lru_cache(maxsize=REMEMBERED)
def _rows(who: _Sight) -> Select[Any]:
    return select(_C.key, _C.uid, _C.etag, _second(who)).where(_seen(who))


def entries(connection: Connection, viewer: Viewer, groups: Groups) -> list[Row]:
    """Every contact that the viewer sees."""
    return [Row(*row) for row in connection.execute(_rows(_sight(viewer, groups)))]


def by_keys(connection: Connection, viewer: Viewer, groups: Groups, keys: Sequence[str]) -> list[Row]:
    """Those that the viewer sees of the contacts with these keys."""
    rows = _rows(_sight(viewer, groups))
    return [Row(*row) for some in batches(keys) for row in connection.execute(rows.where(_C.key.in_(some)))]


def by_uid(connection: Connection, viewer: Viewer, groups: Groups, uid: str) -> list[Row]:
    """The contacts with this UID that the viewer sees."""
    return [Row(*row) for row in connection.execute(_rows(_sight(viewer, groups)).where(_C.uid == uid))]


def namesakes(connection: Connection, viewer: Viewer, groups: Groups, keys: Sequence[str], after: int) -> list[Row]:
    """What the viewer sees with the UIDs of the contacts with these keys, or that departed with them after a seq."""
    found: list[Row] = []
    for some in batches(keys):
        uids = union(select(_C.uid).where(_C.key.in_(some)), select(_D.uid).where(_D.key.in_(some), _D.seq > after))
        found += [Row(*row) for row in connection.execute(_rows(_sight(viewer, groups)).where(_C.uid.in_(uids)))]
    return found


_CARD = (_C.key, _C.id, _C.uid, _C.etag, _C.vcard, _C.size, _C.modified)


def cards(connection: Connection, viewer: Viewer, groups: Groups, keys: Sequence[str]) -> list[tuple[Card, bool]]:
    """The cards with these keys that the viewer sees, under the key as href, and whether each is a second one."""
    found: list[tuple[Card, bool]] = []
    for some in batches(keys):
        statement = _cards(_sight(viewer, groups)).where(_C.key.in_(some))
        found += [(Card(*row[:-1]), row[-1]) for row in connection.execute(statement)]
    return found


def all_cards(connection: Connection, viewer: Viewer, groups: Groups) -> Iterator[tuple[Card, bool]]:
    """Every card that the viewer sees, as ``cards`` gives them, streamed."""
    statement = _cards(_sight(viewer, groups)).order_by(_C.key)
    for row in connection.execute(statement, execution_options={"yield_per": BATCH}):
        yield Card(*row[:-1]), row[-1]


@lru_cache(maxsize=REMEMBERED)
def _cards(who: _Sight) -> Select[Any]:
    return select(*_CARD, _second(who)).where(_seen(who))


# ---- what a client of an old token holds, and what changed since (see ``sync``)


def changed(connection: Connection, now: Viewer, groups: Groups, after: int) -> list[tuple[int, Row]]:
    """What the viewer sees now and was touched after a seq, with the first seq of those, in its order.

    The first, since a client may be told of changes up to some seq only, and lose the group of a later one.
    """
    rows = connection.execute(_changed(_sight(now, groups)), {"after": after})
    return [(row[0], Row(*row[1:])) for row in rows]


@lru_cache(maxsize=REMEMBERED)
def _changed(who: _Sight) -> Select[Any]:
    seq = func.min(_M.seq)
    return (
        select(seq, _C.key, _C.uid, _C.etag, _second(who))
        .join(memberships, _M.contact_id == _C.id)
        .where(_M.group_id.in_(sorted(who.groups)), _M.seq > bindparam("after"), _C.trashed_at.is_(None))
        .where(sight.visible(who.subjects, who.member_id))
        .group_by(_C.id)
        .order_by(seq, _C.key)
    )


def _held(then: Viewer, groups: Groups, since: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether the viewer that he was sees the contact, by a row in these groups that is as old as ``since`` says."""
    member = select(_M.href).where(_M.contact_id == _C.id, _M.group_id.in_(sorted(groups)), since)
    named = sight.visible(then.subjects, then.member_id)
    return and_(_C.trashed_at.is_(None), named, member.correlate(contacts).exists())


def gained(
    connection: Connection, now: Viewer, groups: Groups, then: Viewer, then_groups: Groups, at: int
) -> list[Row]:
    """What the viewer sees now, and the viewer that he was did not, or has not been told of in pages up to ``at``."""
    statement = _rows(_sight(now, groups)).where(not_(_held(then, then_groups, _M.seq <= at)))
    return [Row(*row) for row in connection.execute(statement)]


def lost(connection: Connection, now: Viewer, groups: Groups, then: Viewer, then_groups: Groups, at: int) -> list[str]:
    """Keys of what the viewer that he was saw at a seq, and the viewer does not see now, with the same audience."""
    statement = select(_C.key).where(_held(then, then_groups, _M.since <= at), not_(_seen(_sight(now, groups))))
    return list(connection.execute(statement).scalars())


def departed(connection: Connection, groups: Groups, after: int) -> list[tuple[str, int, int, int, int]]:
    """Every departure from these groups after a seq: key, group_id, subject_id, since, seq."""
    columns = select(_D.key, _D.group_id, _D.subject_id, _D.since, _D.seq)
    statement = columns.where(_D.group_id.in_(sorted(groups)), _D.seq > after)
    return [(row[0], row[1], row[2], row[3], row[4]) for row in connection.execute(statement)]
