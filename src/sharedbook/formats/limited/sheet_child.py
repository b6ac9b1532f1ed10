"""A sheet of an xlsx, xls or ods file as lines of JSON, as a program of its own: files come from strangers.

``sheet_rows.py`` runs it: the file is stdin (seekable), argument 1 the wanted sheet or "". It imports nothing of
sharedbook, and gives itself little memory and time before it reads a byte. First line out: ``{"sheet", "sheets"}``, or
``{"refused", "hint"}`` and nothing more; then for each row ``[number, cells]``. A cell is a text, or ``[kind, text]``:
NUMBER, DATE, LOST (a number with more digits than a sheet keeps), FORMULA (its result is an error, or not in the file).

calamine reads the cells. What it does not tell of an xlsx file, and what it would choke on, is looked up in the XML
first: number formats, formulas without a value, cells at the end of the world, document types.
"""

from __future__ import annotations

import json
import posixpath
import re
import resource
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, BinaryIO
from xml.parsers import expat

import python_calamine

MEMORY_BYTES = 1 << 30
CPU_SECONDS = 60
OUTPUT_BYTES = 512 * 1024 * 1024
UNZIPPED_BYTES = 300 * 1024 * 1024
MOST_PARTS = 2_000
MOST_ROWS = 200_000
MOST_COLUMNS = 1_000
MOST_SHEETS_NAMED = 20

NUMBER, DATE, LOST, FORMULA = "number", "date", "lost", "formula"
EXACT = 10**15
"""From here on a sheet, which keeps numbers as floats of 15 digits, has lost some of them."""


class Refused(Exception):
    """Why the file is not read, and what to do."""


def main() -> None:
    """Reads stdin, writes stdout."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (OUTPUT_BYTES, OUTPUT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        for line in _lines(sys.stdin.buffer, sys.argv[1]):
            print(json.dumps(line))
    except Refused as refused:
        message, hint = refused.args
        print(json.dumps({"refused": message, "hint": hint}))


def _lines(file: BinaryIO, wanted: str) -> Iterator[object]:
    try:
        extras = _Extras()
        parts = _parts(file)
        file.seek(0)
        with python_calamine.load_workbook(file) as book:
            sheets = [each.name for each in book.sheets_metadata if _is_shown(each)]
            name = _chosen(sheets, wanted)
            if parts is not None:
                _look_up(parts, name, extras)
            sheet = book.get_sheet_by_name(name)
            yield {"sheet": name, "sheets": sheets[:MOST_SHEETS_NAMED]}
            yield from _rows(sheet, extras)
    except python_calamine.PasswordError:
        raise Refused("the file is encrypted", "save it without a password") from None
    except (python_calamine.CalamineError, zipfile.BadZipFile, expat.ExpatError, KeyError) as error:
        raise Refused(f"the file is damaged: {error}", "open it, and save it again") from None


def _is_shown(sheet: Any) -> bool:
    is_table = sheet.typ == python_calamine.SheetTypeEnum.WorkSheet
    return bool(is_table and sheet.visible == python_calamine.SheetVisibleEnum.Visible)


def _chosen(sheets: list[str], wanted: str) -> str:
    if not sheets:
        raise Refused("the file has no sheet", "save it again as xlsx or csv")
    if wanted and wanted not in sheets:
        named = ", ".join(sheets[:MOST_SHEETS_NAMED])
        raise Refused(f"the file has no sheet {wanted}", f"it has: {named}")
    return wanted or sheets[0]


def _rows(sheet: Any, extras: _Extras) -> Iterator[object]:
    if sheet.start is None:
        return
    if sheet.end[0] >= MOST_ROWS or sheet.end[1] >= MOST_COLUMNS:
        raise _too_far()
    for number, cells in enumerate(sheet.iter_rows(), 1):  # from row 1, but from the first column that is used
        row = [_cell(value, (number, column), extras) for column, value in enumerate(cells, sheet.start[1] + 1)]
        while row and not row[-1]:
            row.pop()
        if row:
            yield [number, row]


def _too_far() -> Refused:
    return Refused(
        f"the sheet reaches beyond row {MOST_ROWS:,} or column {MOST_COLUMNS:,}",
        "delete the rows and columns behind the contacts, or save it as csv",
    )


def _cell(value: object, place: tuple[int, int], extras: _Extras) -> object:
    if value == "" and place in extras.formulas:
        return [FORMULA, ""]
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, (int, float)):
        return _number(value, extras.formats.get(place, ""))
    if isinstance(value, datetime) and value.time() != datetime.min.time():
        return [DATE, value.isoformat(" ")]
    if isinstance(value, date):  # a datetime at midnight is one, too
        return [DATE, value.isoformat()[:10]]
    return str(value)


def _number(value: float, code: str) -> object:
    if abs(value) >= EXACT:
        return [LOST, str(value)]
    if value != int(value):
        return [NUMBER, repr(value)]
    shown = formatted(int(value), code) if value >= 0 else ""
    return shown or [NUMBER, str(int(value))]


# ---- what a number looks like


_TOKEN = re.compile(r'"([^"]*)"|\\(.)|[_*].|\[[^\]]*\]|([0#?])|([-+ ()/])|(.)', re.DOTALL)
_CONDITION = re.compile(r"\[(<=|<|>=|>|=)([0-9]+)\]")
_HOLDS: dict[str, Callable[[int, int], bool]] = {
    "<=": lambda value, limit: value <= limit,
    "<": lambda value, limit: value < limit,
    ">=": lambda value, limit: value >= limit,
    ">": lambda value, limit: value > limit,
    "=": lambda value, limit: value == limit,
}


def formatted(value: int, code: str) -> str:
    """A number as a format of digits and punctuation shows it, such as ``000-0000-0000``; "" for any other format."""
    places: list[tuple[str, str]] = []
    for text, escaped, digit, literal, other in _TOKEN.findall(_section(value, code)):
        if other:
            return ""
        if digit or text or escaped or literal:
            places.append((digit, text or escaped or literal))
    if sum(bool(digit) for digit, _ in places) == 0 or len(places) < 2:
        return ""
    first = next(at for at, (digit, _) in enumerate(places) if digit)
    rest, shown = str(value), list[str]()
    for at in range(len(places) - 1, -1, -1):
        digit, literal = places[at]
        if not digit:
            shown.append(literal)
        elif at == first:
            shown.append(rest or ("0" if digit == "0" else ""))
        else:
            shown.append(rest[-1:] or ("0" if digit == "0" else ""))
            rest = rest[:-1]
    return "".join(reversed(shown))


def _section(value: int, code: str) -> str:
    """The part of a format that is for this number."""
    sections = code.split(";")
    for section in sections:
        condition = _CONDITION.search(section)
        if condition and _HOLDS[condition[1]](value, int(condition[2])):
            return section
    return next((section for section in sections if not _CONDITION.search(section)), "")


# ---- an xlsx file's XML


@dataclass
class _Extras:
    """What calamine does not tell, by row and column from 1. ``formulas``: those that make no text."""

    formats: dict[tuple[int, int], str] = field(default_factory=dict)
    formulas: set[tuple[int, int]] = field(default_factory=set)


_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
"""What an encrypted xlsx file, which is an old file by its frame, calls its content."""


def _parts(file: BinaryIO) -> zipfile.ZipFile | None:
    """The parts of a zipped file, which are not too many and not too large; None for an xls file."""
    if not zipfile.is_zipfile(file):
        file.seek(0)
        if _ENCRYPTED in file.read():
            raise python_calamine.PasswordError
        return None
    parts = zipfile.ZipFile(file)
    if sum(part.file_size for part in parts.infolist()) > UNZIPPED_BYTES or len(parts.infolist()) > MOST_PARTS:
        raise Refused(
            f"the file unzips to more than {UNZIPPED_BYTES // 1024 // 1024} MB or {MOST_PARTS:,} parts",
            "save only the contacts, without pictures, as xlsx or csv",
        )
    names = set(parts.namelist())
    if "META-INF/manifest.xml" in names:
        _refuse_encrypted(parts)
    if "content.xml" in names:
        _read(parts, "content.xml")
    elif "xl/workbook.xml" not in names:
        raise Refused("the file is neither an xlsx nor an ods file", "save it as xlsx or csv")
    return parts


def _refuse_encrypted(parts: zipfile.ZipFile) -> None:
    def start(tag: str, _attributes: dict[str, str]) -> None:
        if tag == "encryption-data":
            raise Refused("the file is encrypted", "save it without a password")

    _read(parts, "META-INF/manifest.xml", start)


def _look_up(parts: zipfile.ZipFile, sheet: str, extras: _Extras) -> None:
    """Reads what calamine does not tell of an xlsx file's sheet."""
    if "xl/workbook.xml" not in parts.namelist():
        return
    if "xl/sharedStrings.xml" in parts.namelist():
        _read(parts, "xl/sharedStrings.xml")
    _read_sheet(parts, _path_of(parts, sheet), _codes(parts), extras)


def _path_of(parts: zipfile.ZipFile, sheet: str) -> str:
    """The part that a sheet is."""
    ids: dict[str, str] = {}
    targets: dict[str, str] = {}

    def book(tag: str, attributes: dict[str, str]) -> None:
        if tag == "sheet":
            ids[attributes["name"]] = next(value for name, value in attributes.items() if name.endswith(":id"))

    def relations(tag: str, attributes: dict[str, str]) -> None:
        if tag == "Relationship":
            targets[attributes["Id"]] = attributes["Target"]

    _read(parts, "xl/workbook.xml", book)
    _read(parts, "xl/_rels/workbook.xml.rels", relations)
    return posixpath.normpath(posixpath.join("/xl", targets[ids[sheet]])).lstrip("/")


def _codes(parts: zipfile.ZipFile) -> dict[str, str]:
    """The number format of each cell style that has one of the file's own."""
    own: dict[str, str] = {}
    styles: list[str] = []
    of_cells = False

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal of_cells
        if tag in ("cellXfs", "cellStyleXfs", "dxfs"):
            of_cells = tag == "cellXfs"
        elif tag == "numFmt":
            own.setdefault(attributes["numFmtId"], attributes["formatCode"])
        elif tag == "xf" and of_cells:
            styles.append(attributes.get("numFmtId", ""))

    if "xl/styles.xml" in parts.namelist():
        _read(parts, "xl/styles.xml", start)
    return {str(nth): own[number] for nth, number in enumerate(styles) if number in own}


_PLACE = re.compile("([A-Z]{1,3})([1-9][0-9]{0,6})")


def _read_sheet(parts: zipfile.ZipFile, name: str, codes: dict[str, str], extras: _Extras) -> None:
    """Looks through a sheet for the formats of its numbers and its formulas. Raises Refused."""
    place, kind = (0, 0), ""

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal place, kind
        if tag == "c":
            place, kind = _place(attributes.get("r", "")), attributes.get("t", "n")
            code = codes.get(attributes.get("s", ""))
            if code and kind == "n":
                extras.formats[place] = code
        if (tag == "f" and kind != "str") or (tag == "c" and kind == "e"):
            extras.formulas.add(place)

    _read(parts, name, start)


def _place(reference: str) -> tuple[int, int]:
    found = _PLACE.fullmatch(reference)
    if found is None:
        return 0, 0
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - 64
    if int(found[2]) > MOST_ROWS or column > MOST_COLUMNS:
        raise _too_far()
    return int(found[2]), column


def _read(
    parts: zipfile.ZipFile,
    name: str,
    start: Callable[[str, dict[str, str]], None] | None = None,
) -> None:
    """Parses one part; tags come without prefix. Raises Refused for a document type, which no sheet needs."""

    def refuse(*_declaration: object) -> None:
        raise Refused("the file declares a document type, which no spreadsheet program writes", "save it again as xlsx")

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    if start:
        parser.StartElementHandler = lambda tag, attributes: start(tag.rpartition(":")[2], attributes)
    with parts.open(name) as part:
        parser.ParseFile(part)


if __name__ == "__main__":
    main()
