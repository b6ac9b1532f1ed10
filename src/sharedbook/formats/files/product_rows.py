"""Contacts out as another program's csv file: its headers, in its order; what it has no column for stays out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

from sharedbook.formats.entries import columns, entry_cards, types
from sharedbook.formats.entries.columns import FIELDS, Column
from sharedbook.formats.entries.entries import Entry, Value
from sharedbook.formats.files import template
from sharedbook.formats.rows import csv_rows

_ELSEWHERE = ("other", "main", "work")
"""Where a value goes if the program has no free column for its own type."""


_IMPLIED = {"uid", "name"}
"""Fields that are left out without a word: they are our own, or other fields say the same."""


def write(target: BinaryIO, product: str, entries: Callable[[], Iterator[Entry]]) -> set[str]:
    """Writes entries, which are read twice, under a product's headers; returns the fields with values left out."""
    most = max((len(values) for entry in entries() for values in entry.many.values()), default=1)
    header = template.headers(product, most)
    meant = columns.layout(header).columns
    left: set[str] = set()
    csv_rows.write(target, header, (_row(meant, entry, left) for entry in entries()))
    return left - _IMPLIED


def _row(meant: Sequence[Column | None], entry: Entry, left: set[str]) -> list[str]:
    """The cells; what has none is added to ``left``."""
    cells: dict[Column, str] = {Column(name): text for name, text in entry.single.items()}
    if not {Column("name"), Column("first_name"), Column("last_name")} & cells.keys() & set(meant):
        cells[Column("first_name")] = entry_cards.shown_name(entry)
    left |= {column.field for column in cells.keys() - set(meant)}
    for name in (name for name, field in FIELDS.items() if field.many):
        places = [each for each in meant if each and each.field == name]
        cells |= _several(places, entry.values(name), name, left)
    return [cells.get(each, "") if each else "" for each in meant]


def _several(meant: Sequence[Column], values: Sequence[Value], name: str, left: set[str]) -> dict[Column, str]:
    """The cells of a field with several values: first where the type fits, then where any does, then elsewhere."""
    free = list(dict.fromkeys((each.type, each.number) for each in meant))
    cells: dict[Column, str] = {}
    waiting = list(values)
    for fits in (_same_type, _any_type, _elsewhere):
        for value in list(waiting):
            slot = next((slot for slot in free if fits(slot[0], value)), None)
            if slot is not None:
                free.remove(slot)
                waiting.remove(value)
                cells |= _cells(value, name, *slot)
    if waiting:
        left.add(name)
    return cells


def _same_type(kind: str, value: Value) -> bool:
    return bool(kind) and kind == types.kind(value.type)


def _any_type(kind: str, value: Value) -> bool:
    return not kind


def _elsewhere(kind: str, value: Value) -> bool:
    return kind in _ELSEWHERE


def _cells(value: Value, name: str, kind: str, number: int) -> dict[Column, str]:
    parts = value.parts if FIELDS[name].parts else {"": value.text}
    return {Column(name, kind, number, part): text for part, text in {**parts, "type": value.type}.items()}
