"""Which contact of a group an incoming row is: external id, UID, one mail, E.164 and name, or the whole card.

Never a name alone. Rows match what the rows before them wrote, and in a dry run what they would have written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sharedbook.domain.model import Group
from sharedbook.formats.vcards.content_line import CRLF
from sharedbook.services.contacts import custom_fields
from sharedbook.services.contacts.custom_fields import Values
from sharedbook.services.imports.ready import Ready
from sharedbook.services.imports.said import Said
from sharedbook.services.tx import Tx
from sharedbook.services.writing.kept import Kept
from sharedbook.store import contacts, matches
from sharedbook.store.matches import Facts, Key, facts, holders, key


@dataclass(slots=True, eq=False)
class Known:
    """A contact that a row may be: of the database, or (``id`` None) one that the dry run would have added.

    ``text`` is "" and ``custom`` None until asked for: see ``Matcher.text_of`` and ``custom_of``.
    """

    id: int | None
    facts: Facts
    text: str = ""
    custom: Values | None = None


class Match(NamedTuple):
    """What a row fits, and by what: none, one, or several contacts."""

    found: tuple[Known, ...] = ()
    by: str = ""


_NOTHING = Match()


@dataclass(slots=True, eq=False)
class Matcher:
    """Finds and remembers contacts of one group. ``prepare`` it with some rows before it is asked about them."""

    tx: Tx
    group: Group
    _written: dict[Key, tuple[Known, ...]] = field(default_factory=dict)
    _hashes: set[int] = field(default_factory=set)
    _known: set[int] = field(default_factory=set)
    _expected: list[Ready] = field(default_factory=list)
    _changed: dict[int, Known] = field(default_factory=dict)
    _stored: dict[Key, set[int]] = field(default_factory=dict)
    _loaded: dict[int, Known] = field(default_factory=dict)

    def prepare(self, rows: Sequence[Ready]) -> None:
        """Loads what these rows may fit, in a few statements."""
        self._remember_expected()  # whole rows of a large dry run would fill the memory
        self._known = matches.known(self.tx.db, {each for row in rows for each in row.hashes})
        self._known -= self._mere_namesakes(rows)
        wanted = {each for row in rows if row.said and not self.is_new(row) for each in row.said.every()}
        self._stored = holders(self.tx.db, self.tx.viewer, self.group.id, wanted)
        ids = sorted({contact_id for found in self._stored.values() for contact_id in found})
        known = facts(self.tx.db, ids)
        self._loaded = {each: self._changed.get(each) or Known(each, known[each]) for each in ids}

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

    def _mere_namesakes(self, rows: Sequence[Ready]) -> set[int]:
        """Hashes of names that contacts have whom no row can be: none has a number of one, and none the card of one.

        Not where rows change contacts (these come whole): they may give one the number of a later row.
        """
        numbers: dict[int, set[str]] = {}
        asked: set[int] = set()
        for row in rows:
            if row.said is None or not row.said.names or row.hashes[-1] not in self._known:
                continue
            unlike = _is_found_by_others(row) and self._known.isdisjoint(row.hashes[:-1])
            if row.row is not None or row.said.uid or not unlike:
                asked.add(row.hashes[-1])
            else:
                numbers.setdefault(row.hashes[-1], set()).update(row.said.numbers)
        return numbers.keys() - asked - matches.numbered(self.tx.db, numbers)

    def is_new(self, row: Ready) -> bool:
        """True for what no rule finds; False where only they can tell."""
        assert row.said is not None
        return not row.said.uid and self._known.isdisjoint(row.hashes) and self._hashes.isdisjoint(row.hashes)

    def expect(self, row: Ready) -> None:
        """A new row is about to be written: ``remember`` that when a later row may fit it."""
        self._hashes.update(row.hashes)
        self._expected.append(row)

    def _remember_expected(self) -> None:
        for row in self._expected:
            assert row.kept is not None
            self.remember(made_of(row, row.kept), row)
        self._expected.clear()

    def find(self, row: Ready) -> Match:
        """The contact that a row is, by the first rule that any contact fits."""
        said = row.said
        assert said is not None
        if self.is_new(row):
            return _NOTHING
        self._remember_expected()
        if found := self._having(said.external):
            return Match(_of_one_name(found, said), "external id")
        if found := self._with_uid(said):
            return Match(tuple(found), "UID")
        if found := self._having(said.emails):
            return Match(_of_one_name(found, said), "mail address")
        namesakes = self._having(said.names)
        if found := [known for known in namesakes if said.numbers & known.facts.numbers]:
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
        found: dict[int, Known] = {}
        for each in keys:
            stored = (self._loaded[contact_id] for contact_id in sorted(self._stored.get(each, ())))
            found |= {id(known): known for known in (*stored, *self._written.get(each, ()))}
        return list(found.values())

    def _whole(self, row: Ready, namesakes: Sequence[Known]) -> list[Known]:
        """The first namesake whose card the row would make, its UID aside: an earlier import of the same row."""
        new = row.kept
        if not namesakes or new is None or _is_found_by_others(row):
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
        written, alone = self._written, (known,)
        for each in said.every():
            same = written.setdefault(each, alone)
            if known not in same:
                written[each] = (*same, known)
        if known.id is not None:
            self._changed[known.id] = known


def made_of(row: Ready, found: Kept, contact_id: int | None = None) -> Known:
    """The contact that a row has made, or (``contact_id`` None) will make."""
    assert row.said is not None
    return Known(contact_id, Facts(found.uid, found.name, found.size, row.said.numbers), found.text, row.custom)


def _is_found_by_others(row: Ready) -> bool:
    """Whether a card like the row's is found by more than its name: if none was, there is no such card."""
    return row.kept is not None and not set(row.kept.indexed.keys).isdisjoint(row.hashes[:-1])


def _of_one_name(found: Sequence[Known], said: Said) -> tuple[Known, ...]:
    """Of several that share an address, the one that also has the name, if it is one."""
    names = {folded for _, folded in said.names}
    named = [known for known in found if key("", known.facts.name)[1] in names]
    return tuple(named if len(named) == 1 else found)


def _without_uid(text: str, uid: str) -> str:
    """Text without the UID line that this program writes; another one stays, and is found by its UID."""
    return text.replace(f"{CRLF}UID:{uid}{CRLF}", CRLF, 1)
