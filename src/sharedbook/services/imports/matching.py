"""Which contact of a group an incoming row is: external id, UID, one mail, E.164 and name, or the whole card.

Never a name alone. Rows match what the rows before them wrote, and in a dry run what they would have written.
"""

from __future__ import annotations

import marshal
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

from sharedbook.domain.model import Group
from sharedbook.formats.vcards.content_line import CRLF
from sharedbook.services.contacts import custom_fields
from sharedbook.services.contacts.custom_fields import Values
from sharedbook.services.imports.blocks import Block, Ready
from sharedbook.services.imports.said import Said, all_numbers, full_numbers
from sharedbook.services.tx import Tx
from sharedbook.services.writing.kept import Kept
from sharedbook.store import contacts, matches, revisions
from sharedbook.store.matches import Facts, Key, facts, holders, key
from sharedbook.store.set_aside import SetAside


@dataclass(slots=True, eq=False)
class Known:
    """A contact that a row may be: of the database, or (``id`` None) one that the dry run would have added.

    ``text`` is "" and ``custom`` None until asked for: see ``Matcher.text_of`` and ``custom_of``. ``keys``: what rows
    have said of it; ``place``: where a dry run has set it aside.
    """

    id: int | None
    facts: Facts
    text: str = ""
    custom: Values | None = None
    keys: frozenset[Key] = frozenset()
    place: int | None = None

    def packed(self) -> bytes:
        """For ``_unpacked``."""
        custom = None if self.custom is None else dict(self.custom)
        return marshal.dumps((self.id, *self.facts, self.text, custom, self.keys))


def _unpacked(place: int, written: bytes) -> Known:
    contact_id, *facts, text, custom, keys = marshal.loads(written)
    return Known(contact_id, Facts._make(facts), text, custom, keys, place)


class Match(NamedTuple):
    """What a row fits, and by what: none, one, or several contacts."""

    found: tuple[Known, ...] = ()
    by: str = ""


_NOTHING = Match()

_MOST_NAMES = 100_000


class Namesakes:
    """Phone numbers of the contacts that a run has added, by the hash of their names: many a name comes again.

    Of a name that is here no other contact has it: what anybody else writes makes all of it forgotten.
    """

    def __init__(self) -> None:
        self._numbers: dict[int, str] = {}
        self._written = -1

    def begin(self, tx: Tx) -> None:
        """For each transaction."""
        if revisions.last(tx.db) != self._written:
            self._numbers.clear()

    def end(self, tx: Tx) -> None:
        """Before its end: nothing but what ``added`` tells was written in it."""
        self._written = revisions.last(tx.db)

    def added(self, block: Block, places: Iterable[int], known: Set[int]) -> None:
        """New contacts; ``known``: those of the block's hashes that contacts had before."""
        for at in places:
            name = block.hashes[at][0]
            if name not in known and len(self._numbers) < _MOST_NAMES:
                self._numbers.setdefault(name, "")
        for at in places:
            for form in block.kept.keys[at]:  # a name's other forms are other contacts' names
                if form in self._numbers:
                    self._numbers[form] += f" {block.numbers[at]}"

    def forget(self) -> None:
        """After any other writing."""
        self._numbers.clear()

    def with_a_number(self, tx: Tx, wanted: Mapping[int, Sequence[str]]) -> set[int]:
        """Those of these hashes of names that a contact has which may have a number of the rows given with it."""
        here = wanted.keys() & self._numbers.keys()
        found = {name for name in here if not all_numbers(self._numbers[name]).isdisjoint(_all(wanted[name]))}
        others = {name: set().union(*map(full_numbers, wanted[name])) for name in wanted.keys() - here}
        return found | matches.numbered(tx.db, others)


def strangers(tx: Tx, block: Block, known: set[int], earlier: set[int], namesakes: Namesakes) -> list[int]:
    """Places of the rows whom nobody knows by any rule: no contact, no earlier row, none of the block.

    ``known``, ``earlier``: those of the hashes that contacts and earlier rows have. Of the other rows only the rules
    can tell. Namesakes are many, and looked at: none has a number of another one, nor a card that the other could have.
    """
    met = Counter(chain.from_iterable(block.hashes))
    met.update(earlier)
    shared = known.union([each for each, times in met.items() if times > 1])
    doubtful = [at for at, hashes in enumerate(block.hashes) if not shared.isdisjoint(hashes)]
    alike: dict[int, list[int]] = {}
    for at in doubtful:
        name, *others = block.hashes[at]
        if at not in block.odd and shared.isdisjoint(others) and _has_one(block.kept.keys[at], others):
            alike.setdefault(name, []).append(at)
    numbers = {name: [block.numbers[at] for at in places] for name, places in alike.items() if len(places) == met[name]}
    mere = {name for name, each in numbers.items() if len(each) == 1 or _differ(each)}
    mere -= namesakes.with_a_number(tx, {name: numbers[name] for name in mere & known})
    places = chain.from_iterable([alike[name] for name in mere])
    return sorted({*range(len(block.line))}.difference(doubtful, block.odd).union(places))


def _differ(rows: Sequence[str]) -> bool:
    """Whether no two rows of phone numbers have one in common."""
    return len(_all(rows)) == sum(map(len, map(all_numbers, rows)))


def _all(rows: Sequence[str]) -> frozenset[str]:
    return all_numbers(" ".join(rows))


@dataclass(slots=True, eq=False)
class Matcher:
    """Finds and remembers contacts of one group. ``prepare`` it with some rows before it is asked about them.

    ``earlier``: where a dry run, which writes nothing, finds what earlier rows would have written.
    """

    tx: Tx
    group: Group
    earlier: SetAside | None = None
    _remembered: dict[int, Known] = field(default_factory=dict)
    _written: dict[Key, tuple[Known, ...]] = field(default_factory=dict)
    _hashes: set[int] = field(default_factory=set)
    _known: Set[int] = frozenset()
    _stored: dict[Key, set[int]] = field(default_factory=dict)
    _loaded: dict[int, Known] = field(default_factory=dict)

    def prepare(self, rows: Iterable[Ready], known: Set[int]) -> None:
        """Loads what these rows may fit, in a few statements. ``known``: those of their hashes that anybody has."""
        self._known = known
        wanted = {each for row in rows if row.said and not self._is_new(row) for each in row.said.every()}
        self._stored = holders(self.tx.db, self.tx.viewer, self.group.id, wanted)
        ids = sorted({contact_id for found in self._stored.values() for contact_id in found})
        facts_of = facts(self.tx.db, ids)
        self._loaded = {each: Known(each, facts_of[each]) for each in ids}
        if self.earlier is not None:
            hashes = matches.hashes([*wanted, *map(_contact, ids)])
            for known_before in (_unpacked(*each) for each in self.earlier.having(self.group.id, hashes)):
                self._file(known_before)

    def _file(self, known: Known) -> None:
        """A contact as rows of this run have left it."""
        for each in known.keys:
            same = self._written.get(each, ())
            if known not in same:
                self._written[each] = (*same, known)
        if known.id is not None:
            self._loaded[known.id] = known

    def set_aside(self) -> None:
        """What the rows since ``prepare`` have left, for the next ones of a dry run."""
        assert self.earlier is not None
        for known in self._remembered.values():
            keys = [*known.keys] if known.id is None else [*known.keys, _contact(known.id)]
            self.earlier.put(self.group.id, matches.hashes(keys), known.packed(), known.place)

    def text_of(self, known: Known) -> str:
        """The contact's card as it is by now."""
        self._load_texts([known])
        return known.text

    def custom_of(self, known: Known) -> Values:
        """The contact's custom fields as they are by now."""
        if known.custom is None:
            known.custom = {} if known.id is None else custom_fields.values(self.tx, known.id)
        return known.custom

    def _load_texts(self, found: Iterable[Known]) -> None:
        missing = {known.id: known for known in found if known.id is not None and not known.text}
        for contact in contacts.fetch(self.tx.db, list(missing)):
            missing[contact.id].text = contact.vcard

    def _is_new(self, row: Ready) -> bool:
        """True for what no rule finds; False where only they can tell."""
        assert row.said is not None
        return not row.said.uid and self._known.isdisjoint(row.hashes) and self._hashes.isdisjoint(row.hashes)

    def find(self, row: Ready) -> Match:
        """The contact that a row is, by the first rule that any contact fits."""
        said = row.said
        assert said is not None
        if self._is_new(row):
            return _NOTHING
        if found := self._having(said.external):
            return Match(_of_one_name(found, said), "external id")
        if found := self._with_uid(said):
            return Match(tuple(found), "UID")
        if found := self._having(said.emails):
            return Match(_of_one_name(found, said), "mail address")
        namesakes = self._having(said.names)
        if found := [known for known in namesakes if said.full_numbers() & known.facts.numbers]:
            return Match(tuple(found), "phone number and name")
        return Match(tuple(self._whole(row, namesakes)), "whole card")

    def holds_uid(self, said: Said) -> bool:
        """Whether a contact that the viewer sees has the row's UID."""
        return bool(self._with_uid(said))

    def _with_uid(self, said: Said) -> list[Known]:
        if not said.uid:
            return []
        return [known for known in self._having([key("uid", said.uid)]) if known.facts.uid == said.uid]

    def _having(self, keys: Sequence[Key]) -> list[Known]:
        """Whom any of these keys finds: contacts by id, then what rows of this run would have added."""
        found: dict[int, Known] = {}
        for each in keys:
            stored = (self._loaded[contact_id] for contact_id in self._stored.get(each, ()))
            found |= {id(known): known for known in (*stored, *self._written.get(each, ()))}
        return sorted(found.values(), key=lambda known: (known.id is None, known.id or 0))

    def _whole(self, row: Ready, namesakes: Sequence[Known]) -> list[Known]:
        """The first namesake whose card the row would make, its UID aside: an earlier import of the same row."""
        new = row.kept
        if not namesakes or new is None or _has_one(new.indexed.keys, row.hashes[1:]):
            return []
        length = new.size - len(new.uid.encode())
        alike = [known for known in namesakes if known.facts.size - len(known.facts.uid.encode()) == length]
        self._load_texts(alike)
        bare = _without_uid(new.text, new.uid)
        return [known for known in alike if _without_uid(known.text, known.facts.uid) == bare][:1]

    def remember(self, known: Known, row: Ready) -> None:
        """A row was written (or, in a dry run, would have been): later rows fit what it says."""
        said = row.said
        assert said is not None
        self._hashes.update(row.hashes)
        self._remembered[id(known)] = known
        known.keys = known.keys.union(said.every())
        self._file(known)


def made_of(row: Ready, found: Kept, contact_id: int | None = None) -> Known:
    """The contact that a row has made, or (``contact_id`` None) will make."""
    assert row.said is not None
    return Known(contact_id, Facts(found.uid, found.name, found.size, row.said.all_numbers()), found.text, row.custom)


def _contact(contact_id: int) -> Key:
    return "contact", str(contact_id)


def _has_one(keys: Sequence[int], others: Sequence[int]) -> bool:
    """Whether a card has a key of what its row is matched by beside the name: who has no such has not this card."""
    return not set(keys).isdisjoint(others)


def _of_one_name(found: Sequence[Known], said: Said) -> tuple[Known, ...]:
    """Of several that share an address, the one that also has the name, if it is one."""
    names = {folded for _, folded in said.names}
    named = [known for known in found if key("", known.facts.name)[1] in names]
    return tuple(named if len(named) == 1 else found)


def _without_uid(text: str, uid: str) -> str:
    """Text without the UID line that this program writes; another one stays, and is found by its UID."""
    return text.replace(f"{CRLF}UID:{uid}{CRLF}", CRLF, 1)
