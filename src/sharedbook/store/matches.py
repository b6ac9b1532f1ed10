"""Which contacts of one group have one of many values: few statements for a batch of import rows, on the search index.

It asks by keys (``indexed``), as ``store/filters.py`` does for one equality.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, select

from sharedbook.domain.access import Viewer
from sharedbook.store import indexed, sought
from sharedbook.store.contacts import batches
from sharedbook.store.memberships import seen_by
from sharedbook.store.prepared import Prepared, given
from sharedbook.store.schema import contacts, memberships

Key = tuple[str, str]
"""What a row can be looked up by: ``uid`` and a UID; or a name of ``indexed.KEYED`` and a folded value. See ``key``."""

_UIDS = Prepared(select(contacts.c.id, contacts.c.uid).where(contacts.c.uid.in_(given("uids"))))


def key(name: str, value: str) -> Key:
    """The key of a value: equal for values that the directory takes as equal; a UID's for this very one."""
    return name, value if name == "uid" else indexed.folded(value)


def holders(connection: Connection, viewer: Viewer, group_id: int, keys: Collection[Key]) -> dict[Key, set[int]]:
    """Ids of the contacts of a group, as far as the viewer sees them, that have each key; no entry for none."""
    uids = [value for name, value in keys if name == "uid"]
    found = sought.holders(connection, [each for each in keys if each[0] != "uid"])
    for some in batches(uids):
        for contact_id, uid in _UIDS.rows(connection, {"uids": some}):
            found.setdefault(("uid", uid), set()).add(contact_id)
    # Asked apart: in one statement the databases prefer to walk the whole group.
    seen = _seen(connection, viewer, group_id, sorted({each for ids in found.values() for each in ids}))
    return {each: ids & seen for each, ids in found.items() if ids & seen}


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
        for contact_id, forms in sought.texts(connection, "phone", some):
            numbers.setdefault(contact_id, set()).update(forms.split())
        rows = select(contacts.c.id, contacts.c.uid, contacts.c.name, contacts.c.size).where(contacts.c.id.in_(some))
        for contact_id, uid, name, size in connection.execute(rows):
            found[contact_id] = Facts(uid, name, size, frozenset(numbers.get(contact_id, ())))
    return found
