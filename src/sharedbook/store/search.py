"""Finding contacts: the query's condition, who must see them, and where they are, as one statement.

Where the condition is not exact (see ``filters``), its candidates are asked one by one, by their cards, which are read
by whoever asks: ``Read`` gives the instances of a card's text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, literal_column, not_, select

from sharedbook.domain.access import Viewer
from sharedbook.domain.model import CardState
from sharedbook.domain.query import Instance, Query, matches, record
from sharedbook.store import custom_fields, filters, sight
from sharedbook.store.contacts import BATCH
from sharedbook.store.indexed import CUSTOM
from sharedbook.store.prepared import Prepared, given_ids
from sharedbook.store.schema import contacts, memberships

Read = Callable[[str], Iterable[Instance]]


@dataclass(frozen=True, slots=True)
class Scope:
    """Which contacts are searched at all: those in the trash or those not, seen by every one of ``viewers``, and so on.

    ``owner_id`` and ``group_id`` None: whoever owns it, wherever it is. ``among``: these alone, None for all.
    """

    viewers: tuple[Viewer, ...]
    trashed: bool = False
    group_id: int | None = None
    owner_id: int | None = None
    no_owner: bool = False
    no_viewers: bool = False
    among: Sequence[int] | None = None

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """On rows of contacts."""
        yield contacts.c.trashed_at.is_not(None) if self.trashed else contacts.c.trashed_at.is_(None)
        yield from map(sight.seen, self.viewers)
        if self.group_id is not None:
            yield sight.held([self.group_id])
        if self.owner_id is not None:
            yield contacts.c.owner_id == self.owner_id
        if self.no_owner:
            yield contacts.c.owner_id.is_(None)
        if self.no_viewers:
            yield not_(sight.has_viewers())
        if self.among is not None:
            yield contacts.c.id.in_(self.among)


def find(connection: Connection, query: Query, scope: Scope, read: Read, limit: int | None) -> list[int]:
    """Ids of the contacts that match, by their sort key."""
    statement = select(contacts.c.id).where(*scope.conditions()).order_by(contacts.c.sort, contacts.c.id)
    return [row[0] for row in _matching(connection, statement, query, read, limit)]


def hrefs(
    connection: Connection, query: Query, viewer: Viewer, group_id: int, read: Read, limit: int | None
) -> list[str]:
    """The hrefs in one group, which the viewer views, of the contacts that match and that he sees, in order."""
    statement = (
        select(contacts.c.id, memberships.c.href)
        .join(memberships, memberships.c.contact_id == contacts.c.id)
        .where(_group(connection) == group_id, memberships.c.state < CardState.TRASHED.value)
        .where(sight.visible(viewer.subjects, viewer.member_id, viewer.console))
        .order_by(memberships.c.href)
    )
    return [row[1] for row in _matching(connection, statement, query, read, limit)]


def _group(connection: Connection) -> ColumnElement[int]:
    """The membership's group. With a plus, SQLite begins with the query, and does not walk the whole group."""
    if connection.dialect.name == "sqlite":
        return literal_column("+memberships.group_id", memberships.c.group_id.type)
    return memberships.c.group_id


def keys(connection: Connection, query: Query, viewer: Viewer, read: Read, limit: int | None) -> list[str]:
    """The keys of the contacts that match and that the viewer sees in any group, in order."""
    seen = Scope((viewer,)).conditions()
    statement = select(contacts.c.id, contacts.c.key).where(*seen).order_by(contacts.c.key)
    return [row[1] for row in _matching(connection, statement, query, read, limit)]


def _matching(
    connection: Connection, statement: Select[Any], query: Query, read: Read, limit: int | None
) -> Iterable[Sequence[Any]]:
    """Rows of a statement whose first column is the contact's id, for the contacts that match."""
    compiled = filters.compile_query(query, connection.dialect.name)
    statement = statement.where(compiled.where)
    if compiled.exact:
        return connection.execute(statement.limit(limit))
    return islice(_decided(connection, connection.execute(statement).all(), query, read), limit)


_CARDS = Prepared(select(contacts.c.id, contacts.c.vcard).where(contacts.c.id.in_(given_ids("ids"))))


def _decided(
    connection: Connection, rows: Sequence[Sequence[Any]], query: Query, read: Read
) -> Iterator[Sequence[Any]]:
    asks_custom = any(name.startswith(CUSTOM) for name in filters.names(query))
    for at in range(0, len(rows), BATCH):
        some = rows[at : at + BATCH]
        ids = [row[0] for row in some]
        beside = custom_fields.instances(connection, ids) if asks_custom else {}
        cards = dict(_CARDS.rows(connection, {"ids": ids}))
        for row in some:
            if matches(query, record((*read(cards[row[0]]), *beside.get(row[0], ())))):
                yield row
