"""The contacts in memory: a snapshot, rebuilt from the feed at any time and changed one contact at a time.

What a reader may see (a ``Mask``) is applied to every slot before it is counted, ordered or returned: no answer, limit
or position depends on a contact outside of it. The rule of seeing is ``access.sees``, kept here as bit masks: one for
each group (who is in it) and one for each audience (who may be shown it).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ldap_gateway.columns import Column, Sorted, column_for
from ldap_gateway.plan import Compiler, Plan
from sharedbook.domain import query
from sharedbook.domain.query import Comparison, Query, Record


@dataclass(frozen=True, slots=True)
class Document:
    """One contact as it is answered: ``attributes``: name -> encoded values, ``entry``: the usual answer.

    ``groups`` and ``audience`` are ids of the groups that hold it and of the subjects that may be shown it.
    """

    id: int
    key: str
    groups: Collection[int]
    audience: frozenset[int]
    attributes: Mapping[str, bytes]
    entry: bytes


@dataclass(frozen=True, slots=True)
class ColumnOf:
    """How a property is kept: compared as text or as phone numbers, with or without runs of characters."""

    comparison: Comparison = Comparison.DIRECTORY
    grams: bool = True


Mask = bytes
"""One byte a slot: 1 where the reader may see the contact."""
MASKS = 256
"""How many are remembered; each change of a contact forgets them all."""


@dataclass(frozen=True, slots=True)
class Order:
    """Sorted by the first value of a property; contacts without one come last (RFC 2891 section 2.2)."""

    property: str
    reverse: bool = False


class Index:
    """Contacts by slot, and everything that finds them."""

    def __init__(self, columns: Mapping[str, ColumnOf], constants: Record, ranked: str) -> None:
        """``constants``: properties that are the same in every contact. ``ranked``: the property kept in order."""
        self._columns: dict[str, Column] = {
            name: column_for(column.comparison, grams=column.grams) for name, column in columns.items()
        }
        self._constants = constants
        self._documents: list[Document | None] = []
        self._free: list[int] = []
        self._slots: dict[int, int] = {}
        self._keys: dict[str, int] = {}
        self._ranked = ranked
        self._rank: Sorted[tuple[str, int]] = Sorted()
        self._groups: dict[int, int] = {}
        self._audiences: dict[frozenset[int], int] = {}
        self._masks: dict[tuple[frozenset[int], frozenset[int]], Mask] = {}

    def __len__(self) -> int:
        return len(self._slots)

    # ---- keeping

    def put(self, document: Document, record: Record) -> None:
        """Adds a contact, or replaces the one with its id. ``record``: property -> instances, as filters see it."""
        self.remove(document.id)
        slot = self._free.pop() if self._free else len(self._documents)
        if slot == len(self._documents):
            self._documents.append(None)
        self._documents[slot] = document
        self._slots[document.id] = slot
        self._keys[document.key] = slot
        for name, column in self._columns.items():
            found = record.get(name)
            if found:
                column.put(slot, [instance.value for instance in found])
        self._rank.add((self._sort_key(self._ranked, slot), slot))
        self._show(document, slot)

    def remove(self, contact_id: int) -> None:
        """Forgets a contact and every value of it; does nothing when there is none."""
        slot = self._slots.pop(contact_id, None)
        if slot is None:
            return
        document = self._documents[slot]
        assert document is not None
        self._hide(document, slot)
        self._rank.discard((self._sort_key(self._ranked, slot), slot))
        for column in self._columns.values():
            column.remove(slot)
        del self._keys[document.key]
        self._documents[slot] = None
        self._free.append(slot)

    def hide(self, contact_ids: Iterable[int]) -> None:
        """Takes contacts out of every reader's sight until they are put again or removed."""
        for contact_id in contact_ids:
            document = self.document(contact_id)
            if document is not None:
                self._hide(document, self._slots[contact_id])

    def _show(self, document: Document, slot: int) -> None:
        bit = 1 << slot
        for group in document.groups:
            self._groups[group] = self._groups.get(group, 0) | bit
        self._audiences[document.audience] = self._audiences.get(document.audience, 0) | bit
        self._masks.clear()

    def _hide(self, document: Document, slot: int) -> None:
        bit = 1 << slot
        for group in document.groups:
            self._groups[group] = self._groups.get(group, 0) & ~bit
        left = self._audiences.get(document.audience, 0) & ~bit
        if left:
            self._audiences[document.audience] = left
        else:
            self._audiences.pop(document.audience, None)
        self._masks.clear()

    # ---- seeing

    def visible(self, groups: frozenset[int], subjects: frozenset[int]) -> Mask:
        """The contacts in any of the groups whose audience names any of the subjects."""
        key = groups, subjects
        mask = self._masks.get(key)
        if mask is None:
            held = shown = 0
            for group in groups:
                held |= self._groups.get(group, 0)
            for audience, bits in self._audiences.items():
                if not audience.isdisjoint(subjects):
                    shown |= bits
            if len(self._masks) >= MASKS:
                self._masks.clear()
            mask = self._masks[key] = _bytes(held & shown, len(self._documents))
        return mask

    def ids(self) -> list[int]:
        """The ids of all contacts."""
        return list(self._slots)

    def document(self, contact_id: int) -> Document | None:
        """A contact by its id, whoever may see it."""
        slot = self._slots.get(contact_id)
        return None if slot is None else self._documents[slot]

    def sees(self, mask: Mask, contact_id: int) -> bool:
        """Whether a contact exists and is in the mask."""
        slot = self._slots.get(contact_id)
        return slot is not None and bool(mask[slot])

    def seen(self, mask: Mask, contact_id: int) -> Document | None:
        """A contact by its id, if it is in the mask."""
        slot = self._slots.get(contact_id)
        return self._documents[slot] if slot is not None and mask[slot] else None

    def by_key(self, mask: Mask, key: str) -> Document | None:
        """The visible contact with this key."""
        slot = self._keys.get(key)
        return self._documents[slot] if slot is not None and mask[slot] else None

    # ---- finding

    def search(
        self, found: Query, mask: Mask, *, order: Sequence[Order] = (), limit: int | None = None
    ) -> list[Document]:
        """The visible contacts for which a query is True, at most ``limit`` of them.

        Raises InvalidQuery for a query that no LDAP filter makes.
        """
        slots = self._matching(self._compile(found), mask, None if order else limit)
        if order:
            slots = self._sorted(slots, order)[:limit]
        documents = self._documents
        return [document for slot in slots if (document := documents[slot]) is not None]

    def holds(self, found: Query, contact_id: int) -> bool:
        """Whether a query is True for one contact, whoever may see it."""
        return self._compile(found).has(self._slots[contact_id])

    def sort_value(self, contact_id: int, name: str) -> str:
        """By what a contact is sorted: the first value of a property, or what comes after all values."""
        return self._sort_key(name, self._slots[contact_id])

    def _compile(self, found: Query) -> Plan:
        return Compiler(self._columns, self._constants, len(self._documents)).compile(query.simplify(found))

    @staticmethod
    def _matching(plan: Plan, mask: Mask, limit: int | None) -> list[int]:
        seen = (slot for slot in plan.slots() if mask[slot])
        if limit is None:
            return sorted(set(seen))
        found: dict[int, None] = {}
        for slot in seen:
            if len(found) == limit:
                break
            found[slot] = None
        return list(found)

    # ---- ordering

    def _sorted(self, slots: list[int], order: Sequence[Order]) -> list[int]:
        for each in reversed(order):
            if each.property == self._ranked and len(order) == 1 and len(slots) > len(self._slots) // 8:
                slots = self._by_rank(slots, reverse=each.reverse)
            else:
                slots = self._by_value(slots, each)
        return slots

    def _by_rank(self, slots: list[int], *, reverse: bool) -> list[int]:
        """A slice of what is in order already: faster than sorting a large answer."""
        wanted = set(slots)
        ranked = self._rank.items()
        return [slot for _, slot in (reversed(ranked) if reverse else ranked) if slot in wanted]

    def _by_value(self, slots: list[int], order: Order) -> list[int]:
        return sorted(slots, key=lambda slot: self._sort_key(order.property, slot), reverse=order.reverse)

    def _sort_key(self, name: str, slot: int) -> str:
        """The first value; after all others where there is none, as where the property is one that nobody has."""
        column = self._columns.get(name)
        return column.values.get(slot, _LAST)[0] if column else _LAST[0]


_LAST = ("\U0010ffff",)
_BYTE_OF_DIGIT = bytes.maketrans(b"01", b"\x00\x01")


def _bytes(bits: int, size: int) -> Mask:
    """The lowest ``size`` bits, the lowest first, a byte each."""
    return format(bits, f"0{size}b")[::-1].encode().translate(_BYTE_OF_DIGIT) if size else b""
