"""Columns of a contact, as a csv file and the command line name them, and the headers of other products that mean them.

A column is ``field[.type][.number][.part]``: ``last_name``, ``email``, ``email.2``, ``email.2.type``,
``phone.mobile``, ``phone.work_fax``, ``address.work.city``, ``company.2``. A header is read by its name, never by its
position; the names of other products are facts, kept in ``headers.csv``.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from sharedbook.domain.errors import InvalidFile, InvalidValue

LEFT_OUT = "-"
"""What a header means that has no place in a contact."""

REASON_COLUMN = "import_error"
"""Why a row was refused: the column that error files have and the import ignores."""

OWN, ANY = "sharedbook", "any"
_ENOUGH = 0.6  # of a header, before a file counts as one of a product


@dataclass(frozen=True, slots=True)
class Field:
    """A field: its help and example, whether it can have several values, and the parts of such a value."""

    name: str
    help: str
    example: str
    many: bool = False
    parts: tuple[str, ...] = ()


_STREET = ("street", "street.2", "street.3")
ADDRESS_PARTS = (*_STREET, "city", "region", "postal_code", "country", "po_box", "extended", "formatted")

FIELDS: dict[str, Field] = {
    each.name: each
    for each in (
        Field("uid", "unique id of the card; leave empty for a new contact", ""),
        Field("external_id", "id in another system; later imports recognise the contact by it", "C-1001"),
        Field("name", "the full name as shown; if empty, made from the parts", ""),
        Field("prefix", "title before the name", "Dr."),
        Field("first_name", "given name", "Minji"),
        Field("middle_name", "further given names", ""),
        Field("last_name", "family name", "Kim"),
        Field("suffix", "what follows the name", ""),
        Field("nickname", "nicknames, separated by ;", ""),
        Field("phonetic_first_name", "pronunciation of the given name", ""),
        Field("phonetic_middle_name", "pronunciation of the further names", ""),
        Field("phonetic_last_name", "pronunciation of the family name", ""),
        Field("company", "organisation", "Example Corporation", many=True),
        Field("department", "department, in the organisation with the same number", "Sales", many=True),
        Field("phonetic_company", "pronunciation of the organisation", ""),
        Field("title", "job title", "Head of Sales", many=True),
        Field("role", "profession", ""),
        Field("email", "mail address; more in email.2, email.3 or email.home", "minji.kim@example.com", many=True),
        Field("phone", "phone number, best with +country code; more in phone.mobile, phone.work, phone.work_fax",
              "+82 10-1234-5678", many=True),
        Field("address", "postal address; more in address.work.street, .city, .region, .postal_code, .country", "",
              many=True, parts=ADDRESS_PARTS),
        Field("url", "web page", "https://www.example.com/", many=True),
        Field("im", "instant messenger; more in im.skype and so on", "", many=True),
        Field("birthday", "birthday, as 1985-04-23 or --04-23", "1985-04-23"),
        Field("event", "another date; more in event.anniversary", "", many=True),
        Field("related", "another person; more in related.manager, related.assistant", "", many=True),
        Field("reports_to", "UID of the contact that this one reports to", ""),
        Field("gender", "M, F, or a word", ""),
        Field("language", "preferred language, as ko or en", "ko"),
        Field("tags", "tags, separated by ;", "customer;vip", many=True),
        Field("note", "anything else", ""),
        Field("custom", "any other text; more in custom.anything", "", many=True),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """One column: ``type`` of a value fixed by the name, ``number`` from 1, ``part`` of a value ("": all of it)."""

    field: str
    type: str = ""
    number: int = 1
    part: str = ""

    @property
    def name(self) -> str:
        """As it is written."""
        number = str(self.number) if self.number > 1 else ""
        return ".".join(piece for piece in (self.field, self.type, number, self.part) if piece)


GROUPS = Column("groups")
"""The one column of a table that is not the card's; nothing else that names columns knows it."""

GROUPS_HELP = "groups for a new contact, by slug or name, separated by ;"

_NUMBER = re.compile("[1-9][0-9]{0,2}")
_TYPE = re.compile(r"[^\W\d][^.\n]{0,60}")


@cache
def parse(name: str) -> Column | None:
    """The column of this name, None if there is none."""
    first, *rest = name.split(".")
    known = FIELDS.get(first)
    if known is None or (rest and not known.many):
        return None
    part, rest = _part(rest, (*known.parts, "type"))
    number = int(rest.pop()) if rest and _NUMBER.fullmatch(rest[-1]) else 1
    kind = rest.pop() if rest and _TYPE.fullmatch(rest[-1]) else ""
    return None if rest or (known.parts and not part) else Column(first, kind, number, part)


def _part(pieces: list[str], parts: Sequence[str]) -> tuple[str, list[str]]:
    """The part that the pieces end with, such as ``city`` or ``street.2``, and the pieces before it."""
    for length in (2, 1):
        if ".".join(pieces[-length:]) in parts:
            return ".".join(pieces[-length:]), pieces[:-length]
    return "", pieces


def column(name: str) -> Column:
    """The column of this name. Raises InvalidValue with the nearest names."""
    import difflib

    found = parse(name)
    if found is None:
        parts = [f"{name}.{part}" for part in FIELDS[name].parts] if name in FIELDS else []
        near = parts or difflib.get_close_matches(name.split(".")[0], FIELDS, n=2)
        hint = f"did you mean {' or '.join(near)}?" if near else "see: sharedbook template -"
        raise InvalidValue(f"there is no column {name}", field=name, hint=hint)
    return found


def rank(column: Column) -> tuple[int, int, str, int]:
    """The order of columns in a file: by field, then each value with its type and parts."""
    parts = ("", "type", *FIELDS[column.field].parts)
    return list(FIELDS).index(column.field), column.number, column.type, parts.index(column.part)


# ---- headers of other products


def fold(header: str) -> str:
    """A header as it is compared: case, spaces, typographic apostrophes and dashes make no difference."""
    return " ".join(header.replace("’", "'").replace("–", "-").casefold().split())


@dataclass(frozen=True)
class Product:
    """One product's headers and their columns, in its order. ``{n}`` stands for a number in both."""

    name: str
    headers: dict[str, str] = field(default_factory=dict)

    def column_of(self, header: str) -> str | None:
        """The column's name (or LEFT_OUT) that a header means, None if the product has no such header."""
        plain, patterns = _compiled(self.name)
        folded = fold(header)
        if folded in plain:
            return plain[folded]
        for pattern, name in patterns:
            if found := pattern.fullmatch(folded):
                return name.replace("{n}", found[1])
        return None


@cache
def products() -> dict[str, Product]:
    """Every product of ``headers.csv`` by name; ``any`` holds what is usual in several languages."""
    found: dict[str, Product] = {}
    table = (files("sharedbook.formats.entries") / "headers.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(table.splitlines()):
        found.setdefault(row["product"], Product(row["product"])).headers[row["header"]] = row["column"]
    return found


@cache
def _compiled(product: str) -> tuple[dict[str, str], list[tuple[re.Pattern[str], str]]]:
    headers = products()[product].headers
    plain = {fold(header): name for header, name in headers.items() if "{n}" not in header}
    numbered = [(re.escape(fold(header)), name) for header, name in headers.items() if "{n}" in header]
    return plain, [(re.compile(header.replace(r"\{n\}", "([1-9][0-9]?)")), name) for header, name in numbered]


@dataclass(frozen=True, slots=True)
class Layout:
    """What each column of a file is: None for one that is left out."""

    header: tuple[str, ...]
    columns: tuple[Column | None, ...]
    product: str


def layout(header: Sequence[str], mapping: Mapping[str, str] | None = None, line: int = 1) -> Layout:
    """Reads a header: by ``mapping`` (header -> column name, LEFT_OUT or ""), our own names, the product it is most of.

    Raises InvalidFile, naming row and column, for an unknown header and for two that mean the same column; InvalidValue
    for a mapping to no column, or of a header that the file has not.
    """
    given = {fold(name): target for name, target in (mapping or {}).items()}
    if missing := missing_in(header, mapping or {}):
        hint = "correct the map"
        raise InvalidValue(f"the map names {missing[0]}, which the file does not have", field=missing[0], hint=hint)
    product = _product_of([name for name in header if fold(name) not in given])
    columns: list[Column | None] = []
    for place, name in enumerate(header, 1):
        target = given.get(fold(name)) or _target(name, product)
        if target is None:
            hint = "--save-map FILE begins a map to complete, for --map; or make it a field: sharedbook field add NAME"
            if len(header) == 1:
                hint = "if it is a title above the header, delete its row"
            raise InvalidFile(f"row {line}, column {place}: the header {name} is unknown", line=line, hint=hint)
        found = None if target == LEFT_OUT else GROUPS if target == GROUPS.name else column(target)
        if found is not None and found in columns:
            first = columns.index(found)
            raise InvalidFile(
                f"row {line}, column {place}: {name} means {found.name}, as {header[first]} in column {first + 1} does",
                line=line, hint=f"map one of them to another column, or to {LEFT_OUT}: --map",
            )  # fmt: skip
        columns.append(found)
    return Layout(tuple(header), tuple(columns), product)


def missing_in(header: Iterable[str], mapping: Iterable[str]) -> list[str]:
    """The headers of a mapping that are not among these."""
    there = set(map(fold, header))
    return [name for name in mapping if fold(name) not in there]


def meanings(header: Sequence[str]) -> dict[str, str]:
    """What each header is taken for without a mapping: a column's name, LEFT_OUT, or "" for an unknown one."""
    product = _product_of(header)
    return {name: _target(name, product) or "" for name in header}


def _product_of(header: Iterable[str]) -> str:
    """The product whose headers most of these are, our own first, else ``any``."""
    names = list(header)
    own = sum(parse(name.strip()) is not None or name in (REASON_COLUMN, GROUPS.name) for name in names)
    shares = {OWN: own} | {
        product.name: sum(product.column_of(name) is not None for name in names)
        for product in products().values()
        if product.name != ANY
    }
    best = max(shares, key=lambda name: shares[name])
    return best if names and shares[best] >= _ENOUGH * len(names) else ANY


def _target(header: str, product: str) -> str | None:
    if fold(header) == REASON_COLUMN:
        return LEFT_OUT
    known = products()
    by_product = known[product].column_of(header) if product in known else None
    if by_product is not None:
        return by_product
    return header if parse(header) or header == GROUPS.name else known[ANY].column_of(header)
