"""Which contact of a group an incoming row is: external id, UID, one mail, E.164 and name, or the whole card.

Never a name alone. Rows match what the batch before them wrote, and in a dry run what they would have written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sharedbook.domain.errors import InvalidCard
from sharedbook.formats import entry_cards, fields, phones, vcard
from sharedbook.formats.entries import Entry
from sharedbook.formats.incoming import Incoming
from sharedbook.formats.vcard import Card, Remove
from sharedbook.services.tx import Tx
from sharedbook.store import contacts
from sharedbook.store.matches import Key, holders, key


@dataclass(slots=True, eq=False)
class Known:
    """A contact that a row may be: of the database, or (``id`` None) one that the dry run would have added."""

    id: int | None
    uid: str
    text: str

    def card(self) -> Card:
        """The card as it is by now."""
        return vcard.load(self.text)


@dataclass(frozen=True, slots=True)
class Match:
    """What a row fits, and by what: none, one, or several contacts."""

    found: tuple[Known, ...] = ()
    by: str = ""


@dataclass(slots=True)
class Matcher:
    """Finds and remembers contacts of one group. ``prepare`` it with some rows before it is asked about them."""

    tx: Tx
    group_id: int
    written: dict[Key, list[Known]] = field(default_factory=dict)
    changed: dict[int, Known] = field(default_factory=dict)
    _stored: dict[Key, set[int]] = field(default_factory=dict)
    _loaded: dict[int, Known] = field(default_factory=dict)

    def prepare(self, rows: Iterable[Incoming]) -> None:
        """Loads what these rows may fit, in a few statements."""
        wanted = {each for row in rows if not row.problems for each in _keys(row.entry)}
        self._stored = holders(self.tx.db, self.tx.viewer, self.group_id, wanted)
        ids = sorted({contact_id for found in self._stored.values() for contact_id in found})
        self._loaded = {
            contact.id: self.changed.get(contact.id) or Known(contact.id, contact.uid, contact.vcard)
            for contact in contacts.fetch(self.tx.db, ids)
        }

    def find(self, row: Incoming) -> Match:
        """The contact that a row is, by the first rule that any contact fits."""
        entry = row.entry
        for by, name, values in (
            ("external id", "X-EXTERNAL-ID", [entry.single.get("external_id", "")]),
            ("UID", "uid", [entry.single.get("uid", "")]),
            ("mail address", "email", entry.texts("email")),
        ):
            found = self._having([key(name, value) for value in values if value])
            if by == "UID":
                found = [known for known in found if known.uid == values[0]]
            if found:
                return Match(_of_one_name(found, entry), by)
        namesakes = self._having(_name_keys(entry))
        numbers = self._numbers(entry)
        found = [known for known in namesakes if numbers & self._numbers(entry_cards.of_card(known.card()))]
        if found:
            return Match(tuple(found), "phone number and name")
        return Match(tuple(known for known in namesakes if _is_whole(row, known))[:1], "whole card")

    def holds_uid(self, row: Incoming) -> bool:
        """Whether a contact that the viewer sees has the row's UID."""
        uid = row.entry.single.get("uid", "")
        return bool(uid) and any(known.uid == uid for known in self._having([key("uid", uid)]))

    def _having(self, keys: Sequence[Key]) -> list[Known]:
        found: dict[int, Known] = {}
        for each in keys:
            stored = (self._loaded[contact_id] for contact_id in sorted(self._stored.get(each, ())))
            found |= {id(known): known for known in (*stored, *self.written.get(each, ()))}
        return list(found.values())

    def _numbers(self, entry: Entry) -> set[str]:
        region = self.tx.site.settings.default_region
        return {phones.keys(text, region).e164 for text in entry.texts("phone")} - {""}

    def remember(self, known: Known, entry: Entry) -> None:
        """A row was written (or would have been) to this contact: later rows fit what the row says."""
        for each in _keys(entry):
            same = self.written.setdefault(each, [])
            if known not in same:
                same.append(known)
        if known.id is not None:
            self.changed[known.id] = known


def _keys(entry: Entry) -> list[Key]:
    found = [key("email", text) for text in entry.texts("email")]
    for column, name in (("external_id", "X-EXTERNAL-ID"), ("uid", "uid")):
        if column in entry.single:
            found.append(key(name, entry.single[column]))
    return found + _name_keys(entry)


def _name_keys(entry: Entry) -> list[Key]:
    name = entry_cards.shown_name(entry)
    return [key("fullname", name)] if name else []


def _of_one_name(found: Sequence[Known], entry: Entry) -> tuple[Known, ...]:
    """Of several that share an address, the one that also has the name, if it is one."""
    if len(found) > 1:
        name = key("", entry_cards.shown_name(entry))
        named = [known for known in found if key("", fields.read(known.card()).full_name) == name]
        if len(named) == 1:
            return tuple(named)
    return tuple(found)


def _is_whole(row: Incoming, known: Known) -> bool:
    """Whether the row would make the very card that is there, its UID aside: an earlier import of the same row."""
    try:
        made = row.text(uid=known.uid)
    except InvalidCard:
        return False
    return made == known.text or _without_uid(made) == _without_uid(known.text)


def _without_uid(text: str) -> str:
    return vcard.patch(vcard.load(text), [Remove("UID")])
