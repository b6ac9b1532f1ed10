"""Which contacts of one group have one of many values: few statements for a batch of import rows, on the search index.

It asks by name and folded value, as ``store/filters.py`` does for one equality.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, select

from sharedbook.domain import folding
from sharedbook.domain.access import Viewer
from sharedbook.store.contacts import batches
from sharedbook.store.memberships import seen_by
from sharedbook.store.properties import folded_text, index_key, named, of_contacts
from sharedbook.store.schema import FOLDED_KEY, contacts, memberships, properties

Key = tuple[str, str]
"""Name of an index row, and its value folded as the index folds it: see ``key``."""

_BATCH = 400


def key(name: str, value: str) -> Key:
    """The key of a value: equal for values that the directory takes as equal."""
    return name, folding.pad(folding.fold(value))


def holders(connection: Connection, viewer: Viewer, group_id: int, keys: Collection[Key]) -> dict[Key, set[int]]:
    """Ids of the contacts of a group, as far as the viewer sees them, that have each key; no entry for none."""
    found: dict[Key, set[int]] = {}
    by_name: dict[str, list[str]] = {}
    for name, folded in keys:
        by_name.setdefault(name, []).append(folded)
    for name, values in by_name.items():
        for at in range(0, len(values), _BATCH):
            for contact_id, folded in connection.execute(_having(name, values[at : at + _BATCH])):
                found.setdefault((name, folded), set()).add(contact_id)
    # Asked apart: in one statement the databases prefer to walk the whole group.
    seen = _seen(connection, viewer, group_id, sorted({each for ids in found.values() for each in ids}))
    return {each: ids & seen for each, ids in found.items() if ids & seen}


def _having(name: str, values: Sequence[str]) -> Select[Any]:
    return select(properties.c.contact_id, folded_text).where(
        named(name), index_key.in_([value[:FOLDED_KEY] for value in values]), folded_text.in_(values)
    )


def _seen(connection: Connection, viewer: Viewer, group_id: int, contact_ids: Sequence[int]) -> set[int]:
    found: set[int] = set()
    for some in batches(contact_ids):
        statement = select(memberships.c.contact_id).where(
            memberships.c.contact_id.in_(some), memberships.c.group_id == group_id, seen_by(viewer)
        )
        found.update(connection.execute(statement).scalars())
    return found


class Facts(NamedTuple):
    """What tells namesakes apart without reading their cards. ``size`` in octets; ``numbers``: digits, in each form."""

    uid: str
    name: str
    size: int
    numbers: frozenset[str]


def facts(connection: Connection, contact_ids: Sequence[int]) -> dict[int, Facts]:
    """Facts of contacts, by id."""
    numbers: dict[int, set[str]] = {}
    found: dict[int, Facts] = {}
    for some in batches(contact_ids):
        for contact_id, forms in connection.execute(of_contacts("phone", some)):
            numbers.setdefault(contact_id, set()).update(forms.split())
        rows = select(contacts.c.id, contacts.c.uid, contacts.c.name, contacts.c.size).where(contacts.c.id.in_(some))
        for contact_id, uid, name, size in connection.execute(rows):
            found[contact_id] = Facts(uid, name, size, frozenset(numbers.get(contact_id, ())))
    return found
