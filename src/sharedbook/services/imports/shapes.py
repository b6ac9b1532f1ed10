"""Most rows of a table have one of a few shapes: what is made of such a row is learned once, then only filled in.

What the general way (``ready.Make``) makes of a row in which each cell is a mark (``formats.entries.plain``) is cut at
the marks. Nothing here knows how a card or its index is written: the rules keep their one home. A shape is only used if
it gives, of the row that it is learned for, what the general way gives of it; ``tests/services/test_shapes.py`` holds
the two against each other over random tables.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from sharedbook.domain import folding
from sharedbook.domain.model import Limits
from sharedbook.formats.entries.plain import BETWEEN, Marked, Plain, PlainRows, Shape
from sharedbook.formats.vcards import fields, phones, vcard
from sharedbook.formats.vcards.content_line import CRLF, escape_text, fold_lines, unfold
from sharedbook.formats.vcards.phones import PhoneKeys
from sharedbook.services.imports.said import Said
from sharedbook.services.writing import kept
from sharedbook.services.writing.kept import Kept
from sharedbook.store import indexed
from sharedbook.store.indexed import Indexed

LEARNED_AT = 3
"""The how manieth row of a shape: to learn one takes as long as some rows take."""

MOST = 500
_MOST_SEEN = 10_000
"""Shapes that are kept, and that are counted."""

_MOST_MET = 50
"""Sets of odd cells that are remembered of a shape."""

_SHORT = 60
"""Characters of a value whose cased form is remembered: towns and the like stand in many rows."""

_UIDS = 256


class Made(NamedTuple):
    """Of a row as in ``ready.Ready``."""

    kept: Kept
    said: Said
    hashes: tuple[int, ...]


General = Callable[[tuple[str, ...]], Made | None]
"""The general way for the cells of a row; None for a row that is refused."""


class Shapes:
    """The shapes of one table, learned while it is read."""

    def __init__(self, rows: PlainRows, general: General, region: str, limits: Limits) -> None:
        self._rows = rows
        self._general = general
        self._region = region
        self._limits = limits
        self._seen = Counter[int]()  # by hash
        self._known: dict[Shape, _Template] = {}
        self._uids = _uids()

    def made(self, cells: tuple[str, ...]) -> Made | None:
        """What the general way makes of a row; None where only that can tell."""
        plain = self._rows.read(cells)
        if plain is None:
            return None
        template = self._known.get(plain.shape)
        if template is not None:
            return template.fill(plain, next(self._uids), self._region, self._limits)
        seen = hash(plain.shape)
        self._seen[seen] += 1
        is_time = self._seen[seen] == LEARNED_AT and len(self._known) < MOST
        if is_time and (found := self._learned(plain, cells)):
            self._known[plain.shape] = found
        if len(self._seen) > _MOST_SEEN:
            self._seen.clear()
        return None

    def _learned(self, plain: Plain, cells: tuple[str, ...]) -> _Template | None:
        marked = self._rows.marked(plain.shape)
        read, example, expected = self._rows.read(marked.row), self._general(marked.row), self._general(cells)
        if read is None or read.shape != plain.shape or example is None or expected is None:
            return None
        template = _template(read, marked, example, self._region)
        found = template.fill(plain, expected.kept.uid, self._region, self._limits)
        return template if found == expected else None


def _uids() -> Iterator[str]:
    """Random UUIDs of version 4, as ``uuid.uuid4`` makes them: many at once for one call of the system."""
    while True:
        digits = os.urandom(16 * _UIDS).hex()
        for at in range(0, len(digits), 32):
            variant = "89ab"[int(digits[at + 16], 16) & 3]
            yield (
                f"{digits[at : at + 8]}-{digits[at + 8 : at + 12]}-4{digits[at + 13 : at + 16]}"
                f"-{variant}{digits[at + 17 : at + 20]}-{digits[at + 20 : at + 32]}"
            )


# ---- templates


class _Gaps:
    """A text in which some pieces are another's: filled with those of a row."""

    __slots__ = ("_pick", "places", "text")

    def __init__(self, *pieces: tuple[str, Mapping[str, int]]) -> None:
        """Pieces of a text, each with the marks that may stand in it, and their places among what it is filled with."""
        self.places: list[int] = []
        self.text = ""
        for text, marks in pieces:
            pattern = "|".join(map(re.escape, sorted(marks, key=len, reverse=True)))
            for nth, piece in enumerate(re.split(f"({pattern})", text) if marks else [text]):
                self.text += "%s" if nth % 2 else piece.replace("%", "%%")
                self.places += [marks[piece]] if nth % 2 else []
        self._pick: Callable[[Any], Any] = itemgetter(*self.places) if self.places else lambda _: ()

    def filled(self, of: Sequence[str]) -> str:
        found: str = self.text % self._pick(of)
        return found


class _Texts(NamedTuple):
    """What a row's texts are filled with: first its UID, then its cells, in several forms."""

    escaped: tuple[str, ...]  # content lines: cells escaped, then as they are
    folded: tuple[str, ...]  # the index: cells, numbers, initials, then these cased


def _texts(plain: Plain, uid: str, numbers: Sequence[PhoneKeys], hangul: Sequence[int]) -> _Texts:
    cells, whole = plain.cells, plain.whole
    escaped = cells
    if "," in whole or ";" in whole or "\n" in whole:
        escaped = tuple(escape_text(whole).split(BETWEEN))
    spaced = [phones.forms_of(each).replace(" ", "  ") for each in numbers]
    initials = [_initials(cells[at]) for at in hangul]
    folded, cased = [each.folded for each in initials], [each.cased for each in initials]
    return _Texts(escaped=(uid, *escaped, *cells), folded=(uid, *plain.folded, *spaced, *folded, *cased))


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


_remembered = lru_cache(maxsize=4096)(indexed.cased)


def _cased(value: str) -> str:
    return _remembered(value) if len(value) <= _SHORT else indexed.cased(value)


class _Lines(NamedTuple):
    """An index text, filled with ``_Texts.folded``; what may follow its lines; ``met``: what did, by odd cells."""

    text: _Gaps
    cased: tuple[_Cased, ...]
    met: dict[frozenset[int], tuple[_Cased, ...]]

    def filled(self, texts: _Texts, cells: Sequence[str], odd: frozenset[int]) -> str:
        """``odd``: places of cells that are not ``indexed.plain``."""
        filled = self.text.filled(texts.folded)
        if not (more := self._cased_beside(odd)):
            return filled
        lines = filled.split(indexed.LINE)
        for nth, value, _, _ in more:
            lines[nth] += indexed.CASED + _cased(value.filled(cells))
        return indexed.LINE.join(lines)

    def _cased_beside(self, odd: frozenset[int]) -> tuple[_Cased, ...]:
        found = self.met.get(odd)
        if found is None:
            found = tuple([each for each in self.cased if each.always or not odd.isdisjoint(each.places)])
            if len(self.met) < _MOST_MET:
                self.met[odd] = found
        return found


def _lines(found: str, values: Mapping[str, _Gaps], folded: Mapping[str, int], initials: Mapping[str, int]) -> _Lines:
    """Of an example's index text: its ``values`` by their cased form, marks when folded, initials when cased."""
    pieces, cased = list[tuple[str, Mapping[str, int]]](), list[_Cased]()
    for nth, line in enumerate(found.split(indexed.LINE)):
        text, sign, rest = line.partition(indexed.CASED)
        pieces.append((f"{indexed.LINE}{text}" if nth else text, folded))
        value = values.get(rest)
        if value is not None and value.places:
            always = not indexed.plain(value.text)
            cased.append(_Cased(nth, value, frozenset(value.places), always))
        else:
            pieces.append((sign + rest, initials))
    return _Lines(_Gaps(*pieces), tuple(cased), {})


class _Template(NamedTuple):
    """A shape's texts. ``keys``: folded values, BETWEEN between them, by which a contact is found; ``names``: theirs.

    ``said``: which of the keys a row is matched by: external ids and mail addresses, as many as ``counts`` tells, and
    names. ``numbers``, ``hangul``: as in ``Marked``.
    """

    card: _Gaps
    name: _Gaps
    texts: _Lines
    notes: _Lines
    keys: _Gaps
    names: tuple[str, ...]
    said: tuple[int, ...]
    counts: tuple[int, int]
    numbers: tuple[int, ...]
    hangul: tuple[int, ...]

    def fill(self, plain: Plain, uid: str, region: str, limits: Limits) -> Made | None:
        """What a row of this shape is; None for a name that is shown otherwise, or what is over a limit."""
        cells = plain.cells
        name = self.name.filled(cells)
        numbers = [phones.keys(cells[at], region) for at in self.numbers]
        texts = _texts(plain, uid, numbers, self.hangul)
        odd = _NONE if indexed.plain(plain.whole) else _odd(cells)
        keys = list(zip(self.names, self.keys.filled(texts.folded).split(BETWEEN), strict=False))
        hashes = [indexed.key(*each) for each in keys]
        found = Indexed(
            texts=self.texts.filled(texts, cells, odd),
            notes=self.notes.filled(texts, cells, odd),
            keys=tuple(dict.fromkeys(hashes)),
        )
        card = kept.made(fold_lines(self.card.filled(texts.escaped).split(CRLF)), uid, name, found, {})
        if "  " in name or len(name) > limits.name_length or card.size > limits.card_bytes:
            return None
        said, (ids, mails) = tuple([keys[at] for at in self.said]), self.counts
        reached = frozenset([each.e164 for each in numbers if each.e164])
        matched = Said(said[:ids], "", said[ids : ids + mails], said[ids + mails :], reached)
        return Made(card, matched, tuple([hashes[at] for at in self.said]))


_NONE = frozenset[int]()


def _odd(cells: Sequence[str]) -> frozenset[int]:
    return frozenset([at for at, cell in enumerate(cells) if not indexed.plain(cell)])


def _template(plain: Plain, marked: Marked, example: Made, region: str) -> _Template:
    """The template that gives the example of its marked row."""
    found, said = example.kept, example.said
    texts = _texts(plain, found.uid, [phones.keys(plain.cells[at], region) for at in marked.numbers], marked.hangul)
    hangul = len(marked.hangul)
    cells = [0, *(1 + at for at in marked.units)]
    beside = 1 + len(plain.cells)
    folded = _marks(texts.folded, [*cells, *range(beside, len(texts.folded) - hangul)])
    initials = _marks(texts.folded, range(len(texts.folded) - hangul, len(texts.folded)))
    instances = fields.instances(vcard.load(found.text), region)
    marks = _marks(plain.cells, marked.units)
    values = {indexed.cased(each.value): _Gaps((each.value, marks)) for each in instances}
    escaped = _marks(texts.escaped, [*cells, *(len(plain.cells) + at for at in cells[1:])])
    keyed = [each for each in instances if each.name in indexed.KEYED]
    keys = list(dict.fromkeys((indexed.KEYED[each.name], indexed.folded(each.value)) for each in keyed))
    return _Template(
        card=_Gaps((unfold(found.text), escaped)),
        name=_Gaps((found.name, marks)),
        texts=_lines(found.indexed.texts, values, folded, initials),
        notes=_lines(found.indexed.notes, values, folded, initials),
        keys=_Gaps((BETWEEN.join([text for _, text in keys]), folded)),
        names=tuple([name for name, _ in keys]),
        said=tuple(map(keys.index, (*said.external, *said.emails, *said.names))),
        counts=(len(said.external), len(said.emails)),
        numbers=marked.numbers,
        hangul=marked.hangul,
    )


def _marks(texts: Sequence[str], places: Sequence[int]) -> dict[str, int]:
    """Marks by what they are written as; of two that are written alike the first counts."""
    return {texts[at]: at for at in reversed(places)}
