"""Statements on grants: the rights of a subject on a group. A revoked grant stays as a row without rights. No rules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from sharedbook.domain.model import Grant, Right, Subject, SubjectKind
from sharedbook.store.database import insert_many
from sharedbook.store.schema import grants, groups, lost_views, subjects


def rights(connection: Connection, group_id: int, subject_id: int) -> Right | None:
    """The rights granted; none of them when they were revoked; None when there never was a grant."""
    statement = select(grants.c.mask).where(grants.c.group_id == group_id, grants.c.subject_id == subject_id)
    mask = connection.execute(statement).scalar_one_or_none()
    return None if mask is None else Right(mask)


def add(connection: Connection, group_id: int, subject_id: int, granted: Right, since: int) -> None:
    """Makes the first grant of this subject on this group."""
    connection.execute(insert(grants).values(group_id=group_id, subject_id=subject_id, mask=int(granted), since=since))


def renew(connection: Connection, group_id: int, subject_id: int, granted: Right, since: int) -> None:
    """Gives rights where they had been revoked."""
    _set(connection, group_id, subject_id, mask=int(granted), since=since, revoked_at=None)


def change(connection: Connection, group_id: int, subject_id: int, granted: Right) -> None:
    """Changes the rights of a grant that holds; since when it holds stays."""
    _set(connection, group_id, subject_id, mask=int(granted))


def lose(connection: Connection, member_ids: Sequence[int], group_ids: Sequence[int], now: datetime) -> None:
    """Notes that these members held rights on these groups, through one subject, until now."""
    column = lost_views.c
    connection.execute(delete(lost_views).where(column.member_id.in_(member_ids), column.group_id.in_(group_ids)))
    rows = [{"member_id": member, "group_id": group, "at": now} for member in member_ids for group in group_ids]
    insert_many(connection, lost_views, rows)


def revoke(connection: Connection, group_id: int, subject_id: int, now: datetime) -> None:
    """Takes all rights of the grant away."""
    _set(connection, group_id, subject_id, mask=0, revoked_at=now)


def group_ids(connection: Connection, subject_id: int) -> Sequence[int]:
    """Ids of the groups on which a subject holds rights."""
    statement = select(grants.c.group_id).where(grants.c.subject_id == subject_id, grants.c.mask != 0)
    return connection.execute(statement.order_by(grants.c.group_id)).scalars().all()


def holding(connection: Connection, group_id: int | None) -> list[Grant]:
    """Every grant that holds, of one group or of all that were not removed; by the groups' order, then subject."""
    statement = (
        select(grants.c.group_id, grants.c.mask, subjects.c.id, subjects.c.kind, subjects.c.name)
        .join(subjects, subjects.c.id == grants.c.subject_id)
        .join(groups, groups.c.id == grants.c.group_id)
        .where(grants.c.mask != 0, groups.c.removed_at.is_(None))
        .order_by(groups.c.position, groups.c.id, subjects.c.kind, subjects.c.name)
    )
    if group_id is not None:
        statement = statement.where(grants.c.group_id == group_id)
    return [
        Grant(row.group_id, Subject(row.id, SubjectKind(row.kind), row.name), Right(row.mask))
        for row in connection.execute(statement)
    ]


def _set(connection: Connection, group_id: int, subject_id: int, **values: int | datetime | None) -> None:
    statement = update(grants).where(grants.c.group_id == group_id, grants.c.subject_id == subject_id)
    connection.execute(statement.values(**values))
