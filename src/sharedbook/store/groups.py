"""Rows of groups: statements, no rules. A removed group's row stays, so that its slug is never used again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update

from sharedbook.domain.model import Group
from sharedbook.store.database import insert_one, plain
from sharedbook.store.prepared import Prepared
from sharedbook.store.schema import groups, memberships
from sharedbook.store.types import moment

_COLUMNS = (
    groups.c.id,
    groups.c.slug,
    groups.c.name,
    groups.c.description,
    groups.c.position,
    groups.c.is_default,
    groups.c.seq,
    groups.c.floor_seq,
    groups.c.modified,
    groups.c.emptied_at,
)


def _group(row: Sequence[Any]) -> Group:
    """Of a row as the driver has it."""
    number, slug, name, description, position, default, seq, floor_seq, modified, emptied_at = row
    emptied = None if emptied_at is None else moment(emptied_at)
    return Group(number, slug, name, description, position, bool(default), seq, floor_seq, moment(modified), emptied)


_LIVING = select(*_COLUMNS).where(groups.c.removed_at.is_(None))
_BY_SLUG = Prepared(_LIVING.where(groups.c.slug == bindparam("slug")))
_EVERY = Prepared(_LIVING.order_by(groups.c.position, groups.c.id))


def by_slug(connection: Connection, slug: str) -> Group | None:
    """The group of this path segment, unless it was removed."""
    rows = _BY_SLUG.rows(connection, {"slug": slug})
    return _group(rows[0]) if rows else None


def by_id(connection: Connection, group_id: int) -> Group | None:
    """The group of this id, unless it was removed."""
    rows = plain(connection, _LIVING.where(groups.c.id == group_id))
    return _group(rows[0]) if rows else None


def by_name(connection: Connection, name: str) -> Sequence[Group]:
    """Every group of this name that is not being deleted."""
    statement = select(*_COLUMNS).where(groups.c.name == name, groups.c.emptied_at.is_(None)).order_by(groups.c.id)
    return list(map(_group, plain(connection, statement)))


def every(connection: Connection) -> Sequence[Group]:
    """All groups in the site's order."""
    return list(map(_group, _EVERY.rows(connection, {})))


def default_id(connection: Connection) -> int:
    """The id of the default group."""
    return int(connection.execute(select(groups.c.id).where(groups.c.is_default)).scalar_one())


def slugs_like(connection: Connection, slug: str) -> frozenset[str]:
    """Slugs, dead ones too, that begin with this one: those a new one must differ from."""
    statement = select(groups.c.slug).where(groups.c.slug.startswith(slug, autoescape=True))
    return frozenset(connection.execute(statement).scalars())


def add(connection: Connection, values: Mapping[str, Any]) -> int:
    """Inserts a group and returns its id."""
    last = connection.execute(select(func.coalesce(func.max(groups.c.position), 0))).scalar_one()
    return insert_one(connection, groups, {"position": last + 1, "seq": 0, "floor_seq": 0, **values})


def change(connection: Connection, group_id: int, **values: Any) -> None:
    """Sets columns of one group."""
    connection.execute(update(groups).where(groups.c.id == group_id).values(**values))


def clear_default(connection: Connection) -> None:
    """No group is the default one, for the moment."""
    connection.execute(update(groups).where(groups.c.is_default).values(is_default=False))


_STAMP = Prepared(update(groups).where(groups.c.id == bindparam("group")), ("seq", "modified"))


def stamp(connection: Connection, group_ids: Sequence[int], seq: int, at: datetime) -> None:
    """The cards of these groups changed at ``seq``."""
    _STAMP.run_many(connection, [{"group": group_id, "seq": seq, "modified": at} for group_id in group_ids])


def floors(connection: Connection, group_ids: Collection[int]) -> dict[int, int]:
    """Before which seq nothing is remembered, by group; of removed ones too."""
    statement = select(groups.c.id, groups.c.floor_seq).where(groups.c.id.in_(sorted(group_ids)))
    return {row[0]: row[1] for row in connection.execute(statement)}


def raise_floor(connection: Connection, group_id: int, seq: int) -> None:
    """No token of this group from before ``seq`` can be answered any more."""
    raised = groups.c.floor_seq < seq
    connection.execute(update(groups).where(groups.c.id == group_id, raised).values(floor_seq=seq))


def counts(connection: Connection) -> dict[int, int]:
    """Living contacts by group, whoever may see them."""
    statement = select(memberships.c.group_id, func.count()).where(memberships.c.state < 2)
    return {row[0]: row[1] for row in connection.execute(statement.group_by(memberships.c.group_id))}
