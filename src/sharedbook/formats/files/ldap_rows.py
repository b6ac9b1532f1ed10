"""Entries of an LDAP directory as incoming contacts. Which attribute is which column: ``ldif_rows``."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sharedbook.formats.entries import entries
from sharedbook.formats.entries.incoming import Incoming, Reading
from sharedbook.formats.files import ldif_rows
from sharedbook.formats.rows.problems import Problem

IDENTITIES = ("entryUUID", "objectGUID")
"""Attributes that never change for an entry; its DN stands in where a directory has none of them."""


@dataclass(frozen=True, slots=True)
class Row:
    """An entry: its DN, and its values by attribute in lower case."""

    dn: str
    values: Mapping[str, Sequence[str]]

    @property
    def identity(self) -> str:
        """What it is found again by."""
        return next((self.values[name.lower()][0] for name in IDENTITIES if self.values.get(name.lower())), self.dn)


def attributes(mapping: Mapping[str, str]) -> list[str]:
    """What has to be asked for."""
    return [*IDENTITIES, *ldif_rows.ATTRIBUTES, *mapping]


@dataclass
class LdapSource:
    """Rows that were read of a directory, each an incoming contact whose external id is the entry's identity."""

    found: Callable[[], Iterator[Row]]
    reading: Reading
    format: str = "ldap"
    columns: tuple[str, ...] = ("dn", "reason")
    encoding: str = "utf-8"
    delimiter: str = ""
    product: str = ""
    samples: tuple[str, ...] = ()
    left_out: dict[str, None] = field(default_factory=dict)
    warnings: list[Problem] = field(default_factory=list)
    size: int = 0
    names_groups: bool = False

    def rows(self) -> Generator[Incoming, None, None]:
        """Every entry, in the order of the directory's answer."""
        mapping = self.reading.mapping or {}
        for line, row in enumerate(self.found(), 1):
            encoded = {name: [value.encode() for value in values] for name, values in row.values.items()}
            cells = ldif_rows.columns_of(encoded) | {"external_id": row.identity}
            cells |= {mapping[name]: row.values[name.lower()][0] for name in mapping if row.values.get(name.lower())}
            made = entries.of_columns(cells, limits=self.reading.limits)
            if isinstance(made, list):
                problems = tuple(Problem(line, each.column, each.code, each.message, each.value) for each in made)
                yield Incoming(line, (row.dn, ""), problems=problems)
            else:
                yield Incoming(line, (row.dn, ""), made)
