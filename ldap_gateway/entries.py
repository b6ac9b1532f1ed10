"""Rows and how they are answered: which attributes a client asked for, and the octets of an entry.

A contact's values were encoded when it last changed; here they are only put together. Names are echoed as they were
asked for. Structure entries (the base, the groups) are made for each reader, since their values name contacts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from ldap_gateway import ber, wire
from ldap_gateway.attributes import ATTRIBUTES, Kind, Names, Unresolved
from ldap_gateway.index import Document, Mask

DSE_CERTIFIED, DSE_PLAIN, DSE, SCHEMA, GROUPS, BASE = -5, -4, -3, -2, -1, 0
"""Places that are no group: the rootDSE, the subschema, ``ou=groups,<base>``, ``<base>``.

The rootDSE of a connection says how one may log in there: also by a certificate, with a password, or not at all.
"""
ROOTS: Mapping[int, tuple[str, ...]] = {DSE_CERTIFIED: ("PLAIN", "EXTERNAL"), DSE_PLAIN: ("PLAIN",), DSE: ()}
"""SASL mechanisms by rootDSE."""


class Row(NamedTuple):
    """An entry of an answer: the contact below a place (a group's id or one of the above), 0 for the place itself."""

    place: int
    contact: int = 0


class Run(NamedTuple):
    """Entries below one place: ids of contacts, of which ``(0,)`` is the place itself.

    ``slots`` is where they were in the index when all of them were in ``mask``, as they still are where it is the same.
    """

    place: int
    contacts: Sequence[int]
    slots: Sequence[int] = ()
    mask: Mask | None = None


class Rows:
    """Rows in order, by the ten thousand, in ``runs``."""

    __slots__ = ("runs",)

    def __init__(self, runs: Iterable[Run] = ()) -> None:
        self.runs = list(runs)

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Rows:
        """Single rows."""
        return cls(Run(row.place, (row.contact,)) for row in rows)

    def __len__(self) -> int:
        return sum(len(run.contacts) for run in self.runs)

    def __iter__(self) -> Iterator[Row]:
        return (Row(run.place, contact) for run in self.runs for contact in run.contacts)

    def part(self, start: int, end: int) -> Rows:
        """Those from one position to before another."""
        runs = []
        for place, contacts, slots, mask in self.runs:
            size = len(contacts)
            if start < size and end > 0:
                here = slice(max(0, start), end)
                runs.append(Run(place, contacts[here], slots[here], mask))
            start, end = start - size, end - size
        return Rows(runs)


_OPERATIONAL = frozenset(each.name for each in ATTRIBUTES if each.operational)
_ONLY_BY_NAME = frozenset(each.name for each in ATTRIBUTES if each.kind is Kind.JPEG)
_NO_VALUES = ber.values(())


@dataclass(frozen=True, eq=False)
class Selection:
    """What to answer: all user attributes, all operational ones, and those wanted by name (as written -> attribute)."""

    user: bool
    operational: bool
    wanted: tuple[tuple[str, str], ...]
    types_only: bool

    @cached_property
    def plain(self) -> tuple[bytes, ...]:
        """The names, when nothing is wanted but attributes of a contact's usual answer, as they are written there."""
        if self.user or self.operational or self.types_only:
            return ()
        usual = all(written == name and USUAL.takes(name) for written, name in self.wanted)
        return tuple(name.encode() for name, _ in self.wanted) if usual else ()

    @property
    def usual(self) -> bool:
        """Whether it is what most clients ask for, and what a contact keeps ready: all user attributes with values."""
        return self.user and not (self.operational or self.wanted or self.types_only)

    def wants(self, attribute: str) -> bool:
        """Whether a user attribute is asked for in any way."""
        return self.user or any(name == attribute for _, name in self.wanted)

    def encode(self, encoded: Mapping[str, bytes]) -> bytes:
        """The chosen of some attributes (name -> encoded values), as a run of encoded attributes."""
        chosen = [(written, encoded[name]) for written, name in self.wanted if name in encoded]
        if self.user or self.operational:
            named = {name for _, name in self.wanted}
            chosen += [(name, values) for name, values in encoded.items() if name not in named and self.takes(name)]
        return b"".join(wire.attribute(name, _NO_VALUES if self.types_only else values) for name, values in chosen)

    def takes(self, name: str) -> bool:
        """Whether an attribute is asked for without its name."""
        if name in _OPERATIONAL:
            return self.operational
        return self.user and name not in _ONLY_BY_NAME


def select(descriptions: Sequence[str], names: Names, *, types_only: bool) -> Selection:
    """What a client asks for. Unknown names are ignored, as is ``1.1`` beside others (RFC 4511 section 4.5.1.8)."""
    wanted = []
    for written in dict.fromkeys(descriptions):
        attribute = names.resolve(written)
        if not isinstance(attribute, Unresolved):
            wanted.append((written, attribute.name))
    return Selection(not descriptions or "*" in descriptions, "+" in descriptions, tuple(wanted), types_only)


USUAL = Selection(user=True, operational=False, wanted=(), types_only=False)
MORE = Selection(
    user=False,
    operational=True,
    wanted=tuple((name, name) for name in sorted(_ONLY_BY_NAME)),
    types_only=False,
)
"""What of a contact is not in its usual answer."""


def encode_values(values: Mapping[str, Iterable[str]]) -> dict[str, bytes]:
    """Attributes with their values encoded; those without a value are left out."""
    return {name: ber.values(value.encode() for value in found) for name, found in values.items() if found}


def attributes_of(document: Document) -> dict[str, bytes]:
    """What of a contact is kept encoded: name -> encoded values."""
    return ber.attributes(document.entry, document.start) | ber.attributes(document.more)
