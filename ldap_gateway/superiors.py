"""Who reports to whom, and ``manager`` as each reader has it: the DN of a contact that he sees, else nothing.

Contacts share their encoded entries; a superior is put in behind them, and a filter that asks for one is made, for its
reader, a filter on the contacts below him. A hidden superior and none at all are answered alike.
"""

from __future__ import annotations

from collections.abc import Mapping

from ldap_gateway.index import Document, Index, Mask
from ldap_gateway.people import instances
from sharedbook.domain.query import And, Not, Op, Or, Query, Some, Test, matches

MANAGER = "manager"


class Superiors:
    """Contact id -> the id of its superior. ``base``: DN of the contacts as DNs are compared."""

    def __init__(self, index: Index, base: str) -> None:
        self._index = index
        self._base = base
        self._above: dict[int, int] = {}

    def __bool__(self) -> bool:
        return bool(self._above)

    def set(self, found: Mapping[int, int]) -> None:
        """Takes in who reports to whom now; 0 for nobody."""
        self._above = {contact_id: above for contact_id, above in {**self._above, **found}.items() if above}

    def ids(self) -> list[int]:
        """The contacts that have a superior."""
        return list(self._above)

    def of(self, contact_id: int, mask: Mask) -> Document | None:
        """A contact's superior, if the mask shows him. ``mask``: all that a reader sees."""
        above = self._above.get(contact_id)
        return self._index.document(above) if above is not None and self._index.sees(mask, above) else None

    def asked(self, found: Query, mask: Mask) -> Query:
        """A query without ``manager``, for who sees what the mask shows."""
        match found:
            case And(parts):
                return And(tuple(self.asked(part, mask) for part in parts))
            case Or(parts):
                return Or(tuple(self.asked(part, mask) for part in parts))
            case Not(part):
                return Not(self.asked(part, mask))
            case Some(property=name) if name == MANAGER:
                return Or(tuple(Some("uid", (Test(Op.EQUALS, key),)) for key in self._below(found, mask)))
        return found

    def _below(self, found: Query, mask: Mask) -> list[str]:
        """The keys of the contacts whose superior, in the mask, is as the query wants him."""
        wanted: set[int] = set()
        for above in set(self._above.values()):
            document = self._index.document(above) if self._index.sees(mask, above) else None
            name = f"uid={document.key},{self._base}" if document else ""
            if name and matches(found, instances({MANAGER: [name]})):
                wanted.add(above)
        below = (self._index.document(contact_id) for contact_id, above in self._above.items() if above in wanted)
        return [document.key for document in below if document is not None]
