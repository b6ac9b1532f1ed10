"""What is made of the rows of one shape: the texts of an example, cut at its marks, filled with many rows at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sharedbook.domain import folding
from sharedbook.domain.model import Limits
from sharedbook.formats.entries.plain import BETWEEN, Column, Marked, Plain, alike, of_each
from sharedbook.formats.vcards import fields, phones, vcard
from sharedbook.formats.vcards.content_line import CRLF, LINE_OCTETS, fold_line, unfold
from sharedbook.formats.vcards.phone_plans import PhoneKeys
from sharedbook.services.imports.blocks import Made
from sharedbook.services.imports.said import digits_of_each
from sharedbook.store import indexed

_MOST_MET = 50
"""Texts that are remembered of a shape."""

_NONE = frozenset[int]()


class _Gaps:
    """A text in which some pieces are another's: filled with those of rows."""

    __slots__ = ("places", "text")

    def __init__(self, text: str, places: Sequence[int]) -> None:
        """``text`` for the operator ``%``, the places of what it is filled with."""
        self.text = text
        self.places = places

    def filled(self, columns: Sequence[Column], count: int) -> Column:
        """So many texts: one a row."""
        if self.text == "%s":
            return columns[self.places[0]]
        if not self.places:
            return (self.text % (),) * count
        return tuple(map(self.text.__mod__, zip(*[columns[place] for place in self.places], strict=True)))


def _gaps(*pieces: tuple[str, Mapping[str, int]]) -> _Gaps:
    """Of pieces of an example's text, each with the marks that may stand in it, and their places."""
    whole, places = "", []
    for text, marks in pieces:
        pattern = "|".join(map(re.escape, sorted(marks, key=len, reverse=True)))
        for nth, piece in enumerate(re.split(f"({pattern})", text) if marks else [text]):
            whole += "%s" if nth % 2 else piece.replace("%", "%%")
            places += [marks[piece]] if nth % 2 else []
    return _Gaps(whole, places)


def _joined(gaps: Iterable[_Gaps], between: str) -> _Gaps:
    every = list(gaps)
    return _Gaps(between.join([each.text for each in every]), [place for each in every for place in each.places])


class _Texts(NamedTuple):
    """What rows' texts are filled with, by columns: first their UIDs, then their cells, in several forms."""

    escaped: list[Column]  # content lines: cells escaped, then as they are
    folded: list[Column]  # the index: cells, numbers, initials, then these cased


def _texts(plain: Plain, uids: Column, numbers: Sequence[Sequence[PhoneKeys]], hangul: Sequence[int]) -> _Texts:
    spaced = [tuple(phones.forms_of_each(column, "  ")) for column in numbers]
    initials = [list(map(_initials, plain.cells[at])) for at in hangul]
    folded = [tuple([each.folded for each in column]) for column in initials]
    cased = [tuple([each.cased for each in column]) for column in initials]
    return _Texts(escaped=[uids, *plain.escaped, *plain.cells], folded=[uids, *plain.folded, *spaced, *folded, *cased])


def _at_once(form: Callable[[str], str], texts: Column) -> Column:
    """Another form of each text, where each character has its own: many in one call."""
    formed = form(joined := BETWEEN.join(texts))
    if formed is joined:
        return texts
    if formed.count(BETWEEN) >= len(texts):
        return tuple(map(form, texts))
    return tuple(formed.split(BETWEEN))


class _Initials(NamedTuple):
    folded: str
    cased: str


@lru_cache(maxsize=1024)
def _initials(name: str) -> _Initials:
    text = folding.hangul_initials(name)
    return _Initials(folding.fold(text), indexed.cased(text))


class _Cased(NamedTuple):
    """The value of the nth line of an index text: its cased form follows if a cell of it is not ``indexed.plain``.

    ``always``: it follows whatever the cells. ``places``: of the cells.
    """

    nth: int
    value: _Gaps
    places: frozenset[int]
    always: bool


class _Lines(NamedTuple):
    """The lines of an index text, filled with ``_Texts.folded``; what may follow them; ``met``: texts by odd cells."""

    lines: tuple[_Gaps, ...]
    cased: tuple[_Cased, ...]
    met: dict[frozenset[int], tuple[_Gaps, tuple[_Gaps, ...]]]

    def filled(self, texts: _Texts, cells: Sequence[Column], odd: frozenset[int], count: int) -> Column:
        """``odd``: places of cells that are not ``indexed.plain``."""
        text, more = self.met.get(odd) or self._with_cased(odd, len(texts.folded))
        cased = [_at_once(indexed.cased, value.filled(cells, count)) for value in more]
        return text.filled([*texts.folded, *cased], count)

    def _with_cased(self, odd: frozenset[int], width: int) -> tuple[_Gaps, tuple[_Gaps, ...]]:
        """The text, with the cased forms of some values as further columns behind so many."""
        lines = list(self.lines)
        more = [each for each in self.cased if each.always or not odd.isdisjoint(each.places)]
        for place, (nth, *_) in enumerate(more, width):
            lines[nth] = _joined([lines[nth], _Gaps("%s", [place])], indexed.CASED)
        found = _joined(lines, indexed.LINE), tuple([each.value for each in more])
        if len(self.met) < _MOST_MET:
            self.met[odd] = found
        return found


def _lines(found: str, values: Mapping[str, _Gaps], folded: Mapping[str, int], initials: Mapping[str, int]) -> _Lines:
    """Of an example's index text: its ``values`` by their cased form, marks when folded, initials when cased."""
    lines, cased = list[_Gaps](), list[_Cased]()
    for nth, line in enumerate(found.split(indexed.LINE)):
        text, sign, rest = line.partition(indexed.CASED)
        value = values.get(rest) if sign else None
        if value is not None and value.places:
            always = not indexed.plain(value.text)
            cased.append(_Cased(nth, value, frozenset(value.places), always))
            lines.append(_gaps((text, folded)))
        else:
            lines.append(_gaps((text, folded), (sign + rest, initials)))
    return _Lines(tuple(lines), tuple(cased), {})


class _Card(NamedTuple):
    """The content lines of a card, filled with ``_Texts.escaped``; ``met``: texts by the lines that may be folded.

    ``octets``: of each line without what it is filled with, or more; ``used``: the places of what they are filled with.
    """

    lines: tuple[_Gaps, ...]
    octets: tuple[int, ...]
    used: frozenset[int]
    met: dict[tuple[int, ...], _Gaps]

    def filled(self, columns: Sequence[Column], octets: Mapping[int, int], count: int) -> Column:
        """Folded as they are sent. ``octets``: the most that a text of a column has, where it is known."""
        most = {place: octets.get(place) or _most_octets(columns[place]) for place in self.used}
        long = tuple(
            [
                nth
                for nth, (own, line) in enumerate(zip(self.octets, self.lines, strict=True))
                if own + sum([most[place] for place in line.places]) > LINE_OCTETS
            ]
        )
        folded = [tuple(map(fold_line, self.lines[nth].filled(columns, count))) for nth in long]
        text = self.met.get(long) or self._folded(long, len(columns))
        return text.filled([*columns, *folded], count)

    def _folded(self, long: tuple[int, ...], width: int) -> _Gaps:
        """The text, with some lines as further columns behind so many."""
        found = _joined(
            [
                _Gaps("%s", [width + long.index(nth)]) if nth in long else _Gaps(line.text + CRLF, line.places)
                for nth, line in enumerate(self.lines)
            ],
            "",
        )
        if len(self.met) < _MOST_MET:
            self.met[long] = found
        return found


def _card(text: str, marks: Mapping[str, int]) -> _Card:
    lines = [_gaps((line, marks)) for line in unfold(text).split(CRLF)]
    octets = [len(line.text.encode()) for line in lines]
    return _Card(tuple(lines), tuple(octets), frozenset([place for line in lines for place in line.places]), {})


def _most_octets(texts: Column) -> int:
    """No text has more."""
    return max(map(len, texts)) * (1 if "".join(texts).isascii() else 4)


def _known_octets(plain: Plain) -> dict[int, int]:
    """The most octets of cells, where it is known, by their places in ``_Texts.escaped``: no octet a character more."""
    found = {}
    for at in set(range(len(plain.cells))).difference(plain.odd):
        found[1 + len(plain.cells) + at] = plain.longest[at]
        if plain.escaped[at] is plain.cells[at]:
            found[1 + at] = plain.longest[at]
    return found


class Filled(NamedTuple):
    """What rows are, by columns as ``Made`` names them; ``at``: their places among the rows that were read."""

    at: Sequence[int]
    columns: Sequence[Sequence[Any]]


class Template(NamedTuple):
    """A shape's texts. ``keys``: what the keys are made of by which a contact is found, as ``indexed.keys`` takes it.

    ``said``: the places of those by which a row is matched: names, mail addresses, external ids. ``phones``,
    ``hangul``: places of cells, as ``Marked`` has them; ``numbers`` is filled with the digits of the phone numbers.
    """

    card: _Card
    name: _Gaps
    texts: _Lines
    notes: _Lines
    keys: tuple[_Gaps, ...]
    said: tuple[int, ...]
    numbers: _Gaps
    phones: tuple[int, ...]
    hangul: tuple[int, ...]

    def filled(self, plain: Plain, uids: Column, region: str, limits: Limits) -> Iterator[Filled]:
        """What rows of this shape are; but for names that are shown otherwise, or over a limit."""
        for odd, places in _by_oddness(plain):
            some = plain.some(places)
            columns = self._made(some, uids if some is plain else tuple([uids[place] for place in places]), odd, region)
            yield _fitting(Filled(some.at, columns), limits)

    def _made(self, plain: Plain, uids: Column, odd: frozenset[int], region: str) -> Sequence[Sequence[Any]]:
        """Of rows in which the same cells are ``odd``."""
        cells, count = plain.cells, len(uids)
        numbers = [phones.keys_of(cells[at], region) for at in self.phones]
        texts = _texts(plain, uids, numbers, self.hangul)
        names = self.name.filled(cells, count)
        lines = [key.filled(texts.folded, count) for key in self.keys]
        return (
            self.card.filled(texts.escaped, _known_octets(plain), count),
            uids,
            names,
            self.texts.filled(texts, cells, odd, count),
            self.notes.filled(texts, cells, odd, count),
            self._more(lines, count),
            self.numbers.filled([tuple(digits_of_each(column)) for column in numbers], count),
            list(map(indexed.LINE.join, zip(*[lines[at] for at in self.said], strict=True))),
        )

    def _more(self, lines: Sequence[Column], count: int) -> Sequence[tuple[int, ...]]:
        """The hashes of the keys that are not said, but for those that are the same as one that is."""
        others = [column for at, column in enumerate(lines) if at not in self.said]
        if not others:
            return [()] * count
        said = [{row[at] for at in self.said} for row in zip(*lines, strict=True)]
        return [
            indexed.keys(dict.fromkeys(line for line in row if line not in known))
            for row, known in zip(zip(*others, strict=True), said, strict=True)
        ]


def _fitting(found: Filled, limits: Limits) -> Filled:
    """Those that the general way would not show otherwise, or refuse."""
    texts, _, names, *_ = found.columns
    are_small = 4 * max(map(len, texts)) <= limits.card_bytes and max(map(len, names)) <= limits.name_length
    if are_small and "  " not in BETWEEN.join(names):
        return found
    fit = [
        nth
        for nth, (text, name) in enumerate(zip(texts, names, strict=True))
        if len(text.encode()) <= limits.card_bytes and len(name) <= limits.name_length and "  " not in name
    ]
    return Filled([found.at[nth] for nth in fit], of_each(found.columns, fit) if fit else [])


def _by_oddness(plain: Plain) -> Iterable[tuple[frozenset[int], Sequence[int]]]:
    """Rows by the places of the cells that are not ``indexed.plain``."""
    if not plain.odd:
        return [(_NONE, range(len(plain.at)))]
    is_plain = [list(map(indexed.plain, plain.cells[at])) for at in plain.odd]
    found = alike(list(zip(*is_plain, strict=True)))
    return [(frozenset([at for at, each in zip(plain.odd, kinds, strict=True) if not each]), at) for kinds, at in found]


def template(plain: Plain, marked: Marked, example: Made, region: str) -> Template:
    """The template that gives the example of its marked row."""
    numbers = [phones.keys_of(plain.cells[at], region) for at in marked.numbers]
    texts = _texts(plain, (example.uid,), numbers, marked.hangul)
    hangul = len(marked.hangul)
    cells = [0, *(1 + at for at in marked.units)]
    beside = 1 + len(plain.cells)
    folded = _marks(texts.folded, [*cells, *range(beside, len(texts.folded) - hangul)])
    initials = _marks(texts.folded, range(len(texts.folded) - hangul, len(texts.folded)))
    instances = fields.instances(vcard.load(example.text), region)
    marks = _marks(plain.cells, marked.units)
    values = {indexed.cased(each.value): _gaps((each.value, marks)) for each in instances}
    escaped = _marks(texts.escaped, [*cells, *(len(plain.cells) + at for at in cells[1:])])
    digits = [digits_of_each(column) for column in numbers]
    keyed = [each for each in instances if each.name in indexed.KEYED]
    keys = list(dict.fromkeys(indexed.line(indexed.KEYED[each.name], indexed.folded(each.value)) for each in keyed))
    return Template(
        card=_card(example.text, escaped),
        name=_gaps((example.name, marks)),
        texts=_lines(example.texts, values, folded, initials),
        notes=_lines(example.notes, values, folded, initials),
        keys=tuple([_gaps((line, folded)) for line in keys]),
        said=tuple(map(keys.index, example.said.split(indexed.LINE))),
        numbers=_gaps((example.numbers, _marks(digits, range(len(digits))))),
        phones=marked.numbers,
        hangul=marked.hangul,
    )


def _marks(texts: Sequence[Sequence[str]], places: Sequence[int]) -> dict[str, int]:
    """The columns of marks, by what these are written as; of two that are written alike the first counts."""
    return {texts[at][0]: at for at in reversed(places)}
