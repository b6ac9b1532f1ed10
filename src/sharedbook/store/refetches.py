"""Rows of refetches: what one member's clients must fetch again. Statements, no rules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, not_, select

from sharedbook.store.contacts import BATCH, batches
from sharedbook.store.schema import refetches

_R = refetches.c


def put(
    connection: Connection, member_id: int, group_id: int, href: str, *, has_card: bool, seq: int, at: datetime
) -> None:
    """Writes the row of a href, in place of an earlier one. ``has_card``: whether a card stands behind it."""
    row = {"member_id": member_id, "group_id": group_id, "href": href}
    connection.execute(delete(refetches).filter_by(**row))
    connection.execute(insert(refetches).values(**row, has_card=has_card, seq=seq, at=at))


_ALL = select(_R.href, _R.seq).where(_R.member_id == bindparam("member"), _R.group_id == bindparam("group"))
_SOME = _ALL.where(_R.href.in_(bindparam("hrefs", expanding=True)))


def of_member(
    connection: Connection, member_id: int, group_id: int, hrefs: Sequence[str] | None = None
) -> dict[str, int]:
    """The seq of each row by its href: of all rows of a member and group, or of those at ``hrefs``."""
    who: dict[str, Any] = {"member": member_id, "group": group_id}
    if hrefs is None:
        found = list(connection.execute(_ALL, who))
    else:
        parts = [hrefs[at : at + BATCH] for at in range(0, len(hrefs), BATCH)]
        found = [row for part in parts for row in connection.execute(_SOME, {**who, "hrefs": list(part)})]
    return {row[0]: row[1] for row in found}


def after(connection: Connection, member_id: int, group_id: int, seq: int) -> list[str]:
    """Hrefs of a group that the member's clients of a token with this seq must fetch again, in order."""
    statement = select(_R.href).where(_R.member_id == member_id, _R.group_id == group_id, _R.seq > seq)
    return list(connection.execute(statement.order_by(_R.seq)).scalars())


def forget_unknown(connection: Connection, member_id: int, keep: int) -> None:
    """Forgets a member's rows at hrefs without a card, but for the newest ``keep``."""
    unknown = (_R.member_id == member_id, not_(_R.has_card))
    newest = select(_R.seq).where(*unknown).order_by(_R.seq.desc()).offset(keep).limit(1)
    last = connection.execute(newest).scalar()
    if last is not None:
        connection.execute(delete(refetches).where(*unknown, _R.seq <= last))


def forget_hrefs(connection: Connection, group_id: int, hrefs: Sequence[str]) -> int:
    """Deletes what anyone was to fetch at these hrefs; returns the highest seq forgotten, 0 for none."""
    seqs = [0]
    for some in batches(hrefs):
        forgotten = delete(refetches).where(_R.group_id == group_id, _R.href.in_(some)).returning(_R.seq)
        seqs += connection.execute(forgotten).scalars()
    return max(seqs)


def prune(connection: Connection, before: datetime) -> int:
    """Forgets rows older than ``before``; returns how many."""
    return connection.execute(delete(refetches).where(_R.at < before)).rowcount
