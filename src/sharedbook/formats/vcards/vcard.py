"""Whole vCards without loss: what a client sent is kept, read by offsets, and changed one property at a time.

Only a byte order mark, line ends that are not CRLF, and a fold inside a UTF-8 character (forbidden by RFC 6350 section
3.2) are repaired. ``parse`` is the gate: nothing from outside is stored, or given to another library, before it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from sharedbook.domain.errors import CardTooLarge, InvalidCard, UnsupportedCard
from sharedbook.domain.model import Limits
from sharedbook.formats.vcards import card_limits
from sharedbook.formats.vcards.card_limits import MEGABYTE, UID_LENGTH
from sharedbook.formats.vcards.content_line import (
    CRLF,
    Params,
    Property,
    Value,
    fold_raw,
    illegal_character,
    make_line,
    parse_line,
    raw_value,
    unfold,
)
from sharedbook.formats.vcards.pieces import BEGIN, Beginning, with_crlf

VERSIONS = ("3.0", "4.0")
LABELS = frozenset({"X-ABLABEL", "X-ABADR"})
"""What Apple's clients say of another property of the same group: ``item1.EMAIL:…`` has ``item1.X-ABLabel:…``."""

DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Original:
    """A photo as it came, and the SHA-256 (hex) of the picture that is ``served`` in its place."""

    served: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Card:
    """One vCard 3.0 or 4.0. ``properties`` holds VERSION too, but not BEGIN and END.

    ``text`` is what was sent, repaired as the file head says; ``text[end:]`` is the END line and what follows it.
    ``originals``: those of its photos that were reduced just now (``photo_reduction.fit``).
    """

    text: str
    version: str
    properties: tuple[Property, ...]
    end: int
    originals: tuple[Original, ...] = ()
    _named: dict[str, list[Property]] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        for found in self.properties:
            self._named.setdefault(found.name, []).append(found)

    @property
    def uid(self) -> str:
        """The UID, "" if there is none."""
        found = self.first("UID")
        return found.text().strip() if found else ""

    def first(self, name: str) -> Property | None:
        """The first property of an upper-case name."""
        return next(iter(self._named.get(name, ())), None)

    def all(self, name: str) -> Sequence[Property]:
        """All properties of an upper-case name, in order."""
        return self._named.get(name, ())


# ---- reading


def parse(data: bytes | str, limits: Limits = DEFAULT_LIMITS, *, require_uid: bool = True) -> Card:
    """Reads exactly one vCard of version 3.0 or 4.0.

    ``str`` may hold octets that were no UTF-8 as surrogate escapes. Raises InvalidCard, with the line or octet in the
    sentence, for what breaks the grammar, holds no or two UIDs, no or two cards, or is over a limit; of its kinds,
    CardTooLarge for size, UnsupportedCard for another version or another component. FN is not asked for: what a client
    sends is kept, and a name to show is derived (``fields.read``).
    """
    check_size(data, limits)
    text = with_crlf(_decode(data))
    if found := illegal_character(text):
        line = text.count("\n", 0, found.start()) + 1
        raise InvalidCard(f"Line {line} holds U+{ord(found[0]):04X}, which no address book may carry.", line=line)
    properties, end = _read(text, limits.properties)
    card = Card(text, _version(properties), properties, end)
    _check_uid(card, require_uid)
    card_limits.check(properties, limits)
    return card


def checked(card: Card, limits: Limits) -> Card:
    """A card that was made here instead of parsed: it is under the limits that ``parse`` asks, and has its errors."""
    check_size(card.text, limits)
    if len(card.properties) > limits.properties:
        raise _too_many(card.properties[limits.properties].line, limits.properties)
    _check_uid(card, True)
    card_limits.check(card.properties, limits)
    return card


def load(text: str) -> Card:
    """A card that ``parse`` accepted before, from the store: no limit is asked again, as it may be a new one."""
    properties, end = _read(text, sys.maxsize)
    return Card(text, _version(properties), properties, end)


_FOLD_INSIDE_CHARACTER = re.compile(rb"([\xc2-\xf4][\x80-\xbf]{0,2})(\r?\n[ \t])([\x80-\xbf]{1,3})")


def _decode(data: bytes | str) -> str:
    """Text of UTF-8 without its byte order mark. Raises InvalidCard with the octet's number, from 1."""
    if isinstance(data, str):
        if data.isascii():
            return data
        with suppress(UnicodeEncodeError):
            data.encode()
            return data.removeprefix("\ufeff")
        try:
            data = data.encode(errors="surrogateescape")
        except UnicodeEncodeError as error:
            line = error.object.count("\n", 0, error.start) + 1
            raise InvalidCard(f"Line {line} holds half of a surrogate pair.", line=line) from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        first_error = error
    try:
        return _FOLD_INSIDE_CHARACTER.sub(rb"\1\3\2", data).decode("utf-8-sig")
    except UnicodeDecodeError:
        line = data.count(b"\n", 0, first_error.start) + 1
        raise InvalidCard(
            f"Octet {first_error.start + 1}, in line {line}, is not UTF-8.", line=line, hint="save the card as UTF-8"
        ) from None


def _lines(text: str) -> Iterator[tuple[str, int, int, int]]:
    """Each unfolded content line that is not blank, with its start, end and number of first line."""
    start, number = 0, 1
    while start < len(text):
        end, folds = start, 0
        while True:
            found = text.find(CRLF, end)
            end = len(text) if found < 0 else found + len(CRLF)
            if text[end : end + 1] not in (" ", "\t"):
                break
            folds += 1
        line = unfold(text[start:end].removesuffix(CRLF))  # without a copy more than needed
        if line:
            yield line, start, end, number
        start, number = end, number + folds + 1


def _read(text: str, most: int) -> tuple[tuple[Property, ...], int]:
    """The properties between BEGIN and END, at ``most`` so many, and the place of END."""
    lines = _lines(text)
    _expect_begin(next(lines, None))
    properties: list[Property] = []
    for line, start, end, number in lines:
        found = parse_line(line, start, end, number)
        if found.name == "END":
            _expect_end(found, next(lines, None))
            return tuple(properties), start
        if found.name == "BEGIN":
            raise InvalidCard(
                f"Line {number} begins a second component inside the card.", line=number, hint="send one card at a time"
            )
        if found.name == "VERSION":  # said before anything else: other versions have another grammar
            _check_version(found)
        if len(properties) == most:
            raise _too_many(number, most)
        properties.append(found)
    last = text.count(CRLF) + 1
    raise InvalidCard("The card has no END:VCARD; it may be cut off.", line=last)


def check_size(data: bytes | str, limits: Limits) -> None:
    """Raises CardTooLarge."""
    if len(data) > limits.card_bytes or isinstance(data, Beginning):
        raise CardTooLarge(
            f"The card is larger than {limits.card_bytes / MEGABYTE:g} MB.", hint="use a smaller picture"
        )


def _too_many(line: int, most: int) -> InvalidCard:
    return InvalidCard(f"Line {line}: the card has more than {most} properties.", line=line)


def _expect_begin(first: tuple[str, int, int, int] | None) -> None:
    if first is None:
        raise InvalidCard("The card is empty.")
    line, _, _, number = first
    name, _, component = line.partition(":")
    if name.rstrip().upper() != "BEGIN":  # behind another card, a space would make it go on with that one's END
        raise InvalidCard(f"Line {number} is not BEGIN:VCARD.", line=number)
    if component.strip().upper() != "VCARD":
        raise UnsupportedCard(f"This is a {component.strip()[:40]}, not a vCard.", line=number)


def _expect_end(found: Property, after: tuple[str, int, int, int] | None) -> None:
    if found.raw.strip().upper() != "VCARD":
        raise InvalidCard(f"Line {found.line} ends a {found.raw.strip()[:40]} that never began.", line=found.line)
    if after is None:
        return
    line, _, _, number = after
    if line.strip().upper() == BEGIN:
        raise InvalidCard(
            f"It holds two cards; the second begins on line {number}.", line=number, hint="send one at a time"
        )
    raise InvalidCard(f"Line {number} comes after END:VCARD.", line=number)


def _check_version(found: Property) -> None:
    version = found.raw.strip()
    if version not in VERSIONS:
        raise UnsupportedCard(
            f"This is a vCard {version[:40]}; 3.0 and 4.0 are kept.",
            line=found.line,
            hint="`sharedbook import` converts 2.1",
        )


def _version(properties: Sequence[Property]) -> str:
    """The one version that the card names. Raises InvalidCard if there is none, or more than one."""
    versions = {found.raw.strip() for found in properties if found.name == "VERSION"}
    if len(versions) != 1:
        raise InvalidCard("The card names several versions." if versions else "The card has no VERSION.")
    return versions.pop()


def _check_uid(card: Card, require_uid: bool) -> None:
    uids = card.all("UID")
    if len(uids) > 1:
        raise InvalidCard(f"Line {uids[1].line} is a second UID.", line=uids[1].line)
    if require_uid and not card.uid:
        line = uids[0].line if uids else None
        raise InvalidCard("The UID is empty." if uids else "The card has no UID.", line=line, hint="add a UID")
    if len(card.uid) > UID_LENGTH:
        raise InvalidCard(
            f"Line {uids[0].line}: the UID has {len(card.uid)} characters, more than {UID_LENGTH}.", line=uids[0].line
        )


# ---- changing single properties


class Set(NamedTuple):
    """Gives the ``nth`` property of a name a new value; group and, unless given, parameters stay. Absent: adds it."""

    name: str
    value: Value
    params: Params | None = None
    nth: int = 0


class Add(NamedTuple):
    """Adds a property behind the last of its name; ``label`` also gives it a group with an X-ABLabel."""

    name: str
    value: Value
    params: Params = ()
    label: str = ""


class Remove(NamedTuple):
    """Removes the ``nth`` property of a name, or all of them, with the labels of a group that has nothing else left."""

    name: str
    nth: int | None = None


Edit = Set | Add | Remove


def patch(card: Card, edits: Iterable[Edit]) -> str:
    """The card's text with some properties changed and every other byte as it was.

    Names and ``nth`` mean the given card; of two edits of one property the later counts. Raises InvalidCard for a value
    that no line can carry. The result is not checked against limits: ``parse`` it.
    """
    changed: dict[Property, str] = {}
    added: list[tuple[int, int, str]] = []
    groups = {found.group.lower() for found in card.properties}
    for edit in edits:
        existing = card.all(edit.name.upper())
        match edit:
            case Set(value=value, params=params, nth=nth) if nth < len(existing):
                changed[existing[nth]] = rewritten(card, existing[nth], value, params)
            case Set(name=name, value=value, params=params):
                added.append(_insertion(card, name, make_line(name, value, params or ())))
            case Add(name=name, value=value, params=params, label=label):
                group = free_group(groups) if label else ""
                line = make_line(name, value, params, group)
                added.append(_insertion(card, name, line + (make_line("X-ABLabel", label, (), group) if label else "")))
            case Remove(nth=nth):
                changed.update(dict.fromkeys(existing if nth is None else existing[nth : nth + 1], ""))
    return _spliced(card, changed, added)


def replaced(card: Card, changed: Mapping[Property, str], added: Iterable[tuple[str, str]]) -> str:
    """The card's text with other lines for some properties ("" removes one), and lines added behind those of a name.

    Every line is complete: folded, with its end. What is said of ``patch`` holds here, too.
    """
    return _spliced(card, changed, [_insertion(card, name, lines) for name, lines in added])


_NAME = re.compile("[^;:]*")


def rewritten(card: Card, found: Property, value: Value, params: Params | None) -> str:
    """A property's line with another value and, unless None, other parameters. Raises InvalidCard."""
    if params is None:
        line = unfold(card.text[found.start : found.end])
        return fold_raw(line[: len(line) - len(found.raw) - 1], raw_value(value))
    name = _NAME.match(card.text, found.start)
    assert name is not None  # it matches nothing, too
    return make_line(unfold(name[0]).rpartition(".")[2], value, params, found.group)


def _insertion(card: Card, name: str, lines: str) -> tuple[int, int, str]:
    """Behind the last property of that name and what its group says of it, else before END."""
    existing = card.all(name.upper())
    at = card.end
    if existing:
        last = existing[-1]
        group = last.group.lower()
        at = max(found.end for found in card.properties if found is last or (group and found.group.lower() == group))
    return at, at, lines


def free_group(groups: set[str]) -> str:
    """A group name of Apple's kind that the card does not use, now taken."""
    number = 1
    while f"item{number}" in groups:
        number += 1
    groups.add(f"item{number}")
    return f"item{number}"


def _orphaned_labels(card: Card, changed: Mapping[Property, str]) -> list[Property]:
    """Labels and address formats of the groups that lose their last other property by the removals."""
    losing = {found.group.lower() for found, new in changed.items() if not new} - {""}
    kept = {found.group.lower() for found in card.properties if changed.get(found, "kept") and found.name not in LABELS}
    return [found for found in card.properties if found.group.lower() in losing - kept]


def _spliced(card: Card, changed: Mapping[Property, str], added: Iterable[tuple[int, int, str]]) -> str:
    """The text with these lines and without labels that lost what they stood for; insertions stay in their order."""
    changed = {**changed, **dict.fromkeys(_orphaned_labels(card, changed), "")}
    spans = [*((found.start, found.end, new) for found, new in changed.items()), *added]
    pieces = []
    at = 0
    for start, end, new in sorted(spans, key=lambda span: span[:2]):
        pieces += [card.text[at:start], new]
        at = end
    return "".join([*pieces, card.text[at:]])
