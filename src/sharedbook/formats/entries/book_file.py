"""A group as a YAML file: its contacts by their columns, the rights on it. Sorted, so that two files can be compared.

A contact is known by its ``uid``, or else by its ``external_id``. What a contact's entry does not name, it has not:
only pictures and properties that are no column stay as they are. A field with several values is a list of texts, or of
``type`` and ``value``; its order says nothing, but for companies, departments and titles. ``fields``: the site's own.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sharedbook.domain import folding
from sharedbook.domain.errors import InvalidValue
from sharedbook.domain.model import CustomField, Limits
from sharedbook.formats.entries import custom_values, entries, entry_cards
from sharedbook.formats.entries.columns import FIELDS, Column
from sharedbook.formats.entries.entries import Entry, Value
from sharedbook.formats.entries.yaml_nodes import At, Data, Items, Mistakes, Node, Pairs, Text, read, write, wrong
from sharedbook.formats.vcards import vcard

NUMBERED = ("company", "department", "title")
"""Fields whose nth values belong together."""

PARTS = ("po_box", "extended", "street", "city", "region", "postal_code", "country")
OWN = "fields"
HEAD = "A shared contact group, for `sharedbook plan`. What is left out of a contact here is taken away from it there."


@dataclass(frozen=True, slots=True)
class Wanted:
    """A contact as the file has it: ``columns`` are texts by column name, ``custom`` values by the field's id.

    ``uid`` or ``external_id`` may be "", not both. ``places``: where each column stands.
    """

    at: At
    uid: str
    external_id: str
    columns: Mapping[str, str]
    places: Mapping[str, At]
    custom: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    @property
    def known_by(self) -> tuple[str, str]:
        """The column by which the contact is found, and what stands there; no two contacts of a file have the same."""
        return ("uid", self.uid) if self.uid else ("external_id", self.external_id)


@dataclass(frozen=True, slots=True)
class Granted:
    """Rights on the group by the subject's label (``alice``, ``@sales``), and where they stand."""

    at: At
    subject: str
    rights: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BookFile:
    """A file, but for its ``mistakes``. ``contacts``, ``grants`` None: it does not say, and they stay as they are."""

    group: str
    contacts: Sequence[Wanted] | None
    grants: Sequence[Granted] | None
    mistakes: Mistakes


# ---- reading


def parse(data: bytes, custom: Sequence[CustomField], limits: Limits) -> BookFile:
    """What a file says. Raises InvalidFile for one whose group cannot be told."""
    mistakes = Mistakes()
    return _Reader(custom, limits, mistakes).file(read(data, mistakes))


@dataclass(frozen=True, slots=True)
class _Reader:
    """Makes contacts and grants of nodes, and notes what is wrong in them."""

    custom: Sequence[CustomField]
    limits: Limits
    mistakes: Mistakes

    def file(self, node: Node) -> BookFile:
        group, found = "", {}
        with self.mistakes.noted():
            found = self._pairs(node, "the file", ("group", "contacts", "grants"))
            if "group" not in found:
                raise wrong(node.at, "the file names no group", "write: group: SLUG")
            group = _text(found["group"], "group")
        contacts, grants = found.get("contacts"), found.get("grants")
        wanted = None if contacts is None else list(self._contacts(contacts))
        granted = None if grants is None else list(self._grants(grants))
        if not group:
            self.mistakes.refuse()
        return BookFile(group, wanted, granted, self.mistakes)

    def _grants(self, node: Node) -> Iterator[Granted]:
        pairs: Mapping[str, Node] = {}
        if not (isinstance(node, Text) and not node.text):
            with self.mistakes.noted():
                pairs = self._pairs(node, "grants")
        for subject, rights in pairs.items():
            with self.mistakes.noted():
                yield Granted(rights.at, subject, tuple(_text(each, "a right") for each in _list(rights)))

    def _contacts(self, node: Node) -> Iterator[Wanted]:
        met: dict[tuple[str, str], At] = {}
        for each in _list(node):
            with self.mistakes.noted():
                found = self._contact(each)
                for known in (("uid", found.uid), ("external_id", found.external_id)):
                    if known[1] and known in met:
                        text = f"{known[0]} {known[1]} is the contact of line {met[known].line} already"
                        raise wrong(found.at, text)
                    met[known] = found.at
                yield found

    def _contact(self, node: Node) -> Wanted:
        pairs = self._pairs(node, "a contact", (*FIELDS, OWN))
        columns: dict[str, str] = {}
        places: dict[str, At] = {}
        for name, each in pairs.items():
            with self.mistakes.noted():
                for column, text, at in self._cells(name, each) if name != OWN else ():
                    columns[column], places[column] = text, at
        uid, external_id = columns.pop("uid", ""), columns.get("external_id", "")
        if not (uid or external_id):
            raise wrong(node.at, "the contact has neither uid nor external_id", "a new one: external_id: ANY-NUMBER")
        return Wanted(node.at, uid, external_id, columns, places, self._own(pairs[OWN]) if OWN in pairs else {})

    def _cells(self, name: str, node: Node) -> Iterator[tuple[str, str, At]]:
        """A field's texts by column name."""
        if not FIELDS[name].many:
            yield name, _text(node, name), node.at
        elif name == "tags":
            yield name, entries.joined([_text(each, name) for each in _list(node)]), node.at
        else:
            for number, each in enumerate(_list(node), 1):
                with self.mistakes.noted():
                    yield from self._value(name, number, each)

    def _value(self, name: str, number: int, node: Node) -> Iterator[tuple[str, str, At]]:
        """The nth value of a field."""
        parts = PARTS if FIELDS[name].parts else ("value",)
        if isinstance(node, Text):
            yield Column(name, "", number, "street" if FIELDS[name].parts else "").name, node.text, node.at
            return
        for part, value in self._pairs(node, name, () if name in NUMBERED else ("type", *parts)).items():
            yield Column(name, "", number, "" if part == "value" else part).name, _text(value, part), value.at

    def _own(self, node: Node) -> dict[int, tuple[str, ...]]:
        values: dict[int, tuple[str, ...]] = {}
        pairs: Mapping[str, Node] = {}
        with self.mistakes.noted():
            pairs = self._pairs(node, OWN)
        for name, each in pairs.items():
            with self.mistakes.noted():
                own = custom_values.named(self.custom, name)
                if own is None:
                    raise wrong(each.at, f"there is no custom field {name}", "see: sharedbook field list")
                texts = [_text(value, name) for value in _list(each)]
                if len(texts) > 1 and not own.several:
                    raise wrong(each.at, f"{own.name} has one value")
                try:
                    values[own.id] = custom_values.read(own, custom_values.written(own, texts), self.limits)
                except InvalidValue as error:
                    raise wrong(each.at, error.message) from error
        return values

    def _pairs(self, node: Node, what: str, known: Iterable[str] | None = None) -> dict[str, Node]:
        """The lines of a mapping whose names are ``known``. Raises InvalidFile for what is none."""
        if not isinstance(node, Pairs):
            raise wrong(node.at, f"{what} is written as lines of NAME: VALUE")
        names = node.pairs.keys() if known is None else list(known)
        for name in node.pairs.keys() - {*names}:
            near = difflib.get_close_matches(name, names, n=1)
            self.mistakes.note(
                node.pairs[name].at, f"{what} has no {name}", f"did you mean {near[0]}?" if near else None
            )
        return {name: value for name, value in node.pairs.items() if name in names}


def _list(node: Node) -> list[Node]:
    """The elements; a single text is a list of one, an empty one of none."""
    if isinstance(node, Items):
        return node.items
    return [node] if not isinstance(node, Text) or node.text else []


def _text(node: Node, what: str) -> str:
    if not isinstance(node, Text):
        raise wrong(node.at, f"{what} is one text")
    return node.text.strip()


# ---- writing


def compose(
    group: str,
    contacts: Iterable[tuple[str, Mapping[str, Sequence[str]]]],
    grants: Mapping[str, Sequence[str]],
) -> bytes:
    """The file of a group: cards with the site's own fields by name, rights by the subject's label."""
    found = sorted((_described(text, custom) for text, custom in contacts), key=lambda each: str(each["uid"]))
    return write({"group": group, "grants": dict(sorted(grants.items())), "contacts": found}, HEAD)


def _described(text: str, custom: Mapping[str, Sequence[str]]) -> dict[str, Data]:
    entry = entry_cards.of_card(vcard.load(text))
    found: dict[str, Data] = {}
    for name in FIELDS:
        if name in entry.single:
            found[name] = entry.single[name]
        elif entry.values(name):
            found[name] = _values(name, entry)
    if custom:
        found[OWN] = {name: list(values) for name, values in custom.items()}
    return found


def _values(name: str, entry: Entry) -> list[Data]:
    values = entry.values(name)
    if name == "tags":
        words: list[str] = sorted(entries.words(entry.texts(name)[0]), key=folding.fold)
        return [*words]
    if name in NUMBERED:
        texts = {value.number: value.text for value in values}
        return [texts.get(number, "") for number in range(1, max(texts) + 1)]
    return [_value(each) for each in values]


def _value(value: Value) -> Data:
    typed = {"type": value.type} if value.type else {}
    if value.parts:
        return {**typed, **{part: value.parts[part] for part in PARTS if value.parts.get(part)}}
    return {**typed, "value": value.text} if typed else value.text
