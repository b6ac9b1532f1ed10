"""Rows that are plain: the rules take their cells character by character, so what is made of one tells of all like it.

A row is plain when the rules of its columns (``entries.py``, ``entry_cards.py``) leave each cell as it is, and nothing
but the row's ``Shape`` decides which lines its card and its index have. Two rows of one shape then differ in their
cells alone. ``marked`` makes a row of a shape in which each cell is known again wherever it stands. What is not plain
is read like any row, so a doubtful cell is none; whether a row is plain has to be told in a few microseconds.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from enum import IntEnum
from functools import lru_cache
from itertools import compress, takewhile
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar

from sharedbook.domain import folding
from sharedbook.domain.model import Limits
from sharedbook.formats.entries import columns as layouts
from sharedbook.formats.entries import dates, entries
from sharedbook.formats.entries.columns import GROUPS, Layout
from sharedbook.formats.entries.dates import Style
from sharedbook.formats.vcards import names
from sharedbook.formats.vcards.content_line import escape_text

BETWEEN = "|"
"""Stands between the cells of a row that are folded or escaped at once; no plain cell holds it."""


Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

LONGEST_WORD = 100
"""Characters of a cell that is a part of its row's shape."""


class Kind(IntEnum):
    """What the plain cells of a column are. Of two equal cells in a row, the later of their kinds here says more."""

    NEVER = 0  # none is plain
    TEXT = 1
    LINES = 2
    NAME = 3
    DATE = 4
    NUMBER = 5
    MAIL = 6
    WORD = 7  # it is a part of the shape


_KINDS = {
    "uid": Kind.NEVER,
    "reports_to": Kind.NEVER,
    "note": Kind.LINES,
    "name": Kind.NAME,
    "prefix": Kind.NAME,
    "first_name": Kind.NAME,
    "middle_name": Kind.NAME,
    "last_name": Kind.NAME,
    "suffix": Kind.NAME,
    "birthday": Kind.DATE,
    "event": Kind.DATE,
    "phone": Kind.NUMBER,
    "email": Kind.MAIL,
    "gender": Kind.WORD,
    "tags": Kind.WORD,
}
_LINES = ("street", "street.2", "street.3", "formatted")
_WITHOUT = {"nickname": ";", "im": ":"}
"""What else no plain cell of a column holds: it would be several, or the scheme of a URI."""

_NOT_PLAIN = "\\"
"""No plain cell holds it."""

_DATE = re.compile("(?!1604)[0-9]{4}-[0-9]{2}-[0-9]{2}")  # of the year 1604: without a year
_NUMBER = r"[+(]?[0-9](?: ?[0-9()./-]++)*+(?<!\.0)"
_NUMBERS = re.compile(rf"{_NUMBER}(?:\{BETWEEN}{_NUMBER})*+")
_ODD = re.compile(r"[ |](?:[ |]|[^\w\x00-\x7f])")
"""In folded cells: a space that is not single and inside, or what may be a mark that belongs to a space before it."""


class Shape(NamedTuple):
    """What plain rows have in common. Of columns: which are ``filled``; of the filled ones: ``words``, those that are.

    ``equal``: for each filled cell the first that is the same, () if all differ. ``scripts``: how each name is written,
    a letter each; "" if none is CJK.
    """

    filled: tuple[bool, ...]
    words: tuple[str, ...]
    equal: tuple[int, ...]
    scripts: str


Column = tuple[str, ...]
"""The cells of one column, top down."""


class Plain(NamedTuple):
    """Plain rows of one shape. ``at``: their places among the rows that were read.

    Columns of their filled cells: ``cells``, cleaned; ``folded``, as inside a padded value; ``escaped``, as in a
    content line. ``longest``: no cell of a column has more characters; ``odd``: places of columns in which cells may
    be not ASCII, or have line ends or several spaces in a row.
    """

    shape: Shape
    at: Sequence[int]
    cells: Sequence[Column]
    folded: Sequence[Column]
    escaped: Sequence[Column]
    longest: Sequence[int]
    odd: Sequence[int]

    def some(self, places: Sequence[int]) -> Plain:
        """Those at some places of these."""
        if len(places) == len(self.at):
            return self
        cells, folded, escaped = (of_each(each, places) for each in (self.cells, self.folded, self.escaped))
        return self._replace(at=[self.at[each] for each in places], cells=cells, folded=folded, escaped=escaped)


class _Judged(NamedTuple):
    """A column of plain cells, as in ``Plain``."""

    cells: Column
    folded: Column
    escaped: Column
    longest: int
    is_odd: bool
    is_ascii: bool


class Marked(NamedTuple):
    """A shape's example: its ``row`` as in the file. The rest are places of filled cells, as in ``Plain.cells``.

    ``units``: those that are marks, no two of them the same; ``numbers``: phone numbers; ``hangul``: names in Hangul.
    """

    row: tuple[str, ...]
    units: tuple[int, ...]
    numbers: tuple[int, ...]
    hangul: tuple[int, ...]


def _kind(column: layouts.Column) -> Kind:
    if column.part:
        return Kind.WORD if column.part == "type" else Kind.LINES if column.part in _LINES else Kind.TEXT
    return _KINDS.get(column.field, Kind.TEXT)


class PlainRows:
    """Tells which rows of a table are plain, and makes those that are marked.

    Many rows are judged at once, column by column: where one of them is not plain, each half is judged by itself.
    """

    def __init__(self, layout: Layout, style: Style, limits: Limits) -> None:
        used = [(at, column) for at, column in enumerate(layout.columns) if column is not None and column != GROUPS]
        self._width = len(layout.columns)
        self._places = [at for at, _ in used]
        self._kinds = [_kind(column) for _, column in used]
        self._of_kind = {kind: [nth for nth, each in enumerate(self._kinds) if each is kind] for kind in Kind}
        fields = [column.field for _, column in used]
        self._without = {nth: _WITHOUT[name] for nth, name in enumerate(fields) if name in _WITHOUT}
        self._name_parts = [
            fields.index(name) if name in fields else None for name in ("name", "last_name", "first_name")
        ]
        self._style = style
        self._longest = dict.fromkeys(Kind, limits.note_length) | {
            Kind.NAME: min(limits.name_length, limits.note_length),
            Kind.WORD: min(LONGEST_WORD, limits.note_length),
        }

    def read(self, rows: Sequence[Sequence[str]]) -> list[Plain]:
        """Those of these rows of the file that are plain; a row with other cells than the header's is none."""
        if any(len(row) != self._width for row in rows):
            rows = [row if len(row) == self._width else [""] * self._width for row in rows]
        columns = list(zip(*rows, strict=True)) or [()] * self._width
        used = [columns[at] for at in self._places]
        for nth in self._of_kind[Kind.DATE]:
            if any(used[nth]):
                used[nth] = tuple(map(self._date, used[nth]))
        filled = {nth: column for nth, column in enumerate(used) if any(column)}
        gappy = {nth: column for nth, column in filled.items() if not all(column)}
        words = [column for nth, column in filled.items() if self._kinds[nth] is Kind.WORD]
        keys = [tuple(map(bool, row)) for row in zip(*gappy.values(), strict=True)] or [()] * len(rows)
        found: list[Plain] = []
        for (has, *_), at in alike(list(zip(keys, *words, strict=True))):
            without = set(gappy).difference(compress(gappy, has))
            nths = [nth for nth in filled if nth not in without]
            if nths and not any(self._kinds[nth] is Kind.NEVER for nth in nths):
                found += self._judged(nths, at, of_each([filled[nth] for nth in nths], at))
        return found

    def _date(self, cell: str) -> str:
        """A plain date in its one form."""
        try:
            found = dates.read(cell, self._style) if cell else ""
        except ValueError:
            return _NOT_PLAIN
        return found if not found or _DATE.fullmatch(found) else _NOT_PLAIN

    def _judged(self, nths: Sequence[int], at: Sequence[int], columns: Sequence[Column]) -> Iterator[Plain]:
        """Rows in which the same columns are filled."""
        found = list(takewhile(lambda each: each is not None, map(self._column, nths, columns)))
        count = len(at)
        if len(found) == len(nths):
            yield from self._shaped(nths, at, list(filter(None, found)))
        elif count > 1:
            for half in (slice(count // 2), slice(count // 2, None)):
                yield from self._judged(nths, at[half], [column[half] for column in columns])

    def _column(self, nth: int, cells: Column) -> _Judged | None:
        """What the cells of a column are; None if one of them is not plain."""
        whole = BETWEEN.join(cells)
        longest = max(map(len, cells))
        if longest > self._longest[self._kinds[nth]] or whole.count(BETWEEN) >= len(cells):
            return None
        if not (self._is_text(nth, whole) and self._is_of_its_kind(nth, cells, whole)):
            return None
        if "\r" in whole:
            whole = whole.replace("\r\n", "\n")
            cells = tuple(whole.split(BETWEEN))
        folded = _folded(cells, whole)
        if folded is None:
            return None
        escaped = escape_text(whole)
        is_ascii = whole.isascii()
        return _Judged(
            cells=cells,
            folded=folded,
            escaped=cells if escaped is whole else tuple(escaped.split(BETWEEN)),
            longest=longest,
            is_odd=not is_ascii or "  " in whole or "\n" in whole,
            is_ascii=is_ascii,
        )

    def _is_text(self, nth: int, whole: str) -> bool:
        """Whether there is no sign that any rule asks for, no outer space, and a line end only where several may be."""
        if whole != whole.strip() or "\\" in whole or ":::" in whole:
            return False
        if " " in whole and (" |" in whole or "| " in whole):
            return False
        if nth in self._without and self._without[nth] in whole:
            return False
        if whole.isprintable():
            return True
        whole = whole.replace("\r\n", "\n")
        is_inside = "|\n" not in whole and "\n|" not in whole
        return self._kinds[nth] is Kind.LINES and is_inside and whole.replace("\n", "").isprintable()

    def _is_of_its_kind(self, nth: int, cells: Column, whole: str) -> bool:
        """Whether each cell is what its column asks for; ``whole``: all of them."""
        kind = self._kinds[nth]
        if kind is Kind.MAIL:
            return entries.are_mails(cells)
        return kind is not Kind.NUMBER or _NUMBERS.fullmatch(whole) is not None

    def _shaped(self, nths: Sequence[int], at: Sequence[int], judged: Sequence[_Judged]) -> Iterator[Plain]:
        """Plain rows, those of one shape together."""
        count = len(nths)
        columns, folded, escaped, longest, is_odd, _ = zip(*judged, strict=True)
        equal = [() if len(set(row)) == count else tuple(map(row.index, row)) for row in zip(*columns, strict=True)]
        of_nth = dict(zip(nths, judged, strict=True))
        scripts = self._scripts(of_nth, len(at))
        filled = tuple([nth in of_nth for nth in range(len(self._kinds))])
        words = tuple([of_nth[nth].cells[0] if nth in of_nth else "" for nth in self._of_kind[Kind.WORD]])
        odd = tuple(compress(range(count), is_odd))
        every = Plain(Shape(filled, words, (), ""), at, columns, folded, escaped, longest, odd)
        for (same, written), places in alike(list(zip(equal, scripts, strict=True))):
            if written is not None:
                yield every.some(places)._replace(shape=Shape(filled, words, same, written))

    def _scripts(self, columns: Mapping[int, _Judged], count: int) -> Sequence[str | None]:
        """How each name of each row is written; None if it cannot be told in which forms the name is sought."""
        named = [nth for nth in self._of_kind[Kind.NAME] if nth in columns]
        if not named:
            every = zip(*[each.cells for each in columns.values()], strict=True)
            return [None if names.has_cjk("".join(row)) else "" for row in every]
        if all(columns[nth].is_ascii for nth in named):
            return [""] * count
        found = {nth: list(map(_script, columns[nth].cells)) for nth in named}
        at, *parts = self._name_parts
        if at in found:
            nothing = ("",) * count
            family, given = (columns[nth].cells if nth is not None and nth in columns else nothing for nth in parts)
            found[at] = list(map(_relation, found[at], columns[at].cells, family, given))
        return [
            None if _UNKNOWN in letters else letters.replace(_OTHER, "") and letters
            for letters in map("".join, zip(*found.values(), strict=True))
        ]

    def marked(self, shape: Shape) -> Marked:
        """The example of a shape."""
        filled = list(compress(range(len(self._kinds)), shape.filled))
        words = dict(zip(self._of_kind[Kind.WORD], shape.words, strict=True))
        scripts = dict(zip([nth for nth in filled if self._kinds[nth] is Kind.NAME], shape.scripts, strict=False))
        used = [""] * len(self._kinds)
        units = []
        for place, nth in enumerate(filled):
            first = shape.equal[place] if shape.equal else place
            alike = [filled[at] for at, each in enumerate(shape.equal) if each == first] or [nth]
            says = max(alike, key=lambda each: (self._kinds[each], scripts.get(each) not in _RELATIONS))
            used[nth] = words.get(says) or _mark(self._kinds[says], first, scripts.get(says, _OTHER))
            if says not in words and first == place:
                units.append(place)
        self._relate(used, scripts)
        cells = dict(zip(self._places, used, strict=True))
        return Marked(
            row=tuple([cells.get(at, "") for at in range(self._width)]),
            units=tuple(units),
            numbers=tuple([place for place, nth in enumerate(filled) if self._kinds[nth] is Kind.NUMBER]),
            hangul=tuple([place for place, nth in enumerate(filled) if scripts.get(nth) == _HANGUL_ONLY]),
        )

    def _relate(self, used: list[str], scripts: Mapping[int, str]) -> None:
        """Writes the whole name as the shape says that its parts make it."""
        at, *parts = self._name_parts
        if at is not None and scripts.get(at) in _RELATIONS:
            family, given = (used[nth] if nth is not None else "" for nth in parts)
            used[at] = family + given if scripts[at] == _IN_ONE else f"{given} {family}"


# ---- names


_HANGUL = re.compile("[가-힣]+")
_HAN = re.compile("[\u3005-\u3007\u3041-\u3096\u30a1-\u30fa\u30fc\u4e00-\u9fff]+")
_HANGUL_ONLY, _HAN_ONLY, _OTHER, _UNKNOWN = "H", "K", "-", "?"
_IN_ONE, _IN_TWO = "1", "2"
_RELATIONS = (_IN_ONE, _IN_TWO)
_SYLLABLES = "가나다라마바사아자차카타파하"
"""One of each plain initial."""


@lru_cache(maxsize=1024)
def _script(name: str) -> str:
    """``_HAN_ONLY`` is kana, too; ``_OTHER`` has no CJK; ``_UNKNOWN`` has it beside anything else."""
    if not names.has_cjk(name):
        return _OTHER
    return _HANGUL_ONLY if _HANGUL.fullmatch(name) else _HAN_ONLY if _HAN.fullmatch(name) else _UNKNOWN


def _relation(script: str, whole: str, family: str, given: str) -> str:
    """How a whole CJK name is made of its parts: else it may, by chance, be the same text as they make."""
    if script == _OTHER or not (family or given):
        return script
    if whole == family + given:
        return _IN_ONE
    initials = folding.hangul_initials(family), folding.hangul_initials(given)
    if family and given and whole == f"{given} {family}" and "".join(initials) != "".join(reversed(initials)):
        return _IN_TWO
    return _UNKNOWN


def _mark(kind: Kind, place: int, script: str) -> str:
    """A cell that is known again also when it is folded, escaped, read as a number, or only its initials are left.

    Where it can be, it is one that folding changes.
    """
    if kind is Kind.MAIL:
        return f"Qéx{place:03d}@vw.example"
    if kind is Kind.NUMBER:
        return f"+82 10-7{place:03d}-4321"
    if kind is Kind.DATE:
        return (date(1801, 1, 1) + timedelta(place)).isoformat()
    if script == _HANGUL_ONLY:
        return "".join(_SYLLABLES[place // 14**digit % 14] for digit in (2, 1, 0))
    if script == _HAN_ONLY:
        return f"{chr(0x4E10 + place)}一"
    return f"Qéx{place:03d},vw"


# ---- folding


def _folded(cells: Column, whole: str) -> Column | None:
    """The folded forms; None if a cell is folded otherwise beside another one than alone."""
    if whole.isascii():
        return _folded_ascii(cells, whole)
    places = [place for place, cell in enumerate(cells) if not cell.isascii()]
    low = folding.fold(BETWEEN.join([cells[place] for place in places]))
    if low.count(BETWEEN) >= len(places) or _ODD.search(f"|{low}|"):
        return None
    folded = low.replace(" ", "  ").split(BETWEEN)
    if len(places) == len(cells):
        return tuple(folded)
    every = list(_folded_ascii(cells, whole))
    for place, cell in zip(places, folded, strict=True):
        every[place] = cell
    return tuple(every)


def _folded_ascii(cells: Column, whole: str) -> Column:
    """The folded forms of those cells that are ASCII."""
    low = whole.lower().replace("\n", " ")
    if " " not in low:
        return tuple(low.split(BETWEEN))
    folded = low.replace(" ", "  ").split(BETWEEN)
    if "  " in low:
        for place, cell in enumerate(low.split(BETWEEN)):
            if "  " in cell:
                folded[place] = folding.pad(folding.fold(cells[place]))[1:-1]
    return tuple(folded)


# ---- columns


def alike(keys: Sequence[Key]) -> Iterable[tuple[Key, Sequence[int]]]:
    """The places of each key."""
    if len(set(keys)) == 1:
        return [(keys[0], range(len(keys)))]
    found: dict[Key, list[int]] = {}
    for place, key in enumerate(keys):
        found.setdefault(key, []).append(place)
    return found.items()


def of_each(columns: Sequence[Any], places: Sequence[int]) -> list[Any]:
    """Of each column what stands at some places, in their order."""
    if len(places) == 1:
        return [(column[places[0]],) for column in columns]
    if not columns or len(places) == len(columns[0]):
        return list(columns)
    return list(map(itemgetter(*places), columns))
