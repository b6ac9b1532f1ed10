"""The search index: one row for each value of a contact's card, made anew whenever the card is written.

Most cards would have the same value twice, as the property and as what is derived of it (``EMAIL`` and ``email``):
such twins (``TWINS``) are one row under both names, written ``email+``. If their parameters differ, the derived one's
stand behind a line feed. ``named`` finds the rows of a name, alone and as a twin.

Positions of the card's values count from 0; values of custom fields, which no card has, stand at negative ones.

``folded_text`` is ``folding.pad(folding.fold(value))``, so that equality, prefix and substrings of a directory string
are plain comparisons (RFC 4518 section 2.6.1); its column is NULL where SQL makes the same of the value. ``cased`` is
``folding.unicode_casemap(value)``; NULL for an ASCII value, of which ``upper(value)`` is the same. Only ``filters.py``
and ``matches.py`` ask these columns.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, bindparam, delete, func, literal_column, select

from sharedbook.domain import folding
from sharedbook.domain.query import Instance
from sharedbook.store import schema
from sharedbook.store.prepared import Prepared, insert_rows
from sharedbook.store.schema import properties

folded_text: ColumnElement[str] = literal_column(schema.FOLDED, Text)
index_key: ColumnElement[str] = func.substr(folded_text, literal_column("1"), literal_column(str(schema.FOLDED_KEY)))
"""What the index holds, beside the name."""

TWINS = {
    "UID": "uid",
    "FN": "fullname",
    "NICKNAME": "nickname",
    "ORG": "org",
    "TITLE": "title",
    "ROLE": "role",
    "EMAIL": "email",
    "TEL": "number",
    "URL": "url",
    "NOTE": "note",
    "CATEGORIES": "category",
}
"""What is derived of a property, often with the same value."""

_OF_TWINS = {f"{derived}+": (raw, derived) for raw, derived in TWINS.items()}
_BOTH = {name: both for both, names in _OF_TWINS.items() for name in names}

Params = tuple[tuple[str, tuple[str, ...]], ...]


_REMOVE = Prepared(delete(properties).where(properties.c.contact_id == bindparam("contact"), properties.c.pos >= 0))


def replace(connection: Connection, contact_id: int, instances: Iterable[Instance]) -> None:
    """Writes the index rows of one contact in place of those it has."""
    _REMOVE.run(connection, {"contact": contact_id})
    add_many(connection, {contact_id: instances})


def add_many(connection: Connection, instances: Mapping[int, Iterable[Instance]]) -> None:
    """Writes the index rows of new contacts, by contact id."""
    insert_rows(connection, _COLUMNS, [row for each, found in instances.items() for row in _rows(each, found)])


def replace_custom(connection: Connection, contact_id: int, instances: Iterable[Instance]) -> None:
    """Writes the index rows of one contact's custom fields in place of those it has."""
    connection.execute(delete(properties).where(properties.c.contact_id == contact_id, properties.c.pos < 0))
    insert_rows(connection, _COLUMNS, [_row(contact_id, -at, each) for at, each in enumerate(instances, start=1)])


def forget(connection: Connection, name: str) -> None:
    """Removes the index rows of a property."""
    connection.execute(delete(properties).where(properties.c.name == name))


def load(connection: Connection, contact_ids: Collection[int]) -> dict[int, tuple[Instance, ...]]:
    """The instances of contacts, in card order, a twin beside its property; () for a contact that has none."""
    found: dict[int, list[Instance]] = {contact_id: [] for contact_id in contact_ids}
    columns = (properties.c.contact_id, properties.c.name, properties.c.value, properties.c.params)
    statement = select(*columns).order_by(properties.c.contact_id, properties.c.pos)
    for contact_id, name, value, params in connection.execute(statement.where(properties.c.contact_id.in_(found))):
        own, differ, derived = params.partition("\n")
        for each, text in zip(_OF_TWINS.get(name, (name,)), (own, derived if differ else own), strict=False):
            found[contact_id].append(Instance(each, value, _read_params(text)))
    return {contact_id: tuple(instances) for contact_id, instances in found.items()}


def holding(connection: Connection, folded: str) -> list[int]:
    """Ids of the contacts that have a folded text somewhere in a value."""
    statement = select(properties.c.contact_id).where(folded_text.contains(folded, autoescape=True)).distinct()
    return list(connection.execute(statement.order_by(properties.c.contact_id)).scalars())


def of_names(connection: Connection, names: Collection[str]) -> list[tuple[int, str]]:
    """Contact and value of every row with one of these names."""
    statement = select(properties.c.contact_id, properties.c.value).where(named(*names))
    return [(contact_id, value) for contact_id, value in connection.execute(statement)]


def having(connection: Connection, name: str, values: Collection[str]) -> list[tuple[int, str]]:
    """Contact and value of the rows of a name that have one of these values, as the directory compares text."""
    folded = {folding.pad(folding.fold(value)) for value in values}
    columns = select(properties.c.contact_id, properties.c.value)
    statement = columns.where(named(name), folded_text.in_(folded))
    return [(contact_id, value) for contact_id, value in connection.execute(statement)]


def named(*names: str) -> ColumnElement[bool]:
    """Whether a row has one of these names."""
    every = {form for name in names for form in (name, _BOTH.get(name, name))}
    return properties.c.name.in_(sorted(every))


def _rows(contact_id: int, instances: Iterable[Instance]) -> list[_Row]:
    """The rows of a card's instances; a derived one comes after the property that it is the twin of."""
    rows: list[_Row] = []
    single: dict[tuple[str, str], _Row] = {}
    for position, instance in enumerate(instances):
        name, value = instance.name, instance.value
        twin = single.pop((name, value), None) if name in _BOTH else None
        if twin is not None:
            twin[_NAME] = _BOTH[name]
            params = _write_params(instance.params)
            if twin[_PARAMS] != params:
                twin[_PARAMS] += "\n" + params
            continue
        row = _row(contact_id, position, instance)
        rows.append(row)
        if name in TWINS:
            single[TWINS[name], value] = row
    return rows


_P = properties.c
_COLUMNS = (_P.contact_id, _P.pos, _P.name, _P.params, _P.value, _P.folded, _P.cased)
_NAME, _PARAMS = 2, 3
_Row = list[Any]
"""A value for each of ``_COLUMNS``; name and params stand at ``_NAME`` and ``_PARAMS``."""


def _row(contact_id: int, position: int, instance: Instance) -> _Row:
    value = instance.value
    if value.isascii():
        return [contact_id, position, instance.name, _write_params(instance.params), value, _folded(value), None]
    folded, cased = folding.pad(folding.fold(value)), folding.unicode_casemap(value)
    return [contact_id, position, instance.name, _write_params(instance.params), value, folded, cased]


_ONE_SPACE = re.compile("[!-~]+(?: [!-~]+)*")


def _folded(value: str) -> str | None:
    """What the column holds for an ASCII value: nothing when ``schema.FOLDED`` makes it of the value."""
    if _ONE_SPACE.fullmatch(value):
        return None
    folded = folding.pad(folding.fold(value))
    return None if folded == f" {value.lower().replace(' ', '  ')} " else folded


def _write_params(params: Params) -> str:
    """JSON without the two brackets that all would begin and end with."""
    if not params:
        return ""
    return _ENCODER.encode(params)[2:-2]


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def _read_params(text: str) -> Params:
    if not text:
        return ()
    return tuple((name, tuple(values)) for name, values in json.loads(f"[[{text}]]"))
