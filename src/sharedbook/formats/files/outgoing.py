"""Contacts into files of any format: exports, and the rows that an import refused, to fix and import again."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import BinaryIO, NamedTuple

from sharedbook.formats.entries import columns, custom_values, entries, entry_cards
from sharedbook.formats.entries.entries import Entry
from sharedbook.formats.files import archive_source, json_rows, ldif_rows, product_rows, sheet_write, sources, vcf_rows
from sharedbook.formats.rows import csv_rows
from sharedbook.formats.vcards import fields, vcard


class Exported(NamedTuple):
    """A card's text; custom fields by ``custom:NAME``; slugs of groups."""

    text: str
    custom: Mapping[str, str]
    groups: Sequence[str]


Contacts = Callable[[], Iterator[Exported]]
"""The contacts of an export, each time from the first."""

BASE_COLUMNS = ("uid", "name", "first_name", "last_name", "company", "title", "email", "phone", "note")
"""Columns that every table of our own has."""

WITH_ORIGINALS = frozenset({"vcf", "json"})
"""Formats that hold whole cards, and so their photos as they came."""


def write(format: str, target: BinaryIO, contacts: Contacts) -> list[str]:
    """Writes contacts in one of FORMATS; returns the names of the fields for which the file has no place."""
    return sorted(FORMATS[format](target, contacts) or ())


def write_refused(
    format: str, target: BinaryIO, header: Sequence[str], refused: Iterable[tuple[Sequence[str], str]]
) -> int:
    """Writes rows that were refused, with their reasons, in the format that an import read; returns how many."""
    if format == "zip":
        return _write_refused_files(target, refused)
    if format in _REFUSED:
        return _REFUSED[format](target, ((cells[0], reason) for cells, reason in refused))
    write_table = sheet_write.write if format in sources.SHEETS else csv_rows.write
    return write_table(target, [columns.REASON_COLUMN, *header], ([reason, *cells] for cells, reason in refused))


def kind_of_refused(format: str) -> str:
    """How the name of a file ends that ``write_refused`` has written."""
    if format == "zip" or format in _REFUSED:
        return format
    return "xlsx" if format in sources.SHEETS else "csv"


def _write_refused_files(target: BinaryIO, refused: Iterable[tuple[Sequence[str], str]]) -> int:
    """A zip with the refused rows of each file in a file of its kind."""
    count = 0
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as files:
        for origin, rows in groupby(refused, key=lambda found: found[0][0]):
            name, format, header = archive_source.origin(origin)
            file = io.BytesIO()
            count += write_refused(format, file, header, ((cells[1:], reason) for cells, reason in rows))
            suffix = {"xls": ".xlsx", "ods": ".xlsx", "eml": ".csv", "mbox": ".csv"}.get(format, "")
            files.writestr(name + suffix, file.getvalue())
    return count


def _write_table(write_rows: Callable[..., int], target: BinaryIO, contacts: Contacts) -> None:
    """The rows are set aside in an unnamed file until it is known which columns hold anything."""
    used = {columns.column(name) for name in BASE_COLUMNS}
    own: dict[str, None] = {}
    with tempfile.TemporaryFile("w+", encoding="utf-8", newline="") as rows:
        for each in contacts():
            cells, beside = entry_cards.cells(_entry(each.text)), _beside(each)
            used |= cells.keys()
            own |= dict.fromkeys(beside)
            rows.write(json.dumps({column.name: cell for column, cell in cells.items()} | beside) + "\n")
        rows.seek(0)
        header = [column.name for column in sorted(used, key=columns.rank)] + list(own)
        write_rows(target, header, ([row.get(name, "") for name in header] for row in map(json.loads, rows)))


def _beside(each: Exported) -> dict[str, str]:
    """The cells of a table that are not the card's."""
    return ({columns.GROUPS.name: entries.joined(each.groups)} if each.groups else {}) | dict(each.custom)


def _entry(text: str) -> Entry:
    return entry_cards.of_card(vcard.load(text))


def _row(text: str) -> dict[str, str]:
    return {column.name: cell for column, cell in entry_cards.cells(_entry(text)).items()}


def _write_product(product: str, target: BinaryIO, contacts: Contacts) -> set[str]:
    left: set[str] = set()

    def entries() -> Iterator[Entry]:
        for text, custom, groups in contacts():
            card = vcard.load(text)
            left.update(custom, ["photo"] if card.all("PHOTO") else [], ["groups"] if groups else [])
            yield entry_cards.of_card(card)

    return product_rows.write(target, product, entries) | left


def _write_vcf(target: BinaryIO, contacts: Contacts) -> None:
    beside = ((each.text, vcf_rows.Beside(_named(each.custom), each.groups)) for each in contacts())
    vcf_rows.write(target, (vcf_rows.with_beside(*each) for each in beside))


def _write_json(target: BinaryIO, contacts: Contacts) -> None:
    json_rows.write(
        target,
        (
            {**_row(text), columns.GROUPS.name: groups, **custom, json_rows.CARD: text}
            for text, custom, groups in contacts()
        ),
    )


def _write_ldif(target: BinaryIO, contacts: Contacts) -> None:
    ldif_rows.write(
        target, ((_entry(text), _photo(text), _named(custom), groups) for text, custom, groups in contacts())
    )


def _named(custom: Mapping[str, str]) -> dict[str, str]:
    """Cells by the names of their fields alone."""
    return {name.removeprefix(custom_values.PREFIX): cell for name, cell in custom.items()}


def _photo(text: str) -> bytes:
    """The photo of a card, b"" where it has none within."""
    _kind, data = fields.photo(vcard.load(text)) or ("", b"")
    return data


FORMATS: Mapping[str, Callable[[BinaryIO, Contacts], set[str] | None]] = {
    "csv": partial(_write_table, csv_rows.write),
    "xlsx": partial(_write_table, sheet_write.write),
    "vcf": _write_vcf,
    "ldif": _write_ldif,
    "json": _write_json,
    "google": partial(_write_product, "google"),
    "outlook": partial(_write_product, "outlook"),
}
"""What contacts can be exported as."""

_REFUSED: Mapping[str, Callable[[BinaryIO, Iterable[tuple[str, str]]], int]] = {
    "vcf": vcf_rows.write_refused,
    "ldif": ldif_rows.write_refused,
    "json": json_rows.write_refused,
}
