"""Statements on who is in which team; the postmasters are one of them. A row stays when its member leaves. No rules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from sharedbook.store.schema import subjects, team_members


def is_in(connection: Connection, team_id: int, member_id: int) -> bool:
    """Whether the member is in the team now."""
    row = _row(connection, team_id, member_id)
    return row is not None and row[0] is None


def join(connection: Connection, team_id: int, member_id: int, since: int) -> None:
    """Puts a member, who is not in the team, into it."""
    if _row(connection, team_id, member_id) is None:
        connection.execute(insert(team_members).values(team_id=team_id, member_id=member_id, since=since))
        return
    connection.execute(
        update(team_members)
        .where(team_members.c.team_id == team_id, team_members.c.member_id == member_id)
        .values(since=since, left_at=None)
    )


def leave(connection: Connection, team_id: int, member_id: int, now: datetime) -> None:
    """Ends a membership; when it ended is kept."""
    connection.execute(
        update(team_members)
        .where(team_members.c.team_id == team_id, team_members.c.member_id == member_id)
        .values(left_at=now)
    )


def of_member(connection: Connection, member_id: int) -> Sequence[int]:
    """Ids of the teams that a member is in now, the postmasters too."""
    statement = select(team_members.c.team_id).where(
        team_members.c.member_id == member_id, team_members.c.left_at.is_(None)
    )
    return connection.execute(statement.order_by(team_members.c.team_id)).scalars().all()


def member_ids(connection: Connection, team_id: int) -> Sequence[int]:
    """Ids of the present members of one team, by login."""
    statement = (
        select(team_members.c.member_id)
        .join(subjects, subjects.c.id == team_members.c.member_id)
        .where(team_members.c.team_id == team_id, team_members.c.left_at.is_(None))
        .order_by(subjects.c.name)
    )
    return connection.execute(statement).scalars().all()


def _row(connection: Connection, team_id: int, member_id: int) -> tuple[datetime | None] | None:
    statement = select(team_members.c.left_at).where(
        team_members.c.team_id == team_id, team_members.c.member_id == member_id
    )
    row = connection.execute(statement).one_or_none()
    return None if row is None else (row.left_at,)
