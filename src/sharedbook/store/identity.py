"""Who someone is and what they hold, in one statement: a request's whole identity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, text

from sharedbook.domain.access import Viewer
from sharedbook.domain.model import EVERYONE_ID, NO_RIGHTS, POSTMASTERS_ID, Right


@dataclass(frozen=True, slots=True)
class Identity:
    """A member's viewer, and what a login is checked against."""

    viewer: Viewer
    password: str | None
    disabled: bool


@dataclass(frozen=True, slots=True)
class _Subject:
    id: int
    since: int
    left: bool


_STATEMENT = """
WITH me AS (
  SELECT id, name, password, disabled, since FROM subjects
  WHERE kind = 'member' AND deleted_at IS NULL AND {which}
), mine AS (
  SELECT id AS subject_id, since, CAST(NULL AS BIGINT) AS left_at FROM me
  UNION ALL SELECT {everyone}, since, NULL FROM me
  UNION ALL SELECT t.team_id, t.since, t.left_at FROM team_members t JOIN me ON t.member_id = me.id
)
SELECT 0 AS row_kind, id AS a, since AS b, CASE WHEN disabled THEN 1 ELSE 0 END AS c, 0 AS d,
       CAST(NULL AS BIGINT) AS at, name AS t, password AS u FROM me
UNION ALL
SELECT 1, subject_id, since, 0, 0, left_at, NULL, NULL FROM mine
UNION ALL
SELECT 2, g.group_id, g.subject_id, g.mask, g.since, g.revoked_at, NULL, NULL
FROM grants g JOIN mine ON mine.subject_id = g.subject_id
JOIN groups ON groups.id = g.group_id AND groups.removed_at IS NULL
"""
_BY_LOGIN = text(_STATEMENT.format(which="name = :who", everyone=EVERYONE_ID))
_BY_ID = text(_STATEMENT.format(which="id = :who", everyone=EVERYONE_ID))


def load(connection: Connection, who: str | int, *, departure_days: int) -> Identity | None:
    """The identity of a member by folded login or by id; None when there is none (or it was deleted)."""
    statement = _BY_LOGIN if isinstance(who, str) else _BY_ID
    rows = connection.execute(statement, {"who": who}).all()
    own = [row for row in rows if row[0] == 0]
    if not own:
        return None
    _, member_id, _, disabled, _, _, login, password = own[0]
    recent = datetime.now(UTC) - timedelta(days=departure_days)
    oldest = round(recent.timestamp() * 1000)
    subjects = {row[1]: _Subject(row[1], row[2], row[5] is not None) for row in rows if row[0] == 1 and _still(row[5], oldest)}
    rights: dict[int, Right] = {}
    since: dict[int, int] = {}
    seen: set[int] = set()
    for _, group_id, subject_id, mask, granted, revoked_at, _, _ in (row for row in rows if row[0] == 2):
        subject = subjects.get(subject_id)
        if subject is None or not _still(revoked_at, oldest):
            continue
        seen.add(group_id)
        if mask and not subject.left:
            rights[group_id] = rights.get(group_id, NO_RIGHTS) | Right(mask)
            since[group_id] = min(since.get(group_id, 1 << 62), max(granted, subject.since))
    held = [subject for subject in subjects.values() if not subject.left]
    viewer = Viewer(
        member_id=member_id,
        name=login,
        subjects=frozenset(subject.id for subject in held),
        rights=rights,
        view_since=since,
        subject_since={subject.id: subject.since for subject in held},
        lost=frozenset(seen - rights.keys()),
        postmaster=any(subject.id == POSTMASTERS_ID for subject in held),
    )
    return Identity(viewer, password, bool(disabled))


def _still(ended: int | None, oldest: int) -> bool:
    """Whether something still holds, or ended lately enough to be remembered."""
    return ended is None or ended >= oldest


def logins_of(connection: Connection, email: str) -> Sequence[str]:
    """Logins of the members with this mail address (folded)."""
    statement = text("SELECT name FROM subjects WHERE kind = 'member' AND deleted_at IS NULL AND email = :email")
    return list(connection.execute(statement, {"email": email}).scalars())
