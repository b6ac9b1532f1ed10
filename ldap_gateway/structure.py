"""The entries that are no contacts: rootDSE, subschema, the base, ``ou=groups``, the groups; what each of them holds.

Whom a group's ``member`` names is up to the reader, so it is not kept here (``Directory``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from ldap_gateway import dn, schema
from ldap_gateway.attributes import Names
from ldap_gateway.entries import BASE, GROUPS, ROOTS, SCHEMA
from ldap_gateway.filters import canonical
from ldap_gateway.people import instances
from sharedbook.domain import folding
from sharedbook.domain.query import Record
from sharedbook.services.feed import FeedGroup


class Structure:
    """``base``: DN of the contacts. ``start_tls``: whether there is a certificate."""

    def __init__(self, base: str, names: Names, *, start_tls: bool) -> None:
        """Raises InvalidDN for a base that is none."""
        self.groups: dict[int, FeedGroup] = {}
        self._base = base
        self._base_rdn = dn.split(base)[0][0]
        self._names = names
        self._slugs: dict[int, str] = {}
        self._by_slug: dict[str, int] = {}
        self._fixed = {
            **{root: schema.root_dse(base, start_tls=start_tls, mechanisms=ROOTS[root]) for root in ROOTS},
            SCHEMA: schema.subschema(),
        }
        self._places = {**dict.fromkeys(ROOTS, ""), SCHEMA: schema.SUBSCHEMA, BASE: base, GROUPS: f"ou=groups,{base}"}
        self._records: dict[tuple[int, bool], Record] = {}

    def set_groups(self, groups: Sequence[FeedGroup], gone: Sequence[int]) -> None:
        """Adds or replaces groups, and forgets those that are gone."""
        for group_id in gone:
            self.groups.pop(group_id, None)
        self.groups.update((group.id, group) for group in groups)
        self._slugs = _slugs(self.groups)
        self._by_slug = {_folded(slug): group_id for group_id, slug in self._slugs.items()}
        self._records.clear()

    def group_named(self, slug: str) -> int | None:
        """The group whose place has this name."""
        return self._by_slug.get(slug)

    def name(self, place: int) -> str:
        """The DN of a place."""
        above = self._places.get(place)
        return f"ou={dn.escape(self._slugs[place])},ou=groups,{self._base}" if above is None else above

    def is_fixed(self, place: int) -> bool:
        """Whether an entry is the same for everybody, always."""
        return place in self._fixed

    def values(self, place: int, *, seen: bool) -> dict[str, list[str]]:
        """What an entry holds, ``member`` aside. ``seen``: whether the reader sees a contact in it."""
        if place in self._fixed:
            return self._fixed[place]
        name = self.name(place)
        common = {"entryDN": [name], "subschemaSubentry": [schema.SUBSCHEMA], "hasSubordinates": ["TRUE"]}
        if place == GROUPS:
            return _structure_of("organizationalUnit", common) | {"ou": ["groups"]}
        if place == BASE:
            kind, value = self._base_rdn
            return _structure_of(_CLASS_OF.get(kind, "organizationalUnit"), common) | {kind: [value]}
        group = self.groups[place]
        values = _structure_of("groupOfNames" if seen else "groupOfEntries", common)
        return values | {
            "cn": [group.name],
            "ou": [self._slugs[place]],
            "description": [group.description] if group.description else [],
        }

    def record(self, place: int, *, seen: bool) -> Record:
        """The same as a query sees it."""
        found = self._records.get((place, seen))
        if found is None:
            values = dict(self.values(place, seen=seen))
            for name in ("entryDN", "subschemaSubentry"):
                values[name] = [_canonical(value) for value in values.get(name, ())]
            compared = {name: [self._names.compared(name, each) for each in texts] for name, texts in values.items()}
            found = self._records[place, seen] = instances(compared)
        return found


_CLASS_OF = {"dc": "domain", "o": "organization"}


def _structure_of(kind: str, common: dict[str, list[str]]) -> dict[str, list[str]]:
    return {"objectClass": ["top", kind], "structuralObjectClass": [kind], **common}


@lru_cache(maxsize=1024)
def _canonical(name: str) -> str:
    return canonical(dn.parse(name))


def _folded(slug: str) -> str:
    return folding.squeeze(folding.fold(slug))


def _slugs(groups: Mapping[int, FeedGroup]) -> dict[int, str]:
    """Each group's name in the tree: its slug, with its id where a DN could not tell it from that of an older group."""
    taken: set[str] = set()
    found = {}
    for group_id in sorted(groups):
        slug = groups[group_id].slug
        found[group_id] = f"{slug}-{group_id}" if _folded(slug) in taken else slug
        taken.add(_folded(found[group_id]))
    return found
