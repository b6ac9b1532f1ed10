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
from sharedbook.formats.entries.yaml_nodes import Data, Items, Node, Pairs, Text, read, write, wrong
from sharedbook.formats.vcards import vcard

NUMBERED = ("company", "department", "title")
"""Fields whose nth values belong together."""

PARTS = ("po_box", "extended", "street", "city", "region", "postal_code", "country")
OWN = "fields"
HEAD = "A shared contact group, for `sharedbook plan`. What is left out of a contact here is taken away from it there."


@dataclass(frozen=True, slots=True)
class Wanted:
    """A contact as the file has it: ``columns`` are texts by column name, ``custom`` values by the field's id.

    ``uid`` or ``external_id`` may be "", not both.
    """

    line: int
    uid: str
    external_id: str
    columns: Mapping[str, str]
    custom: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    @property
    def known_by(self) -> tuple[str, str]:
        """The column by which the contact is found, and what stands there; no two contacts of a file have the same."""
        return ("uid", self.uid) if self.uid else ("external_id", self.external_id)


@dataclass(frozen=True, slots=True)
class Granted:
    """Rights on the group by the subject's label (``alice``, ``@sales``); ``line`` where they stand."""

    line: int
    subject: str
    rights: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BookFile:
    """A file. ``contacts`` and ``grants`` None: it does not say, and they stay as they are."""

    group: str
    contacts: Sequence[Wanted] | None
    grants: Sequence[Granted] | None


# ---- reading


def parse(data: bytes, custom: Sequence[CustomField], limits: Limits) -> BookFile:
    """What a file says. Raises InvalidFile, naming the line."""
    top = _pairs(read(data), "the file", ("group", "contacts", "grants"))
    if "group" not in top.pairs:
        raise wrong(top.line, "the file names no group", "write: group: SLUG")
    contacts = top.pairs.get("contacts")
    grants = top.pairs.get("grants")
    return BookFile(
        _text(top.pairs["group"], "group"),
        None if contacts is None else list(_contacts(contacts, custom, limits)),
        None if grants is None else list(_grants(grants)),
    )


def _grants(node: Node) -> Iterator[Granted]:
    if isinstance(node, Text) and not node.text:
        return
    for subject, rights in _pairs(node, "grants").pairs.items():
        yield Granted(rights.line, subject, tuple(_text(each, "a right") for each in _list(rights)))


def _contacts(node: Node, custom: Sequence[CustomField], limits: Limits) -> Iterator[Wanted]:
    met: dict[tuple[str, str], int] = {}
    for each in _list(node):
        found = _contact(each, custom, limits)
        for known in (("uid", found.uid), ("external_id", found.external_id)):
            if known[1] and known in met:
                raise wrong(found.line, f"{known[0]} {known[1]} is the contact of line {met[known]} already")
            met[known] = found.line
        yield found


def _contact(node: Node, custom: Sequence[CustomField], limits: Limits) -> Wanted:
    pairs = _pairs(node, "a contact", (*FIELDS, OWN)).pairs
    columns = dict(cell for name, each in pairs.items() if name != OWN for cell in _cells(name, each))
    uid, external_id = columns.pop("uid", ""), columns.get("external_id", "")
    if not (uid or external_id):
        raise wrong(node.line, "the contact has neither uid nor external_id", "a new one: external_id: ANY-NUMBER")
    own = _custom(_pairs(pairs[OWN], OWN), custom, limits) if OWN in pairs else {}
    return Wanted(node.line, uid, external_id, columns, own)


def _cells(name: str, node: Node) -> Iterator[tuple[str, str]]:
    """A field's texts by column name."""
    if not FIELDS[name].many:
        yield name, _text(node, name)
    elif name == "tags":
        yield name, entries.joined([_text(each, name) for each in _list(node)])
    else:
        for number, each in enumerate(_list(node), 1):
            parts = PARTS if FIELDS[name].parts else ("value",)
            if isinstance(each, Text):
                yield Column(name, "", number, "street" if FIELDS[name].parts else "").name, each.text
                continue
            pairs = _pairs(each, name, () if name in NUMBERED else ("type", *parts)).pairs
            for part, value in pairs.items():
                yield Column(name, "", number, "" if part == "value" else part).name, _text(value, part)


def _custom(found: Pairs, custom: Sequence[CustomField], limits: Limits) -> dict[int, tuple[str, ...]]:
    values = {}
    for name, node in found.pairs.items():
        own = custom_values.named(custom, name)
        if own is None:
            raise wrong(node.line, f"there is no custom field {name}", "see: sharedbook field list")
        texts = [_text(each, name) for each in _list(node)]
        if len(texts) > 1 and not own.several:
            raise wrong(node.line, f"{own.name} has one value")
        try:
            values[own.id] = custom_values.read(own, custom_values.written(own, texts), limits)
        except InvalidValue as error:
            raise wrong(node.line, error.message) from error
    return values


def _pairs(node: Node, what: str, known: Iterable[str] | None = None) -> Pairs:
    if not isinstance(node, Pairs):
        raise wrong(node.line, f"{what} is written as lines of NAME: VALUE")
    for name, value in node.pairs.items() if known is not None else ():
        if name not in (names := list(known or ())):
            near = difflib.get_close_matches(name, names, n=1)
            raise wrong(value.line, f"{what} has no {name}", f"did you mean {near[0]}?" if near else None)
    return node


def _list(node: Node) -> list[Node]:
    """The elements; a single text is a list of one, an empty one of none."""
    if isinstance(node, Items):
        return node.items
    return [node] if not isinstance(node, Text) or node.text else []


def _text(node: Node, what: str) -> str:
    if not isinstance(node, Text):
        raise wrong(node.line, f"{what} is one text")
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
