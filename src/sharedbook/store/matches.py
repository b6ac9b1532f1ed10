"""Which contacts of one group have one of many values: few statements for a batch of import rows, on the search index.

It asks by keys (``indexed``), as ``store/filters.py`` does for one equality.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, exists, select

from sharedbook.domain.access import Viewer
from sharedbook.store import indexed, sought
from sharedbook.store.contacts import batches
from sharedbook.store.memberships import held
from sharedbook.store.prepared import Prepared, given, given_ids
from sharedbook.store.schema import contacts, value_keys

Key = tuple[str, str]
"""What a row can be looked up by: ``uid`` and a UID; or a name of ``indexed.KEYED`` and a folded value. See ``key``."""

_UIDS = Prepared(select(contacts.c.id, contacts.c.uid).where(contacts.c.uid.in_(given("uids"))))


def key(name: str, value: str) -> Key:
    """The key of a value: equal for values that the directory takes as equal; a UID's for this very one."""
    return name, value if name == "uid" else indexed.folded(value)


def hashes(keys: Iterable[Key]) -> tuple[int, ...]:
    """What keys are looked up by at once."""
    return indexed.keys([line(each) for each in keys])


def line(of: Key) -> str:
    """A key as a text, which is what its hash is made of; ``key_of`` takes it."""
    name, folded = of
    return indexed.line(indexed.KEYED.get(name, name), folded)


def key_of(line: str) -> Key:
    """The key that was written so, by the derived one of its names."""
    name, _, folded = line.partition(indexed.TAB)
    return name, folded


_HASHES = given_ids("hashes").subquery().c.value
_KNOWN = Prepared(select(_HASHES).where(exists().where(value_keys.c.hash == _HASHES)))


def known(connection: Connection, wanted: Iterable[int]) -> set[int]:
    """Those of these hashes that any contact has: nobody holds a key whose hash is not among them."""
    return {row[0] for row in _KNOWN.rows(connection, {"hashes": list(wanted)})}


def numbered(connection: Connection, wanted: Mapping[int, Collection[str]]) -> set[int]:
    """Those of these hashes that a contact has in whose texts one of the numbers given with it stands, anywhere."""
    found = set()
    for hash_, _, texts in sought.having_hashes(connection, wanted):
        for number in wanted[hash_]:
            if number in texts:
                found.add(hash_)
                break
    return found


def holders(connection: Connection, viewer: Viewer, group_id: int, keys: Collection[Key]) -> dict[Key, set[int]]:
    """Ids of the contacts of a group, as far as the viewer sees them, that have each key; no entry for none."""
    uids = [value for name, value in keys if name == "uid"]
    found = sought.holders(connection, [each for each in keys if each[0] != "uid"])
    for some in batches(uids):
        for contact_id, uid in _UIDS.rows(connection, {"uids": some}):
            found.setdefault(("uid", uid), set()).add(contact_id)
    # Asked apart: in one statement the databases prefer to walk the whole group.
    seen = held(connection, viewer, group_id, sorted({each for ids in found.values() for each in ids}))
    return {each: ids & seen for each, ids in found.items() if ids & seen}


class Facts(NamedTuple):
    """What tells namesakes apart without reading their cards. ``size`` in octets; ``numbers``: digits, in each form."""

    uid: str
    name: str
    size: int
    numbers: frozenset[str]


_FACTS = Prepared(
    select(contacts.c.id, contacts.c.uid, contacts.c.name, contacts.c.size).where(contacts.c.id.in_(given_ids("ids")))
)


def facts(connection: Connection, contact_ids: Sequence[int]) -> dict[int, Facts]:
    """Facts of contacts, by id."""
    numbers: dict[int, set[str]] = {}
    found: dict[int, Facts] = {}
    for some in batches(contact_ids):
        for contact_id, forms in sought.texts(connection, "phone", some):
            numbers.setdefault(contact_id, set()).update(forms.split())
        for contact_id, uid, name, size in _FACTS.rows(connection, {"ids": some}):
            found[contact_id] = Facts(uid, name, size, frozenset(numbers.get(contact_id, ())))
    return found
