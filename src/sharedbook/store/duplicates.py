"""Values that several contacts share, and the pairs that were found to be two: statements, no rules.

Whoever shares nothing is never read: the database groups the rows of the search index by value.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, Select, delete, func, or_, select

from sharedbook.domain import folding
from sharedbook.store import search
from sharedbook.store.contacts import batches
from sharedbook.store.database import insert_many, plain
from sharedbook.store.properties import folded_text, index_key, named
from sharedbook.store.schema import contacts, distinct_pairs, properties

_P, _D = properties.c, distinct_pairs.c
Pair = tuple[int, int]
"""Two contacts, the lower id first."""


def sharing_mail(connection: Connection) -> list[tuple[int, str]]:
    """Contact and folded address, of every mail address that more than one contact has (others may be among them)."""
    several = select(index_key).where(named("email")).group_by(index_key)
    several = several.having(func.min(_P.contact_id) < func.max(_P.contact_id))
    return plain(connection, _values(folded_text).where(named("email"), index_key.in_(several)))


def phones(connection: Connection) -> list[tuple[int, str]]:
    """Contact and digits (``formats.vcards.phones.forms``) of every phone number."""
    return plain(connection, _values(_P.value).where(named("phone")))


def numbers(connection: Connection, contact_ids: Collection[int]) -> list[tuple[int, str]]:
    """Contact and number as it is written, of these contacts.

    Every number is read: asked for each contact apart, SQLite walks them all each time.
    """
    return [row for row in plain(connection, _values(_P.value).where(named("number"))) if row[0] in contact_ids]


def _values(column: object) -> Select[tuple[int, str]]:
    return select(_P.contact_id, column)  # type: ignore[call-overload, no-any-return]


def sharing_uid(connection: Connection) -> list[tuple[int, str]]:
    """Contact and UID, of every UID that more than one contact has."""
    several = select(contacts.c.uid).group_by(contacts.c.uid).having(func.count() > 1)
    return plain(connection, select(contacts.c.id, contacts.c.uid).where(contacts.c.uid.in_(several)))


def of_kind(connection: Connection, kind: str) -> set[int]:
    """Ids of the contacts of a kind (RFC 6350 section 6.1.4)."""
    statement = select(_P.contact_id).where(named("kind"), folded_text == folding.pad(folding.fold(kind)))
    return {row[0] for row in plain(connection, statement)}


def names(connection: Connection, scope: search.Scope, contact_ids: Sequence[int]) -> dict[int, str]:
    """Names of those of these contacts that the scope lets in."""
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
