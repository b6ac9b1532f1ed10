"""Rows of removals and holds: what clients took out of groups, and which are held back. Statements, no rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, func, insert, select, update

from sharedbook.domain.model import HoldState
from sharedbook.store.database import insert_one
from sharedbook.store.schema import holds, removals

_H = holds.c
_R = removals.c


@dataclass(frozen=True, slots=True)
class Counted:
    """Who is counted where: one client of one member in one group."""

    group_id: int
    member_id: int
    client: str


@dataclass(frozen=True, slots=True)
class Hold:
    """A client that is, or was, held back. ``taken`` of ``size`` cards when it was; ``until``: the end of a release."""

    id: int
    counted: Counted
    state: HoldState
    at: datetime
    until: datetime | None
    taken: int
    size: int


@dataclass(frozen=True, slots=True)
class Removal:
    """A card that a client took out of a group. ``name``: keyed hash of its href; ``to_group_id``: where it went."""

    id: int
    counted: Counted
    at: datetime
    contact_id: int
    name: str
    to_group_id: int | None


def _same(table: Any, counted: Counted) -> tuple[ColumnElement[bool], ...]:
    return (
        table.group_id == counted.group_id,
        table.member_id == counted.member_id,
        table.client == counted.client,
    )


# ---- removals


def add_removal(connection: Connection, counted: Counted, **values: Any) -> None:
    """Adds a removal."""
    who = {"group_id": counted.group_id, "member_id": counted.member_id, "client": counted.client}
    connection.execute(insert(removals).values(**who, **values))


def taken(connection: Connection, counted: Counted, since: datetime) -> tuple[int, int | None]:
    """How many cards were taken since a time and belong to no hold; the group's size, None where it was not counted."""
    statement = select(func.count(), func.max(_R.size)).where(*_same(_R, counted), _R.at > since, _R.hold_id.is_(None))
    count, size = connection.execute(statement).one()
    return int(count), size


def claim(connection: Connection, counted: Counted, since: datetime, hold_id: int) -> None:
    """Gives what ``taken`` has counted to a hold."""
    statement = update(removals).where(*_same(_R, counted), _R.at > since, _R.hold_id.is_(None))
    connection.execute(statement.values(hold_id=hold_id))


def removals_of(
    connection: Connection, hold_id: int, below: int | None = None, limit: int | None = None
) -> list[Removal]:
    """A hold's removals, the newest first; all, or so many of those before an id."""
    columns = select(_R.id, _R.group_id, _R.member_id, _R.client, _R.at, _R.contact_id, _R.name, _R.to_group_id)
    statement = columns.where(_R.hold_id == hold_id).order_by(_R.id.desc()).limit(limit)
    rows = connection.execute(statement if below is None else statement.where(_R.id < below))
    return [Removal(row[0], Counted(*row[1:4]), *row[4:]) for row in rows]


def took(connection: Connection, counted: Counted, contact_id: int, at: datetime) -> bool:
    """Whether this client of this member took this contact out of any group at exactly this time."""
    statement = select(_R.id).where(
        _R.contact_id == contact_id, _R.member_id == counted.member_id, _R.client == counted.client, _R.at == at
    )
    return connection.execute(statement).first() is not None


def prune(connection: Connection, counted_before: datetime, ended_before: datetime) -> int:
    """Forgets removals that count no more, and holds that ended, with theirs. Returns how many rows went."""
    gone = connection.execute(delete(removals).where(_R.hold_id.is_(None), _R.at < counted_before)).rowcount
    return gone + connection.execute(delete(holds).where(_H.until < ended_before)).rowcount


# ---- holds


def add(connection: Connection, counted: Counted, at: datetime, *, taken: int, size: int) -> int:
    """Adds a hold and returns its id."""
    who = {"group_id": counted.group_id, "member_id": counted.member_id, "client": counted.client}
    row = {**who, "state": HoldState.HELD.value, "at": at, "taken": taken, "size": size}
    return insert_one(connection, holds, row)


def last(connection: Connection, counted: Counted) -> Hold | None:
    """The newest hold of a client in a group."""
    statement = select(holds).where(*_same(_H, counted)).order_by(_H.id.desc()).limit(1)
    return next((_hold(row) for row in connection.execute(statement).mappings()), None)


def get(connection: Connection, hold_id: int) -> Hold | None:
    """A hold by id."""
    return next((_hold(row) for row in connection.execute(select(holds).where(_H.id == hold_id)).mappings()), None)


def every(connection: Connection, state: HoldState | None = None) -> Sequence[Hold]:
    """All holds, or those in a state, the newest first."""
    statement = select(holds).order_by(_H.id.desc())
    if state is not None:
        statement = statement.where(_H.state == state.value)
    return [_hold(row) for row in connection.execute(statement).mappings()]


def change(connection: Connection, hold_id: int, state: HoldState, until: datetime | None) -> None:
    """Another state; ``until``: when it ends or ended."""
    connection.execute(update(holds).where(_H.id == hold_id).values(state=state.value, until=until))


def _hold(row: RowMapping) -> Hold:
    counted = Counted(row["group_id"], row["member_id"], row["client"])
    return Hold(row["id"], counted, HoldState(row["state"]), row["at"], row["until"], row["taken"], row["size"])
