"""Rows of contacts: statements, no rules. The vCard text stands last and is read only where it is asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Text,
    bindparam,
    cast,
    delete,
    func,
    insert,
    literal_column,
    select,
    update,
)

from sharedbook.domain.model import ChangeKind, Contact, Visibility, VisibilityKind
from sharedbook.store.database import insert_many, next_ids, plain
from sharedbook.store.prepared import Prepared, given, given_ids, insert_columns
from sharedbook.store.schema import changes, contact_visibility, contacts, memberships
from sharedbook.store.types import milliseconds, moment

_COLUMNS = (
    contacts.c.id,
    contacts.c.key,
    contacts.c.uid,
    contacts.c.vcard,
    contacts.c.etag,
    contacts.c.name,
    contacts.c.owner_id,
    contacts.c.visibility,
    contacts.c.version,
    contacts.c.created,
    contacts.c.modified,
    contacts.c.trashed_at,
    contacts.c.source,
)
Key = TypeVar("Key", int, str)
BATCH = 500
"""How many ids one statement names; both databases take more, none takes all."""


def batches(ids: Sequence[Key]) -> list[Sequence[Key]]:
    """The ids, or other keys, in pieces that one statement can name."""
    return [ids[at : at + BATCH] for at in range(0, len(ids), BATCH)]


class NewRows(NamedTuple):
    """Rows to come, of the first version: a column each, and what is the same in all."""

    key: Sequence[str]
    uid: Sequence[str]
    etag: Sequence[str]
    size: Sequence[int]
    name: Sequence[str]
    sort: Sequence[str]
    vcard: Sequence[str]
    owner_id: int | None
    visibility: str
    index_version: int
    source: str | None


_ADDED = (*NewRows._fields, "version", "created", "modified")
_EACH = NewRows._fields[:7]
_ADD = Prepared(insert(contacts).returning(contacts.c.id), _ADDED)


def add_many(connection: Connection, rows: NewRows, at: datetime) -> list[int]:
    """Inserts contacts made at a time, and returns their ids in the same order."""
    given = rows._asdict() | {"version": 1, "created": at, "modified": at}
    if len(rows.key) == 1:
        return [_ADD.rows(connection, given | {name: given[name][0] for name in _EACH})[0][0]]
    ids = next_ids(connection, contacts.c.id, len(rows.key))
    given |= dict.fromkeys(("created", "modified"), milliseconds(at))
    each = {contacts.c.id: ids} | {contacts.c[name]: given.pop(name) for name in _EACH}
    insert_columns(connection, each, {contacts.c[name]: value for name, value in given.items()})
    return ids


@lru_cache
def _setting(*names: str) -> Prepared:
    set_ = update(contacts).values({name: bindparam(name) for name in names})
    return Prepared(set_.where(contacts.c.id.in_(given_ids("ids"))))


def change(connection: Connection, contact_ids: Sequence[int], **values: Any) -> None:
    """Sets columns of contacts."""
    if contact_ids:
        _setting(*values).run(connection, {"ids": contact_ids, **values})


_SHOW_TO = Prepared(
    update(contacts)
    .where(contacts.c.id == bindparam("contact"))
    .values({name: bindparam(name) for name in ("owner_id", "visibility", "version")})
)


def show_to(connection: Connection, found: Sequence[Contact]) -> None:
    """Writes owner, visibility (without a list) and version of contacts as they are given."""
    rows = (
        {
            "contact": each.id,
            "owner_id": each.owner_id,
            "visibility": each.visibility.kind.value,
            "version": each.version,
        }
        for each in found
    )
    _SHOW_TO.run_many(connection, rows)


def remove(connection: Connection, contact_ids: Sequence[int]) -> None:
    """Deletes contacts; their search index, revisions and visibility lists go with them."""
    for some in batches(contact_ids):
        connection.execute(delete(contacts).where(contacts.c.id.in_(some)))


def _together(column: ColumnElement[int], contact_id: ColumnElement[int | None]) -> ColumnElement[str | None]:
    """Ids of another table's rows of a contact, in one text; None for none."""
    # a separator given as a value would not be the same text each time
    listed = select(func.aggregate_strings(cast(column, Text), literal_column("','")))  # type: ignore[arg-type]
    return listed.where(contact_id == contacts.c.id).correlate(contacts).scalar_subquery()


_WHOLE = select(
    *_COLUMNS,
    _together(contact_visibility.c.subject_id, contact_visibility.c.contact_id),
    _together(memberships.c.group_id, memberships.c.contact_id),
)
_FETCH = Prepared(_WHOLE.where(contacts.c.id.in_(given_ids("ids"))))
CHANGED = Prepared(
    _WHOLE.where(
        contacts.c.id.in_(
            select(changes.c.ref_id).where(changes.c.seq > bindparam("seq"), changes.c.kind == ChangeKind.CONTACT.value)
        )
    ).order_by(contacts.c.id)
)
"""The contacts that were changed after a seq, for ``fetched``."""


def fetch(connection: Connection, contact_ids: Sequence[int]) -> list[Contact]:
    """The contacts of these ids, in their order; unknown ids are left out."""
    found: dict[int, Contact] = {}
    for some in batches(contact_ids):
        found |= {contact.id: contact for contact in fetched(_FETCH.rows(connection, {"ids": some}))}
    return [found[contact_id] for contact_id in contact_ids if contact_id in found]


def fetched(rows: Iterable[Sequence[Any]]) -> list[Contact]:
    """Contacts of rows as the driver has them."""
    return [_fetched(fields, _ids(listed), _ids(held)) for *fields, listed, held in rows]


def _fetched(fields: Sequence[Any], listed: Iterable[int], groups: Iterable[int]) -> Contact:
    """Of a row as the driver has it; a private contact keeps the list that it had before."""
    id_, key, uid, vcard, etag, name, owner_id, kind, version, created, modified, trashed_at, source = fields
    return Contact(
        id_,
        key,
        uid,
        vcard,
        etag,
        name,
        owner_id,
        Visibility(VisibilityKind(kind), frozenset(listed if kind == VisibilityKind.LISTED else ())),
        version,
        moment(created),
        moment(modified),
        None if trashed_at is None else moment(trashed_at),
        source,
        tuple(sorted(groups)),
    )


def _ids(text: str | None) -> list[int]:
    return [int(each) for each in text.split(",")] if text else []


_VERSIONS = Prepared(select(contacts.c.id, contacts.c.version).where(contacts.c.id.in_(given_ids("ids"))))


def versions(connection: Connection, contact_ids: Sequence[int]) -> dict[int, int]:
    """The versions of contacts, by id."""
    return {
        each: version for some in batches(contact_ids) for each, version in _VERSIONS.rows(connection, {"ids": some})
    }


def by_uid(connection: Connection, uid: str) -> list[Contact]:
    """Every contact with this UID."""
    return _where(connection, contacts.c.uid == uid)


_WITH_UIDS = Prepared(_WHOLE.where(func.lower(contacts.c.uid).in_(given("uids"))).order_by(contacts.c.id))


def with_uids(connection: Connection, uids: Collection[str]) -> list[Contact]:
    """The contacts that have one of these UIDs, in lower case, whatever the case of ASCII letters in theirs."""
    return fetched(_WITH_UIDS.rows(connection, {"uids": uids}))


def ids_of_uids(connection: Connection, uids: Sequence[str], *, living: bool) -> dict[str, int]:
    """The contacts that have one of these very UIDs: UID -> the first one's id. ``living``: not in the trash."""
    found: dict[str, int] = {}
    for some in batches(uids):
        statement = select(contacts.c.uid, contacts.c.id).where(contacts.c.uid.in_(some))
        if living:
            statement = statement.where(contacts.c.trashed_at.is_(None))
        found |= {row.uid: row.id for row in connection.execute(statement.order_by(contacts.c.id.desc()))}
    return found


def keys(connection: Connection) -> dict[int, str]:
    """The key of every contact, in the trash or not, by id."""
    return {row.id: row.key for row in connection.execute(select(contacts.c.id, contacts.c.key))}


def of_source(connection: Connection, source: str, group_id: int) -> set[int]:
    """Ids of the contacts of a group that a directory keeps; those in the trash left out."""
    statement = (
        select(contacts.c.id)
        .join(memberships, memberships.c.contact_id == contacts.c.id)
        .where(contacts.c.source == source, contacts.c.trashed_at.is_(None), memberships.c.group_id == group_id)
    )
    return set(connection.execute(statement).scalars())


def indexed_before(connection: Connection, version: int, limit: int) -> list[int]:
    """Ids of contacts whose search index an older version has made."""
    statement = select(contacts.c.id).where(contacts.c.index_version < version).order_by(contacts.c.id).limit(limit)
    return list(connection.execute(statement).scalars())


def forget_index(connection: Connection) -> None:
    """Every search index counts as made by an older version."""
    connection.execute(update(contacts).values(index_version=0))


_LAST_ID = Prepared(select(func.max(contacts.c.id)))


def most(connection: Connection) -> int:
    """At least how many contacts there are, without counting them: ids are never used again."""
    return _LAST_ID.rows(connection, {})[0][0] or 0


def count(connection: Connection) -> int:
    """All contacts, those in the trash too: what the quota counts."""
    return int(connection.execute(select(func.count()).select_from(contacts)).scalar_one())


def trashed(connection: Connection) -> list[Contact]:
    """What lies in the trash, the latest first."""
    rows = _where(connection, contacts.c.trashed_at.is_not(None))
    return sorted(rows, key=lambda contact: (contact.trashed_at or contact.modified, contact.id), reverse=True)


def trashed_before(connection: Connection, before: datetime) -> list[int]:
    """Ids of what was put into the trash before a time."""
    statement = select(contacts.c.id).where(contacts.c.trashed_at < before).order_by(contacts.c.id)
    return list(connection.execute(statement).scalars())


def owned_by(connection: Connection, subject_id: int) -> list[int]:
    """Ids of the contacts that this member owns."""
    return list(connection.execute(select(contacts.c.id).where(contacts.c.owner_id == subject_id)).scalars())


def listing(connection: Connection, subject_id: int) -> list[int]:
    """Ids of the contacts whose visibility lists this subject."""
    column = contact_visibility.c
    return list(connection.execute(select(column.contact_id).where(column.subject_id == subject_id)).scalars())


def lists_of(connection: Connection, contact_ids: Sequence[int]) -> dict[int, frozenset[int]]:
    """The subjects on the list of each contact that has one, private ones too."""
    found: dict[int, set[int]] = {}
    for some in batches(contact_ids):
        rows = select(contact_visibility).where(contact_visibility.c.contact_id.in_(some))
        for contact_id, subject_id in connection.execute(rows):
            found.setdefault(contact_id, set()).add(subject_id)
    return {contact_id: frozenset(subjects) for contact_id, subjects in found.items()}


def set_lists(connection: Connection, lists: Mapping[int, Collection[int]]) -> None:
    """Replaces the lists of contacts' visibility: subjects by contact."""
    for some in batches(list(lists)):
        connection.execute(delete(contact_visibility).where(contact_visibility.c.contact_id.in_(some)))
    rows = [
        {"contact_id": contact_id, "subject_id": subject_id}
        for contact_id, subject_ids in lists.items()
        for subject_id in sorted(subject_ids)
    ]
    insert_many(connection, contact_visibility, rows)


def unlist(connection: Connection, subject_id: int, contact_ids: Sequence[int]) -> None:
    """Takes a subject off the lists of these contacts."""
    column = contact_visibility.c
    for some in batches(contact_ids):
        statement = delete(contact_visibility).where(column.subject_id == subject_id, column.contact_id.in_(some))
        connection.execute(statement)


def _where(connection: Connection, condition: ColumnElement[bool]) -> list[Contact]:
    return fetched(plain(connection, _WHOLE.where(condition).order_by(contacts.c.id)))
