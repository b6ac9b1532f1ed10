"""The one way in: no statement without a Tx, no Tx without an actor and a client.

A read Tx opens its snapshot at the first statement; a write Tx holds the write lock and reloads the viewer under it.
Every write goes through ``Tx.tick`` (the change row: the clock) and ``Tx.audit`` (ids only): no edge can forget them.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from sharedbook.domain.access import Viewer
from sharedbook.domain.errors import LoginFailed, SubjectNotFound, Unavailable
from sharedbook.domain.model import ChangeKind, Client, Limits
from sharedbook.services.keys.secrets import Secrets
from sharedbook.store import audit, changes, database, identity
from sharedbook.store.database import Database

if TYPE_CHECKING:
    from sharedbook.settings import Settings


logger = logging.getLogger("sharedbook")

LONG_READ = timedelta(seconds=10)
"""A server's read that takes longer is told of: meanwhile SQLite's log grows, and an erasure cannot be completed."""


@dataclass(frozen=True, slots=True)
class Console:
    """The postmaster who can open the database and the key; ``name`` is the OS user, for the audit."""

    name: str


@dataclass(frozen=True, slots=True)
class MemberActor:
    """A member, by folded login: the command line's ``--as``."""

    login: str


@dataclass(frozen=True, slots=True)
class Service:
    """A part of sharedbook itself that reads everything and writes nothing, such as the LDAP index."""

    name: str


Actor = Console | MemberActor | Service | Viewer

MAKER = Console("init")
"""Who makes a site, and so writes the first row of its audit."""


@dataclass(frozen=True, slots=True)
class Site:
    """What every transaction of this process shares. ``epoch`` is this database's life: a restore begins another.

    ``restored``: what marks every ETag since then, "" before the first restore.
    """

    settings: Settings
    limits: Limits
    secrets: Secrets
    database: Database
    epoch: str
    restored: str = ""


class Tx:
    """A transaction of one actor. ``now`` is the same aware UTC time for all that it writes."""

    def __init__(self, site: Site, actor: Actor, client: Client, *, write: bool) -> None:
        self.site = site
        self.client = client
        self.write = write
        self.now = datetime.now(UTC)
        self._actor = actor
        self._first_seq = 0
        self._connection: database.Connection | None = None
        self._viewer: Viewer | None = actor if isinstance(actor, Viewer) and not write else None

    @property
    def db(self) -> database.Connection:
        """The connection, opened at first use. Raises Busy or Unavailable."""
        if self._connection is None:
            self._connection = self.site.database.connect(write=self.write)
        return self._connection

    @property
    def viewer(self) -> Viewer:
        """Who acts. Raises SubjectNotFound or LoginFailed when the member is gone or disabled by now."""
        if self._viewer is None:
            self._viewer = self._load_viewer()
        return self._viewer

    def act_as(self, viewer: Viewer, client: Client) -> None:
        """Hands a Service's snapshot on to the member who has logged in with it."""
        self._actor = self._viewer = viewer
        self.client = client

    def _load_viewer(self) -> Viewer:
        actor = self._actor
        if isinstance(actor, Console | Service):
            return Viewer(None, actor.name, console=True)
        who = actor.login if isinstance(actor, MemberActor) else actor.member_id
        if who is None:
            return actor if isinstance(actor, Viewer) else Viewer(None, "")
        found = identity.load(self.db, who, departure_days=self.site.settings.departure_days)
        if found is None:
            raise SubjectNotFound(f"there is no member {who}", hint="see: sharedbook member list")
        if found.disabled:
            raise LoginFailed(f"{found.viewer.name} is disabled", hint="a postmaster can enable the member")
        if isinstance(actor, Viewer) and actor.read_only:
            return found.viewer.as_read_only()
        return found.viewer

    def tick(self, kind: ChangeKind, ref_id: int) -> int:
        """One tick of the clock: writes the change row and returns its seq."""
        return self.tick_many(kind, [ref_id])[0]

    def tick_many(self, kind: ChangeKind, ref_ids: Sequence[int]) -> list[int]:
        """One tick for each id."""
        if not self.write or isinstance(self._actor, Service):
            raise Unavailable("this transaction only reads")
        seqs = changes.append(self.db, self.now, kind, ref_ids)
        self._first_seq = self._first_seq or min(seqs, default=0)
        return seqs

    def ticked(self, seq: int) -> bool:
        """Whether this seq is of this transaction: what began with it nobody else can have seen yet."""
        return 0 < self._first_seq <= seq

    def audit(self, action: str, **ids: int | list[int] | list[list[int]]) -> None:
        """One row of the audit: who, through what, what, which ids; never a value."""
        who, client = self.viewer.name, str(self.client)
        text = json.dumps(ids, sort_keys=True, separators=(",", ":"))
        chain = audit_link(self.site.secrets, audit.last_chain(self.db), self.now, who, client, action, text)
        row = {"at": self.now, "actor": who, "client": client, "action": action, "ids": text, "chain": chain}
        audit.append(self.db, row)

    def savepoint(self) -> AbstractContextManager[None]:
        """All or nothing inside the transaction: rolled back to here by an exception."""
        return database.savepoint(self.db)

    def commit(self) -> None:
        """Makes what was written durable."""
        self._first_seq = 0
        if self._connection is not None:
            self._connection.commit()

    def rollback(self) -> None:
        """Forgets what was written."""
        self._first_seq = 0
        if self._connection is not None:
            database.rollback(self._connection)

    def close(self) -> None:
        """Gives the connection back; what was not committed is rolled back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            held = datetime.now(UTC) - self.now
            if held > LONG_READ and not self.write and not isinstance(self._actor, Console):
                logger.warning("%s read the database for %d s in one piece", self.client.door, held.total_seconds())


def audit_link(secrets: Secrets, before: str, at: datetime, actor: str, client: str, action: str, ids: str) -> str:
    """The hash that chains a row of the audit to the one ``before`` it; nobody without site.key can make it."""
    text = json.dumps([before, round(at.timestamp() * 1000), actor, client, action, ids], ensure_ascii=False)
    return secrets.mac("audit", text.encode("utf-8", "surrogatepass")).hex()


class App(Protocol):
    """The part of ``sharedbook.app.App`` that a service needs to begin transactions of its own."""

    @property
    def site(self) -> Site: ...

    def begin(self, actor: Actor, client: Client, *, write: bool = False) -> AbstractContextManager[Tx]: ...


@contextmanager
def begin(site: Site, actor: Actor, client: Client, *, write: bool = False) -> Iterator[Tx]:
    """A transaction: committed at the end, rolled back by an exception. What the database cannot do is Unavailable."""
    tx = Tx(site, actor, client, write=write)
    try:
        with database.failures():
            yield tx
            tx.commit()
    except BaseException:
        tx.rollback()
        raise
    finally:
        tx.close()
