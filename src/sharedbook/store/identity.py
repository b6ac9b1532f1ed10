"""Who someone is and what they hold, in one statement: a request's whole identity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import time
from typing import Any

from sqlalchemy import Connection, LargeBinary, bindparam, text

from sharedbook.domain.access import Viewer
from sharedbook.domain.model import EVERYONE_ID, MERGED_ID, NO_RIGHTS, POSTMASTERS_ID, Right
from sharedbook.store.prepared import Prepared


@dataclass(frozen=True, slots=True)
class Opener:
    """A member's app password that was not revoked; ``doors`` are a subset of carddav and ldap."""

    id: int
    label: str
    doors: frozenset[str]
    write: bool
    expires: datetime | None
    last_used: datetime | None


@dataclass(frozen=True, slots=True)
class Identity:
    """A member's viewer, and what a login is checked against; ``app_password``: his that has the HMAC asked for."""

    viewer: Viewer
    password: str | None
    disabled: bool
    app_password: Opener | None = None


_STATEMENT = """
WITH me AS (
  SELECT id, name, password, disabled, merged_book, switched_at, switched_since, since FROM subjects
  WHERE kind = 'member' AND deleted_at IS NULL AND {which}
), mine AS (
  SELECT id AS subject_id, since FROM me
  UNION ALL SELECT {everyone}, since FROM me
  UNION ALL SELECT t.team_id, t.since FROM team_members t JOIN me ON t.member_id = me.id WHERE t.left_at IS NULL
)
SELECT 0 AS row_kind, id AS a, switched_since AS b, CASE WHEN disabled THEN 1 ELSE 0 END AS c,
       CASE WHEN merged_book THEN 1 ELSE 0 END + CASE WHEN switched_at >= :recent THEN 2 ELSE 0 END AS d,
       0 AS refetched, name AS t, password AS u FROM me
UNION ALL
SELECT 1, subject_id, since, 0, 0, 0, NULL, NULL FROM mine
UNION ALL
SELECT 2, g.group_id, g.subject_id, g.mask, g.since, (
  SELECT max(r.seq) FROM refetches r WHERE r.member_id = (SELECT id FROM me) AND r.group_id = g.group_id
), NULL, NULL
FROM grants g JOIN mine ON mine.subject_id = g.subject_id
JOIN groups ON groups.id = g.group_id AND groups.removed_at IS NULL WHERE g.mask <> 0
UNION ALL
SELECT 3, l.group_id, 0, 0, 0, (
  SELECT max(r.seq) FROM refetches r WHERE r.member_id = me.id AND r.group_id = l.group_id
), NULL, NULL
FROM lost_views l JOIN me ON l.member_id = me.id
JOIN groups ON groups.id = l.group_id AND groups.removed_at IS NULL WHERE l.at >= :recent
UNION ALL
SELECT 4, p.id, p.expires, CASE WHEN p.write THEN 1 ELSE 0 END, p.last_used, 0, p.label, p.doors
FROM app_passwords p JOIN me ON p.member_id = me.id WHERE p.hmac = :hmac AND p.revoked_at IS NULL
UNION ALL
SELECT 5, {merged}, 0, 0, 0, max(r.seq), NULL, NULL
FROM refetches r JOIN me ON r.member_id = me.id WHERE r.group_id = {merged}
"""


def _statement(which: str) -> Prepared:
    written = _STATEMENT.format(which=which, everyone=EVERYONE_ID, merged=MERGED_ID)
    return Prepared(text(written).bindparams(bindparam("hmac", type_=LargeBinary)))


_DAY = 86_400_000


_BY_LOGIN = _statement("name = :who")
_BY_ID = _statement("id = :who")


def load(connection: Connection, who: str | int, *, departure_days: int, hmac: bytes | None = None) -> Identity | None:
    """The identity of a member by folded login or by id; None when there is none (or it was deleted).

    ``hmac``: of an app password, to find it if it is this member's and was not revoked.
    """
    statement = _BY_LOGIN if isinstance(who, str) else _BY_ID
    recent = round(time() * 1000) - departure_days * _DAY
    kinds: list[list[tuple[Any, ...]]] = [[], [], [], [], [], []]
    for row in statement.rows(connection, {"who": who, "recent": recent, "hmac": hmac}):
        kinds[row[0]].append(row)
    own, named, granted, lost, openers, merged = kinds
    if not own:
        return None
    _, member_id, switched, disabled, books, _, login, password = own[0]
    subjects = {row[1]: row[2] for row in named}
    rights: dict[int, Right] = {}
    since: dict[int, int] = {}
    for _, group_id, subject_id, mask, at, _, _, _ in granted:
        rights[group_id] = rights.get(group_id, NO_RIGHTS) | Right(mask)
        # books of the other kind showed him nothing of the group under these names
        since[group_id] = min(since.get(group_id, 1 << 62), max(at, subjects[subject_id], switched))
    viewer = Viewer(
        member_id=member_id,
        name=login,
        subjects=frozenset(subjects),
        rights=rights,
        view_since=since,
        subject_since=subjects,
        lost=frozenset(row[1] for row in lost) - rights.keys(),
        refetched={row[1]: row[5] for row in (*granted, *lost, *merged) if row[5]},
        merged=bool(books & 1),
        switched=bool(books & 2),
        postmaster=POSTMASTERS_ID in subjects,
    )
    return Identity(viewer, password, bool(disabled), _opener(openers[0]) if openers else None)


def _opener(row: Sequence[Any]) -> Opener:
    _, number, expires, write, last_used, _, label, doors = row
    return Opener(number, label, frozenset(doors.split(",")), bool(write), _time(expires), _time(last_used))


def _time(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)


def logins_of(connection: Connection, email: str) -> Sequence[str]:
    """Logins of the members with this mail address (folded)."""
    statement = text("SELECT name FROM subjects WHERE kind = 'member' AND deleted_at IS NULL AND email = :email")
    return list(connection.execute(statement, {"email": email}).scalars())
