"""Cards of a vcf file, objects of a json file and records of an LDIF file as incoming contacts.

Each is kept as its text, so that one that is refused comes back as it was.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import starmap
from typing import BinaryIO

from sharedbook.domain.errors import CardTooLarge, InvalidCard, InvalidFile, InvalidValue
from sharedbook.formats.entries import columns, custom_values, entries, entry_cards
from sharedbook.formats.entries.incoming import Incoming, Reading
from sharedbook.formats.files import json_rows, ldif_rows, vcf_rows
from sharedbook.formats.files.ldif_rows import Record
from sharedbook.formats.rows import encodings
from sharedbook.formats.rows.problems import Problem
from sharedbook.formats.vcards import card_limits, images, vcard, vcard21


class VcfSource:
    """Cards of a vcf file."""

    format = "vcf"
    columns: tuple[str, ...] = ("vcard",)
    delimiter = ""
    product = ""

    def __init__(self, file: BinaryIO, reading: Reading) -> None:
        self.encoding = encodings.known(reading.encoding) if reading.encoding else "utf-8"
        self.samples: tuple[str, ...] = ()
        self.left_out: dict[str, None] = {}
        self.warnings: list[Problem] = []
        self._file = file
        self._limits = reading.limits
        self._custom = reading.custom
        self._charset = reading.encoding or ""
        self.size, self.names_groups = 0, False
        for _, text in vcf_rows.cards(file, reading.limits):
            self.size += 1
            self.names_groups = self.names_groups or vcf_rows.GROUP_PROPERTY in text
        if not self.size:
            raise InvalidFile("the file is empty: it has no card", hint="is it the right file?")

    def rows(self) -> Generator[Incoming, None, None]:
        """Every card, in the order of the file."""
        yield from starmap(self._row, vcf_rows.cards(self._file, self._limits))  # which keeps none: one may be large

    def _row(self, line: int, text: str) -> Incoming:
        try:
            card, beside = vcf_rows.without_beside(vcard21.upgrade(text, self._limits, charset=self._charset))
            custom, unknown = custom_values.of_cells(self._custom, beside.fields, self._limits)
            self.left_out |= dict.fromkeys(unknown)
            entry, groups = entry_cards.of_card(card), tuple(beside.groups)
            return Incoming(line, (text,), entry, card=card, custom=custom, groups=groups)
        except InvalidCard as error:
            place = f" (that is line {line + error.line - 1} of the file)" if error.line else ""
            place += "; say its --encoding" if self._lacks_encoding(text) else ""
            return Incoming(line, (text,), problems=(Problem(line, "", error.code, error.message + place),))
        except InvalidValue as error:
            return Incoming(line, (text,), problems=(Problem(line, error.field or "", error.code, error.message),))

    def _lacks_encoding(self, text: str) -> bool:
        return not (self._charset or text.isascii()) and any("\udc80" <= char <= "\udcff" for char in text)


class JsonSource:
    """Objects of a json file; what stands for the line of one is its number."""

    format = "json"
    columns: tuple[str, ...] = ("object",)
    delimiter = ""
    product = ""

    def __init__(self, file: BinaryIO, reading: Reading) -> None:
        self.encoding = encodings.detect(file, encoding=reading.encoding)
        self.samples: tuple[str, ...] = ()
        self.left_out: dict[str, None] = {}
        self.warnings: list[Problem] = []
        self._file = file
        self._reading = reading
        self.size, self.names_groups = 0, False
        for _, found in json_rows.objects(file, reading.limits, encoding=self.encoding):
            self.size += 1
            self.names_groups = self.names_groups or (isinstance(found, dict) and columns.GROUPS.name in found)
        if not self.size:
            raise InvalidFile("the file is empty: it has no object", hint="is it the right file?")

    def rows(self) -> Generator[Incoming, None, None]:
        """Every object, in the order of the file."""
        objects = json_rows.objects(self._file, self._reading.limits, encoding=self.encoding)
        yield from starmap(self._incoming, objects)  # which keeps none: one may be large

    def _incoming(self, line: int, found: object) -> Incoming:
        cells = (json.dumps(found, ensure_ascii=False),)
        groups = found.pop(columns.GROUPS.name, []) if isinstance(found, dict) else []
        groups = entries.words(groups) if isinstance(groups, str) else groups
        if not (isinstance(found, dict) and isinstance(groups, list) and _are_texts((*found.values(), *groups))):
            message = "it is no object with texts as values (groups may be a list of texts)"
            return Incoming(line, cells, problems=(Problem(line, "", "invalid-object", message),))
        try:
            return replace(self._row(line, cells, found), groups=tuple(groups))
        except (InvalidCard, InvalidValue) as error:
            return Incoming(line, cells, problems=(Problem(line, "", error.code, error.message),))

    def _row(self, line: int, cells: tuple[str, ...], values: Mapping[str, str]) -> Incoming:
        limits, custom = self._reading.limits, dict[int, tuple[str, ...]]()
        plain = {}
        for name, text in values.items():
            own = custom_values.named(self._reading.custom, name) if columns.parse(name) is None else None
            if own is not None:
                custom[own.id] = custom_values.read(own, text, limits)
            elif name not in (json_rows.CARD, columns.REASON_COLUMN):
                plain[name] = text
        if json_rows.CARD in values:
            card = vcard21.upgrade(values[json_rows.CARD], limits)
            return Incoming(line, cells, entry_cards.of_card(card), card=card, custom=custom)
        return _of_columns(line, cells, plain, self._reading, custom)


def _are_texts(found: Iterable[object]) -> bool:
    return all(isinstance(each, str) for each in found)


def _of_columns(
    line: int,
    cells: tuple[str, ...],
    values: Mapping[str, str],
    reading: Reading,
    custom: Mapping[int, tuple[str, ...]],
) -> Incoming:
    found = entries.of_columns(values, limits=reading.limits, style=reading.style)
    if isinstance(found, list):
        problems = (Problem(line, each.column, each.code, each.message, each.value) for each in found)
        return Incoming(line, cells, problems=tuple(problems))
    return Incoming(line, cells, found, custom=custom)


class LdifSource:
    """People of an LDIF file."""

    format = "ldif"
    columns: tuple[str, ...] = ("record",)
    delimiter = ""
    product = ""
    encoding = "utf-8"

    def __init__(self, file: BinaryIO, reading: Reading) -> None:
        self.samples: tuple[str, ...] = ()
        self.left_out: dict[str, None] = {}
        self.warnings: list[Problem] = []
        self._file = file
        self._reading = reading
        self.size, self.names_groups = 0, False
        for record in self._people():
            self.size += 1
            self.names_groups = self.names_groups or ldif_rows.GROUP.lower() in record.values
        if not self.size:
            raise InvalidFile("the file has no person", hint="is it an ldif file of people?")

    def _people(self) -> Iterator[Record]:
        records = ldif_rows.records(self._file, self._reading.limits)
        return filter(lambda record: record.problem or record.is_person, records)

    def rows(self) -> Generator[Incoming, None, None]:
        """Every person, in the order of the file; other records, as of groups and folders, are left out."""
        yield from map(self._row, self._people())  # which keeps none: one may be large

    def _row(self, record: Record) -> Incoming:
        line, cells = record.line, (record.text,)
        if record.problem:
            return Incoming(line, cells, problems=(record.problem,))
        try:
            limits, own = self._reading.limits, ldif_rows.fields_of(record.values)
            values = ldif_rows.cells_of(record.values, limits)
            custom, unknown = custom_values.of_cells(self._reading.custom, own, limits)
            self.left_out |= dict.fromkeys(unknown)
            row = self._with_photo(record, _of_columns(line, cells, values, self._reading, custom))
            return replace(row, groups=ldif_rows.groups_of(record.values))
        except UnicodeDecodeError:
            message = "a value is not UTF-8, which LDIF is written in"
            return Incoming(line, cells, problems=(Problem(line, "", "invalid-record", message),))
        except (InvalidCard, InvalidValue) as error:
            return Incoming(line, cells, problems=(Problem(line, "", error.code, error.message),))

    def _with_photo(self, record: Record, row: Incoming) -> Incoming:
        """The row as a card where it has a photo, which no column holds."""
        photo = ldif_rows.photo_of(record.values)
        if row.problems or not photo:
            return row
        most = self._reading.limits.photo_bytes
        if len(photo) > most:  # before copies are made of it
            raise CardTooLarge(f"The photo has more than {most / card_limits.MEGABYTE:g} MB.")
        card = entry_cards.build(row.entry)
        text = vcard.patch(card, [vcard.Add(*images.photo_property(photo, card.version))])
        return replace(row, card=vcard.parse(text, self._reading.limits))
