"""Dates as people and programs write them, brought into one form; and which of day and month stands first in a file.

``10/12/1815`` alone is not a date that anybody can be sure of. A file says more: one value above 12 settles it for all,
the language of a header does, or who imports says it. What is still unsure after that is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import NamedTuple

from sharedbook.formats.entries.columns import fold
from sharedbook.formats.rows.problems import Problem


class Order(StrEnum):
    """What stands first in a date of three numbers. YEAR_FIRST is asked of years of two digits alone."""

    DAY_FIRST = "day-first"
    MONTH_FIRST = "month-first"
    YEAR_FIRST = "year-first"


class Style(NamedTuple):
    """The order of dates that can be read in several; ``only``: none is read in another. Without an order: UNSURE."""

    order: Order | None
    only: bool


UNSURE = Style(None, only=False)
"""Of a date that stands alone: one that can be read in several orders is refused."""

_YEAR_FIRST = re.compile(r"(\d{4})(?:[-./]|년|年)\s*(\d{1,2})(?:[-./]|월|月)\s*(\d{1,2})[.일日]?(?:[T ].*)?")
_BASIC = re.compile(r"(\d{4})(\d\d)(\d\d)")
_NO_YEAR = re.compile(r"--(\d\d)-?(\d\d)")
_THREE = re.compile(r"(\d{1,2})([-./])\s*(\d{1,2})\2\s*(\d{4}|\d\d?)(?: .*)?")
_FULL_YEAR = re.compile(r"\d{4}")
_NO_DATE = re.compile("[0/.-]+")


def read(cell: str, style: Style) -> str:
    """``1985-04-23``, ``--04-23``, or "" for the 0/0/00 of Outlook. Raises ValueError with the reason."""
    if _NO_DATE.fullmatch(cell):
        return ""
    if found := _NO_YEAR.fullmatch(cell):
        return _date(cell, 2000, int(found[1]), int(found[2])).strftime("--%m-%d")
    if found := _YEAR_FIRST.fullmatch(cell) or _BASIC.fullmatch(cell):
        return _date(cell, int(found[1]), int(found[2]), int(found[3])).isoformat()
    return _choice(cell, readings(cell), style).isoformat()


def _choice(cell: str, may_be: dict[Order, date], style: Style) -> date:
    if not may_be:
        raise _no_date(cell)
    if style.order is None and (len(set(may_be.values())) > 1 or _is_short(cell)):
        several = " or ".join(dict.fromkeys(each.isoformat() for each in may_be.values()))
        raise ValueError(f"{cell[:40]} may be {several}; write it so")
    if style.order in may_be:
        return may_be[style.order]
    if style.only:
        raise ValueError(f"{cell[:40]} is not a date with the {str(style.order).partition('-')[0]} first")
    return next(iter(may_be.values()))


def readings(cell: str) -> dict[Order, date]:
    """What a date of three numbers may be, by order; nothing for other texts."""
    found = _THREE.fullmatch(cell)
    if not found:
        return {}
    first, separator, second, last = found[1], found[2], int(found[3]), found[4]
    numbers = {Order.DAY_FIRST: (last, second, int(first))}
    if separator != ".":
        numbers[Order.MONTH_FIRST] = (last, int(first), second)
    if len(last) <= 2:
        numbers[Order.YEAR_FIRST] = (first, second, int(last))
    dates = {order: _valid(*each) for order, each in numbers.items()}
    return {order: each for order, each in dates.items() if each is not None}


def _is_short(cell: str) -> bool:
    return not _FULL_YEAR.search(cell)


def _valid(year: str, month: int, day: int) -> date | None:
    """A year of two digits is the latest that has begun; one of one digit is none."""
    if len(year) == 1:
        return None
    now = datetime.now(UTC).year
    number = int(year) if len(year) == 4 else now - (now - int(year)) % 100
    try:
        return date(number, month, day)
    except ValueError:
        return None


def _date(cell: str, year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise _no_date(cell) from None


def _no_date(cell: str) -> ValueError:
    return ValueError(f"{cell[:40]} is not a date; write it as 1985-04-23")


# ---- a whole file

_LANGUAGES = {
    Order.DAY_FIRST: ("Geburtstag", "Anniversaire", "Cumpleaños", "Γενέθλια", "Doğum Günü"),
    Order.YEAR_FIRST: ("생일", "생년월일", "生日", "誕生日"),
}
_BY_HEADER = {fold(header): order for order, headers in _LANGUAGES.items() for header in headers}
_MONTH_FIRST = frozenset({"US", "PH", "FM", "PW", "MH"})
_YEARS_FIRST = frozenset({"KR", "JP", "CN", "TW", "HK", "HU", "LT"})


class Cell(NamedTuple):
    """A date as it stands in a file."""

    line: int
    header: str
    text: str


def of_file(
    cells: Iterable[Cell], headers: Iterable[str], *, region: str, given: Order | None = None
) -> tuple[Style, tuple[Problem, ...]]:
    """How the dates of a file are read, and what a person should look at, 1,000 at most.

    ``headers``: of their columns. ``region``: ISO 3166, decides where nothing else does. ``given``: by who imports.
    """
    possible, unsure, short = set(Order), list[Cell](), None
    for cell in cells:
        may_be = readings(cell.text)
        if not may_be:
            continue
        possible &= may_be.keys()
        if len(set(may_be.values())) > 1 and len(unsure) < _MOST:
            unsure.append(cell)
        if short is None and _is_short(cell.text):
            short = cell
    settled = next(iter(possible)) if len(possible) == 1 else None
    spoken = next((_BY_HEADER[name] for name in map(fold, headers) if _BY_HEADER.get(name) in possible), None)
    order = given or settled or spoken
    style = Style(order or _order_of(region), only=given is not None)
    problems = [_look(cell, style, "ambiguous-date", _SAY) for cell in ([] if order else unsure)]
    problems += [_look(short, style, "short-year", _LATEST)] if short and not style.only else []
    return style, tuple(problems)


_MOST = 1_000
_SAY = "to be sure, say --dates day-first, month-first or year-first"
_LATEST = "years of two digits are the latest that have begun"


def _look(cell: Cell, style: Style, code: str, why: str) -> Problem:
    message = f"{cell.header}: {cell.text[:40]} is taken as {read(cell.text, style)}; {why}"
    return Problem(cell.line, cell.header, code, message, cell.text[:200])


def _order_of(region: str) -> Order:
    if region in _MONTH_FIRST:
        return Order.MONTH_FIRST
    return Order.YEAR_FIRST if region in _YEARS_FIRST else Order.DAY_FIRST
