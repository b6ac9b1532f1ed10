"""Statements on what the LDAP directory keeps in memory: all of it at once, and the entries that were made before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, case, delete, literal_column, select

from sharedbook.domain.model import CardState, Visibility, VisibilityKind
from sharedbook.store.database import insert_many
from sharedbook.store.prepared import Prepared, given_ids
from sharedbook.store.schema import contact_visibility, contacts, memberships
from sharedbook.store.schema import directory_entries as table
from sharedbook.store.types import moment

FETCHED = 1000


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """What is kept of a contact: ``entry`` and ``more`` encoded, ``start`` a place in ``entry``, ``texts`` as JSON."""

    start: int
    entry: bytes
    more: bytes
    texts: str


@dataclass(frozen=True, slots=True)
class Living:
    """A contact that is not in the trash; ``vcard`` is "" where there is a ``kept`` entry."""

    id: int
    key: str
    version: int
    modified: datetime
    owner_id: int | None
    visibility: Visibility
    groups: tuple[int, ...]
    vcard: str
    kept: DirectoryEntry | None


def living(connection: Connection, stamp: str) -> Iterator[Living]:
    """Every living contact in the order of ids, with what is kept of it under this stamp."""
    groups = _groups(connection)
    listed = _listed(connection)
    last = 0
    while some := _LIVING.rows(connection, {"stamp": stamp, "last": last}):
        last = some[-1][0]
        for id_, key, version, modified, owner_id, kind, start, entry, more, texts, vcard in some:
            kept = None if entry is None else DirectoryEntry(start, bytes(entry), bytes(more), texts)
            yield Living(
                id_,
                key,
                version,
                moment(modified),
                owner_id,
                _ALL if kind == VisibilityKind.ALL else Visibility(VisibilityKind(kind), listed.get(id_, frozenset())),
                groups.get(id_, ()),
                vcard or "",
                kept,
            )


_ALL = Visibility()
_LIVING = Prepared(
    select(
        contacts.c.id,
        contacts.c.key,
        contacts.c.version,
        contacts.c.modified,
        contacts.c.owner_id,
        contacts.c.visibility,
        table.c.start,
        table.c.entry,
        table.c.more,
        table.c.texts,
        # a card that is not needed is not read from its pages
        case((table.c.entry.is_(None), contacts.c.vcard)),
    )
    .select_from(
        contacts.outerjoin(
            table,
            and_(
                table.c.contact_id == contacts.c.id,
                table.c.version == contacts.c.version,
                table.c.stamp == bindparam("stamp"),
            ),
        )
    )
    .where(contacts.c.trashed_at.is_(None), contacts.c.id > bindparam("last"))
    .order_by(contacts.c.id)
    .limit(literal_column(str(FETCHED)))
)


def _groups(connection: Connection) -> dict[int, tuple[int, ...]]:
    """The groups of each living contact; the same ones are the same object."""
    same: dict[tuple[int, ...], tuple[int, ...]] = {}
    found: dict[int, tuple[int, ...]] = {}
    rows = select(memberships.c.contact_id, memberships.c.group_id).where(memberships.c.state < CardState.TRASHED)
    for contact_id, group_id in connection.execute(rows.order_by(memberships.c.group_id)):
        groups = (*found.get(contact_id, ()), group_id)
        found[contact_id] = same.setdefault(groups, groups)
    return found


def _listed(connection: Connection) -> dict[int, frozenset[int]]:
    """The subjects on the lists of contacts that are seen by those listed."""
    column = contact_visibility.c
    found: dict[int, set[int]] = {}
    rows = select(column.contact_id, column.subject_id).join(contacts, contacts.c.id == column.contact_id)
    for contact_id, subject_id in connection.execute(rows.where(contacts.c.visibility == VisibilityKind.LISTED.value)):
        found.setdefault(contact_id, set()).add(subject_id)
    return {contact_id: frozenset(subjects) for contact_id, subjects in found.items()}


def keep(connection: Connection, stamp: str, rows: Sequence[tuple[int, int, DirectoryEntry]]) -> None:
    """Replaces what is kept of contacts (id, version, entry); of one that has changed or gone since, nothing is."""
    ids = [contact_id for contact_id, _, _ in rows]
    found = connection.execute(select(contacts.c.id, contacts.c.version).where(contacts.c.id.in_(ids)))
    current = {(contact_id, version) for contact_id, version in found}
    good = [each for each in rows if each[:2] in current]
    forget(connection, [contact_id for contact_id, _, _ in good])
    insert_many(
        connection,
        table,
        [
            {
                "contact_id": contact_id,
                "version": version,
                "stamp": stamp,
                "start": kept.start,
                "entry": kept.entry,
                "more": kept.more,
                "texts": kept.texts,
            }
            for contact_id, version, kept in good
        ],
    )


_FORGET = Prepared(delete(table).where(table.c.contact_id.in_(given_ids("ids"))))


def forget(connection: Connection, contact_ids: Sequence[int]) -> None:
    """Nothing is kept of these contacts any more."""
    _FORGET.run(connection, {"ids": contact_ids})
