"""The contacts in memory: a snapshot, rebuilt from the feed at any time and changed one contact at a time.

What a reader may see (a ``Mask``) is applied to every slot before it is counted, ordered or returned: no answer, limit
or position depends on a contact outside of it. The rule of seeing is ``access.sees``, kept here as bit masks: one for
each group (who is in it) and one for each audience (who may be shown it).
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import filterfalse, islice

from ldap_gateway.columns import (
    COLUMN_OF,
    Column,
    KeyColumn,
    Keyed,
    PhoneColumn,
    Plan,
    Tails,
    TextColumn,
    Together,
    Wholes,
    first_of,
)
from ldap_gateway.plan import Compiler
from ldap_gateway.ranks import Ranks
from ldap_gateway.runs import Runs
from sharedbook.domain.query import Comparison, Query, Record


@dataclass(slots=True, eq=False)
class Document:
    """One contact as it is answered: ``entry``: the usual answer, whose attributes are from ``start`` on; ``more``:
    its other attributes.

    ``groups`` and ``audience`` are ids of the groups that hold it and of the subjects that may be shown it.
    """

    id: int
    key: str
    groups: Collection[int]
    audience: frozenset[int]
    entry: bytes
    start: int = 0
    more: bytes = b""


@dataclass(frozen=True, slots=True)
class ColumnOf:
    """How a property is kept: compared as text or as phone numbers; ``runs`` names the list of runs that it is in;
    ``whole``: its values are found as such, too. ``written``: how its one value is made of the contact's key.

    Properties that clients ask for together share one: the same word has the same candidates in all of them.
    """

    comparison: Comparison = Comparison.DIRECTORY
    runs: str = "names"
    whole: bool = False
    written: Callable[[str], str] | None = None


NO_PAIRS = "rest"
"""The list of runs that keeps pairs of telling characters only: of what is seldom searched."""

MASKS = 256
"""How many are remembered; each change of a contact forgets them all."""
TOGETHER, ANSWERS = 6, 4
"""For how many sets of properties their texts are kept together, and for how many selections their answers."""
_FIRST_LOOK = 128
_LONGEST_LOOK = 8192


class Mask(bytearray):
    """One byte a slot: 1 where the reader may see the contact. Never the same object before and after a change.

    ``whole``: there is no contact that he may not see.
    """

    whole = False


@dataclass(frozen=True, slots=True)
class Order:
    """Sorted by the first value of a property; contacts without one come last (RFC 2891 section 2.2)."""

    property: str
    reverse: bool = False


class Index:
    """Contacts by slot, and everything that finds them."""

    def __init__(self, columns: Mapping[str, ColumnOf], constants: Record, ranked: str) -> None:
        """``constants``: properties that are the same in every contact. ``ranked``: the property kept in order."""
        names = {column.runs for column in columns.values() if column.runs}
        self._runs = {name: Runs(pairs=name != NO_PAIRS) for name in names}
        self._tails, self._wholes = Tails(), Wholes()
        self._documents: list[Document | None] = []
        self._keys: dict[str, int] = {}
        self.columns: dict[str, Column] = {name: self._column(column) for name, column in columns.items()}
        self._texts = {name: each.texts for name, each in self.columns.items() if isinstance(each.texts, list)}
        self._sharing: list[tuple[Runs | Tails | Wholes, list[Column]]] = [
            (runs, [self.columns[name] for name, column in columns.items() if column.runs == runs_name])
            for runs_name, runs in self._runs.items()
        ]
        self._sharing.append((self._tails, [each for each in self.columns.values() if isinstance(each, PhoneColumn)]))
        self._sharing.append((self._wholes, [self.columns[name] for name, column in columns.items() if column.whole]))
        self.compiler = Compiler(self.columns, constants, self.together)
        self._together: dict[tuple[str, ...], Together] = {}
        self._answers: dict[object, list[bytes]] = {}
        self._entries: list[bytes] = []
        self._held: list[Collection[int]] = []
        self._ids = array("q")
        self._free: list[int] = []
        self._unbuilt: dict[int, None] = {}
        self._slots: dict[int, int] = {}
        self._ranked = ranked
        self._ranks = Ranks(lambda slot: (self._sort_key(ranked, slot), slot))
        self._groups: dict[int, int] = {}
        self._audiences: dict[frozenset[int], int] = {}
        self._masks: dict[tuple[frozenset[int], frozenset[int]], Mask] = {}

    def _column(self, column: ColumnOf) -> Column:
        runs = [self._runs[column.runs]] if column.runs else []
        if column.comparison is Comparison.PHONE:
            return PhoneColumn(runs, self._tails)
        if column.written is not None:
            return KeyColumn(Keyed(self._documents, self._keys, column.written))
        return TextColumn(runs, self._wholes if column.whole else None)

    def __len__(self) -> int:
        return len(self._slots)

    # ---- keeping

    def put(self, document: Document, texts: Mapping[str, str], *, later: bool = False) -> None:
        """Adds a contact, or replaces the one with its id. ``texts``: property -> joined text, as ``prepare`` makes.

        ``later``: what makes searching fast is made by ``build``; until then every slot is looked at.
        """
        self.remove(document.id)
        if not self._free:
            self._grow()
        slot = self._free.pop()
        self._documents[slot] = document
        self._entries[slot], self._held[slot], self._ids[slot] = document.entry, document.groups, document.id
        self._forget(slot)
        self._slots[document.id] = slot
        self._keys[document.key] = slot
        for name, text in texts.items():
            self._texts[name][slot] = text
        if later:
            if not self._unbuilt:
                self._be_ready(False)
            self._unbuilt[slot] = None
        else:
            self._share(slot)
        self._ranks.add(slot)
        self._show(document, slot)

    def _grow(self) -> None:
        """Makes some more slots."""
        size = len(self._documents)
        more = size // 64 + 1
        self._documents += [None] * more
        self._entries += [b""] * more
        self._held += [()] * more
        self._ids.extend([0] * more)
        for texts in self._texts.values():
            texts += [""] * more
        for together in self._together.values():
            together.texts += [""] * more
        for answers in self._answers.values():
            answers += [b""] * more
        self._free += range(size + more - 1, size - 1, -1)

    def _forget(self, slot: int) -> None:
        """What was made of the contact that was in a slot."""
        for together in self._together.values():
            together.texts[slot] = ""
        for answers in self._answers.values():
            answers[slot] = b""

    def _share(self, slot: int) -> None:
        for shared, columns in self._sharing:
            shared.add(slot, _texts(columns, slot))

    def build(self, most: int) -> bool:
        """Does what was left for later, for at most so many contacts; returns whether there is more."""
        some = list(islice(self._unbuilt, most))
        for shared, columns in self._sharing:  # one after the other: what each changes stays near the processor
            for slot in some:
                shared.add(slot, _texts(columns, slot))
        for slot in some:
            del self._unbuilt[slot]
        if not self._unbuilt:
            self._unbuilt = {}  # one that held many keeps their room
            self._be_ready(True)
            self._ranks.settle()
        return bool(self._unbuilt)

    def _be_ready(self, ready: bool) -> None:
        for shared, _ in self._sharing:
            shared.ready = ready

    def remove(self, contact_id: int) -> None:
        """Forgets a contact and every value of it; does nothing when there is none."""
        slot = self._slots.get(contact_id)
        if slot is None:
            return
        document = self._documents[slot]
        assert document is not None
        self._hide(document, slot)
        self._ranks.remove(slot)
        if slot in self._unbuilt:
            del self._unbuilt[slot]
        else:
            for shared, columns in self._sharing:
                shared.remove(slot, _texts(columns, slot))
        for texts in self._texts.values():
            texts[slot] = ""
        self._forget(slot)
        del self._slots[contact_id], self._keys[document.key]
        self._documents[slot] = None
        self._entries[slot], self._held[slot], self._ids[slot] = b"", (), 0
        self._free.append(slot)

    def together(self, names: Sequence[str]) -> Together | None:
        """Columns of one kind as one; None when too many sets of them are kept already."""
        key = tuple(sorted(names))
        if key not in self._together and len(self._together) < TOGETHER:
            self._together[key] = Together([self.columns[name] for name in key], [""] * len(self._documents))
        return self._together.get(key)

    def answers(self, selection: object) -> list[bytes]:
        """By slot the answers to a selection of attributes; b"" where the caller has made none yet.

        The lists of those who ask most recently are kept.
        """
        made = self._answers.pop(selection, None)
        if made is None:
            made = [b""] * len(self._documents)
            if len(self._answers) == ANSWERS:
                del self._answers[next(iter(self._answers))]
        self._answers[selection] = made
        return made

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
            mask = self._masks[key] = _mask(held & shown, len(self._documents))
            mask.whole = (held & shown).bit_count() == len(self._slots)
        return mask

    def ids(self) -> list[int]:
        """The ids of all contacts."""
        return list(self._slots)

    def ids_at(self, slots: Iterable[int]) -> array[int]:
        """The ids of the contacts in some slots."""
        return array("q", map(self._ids.__getitem__, slots))

    def document(self, contact_id: int) -> Document | None:
        """A contact by its id, whoever may see it."""
        slot = self._slots.get(contact_id)
        return None if slot is None else self._documents[slot]

    def sees(self, mask: Mask, contact_id: int) -> bool:
        """Whether a contact exists and is in the mask."""
        slot = self._slots.get(contact_id)
        return slot is not None and bool(mask[slot])

    def seen(self, mask: Mask, contact_ids: Iterable[int]) -> list[int]:
        """The slots of those of some contacts, by their ids, that exist and are in the mask, in the same order."""
        slots = self._slots
        return [slot for contact_id in contact_ids if (slot := slots.get(contact_id)) is not None and mask[slot]]

    def at(self, slots: Iterable[int]) -> list[Document]:
        """The contacts in some slots."""
        documents = self._documents
        return [document for slot in slots if (document := documents[slot]) is not None]

    def entries(self, slots: Iterable[int]) -> list[bytes]:
        """The usual answers of the contacts in some slots."""
        entries = self._entries
        return [entries[slot] for slot in slots]

    def groups(self, slots: Sequence[int]) -> Mapping[Collection[int], int]:
        """How many of the contacts in some slots are in the same groups."""
        if len(slots) == 1:
            return {self._held[slots[0]]: 1}
        return Counter(map(self._held.__getitem__, slots))

    def by_key(self, mask: Mask, key: str) -> Document | None:
        """The visible contact with this key."""
        slot = self._keys.get(key)
        return self._documents[slot] if slot is not None and mask[slot] else None

    # ---- finding

    def search(self, found: Query, mask: Mask, *, order: Sequence[Order] = (), limit: int | None = None) -> list[int]:
        """The slots of the visible contacts for which a query is True, at most ``limit`` of them.

        Raises InvalidQuery for a query that no LDAP filter makes.
        """
        return self.find(self.compiler.compile(found), mask, order=order, limit=limit)

    def find(self, plan: Plan, mask: Mask, *, order: Sequence[Order] = (), limit: int | None = None) -> list[int]:
        """The visible slots of a plan, at most ``limit`` of them. Raises CostlyQuery."""
        plan.check(len(self._documents))
        if order:
            return self._sorted(self._found(plan, mask, None), order)[:limit]
        return self._found(plan, mask, limit)

    def _found(self, plan: Plan, mask: Mask, limit: int | None) -> list[int]:
        found: list[int] = []
        for part in plan.parts or (plan,):
            for each in (range(len(self._documents)),) if part.lists is None else part.lists:
                seen = iter(each) if mask.whole and part.lists is not None else filter(mask.__getitem__, each)
                new = filterfalse(set(found).__contains__, seen) if found else seen
                found += _looked_at(part, new, None if limit is None else limit - len(found))
                if limit is not None and len(found) == limit:
                    return found
        return found

    def holds(self, found: Query, contact_id: int) -> bool:
        """Whether a query is True for one contact, whoever may see it."""
        plan = self.compiler.compile(found)
        return bool(plan.keep([self._slots[contact_id]]))

    # ---- ordering

    def sort_value(self, contact_id: int, name: str) -> str:
        """By what a contact is sorted: the first value of a property, or what comes after all values."""
        return self._sort_key(name, self._slots[contact_id])

    def _sort_key(self, name: str, slot: int) -> str:
        """The first value; after all others where there is none, as where the property is one that nobody has."""
        column = self.columns.get(name)
        text = column.texts[slot] if column else ""
        return first_of(text) if text else _LAST

    def _sorted(self, slots: list[int], order: Sequence[Order]) -> list[int]:
        if len(order) == 1 and order[0].property == self._ranked:
            return self._ranks.sort(slots, reverse=order[0].reverse)
        for each in reversed(order):
            keys = {slot: self._sort_key(each.property, slot) for slot in slots}
            slots = sorted(slots, key=keys.__getitem__, reverse=each.reverse)
        return slots


def _looked_at(plan: Plan, slots: Iterator[int], limit: int | None) -> list[int]:
    """With a limit a few slots are looked at, then more, until there are enough."""
    if limit is None:
        return plan.keep(slots)
    found: list[int] = []
    look = _FIRST_LOOK
    while len(found) < limit and (some := list(islice(slots, look))):
        found += plan.keep(some)
        look = min(look * 2, _LONGEST_LOOK)
    return found[:limit]


def prepare(columns: Mapping[str, ColumnOf], record: Record) -> dict[str, str]:
    """What ``Index.put`` takes: the values of a contact as each column keeps them. Costs most of indexing one."""
    return {
        name: COLUMN_OF[column.comparison].prepare(instance.value for instance in found)
        for name, column in columns.items()
        if column.written is None and (found := record.get(name))
    }


def _texts(columns: Iterable[Column], slot: int) -> set[str]:
    """The different texts of a slot."""
    return {text for column in columns if (text := column.texts[slot])}


_LAST = "\U0010ffff"
_BYTE_OF_DIGIT = bytes.maketrans(b"01", b"\x00\x01")


def _mask(bits: int, size: int) -> Mask:
    """The lowest ``size`` bits, the lowest first, a byte each."""
    return Mask(format(bits, f"0{size}b")[::-1].encode().translate(_BYTE_OF_DIGIT) if size else b"")
