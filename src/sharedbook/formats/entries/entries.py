"""An entry: what one row says of a contact, by columns, checked. A row is an entry or a list of all that is wrong.

Text is kept as it is written (outer spaces aside): only dates are brought into one form, as each product has its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sharedbook.domain.errors import InvalidValue
from sharedbook.domain.model import Limits
from sharedbook.formats.entries import dates
from sharedbook.formats.entries.columns import FIELDS, GROUPS, Column, Layout, parse
from sharedbook.formats.entries.dates import UNSURE, Style
from sharedbook.formats.rows.csv_rows import Row
from sharedbook.formats.rows.problems import Problem
from sharedbook.formats.vcards.content_line import illegal_character
from sharedbook.formats.vcards.phones import digits

SEVERAL = " ::: "
"""Between several values in one cell, as Google writes them."""

_TAGS = Column("tags")
_TAGS_BY_COMMA = {"oro"}
_LINES = {"note", "street", "street.2", "street.3", "formatted"}
_NAMES = {"name", "prefix", "first_name", "middle_name", "last_name", "suffix"}


class Value(NamedTuple):
    """One of several values of a field: its text (of an address, its parts), type as written, number from 1."""

    text: str = ""
    type: str = ""
    number: int = 1
    parts: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Entry:
    """What a row says: fields with one value, and fields with several. Empty cells are in neither."""

    single: Mapping[str, str] = field(default_factory=dict)
    many: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)

    def values(self, name: str) -> tuple[Value, ...]:
        """The values of a field with several."""
        return self.many.get(name, ())

    def texts(self, name: str) -> list[str]:
        """The texts of a field with several values."""
        return [value.text for value in self.values(name)]


class _Refused(Exception):
    """A cell cannot be right: code and message."""


def read(layout: Layout, row: Row, *, style: Style, limits: Limits) -> Entry | list[Problem]:
    """The entry of a row, or everything that is wrong with it.

    In a row with a ``uid``, which is a card that was exported, mail addresses, numbers, dates and line ends are what
    its client wrote, and are taken as they are.
    """
    if row.problem:
        return [row.problem]
    commas = layout.product in _TAGS_BY_COMMA
    cells = [
        (column, header, _tags(cell) if commas and column == _TAGS else cell.strip())
        for column, header, cell in zip(layout.columns, layout.header, row.cells, strict=True)
        if column is not None and column.field != GROUPS.field
    ]
    return _entry(row.line, cells, style, limits)


def _tags(cell: str) -> str:
    """Tags with commas between them, as a list of ours."""
    return joined([tag for tag in map(str.strip, cell.split(",")) if tag])


def of_columns(values: Mapping[str, str], *, limits: Limits, style: Style = UNSURE) -> Entry | list[Problem]:
    """The entry that column names and texts make (the command line's ``K=V``). Problems have line 0."""
    cells = []
    for name, text in values.items():
        column = parse(name)
        if column is None:
            return [Problem(0, name, "unknown-column", f"there is no column {name}")]
        cells.append((column, name, text.strip()))
    return _entry(0, cells, style, limits)


def refusal(problems: Sequence[Problem]) -> InvalidValue:
    """The error of an entry with these problems."""
    each = [(problem.column, problem.message) for problem in problems]
    return InvalidValue("; ".join(message for _, message in each), field=each[0][0] or None, each=each)


def _entry(line: int, cells: Iterable[tuple[Column, str, str]], style: Style, limits: Limits) -> Entry | list[Problem]:
    cells = list(cells)
    exported = any(column.field == "uid" and cell for column, _, cell in cells)
    single: dict[str, str] = {}
    slots: dict[tuple[str, str, int], dict[str, str]] = {}
    problems: list[Problem] = []
    for column, header, cell in cells:
        if not cell:
            continue
        try:
            is_plain = cell.isprintable()
            _check(column, cell, is_plain, limits)
            text = cell if exported else _clean(column, cell, is_plain, style)
        except _Refused as refused:
            code, message = refused.args
            problems.append(Problem(line, header, code, f"{header}: {message}", cell[:200]))
            continue
        if FIELDS[column.field].many:
            slots.setdefault((column.field, column.type, column.number), {})[column.part] = text
        elif text:
            single[column.field] = text
    entry = Entry(single, _collect(slots))
    problems += _whole_problems(line, entry, limits) if not problems else []
    return problems or entry


def _collect(slots: Mapping[tuple[str, str, int], dict[str, str]]) -> dict[str, tuple[Value, ...]]:
    """Values of each field, in the order of their columns; a type without a value is none."""
    many: dict[str, list[Value]] = {}
    for (name, kind, number), parts in slots.items():
        kind = parts.pop("type", "").removeprefix("*").strip() or kind  # Google marks the preferred one with a star
        if FIELDS[name].parts:
            found = [Value("", kind, number, _address(parts))] if any(parts.values()) else []
        else:
            texts = parts.get("", "").split(SEVERAL)
            found = [Value(text.strip(), kind, number) for text in texts if text.strip()]
        many.setdefault(name, []).extend(found)
    return {name: tuple(values) for name, values in many.items() if values}


def _address(parts: Mapping[str, str]) -> dict[str, str]:
    """Parts of an address: the lines of its street as one, and what is only there formatted as its street."""
    found = {part: text for part, text in parts.items() if text and not part.startswith(("street", "formatted"))}
    street = "\n".join(parts[part] for part in ("street", "street.2", "street.3") if parts.get(part))
    if not street and not found:
        street = parts.get("formatted", "")
    return ({"street": street} if street else {}) | found


def _whole_problems(line: int, entry: Entry, limits: Limits) -> list[Problem]:
    for name, values in entry.many.items():
        if len(values) > limits.values_per_field:
            message = f"{name} has {len(values)} values; at most {limits.values_per_field}"
            return [Problem(line, name, "too-many", message)]
    if _names_somebody(entry):
        return []
    return [Problem(line, "", "no-name", "a contact needs a name, company, mail address or phone number")]


def _names_somebody(entry: Entry) -> bool:
    return bool(
        _NAMES & entry.single.keys()
        or entry.single.get("nickname")
        or any(entry.values(name) for name in ("company", "email", "phone"))
    )


# ---- one cell


def _check(column: Column, cell: str, is_plain: bool, limits: Limits) -> None:
    """Raises _Refused if no card can hold the cell. ``is_plain``: it has no line end and no control character."""
    if not is_plain and illegal_character(cell):
        raise _Refused("control-character", "it holds a control character, which no address book may carry")
    longest = limits.name_length if column.field in _NAMES else limits.note_length
    if len(cell) > longest:
        raise _Refused("too-long", f"{len(cell)} characters; at most {longest}")


def _clean(column: Column, cell: str, is_plain: bool, style: Style) -> str:
    """The cell as what a person means by it. Raises _Refused."""
    if not is_plain:
        cell = cell.removeprefix("\ufeff")  # the mark of a file that was put behind another
        cell = cell if (column.part or column.field) in _LINES else " ".join(cell.splitlines())
    check = None if column.part else _CHECKS.get(column.field)
    return check(cell, style) if check else cell


_SPACES = r"\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""What ``\\s`` is: written out, since ``re`` then looks a character of a set up in one table."""

_MAIL = rf'[^{_SPACES}@<>,;:"()\[\]\\]+@[^{_SPACES}@<>,;:"()\[\]\\]+'
_MAILS = re.compile(rf"{_MAIL}(?: {_MAIL})*+")


def are_mails(texts: Sequence[str]) -> bool:
    """Whether each text, of one at least, is one mail address."""
    whole = " ".join(texts)
    return max(map(len, texts)) <= 254 and whole.count(" ") < len(texts) and _MAILS.fullmatch(whole) is not None


def _mail(cell: str, style: Style) -> str:
    if cell[:5].upper() == "SMTP:":  # as Exchange writes the address of a mail contact
        cell = cell[5:]
    for address in cell.split(SEVERAL):
        if not are_mails([address.strip()]):
            raise _Refused("invalid-email", f"{address[:80]} is not a mail address")
    return cell


_MANGLED = re.compile(r"[0-9][.,]?[0-9]*E\+?[0-9]+", re.IGNORECASE)
_FRACTION = re.compile(r"([0-9]{7,15})\.0")  # as programs write whole numbers of a column that has gaps


def _phone(cell: str, style: Style) -> str:
    cell = cell.removeprefix("'")  # by which a spreadsheet had been told that it is text
    if whole := _FRACTION.fullmatch(cell):
        cell = whole[1]
    if _MANGLED.fullmatch(cell):
        raise _Refused("mangled-number", f"{cell} is a number that a spreadsheet has shortened; its digits are lost")
    for number in cell.split(SEVERAL):
        if not digits(number):
            raise _Refused("invalid-phone", f"{number[:80]} has no digits")
    return cell


def _gender(cell: str, style: Style) -> str:
    known = {"male": "M", "m": "M", "female": "F", "f": "F", "unspecified": "", "unknown": ""}
    return known.get(cell.casefold(), cell)


def _date(cell: str, style: Style) -> str:
    try:
        return dates.read(cell, style)
    except ValueError as error:
        raise _Refused("invalid-date", str(error)) from None


_CHECKS: Mapping[str, Callable[[str, Style], str]] = {
    "email": _mail,
    "phone": _phone,
    "gender": _gender,
    "birthday": _date,
    "event": _date,
}


def words(text: str) -> list[str]:
    """A list in one cell: between `` ::: `` if that is there, else between semicolons."""
    return [word for word in map(str.strip, text.split(SEVERAL.strip() if SEVERAL.strip() in text else ";")) if word]


def joined(texts: Sequence[str]) -> str:
    """A list as one cell, so that ``words`` reads it back."""
    return (SEVERAL.join([*texts, ""]) if any(";" in text for text in texts) else ";".join(texts)).strip(" ")
