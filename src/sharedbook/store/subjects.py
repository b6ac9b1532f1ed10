"""Statements on subjects: members, teams, everyone, postmasters. A deleted one's row stays, and so its id."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, exists, func, or_, select, update

from sharedbook.domain.model import POSTMASTERS_ID, Member, Subject, SubjectKind
from sharedbook.store.database import insert_one, plain
from sharedbook.store.prepared import Prepared
from sharedbook.store.schema import grants, groups, subjects, team_members

_POSTMASTER = (
    select(team_members.c.member_id)
    .where(
        team_members.c.team_id == POSTMASTERS_ID,
        team_members.c.member_id == subjects.c.id,
        team_members.c.left_at.is_(None),
    )
    .exists()
)


def add(connection: Connection, kind: SubjectKind, name: str, now: datetime, **values: Any) -> int:
    """Adds a subject and returns its id; ``since`` is set by ``change`` once the id has its tick."""
    return insert_one(connection, subjects, {"kind": kind.value, "name": name, "since": 0, "created": now, **values})


def change(connection: Connection, subject_id: int, **values: Any) -> None:
    """Sets columns of one subject."""
    connection.execute(update(subjects).where(subjects.c.id == subject_id).values(**values))


def find(connection: Connection, kind: SubjectKind, name: str) -> Subject | None:
    """The living subject of this kind and folded name."""
    row = connection.execute(
        select(subjects.c.id).where(
            subjects.c.kind == kind.value, subjects.c.name == name, subjects.c.deleted_at.is_(None)
        )
    ).one_or_none()
    return None if row is None else Subject(row.id, kind, name)


def by_ids(connection: Connection, ids: Collection[int]) -> list[Subject]:
    """Subjects by id, deleted ones too."""
    statement = select(subjects.c.id, subjects.c.kind, subjects.c.name).where(subjects.c.id.in_(ids))
    return [Subject(row.id, SubjectKind(row.kind), row.name) for row in connection.execute(statement)]


def deleted(connection: Connection, ids: Collection[int]) -> set[int]:
    """Those of these subjects that were deleted."""
    statement = select(subjects.c.id).where(subjects.c.id.in_(ids), subjects.c.deleted_at.is_not(None))
    return set(connection.execute(statement).scalars())


def teams(connection: Connection) -> list[Subject]:
    """Every living team, by name."""
    statement = (
        select(subjects.c.id, subjects.c.name)
        .where(subjects.c.kind == SubjectKind.TEAM.value, subjects.c.deleted_at.is_(None))
        .order_by(subjects.c.name)
    )
    return [Subject(row.id, SubjectKind.TEAM, row.name) for row in connection.execute(statement)]


_MEMBERS = select(
    subjects.c.id,
    subjects.c.name,
    subjects.c.display_name,
    subjects.c.email,
    _POSTMASTER.label("postmaster"),
    subjects.c.disabled,
    subjects.c.merged_book,
).where(subjects.c.kind == SubjectKind.MEMBER.value, subjects.c.deleted_at.is_(None))
_BY_LOGIN = Prepared(_MEMBERS.where(subjects.c.name == bindparam("login")))


def member(connection: Connection, login: str) -> Member | None:
    """The living member of this folded login."""
    rows = _BY_LOGIN.rows(connection, {"login": login})
    return _member(rows[0]) if rows else None


def members(connection: Connection) -> list[Member]:
    """Every living member, by login."""
    return list(map(_member, plain(connection, _MEMBERS.order_by(subjects.c.name))))


def sources(connection: Connection) -> dict[str, str | None]:
    """Where each living member was imported from, by login; None for those who were added here."""
    statement = select(subjects.c.name, subjects.c.source).where(
        subjects.c.kind == SubjectKind.MEMBER.value, subjects.c.deleted_at.is_(None)
    )
    return {row.name: row.source for row in connection.execute(statement)}


def acquainted(connection: Connection, member_id: int | None, subject_ids: Collection[int]) -> list[Member]:
    """Enabled members in a team of ``subject_ids``, or with a grant on a group on which one of these holds one.

    ``member_id`` is always among them; grants and teams count that hold now, of groups that are not being deleted.
    """
    team, grant, held = team_members.c, grants.c, grants.alias("held").c
    in_team = exists().where(team.member_id == subjects.c.id, team.left_at.is_(None), team.team_id.in_(subject_ids))
    groups_held = (
        select(held.group_id)
        .join(groups, groups.c.id == held.group_id)
        .where(held.mask != 0, held.subject_id.in_(subject_ids), groups.c.emptied_at.is_(None))
    )
    teams_of = select(team.team_id).where(team.member_id == subjects.c.id, team.left_at.is_(None))
    on_group = exists().where(
        grant.mask != 0,
        grant.group_id.in_(groups_held),
        or_(grant.subject_id == subjects.c.id, grant.subject_id.in_(teams_of.correlate(subjects))),
    )
    others = and_(subjects.c.disabled.is_(False), or_(in_team.correlate(subjects), on_group.correlate(subjects)))
    statement = _MEMBERS.where(or_(subjects.c.id == member_id, others)).order_by(subjects.c.name)
    return list(map(_member, plain(connection, statement)))


def enabled_postmasters(connection: Connection) -> int:
    """How many members are postmasters and can log in."""
    statement = select(func.count()).select_from(_MEMBERS.where(_POSTMASTER, subjects.c.disabled.is_(False)).subquery())
    return int(connection.execute(statement).scalar_one())


def _member(row: tuple[Any, ...]) -> Member:
    """Of a row as the driver has it."""
    number, login, display_name, email, postmaster, disabled, merged_book = row
    return Member(number, login, display_name, email, bool(postmaster), bool(disabled), bool(merged_book))
