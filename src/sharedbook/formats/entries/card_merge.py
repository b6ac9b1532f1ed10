"""Several cards of one person as one: the first card is kept byte for byte, and gets the lines that the others add.

What a card may have once (name, birthday, photo: RFC 6350's cardinality *1) is the first card's that has it; of
everything else each different value stays: mail addresses differ by their folded text, numbers by E.164, the rest by
folded text. Notes are joined. Whoever is asked for a field by ``chosen`` gives all of it, the others nothing. Unknown
properties are kept like known ones. What is not taken over is named (``Piece.taken``), never dropped in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sharedbook.domain import folding
from sharedbook.domain.errors import InvalidValue
from sharedbook.domain.model import Limits
from sharedbook.formats.entries import card_diff, columns
from sharedbook.formats.entries.entry_cards import SEVERAL, SINGLE
from sharedbook.formats.vcards import fields, phones, superiors, vcard
from sharedbook.formats.vcards.content_line import Property, Raw, fold_raw, make_line, unfold
from sharedbook.formats.vcards.vcard import Card
from sharedbook.formats.versions import convert

_OWN_AFFAIRS = frozenset({"VERSION", "UID", "PRODID", "REV", "CLIENTPIDMAP"})
"""What a card says of itself, not of a person; PID parameters mean nothing without their map, and harm nothing."""

_NAME = ("FN", "N", "SORT-STRING", "X-PHONETIC-FIRST-NAME", "X-PHONETIC-MIDDLE-NAME", "X-PHONETIC-LAST-NAME")
_FIELDS: Mapping[str, str] = {
    **{prop: name for name, prop in (*SINGLE.items(), *SEVERAL.items())},
    **dict.fromkeys(_NAME, "name"),
    "ORG": "company",
    "TITLE": "title",
    "CATEGORIES": "tags",
    "RELATED": "related",
    "PHOTO": card_diff.PHOTO,
}
"""Property -> the column that holds it; the parts of a name go together. Others are called by their own name."""

_ONCE = frozenset(
    {"name", "birthday", "gender", "phonetic_company", "reports_to", card_diff.PHOTO}
    | {"ANNIVERSARY", "KIND", "X-ABSHOWAS", "CLASS"}
)
_LISTS = frozenset({"NICKNAME", "CATEGORIES"})


@dataclass(frozen=True, slots=True)
class Piece:
    """One value, and whose it is: ``source`` and ``also`` are places in the list of cards.

    ``taken`` False: the merged card does not have it. ``field`` is a column, or the name of a property.
    """

    field: str
    value: str
    source: int
    also: tuple[int, ...] = ()
    taken: bool = True


@dataclass(frozen=True, slots=True)
class Merged:
    """The merged card, and every value of the cards that went into it."""

    card: Card
    pieces: tuple[Piece, ...]


def merge(
    cards: Sequence[Card],
    chosen: Mapping[str, int],
    *,
    names_one: Callable[[Property], bool],
    region: str,
    limits: Limits,
) -> Merged:
    """One card of several, the first of which gives its UID and version.

    ``chosen``: field -> place of the card that alone gives it. ``names_one``: whether a line names one of these
    cards; it is dropped. Raises InvalidValue for a field that the chosen card does not have, and InvalidCard where
    the cards together are over a limit.
    """
    inputs = [convert.in_version(card, cards[0].version) for card in cards]
    lines = [_by_field(card, names_one) for card in inputs]
    for name, place in chosen.items():
        if name not in lines[place]:
            raise InvalidValue(
                f"that contact has no {name} to give", field=name, hint="see: sharedbook contact show REF"
            )
    merging = _Merging(inputs, region)
    for each in inputs[0].properties:
        if names_one(each):
            merging.remove(each)
    for name in dict.fromkeys(name for found in lines for name in found):
        having = [place for place, found in enumerate(lines) if name in found]
        givers = [chosen[name]] if name in chosen else having[:1] if name in _ONCE else having
        merging.give(
            givers, [place for place in having if place not in givers], [found.get(name, []) for found in lines]
        )
    # a whole name often says the same as its parts
    return Merged(vcard.parse(merging.text(), limits), tuple(dict.fromkeys(merging.pieces)))


def field_name(text: str) -> str:
    """The field that a person means: a column's name, a part of it, or a property's name. Raises InvalidValue."""
    upper = text.upper()
    if text in _FIELDS.values() or upper.startswith("X-") or upper in _ONCE:
        return _FIELDS.get(upper, text if text in _FIELDS.values() else upper)
    if upper in _FIELDS:
        return _FIELDS[upper]
    name = columns.column(text).field
    return "name" if name.endswith(("_name", "prefix", "suffix")) else "company" if name == "department" else name


def _by_field(card: Card, names_one: Callable[[Property], bool]) -> dict[str, list[Property]]:
    found: dict[str, list[Property]] = {}
    for each in card.properties:
        if each.name not in _OWN_AFFAIRS | vcard.LABELS and not _is_empty(each) and not names_one(each):
            found.setdefault(_field(each), []).append(each)
    return found


@dataclass(slots=True)
class _Merging:
    """The first card, and what becomes of its lines; what the others add, and the groups their lines are put into."""

    cards: Sequence[Card]
    region: str
    pieces: list[Piece] = field(default_factory=list)
    _changed: dict[Property, str] = field(default_factory=dict)
    _added: list[tuple[str, str]] = field(default_factory=list)
    _groups: dict[tuple[int, str], str] = field(default_factory=dict)

    def text(self) -> str:
        return vcard.replaced(self.cards[0], self._changed, self._added)

    def remove(self, found: Property) -> None:
        """Takes a line of the first card out."""
        self._changed[found] = ""

    def give(self, givers: Sequence[int], others: Sequence[int], lines: Sequence[Sequence[Property]]) -> None:
        """Lets some cards give a field, and names what the others have of it beside that."""
        if 0 not in givers:
            names = {each.name for place in givers for each in lines[place]}
            for each in self.cards[0].properties:
                if each in lines[0] or (each.name in names and _is_empty(each)):
                    self.remove(each)
        if lines[givers[0]][0].name == "NOTE":
            self._give_notes(givers, lines)
        else:
            self._give_lines(givers, lines)
        given = {key for place in givers for each in lines[place] for key, _ in self._values(place, each)}
        for place in others:
            for each in lines[place]:
                self.pieces += [
                    Piece(_field(each), value, place, taken=False)
                    for key, value in self._values(place, each)
                    if key not in given
                ]

    def _give_notes(self, givers: Sequence[int], lines: Sequence[Sequence[Property]]) -> None:
        texts: list[str] = []
        for place in givers:
            text = "\n".join(each.text().strip() for each in lines[place])
            if not any(_fold(text) in _fold(other) for other in texts):
                texts.append(text)
                self.pieces.append(Piece("note", text, place))
        if givers[0] != 0:
            self._added.append(("NOTE", make_line("NOTE", "\n".join(texts))))
        elif len(texts) > 1:
            first, *more = lines[0]
            self._changed[first] = vcard.rewritten(self.cards[0], first, "\n".join(texts), None)
            for each in more:
                self.remove(each)

    def _give_lines(self, givers: Sequence[int], lines: Sequence[Sequence[Property]]) -> None:
        """Each value once, by who has it first; the first card's lines stay as they are."""
        places: dict[tuple[str, str], int] = {}
        for place in givers:
            for each in lines[place]:
                values = self._values(place, each)
                new = [value for key, value in values if key not in places]
                for key, value in values:
                    if key in places:
                        self._also(places[key], place)
                    else:
                        places[key] = len(self.pieces)
                        self.pieces.append(Piece(_field(each), value, place))
                if place and new:
                    self._take_over(place, each, new, first=not lines[0] or 0 not in givers)

    def _also(self, piece: int, place: int) -> None:
        found = self.pieces[piece]
        if place != found.source and place not in found.also:
            self.pieces[piece] = Piece(found.field, found.value, found.source, (*found.also, place))

    def _take_over(self, place: int, found: Property, new: Sequence[str], *, first: bool) -> None:
        if found.name in _LISTS:
            self._added.append((found.name, make_line(found.name, [new])))
        else:
            self._added.append((found.name, self._line(place, found, keep_preference=first)))

    def _line(self, place: int, found: Property, *, keep_preference: bool) -> str:
        """Another card's line with its labels, in a group that the first card does not use."""
        if not found.group:
            return self._written(place, found, "", keep_preference)
        known = (place, found.group.lower())
        labels = ""
        if known not in self._groups:
            taken = {each.group.lower() for each in self.cards[0].properties} | {*self._groups.values()}
            self._groups[known] = vcard.free_group(taken)
            labels = "".join(
                self._written(place, each, self._groups[known], True)
                for each in self.cards[place].properties
                if each.name in vcard.LABELS and each.group.lower() == known[1]
            )
        return self._written(place, found, self._groups[known], keep_preference) + labels

    def _written(self, place: int, found: Property, group: str, keep_preference: bool) -> str:
        if not keep_preference and found.pref() is not None:
            return make_line(found.name, Raw(found.raw), _without_preference(found), group)
        line = unfold(self.cards[place].text[found.start : found.end])
        head = line[len(found.group) + 1 if found.group else 0 : len(line) - len(found.raw) - 1]
        return fold_raw(f"{group}.{head}" if group else head, found.raw)

    def _values(self, place: int, found: Property) -> list[tuple[tuple[str, str], str]]:
        """What a line says, each with what it is compared by."""
        if found.name in _LISTS:
            return [((found.name, _fold(text)), text.strip()) for text in found.values() if text.strip()]
        if fields.is_binary(found):
            return [((found.name, found.raw), card_diff.described(found))]
        text = found.text().strip()
        if found.name in ("N", "ADR", "ORG"):
            text = ", ".join(filter(None, map(str.strip, found.components())))
        return [((found.name, self._key(place, found, text)), text)]

    def _key(self, place: int, found: Property, text: str) -> str:
        if found.name == "TEL":
            number = phones.keys(text, self.region)
            return number.e164 or number.dialled or text
        if found.name == "EMAIL":
            return _fold(text.lower().removeprefix("mailto:"))
        if found.name == "URL":
            return _fold(text.removesuffix("/"))
        if found.name.startswith("X-AB") or found.name == "X-CUSTOM":
            return f"{_fold(text)}\n{_fold(self._label(place, found))}"
        return _fold(text)

    def _label(self, place: int, found: Property) -> str:
        labels = (each for each in self.cards[place].all("X-ABLABEL") if each.group.lower() == found.group.lower())
        return next((each.text() for each in labels if found.group), "")


def _field(found: Property) -> str:
    return "reports_to" if superiors.is_link(found) else _FIELDS.get(found.name, found.name)


def _is_empty(found: Property) -> bool:
    return not found.raw.strip(" ;,")


def _fold(text: str) -> str:
    return folding.squeeze(folding.fold(text))


def _without_preference(found: Property) -> list[tuple[str, tuple[str, ...]]]:
    """Parameters of a line that stands behind those of the first card."""
    params = []
    for name, values in found.params:
        kept = tuple(each for each in values if name != "TYPE" or each.lower() != "pref")
        if kept and name != "PREF":
            params.append((name, kept))
    return params
