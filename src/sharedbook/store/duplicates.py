"""Values that several contacts share, and the pairs that were found to be two: statements, no rules.

Of mail addresses only those of contacts that share a key (``indexed``) with another are read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, func, or_, select

from sharedbook.domain.query import Op, Some, Test
from sharedbook.store import filters, search, sought
from sharedbook.store.contacts import batches
from sharedbook.store.database import insert_many, plain
from sharedbook.store.schema import contacts, distinct_pairs

_D = distinct_pairs.c
Pair = tuple[int, int]
"""Two contacts, the lower id first."""


def sharing_mail(connection: Connection) -> list[tuple[int, str]]:
    """Contact and folded address, of every mail address of those that share a value (others may be among them)."""
    return list(sought.texts(connection, "email", sought.sharing(connection)))


def phones(connection: Connection) -> Iterator[tuple[int, str]]:
    """Contact and digits (``formats.vcards.phones.forms``) of every phone number."""
    return sought.every_text(connection, "phone")


def sharing_uid(connection: Connection) -> list[tuple[int, str]]:
    """Contact and UID, of every UID that more than one contact has."""
    several = select(contacts.c.uid).group_by(contacts.c.uid).having(func.count() > 1)
    return plain(connection, select(contacts.c.id, contacts.c.uid).where(contacts.c.uid.in_(several)))


def of_kind(connection: Connection, kind: str) -> set[int]:
    """Ids of the contacts of a kind (RFC 6350 section 6.1.4)."""
    query = Some("kind", (Test(Op.EQUALS, kind),))
    compiled = filters.compile_query(query, connection.dialect.name)
    return {row[0] for row in plain(connection, select(contacts.c.id).where(compiled.where))}


def names(connection: Connection, scope: search.Scope, contact_ids: Sequence[int]) -> dict[int, str]:
    """The names of these contacts by id, as far as the scope lets them in."""
    found: dict[int, str] = {}
    for some in batches(contact_ids):
        wanted = select(contacts.c.id, contacts.c.name).where(contacts.c.id.in_(some), *scope.conditions())
        found |= {row[0]: row[1] for row in plain(connection, wanted)}
    return found


# ---- pairs that are two


def distinct(connection: Connection, contact_ids: Collection[int] | None = None) -> set[Pair]:
    """The pairs that were found to be two: all, or those among these contacts."""
    statement = select(_D.low, _D.high)
    if contact_ids is not None:
        statement = statement.where(_D.low.in_(contact_ids), _D.high.in_(contact_ids))
    return {(row[0], row[1]) for row in plain(connection, statement)}


def add_distinct(connection: Connection, pairs: Collection[Pair], at: datetime) -> None:
    """Adds pairs that are not there."""
    insert_many(connection, distinct_pairs, [{"low": low, "high": high, "at": at} for low, high in sorted(pairs)])


def remove_distinct(connection: Connection, pairs: Collection[Pair]) -> None:
    """Removes pairs."""
    if pairs:
        wanted = or_(*((_D.low == low) & (_D.high == high) for low, high in sorted(pairs)))
        connection.execute(delete(distinct_pairs).where(wanted))
