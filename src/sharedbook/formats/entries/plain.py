"""Rows that are plain: the rules take their cells character by character, so what is made of one tells of all like it.

A row is plain when the rules of its columns (``entries.py``, ``entry_cards.py``) leave each cell as it is, and nothing
but the row's ``Shape`` decides which lines its card and its index have. Two rows of one shape then differ in their
cells alone. ``marked`` makes a row of a shape in which each cell is known again wherever it stands. What is not plain
is read like any row, so a doubtful cell is none; whether a row is plain has to be told in a few microseconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from enum import IntEnum
from functools import lru_cache
from itertools import compress
from typing import NamedTuple

from sharedbook.domain import folding
from sharedbook.domain.model import Limits
from sharedbook.formats.entries import dates, entries
from sharedbook.formats.entries.columns import GROUPS, Column, Layout
from sharedbook.formats.entries.dates import Style
from sharedbook.formats.vcards import names

BETWEEN = "|"
"""Stands between the cells of a row that are folded or escaped at once; no plain cell holds it."""


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

_DATE = re.compile("(?!1604)[0-9]{4}-[0-9]{2}-[0-9]{2}")  # of the year 1604: without a year
_NUMBER = re.compile(r"[+(]?[0-9](?: ?[0-9()./-]++)*+")
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


class Plain(NamedTuple):
    """A plain row: its filled cells, cleaned; ``whole``: the same with BETWEEN between; ``folded`` as inside a padded
    value."""

    shape: Shape
    cells: tuple[str, ...]
    whole: str
    folded: tuple[str, ...]


class Marked(NamedTuple):
    """A shape's example: its ``row`` as in the file. The rest are places of filled cells, as in ``Plain.cells``.

    ``units``: those that are marks, no two of them the same; ``numbers``: phone numbers; ``hangul``: names in Hangul.
    """

    row: tuple[str, ...]
    units: tuple[int, ...]
    numbers: tuple[int, ...]
    hangul: tuple[int, ...]


def _kind(column: Column) -> Kind:
    if column.part:
        return Kind.WORD if column.part == "type" else Kind.LINES if column.part in _LINES else Kind.TEXT
    return _KINDS.get(column.field, Kind.TEXT)


class PlainRows:
    """Tells which rows of a table are plain, and makes those that are marked."""

    def __init__(self, layout: Layout, style: Style, limits: Limits) -> None:
        used = [(at, column) for at, column in enumerate(layout.columns) if column is not None and column != GROUPS]
        self._width = len(layout.columns)
        self._places = [at for at, _ in used]
        self._kinds = [_kind(column) for _, column in used]
        self._of_kind = {kind: [nth for nth, each in enumerate(self._kinds) if each is kind] for kind in Kind}
        fields = [column.field for _, column in used]
        self._without = [(nth, _WITHOUT[name]) for nth, name in enumerate(fields) if name in _WITHOUT]
        self._name_parts = [
            fields.index(name) if name in fields else None for name in ("name", "last_name", "first_name")
        ]
        self._style = style
        self._limits = limits

    def read(self, row: Sequence[str]) -> Plain | None:
        """A row of the file as a plain one; None if it is not."""
        used = [row[at] for at in self._places]
        if not self._cleaned_dates(used):
            return None
        cells = tuple(filter(None, used))
        whole = BETWEEN.join(cells)
        if whole.count(BETWEEN) >= len(cells) or not (
            self._is_text(used, whole) and self._fits(used, whole) and self._is_of_its_kinds(used)
        ):
            return None
        if "\r" in whole:
            whole = whole.replace("\r\n", "\n")
            cells = tuple(whole.split(BETWEEN))
        folded = _folded_ascii(cells, whole) if whole.isascii() else _folded(cells, whole)
        scripts = "" if whole.isascii() else self._scripts(used)
        if folded is None or scripts is None:
            return None
        equal = () if len(set(cells)) == len(cells) else tuple(map(cells.index, cells))
        words = tuple([used[nth] for nth in self._of_kind[Kind.WORD]])
        return Plain(Shape(tuple(map(bool, used)), words, equal, scripts), cells, whole, folded)

    def _cleaned_dates(self, used: list[str]) -> bool:
        """Whether all dates are plain; each is then in its one form."""
        for nth in self._of_kind[Kind.DATE]:
            if used[nth]:
                try:
                    used[nth] = dates.read(used[nth], self._style)
                except ValueError:
                    return False
                if used[nth] and not _DATE.fullmatch(used[nth]):
                    return False
        return True

    def _is_text(self, used: Sequence[str], whole: str) -> bool:
        """Whether there is no sign that any rule asks for, no outer space, and a line end only where several may be."""
        if " |" in whole or "| " in whole or "\\" in whole or ":::" in whole or whole != whole.strip():
            return False
        if whole.isprintable():
            return True
        whole = whole.replace("\r\n", "\n")
        ends = sum(used[nth].count("\n") for nth in self._of_kind[Kind.LINES])
        is_inside = ends == whole.count("\n") and "|\n" not in whole and "\n|" not in whole
        return is_inside and whole.replace("\n", "").isprintable()

    def _fits(self, used: Sequence[str], whole: str) -> bool:
        """Whether each cell is short enough, and each name."""
        if len(whole) > self._limits.note_length and max(map(len, used)) > self._limits.note_length:
            return False
        longest = self._limits.name_length
        return len(whole) <= longest or max([len(used[nth]) for nth in self._of_kind[Kind.NAME]], default=0) <= longest

    def _is_of_its_kinds(self, used: Sequence[str]) -> bool:
        of_kind = self._of_kind
        for nth in of_kind[Kind.MAIL]:
            if used[nth] and not entries.is_mail(used[nth]):
                return False
        for nth in of_kind[Kind.NUMBER]:
            if used[nth] and not _NUMBER.fullmatch(used[nth]):
                return False
        if any(used[nth] for nth in of_kind[Kind.NEVER]):
            return False
        is_short = all(len(used[nth]) <= LONGEST_WORD for nth in of_kind[Kind.WORD])
        return is_short and not any(sign in used[nth] for nth, sign in self._without)

    def _scripts(self, used: Sequence[str]) -> str | None:
        """How each name is written; None if it cannot be told in which forms the name is sought."""
        filled = [nth for nth in self._of_kind[Kind.NAME] if used[nth]]
        if not filled:
            return None if names.has_cjk("".join(used)) else ""
        found = {nth: _script(used[nth]) for nth in filled}
        at, *parts = self._name_parts
        if at is not None and found.get(at, _OTHER) != _OTHER:
            family, given = (used[nth] if nth is not None else "" for nth in parts)
            if family or given:
                found[at] = _relation(used[at], family, given)
        letters = "".join(found.values())
        return None if _UNKNOWN in letters else letters.replace(_OTHER, "") and letters

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


def _relation(whole: str, family: str, given: str) -> str:
    """How a whole CJK name is made of its parts: else it may, by chance, be the same text as they make."""
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


def _folded_ascii(cells: tuple[str, ...], whole: str) -> tuple[str, ...]:
    """The folded forms of those cells that are ASCII."""
    low = whole.lower().replace("\n", " ")
    if "  " in low:
        return tuple([folding.pad(folding.fold(cell))[1:-1] for cell in cells])
    return tuple(low.replace(" ", "  ").split(BETWEEN))


def _folded(cells: tuple[str, ...], whole: str) -> tuple[str, ...] | None:
    """The folded forms; None if a cell is folded otherwise beside another one than alone."""
    places = [place for place, cell in enumerate(cells) if not cell.isascii()]
    low = folding.fold(BETWEEN.join([cells[place] for place in places]))
    if low.count(BETWEEN) >= len(places) or _ODD.search(f"|{low}|"):
        return None
    folded = list(_folded_ascii(cells, whole))
    for place, cell in zip(places, low.replace(" ", "  ").split(BETWEEN), strict=True):
        folded[place] = cell
    return tuple(folded)
