"""Statements of the feed: what a reader keeps in memory of contacts and members, and whether anything was committed."""

from __future__ import annotations

import select as polling
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.exc import DBAPIError

from sharedbook.domain.model import EVERYONE_ID, POSTMASTERS_ID, Change, Contact, SubjectKind
from sharedbook.store import changes, contacts, indexed
from sharedbook.store.database import Database
from sharedbook.store.prepared import Prepared, together
from sharedbook.store.schema import app_passwords, subjects, team_members, value_keys


@dataclass(frozen=True, slots=True)
class FeedAppPassword:
    """One that was not revoked; ``hmac`` as ``services.people.passwords.app_password_mac`` makes it."""

    id: int
    hmac: bytes
    doors: frozenset[str]
    expires: datetime | None


@dataclass(frozen=True, slots=True)
class FeedMember:
    """Who may log in and how, and every subject that this member is: himself, his teams, everyone."""

    id: int
    login: str
    email: str
    password: str | None
    disabled: bool
    subjects: frozenset[int]
    app_passwords: tuple[FeedAppPassword, ...] = ()

    @property
    def postmaster(self) -> bool:
        """Whether he is one of the postmasters."""
        return POSTMASTERS_ID in self.subjects


def members(connection: Connection, ids: Collection[int] | None = None) -> list[FeedMember]:
    """Every living member, or those of them with these ids."""
    of_member = select(team_members.c.member_id, team_members.c.team_id).where(team_members.c.left_at.is_(None))
    rows = select(subjects.c.id, subjects.c.name, subjects.c.email, subjects.c.password, subjects.c.disabled).where(
        subjects.c.kind == SubjectKind.MEMBER.value, subjects.c.deleted_at.is_(None)
    )
    opening = select(
        app_passwords.c.member_id,
        app_passwords.c.id,
        app_passwords.c.hmac,
        app_passwords.c.doors,
        app_passwords.c.expires,
    ).where(app_passwords.c.revoked_at.is_(None))
    if ids is not None:
        of_member = of_member.where(team_members.c.member_id.in_(ids))
        opening = opening.where(app_passwords.c.member_id.in_(ids))
        rows = rows.where(subjects.c.id.in_(ids))
    teams: dict[int, set[int]] = {}
    for member_id, team_id in connection.execute(of_member):
        teams.setdefault(member_id, {EVERYONE_ID, member_id}).add(team_id)
    keys: dict[int, list[FeedAppPassword]] = {}
    for member_id, key_id, hmac, doors, expires in connection.execute(opening):
        keys.setdefault(member_id, []).append(FeedAppPassword(key_id, hmac, frozenset(doors.split(",")), expires))
    return [
        FeedMember(*row, frozenset(teams.get(row.id, (EVERYONE_ID, row.id))), tuple(keys.get(row.id, ())))
        for row in connection.execute(rows.order_by(subjects.c.id))
    ]


_SOME = Prepared(select(value_keys.c.contact_id).where(value_keys.c.hash == bindparam("hash")).limit(1))


class Changed(NamedTuple):
    """The changes, as ``changes.known_since``; the contacts that they are of; whether any contact has the property."""

    known: list[Change] | None
    contacts: list[Contact]
    some: bool


def changed(connection: Connection, seq: int, name: str) -> Changed:
    """What changed after ``seq``, asked for together. ``name``: a property of ``indexed.RARE``."""
    rows, found, some = together(
        connection,
        (changes.FROM, changes.from_(seq)),
        (contacts.CHANGED, {"seq": seq}),
        (_SOME, {"hash": indexed.key(name)}),
    )
    return Changed(changes.known(connection, seq, rows), contacts.fetched(found), bool(some))


LOOK_SECONDS = 0.01
"""Between two looks at SQLite's counter by one who waits for it."""
MOST_SECONDS = 0.1
"""How long one waits at most: a pooler may keep back what PostgreSQL says."""


class Watch:
    """The database's change counter, read on a connection of its own that is never inside a transaction."""

    def __init__(self, database: Database) -> None:
        """Raises Busy, Unavailable."""
        self._database = database
        self._connection: Connection | None = None
        self._last = 0
        self.listen()

    def listen(self) -> None:
        """Opens the connection if it was lost. Raises Busy, Unavailable."""
        if self._connection is None:
            self._connection = self._database.listener()
            self._last = self._database.change_counter(self._connection, 0)

    def fileno(self) -> int:
        """What can be read when PostgreSQL has sent word."""
        assert self._connection is not None
        driver: Any = self._connection.connection.dbapi_connection
        return int(driver.fileno())

    def moved(self) -> bool:
        """Whether something may have been committed since this was last asked, or since ``listen``; never waits.

        True, too, when the connection is lost, so that nobody can know.
        """
        if self._connection is None:
            return True
        last = self._last
        try:
            self._last = self._database.change_counter(self._connection, last)
        except DBAPIError:
            self._connection.invalidate()  # it may be dead, and closing rolls back
            self.close()
            return True
        return self._last != last

    def wait(self) -> None:
        """Returns when ``moved``, or after MOST_SECONDS. Raises Busy, Unavailable."""
        self.listen()
        end, word = time.monotonic() + MOST_SECONDS, polling.poll()
        if not self._database.sqlite:
            word.register(self, polling.POLLIN)
        while not self.moved() and (left := end - time.monotonic()) > 0:
            word.poll((min(left, LOOK_SECONDS) if self._database.sqlite else left) * 1000)

    def close(self) -> None:
        """Ends the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
