"""The search index: one row for each value of a contact's card, made anew whenever the card is written.

Most cards would have the same value twice, as the property and as what is derived of it (``EMAIL`` and ``email``):
such twins (``TWINS``) are one row under both names. If their parameters differ, the derived one's stand behind a line
feed. ``named`` finds the rows of a name, alone and as a twin. The commonest names are written as a letter (``FORMS``).

Positions of the card's values count from 0; values of custom fields, which no card has, stand at negative ones.

``folded_text`` is ``folding.pad(folding.fold(value))``, so that equality, prefix and substrings of a directory string
are plain comparisons (RFC 4518 section 2.6.1); its column is NULL where SQL makes the same of the value. ``cased`` is
``folding.unicode_casemap(value)``; NULL for an ASCII value, of which ``upper(value)`` is the same. Only ``filters.py``
and ``matches.py`` ask these columns.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Text,
    and_,
    bindparam,
    delete,
    func,
    literal_column,
    or_,
    select,
    text,
)

from sharedbook.domain import folding
from sharedbook.domain.query import Instance
from sharedbook.store import schema
from sharedbook.store.prepared import Prepared, given, insert_rows
from sharedbook.store.schema import MAIL, properties

folded_text: ColumnElement[str] = literal_column(schema.FOLDED, Text)
index_key: ColumnElement[str] = func.substr(folded_text, literal_column("1"), literal_column(str(schema.FOLDED_KEY)))
"""What the index holds, beside the name."""

FORMS: Mapping[str, tuple[str, ...]] = {
    "u": ("UID", "uid"),
    "f": ("FN", "fullname"),
    "c": ("NICKNAME", "nickname"),
    "o": ("ORG", "org"),
    "t": ("TITLE", "title"),
    "r": ("ROLE", "role"),
    MAIL: ("EMAIL", "email"),
    "n": ("TEL", "number"),
    "w": ("URL", "url"),
    "m": ("NOTE", "note"),
    "g": ("CATEGORIES", "category"),
    "a": ("ADR",),
    "b": ("address",),
    "d": ("code",),
    "h": ("phone",),
    "i": ("given",),
    "j": ("ORG",),
    "k": ("kind",),
    "l": ("locality",),
    "p": ("PRODID",),
    "q": ("org",),
    "s": ("street",),
    "v": ("VERSION",),
    "x": ("family",),
    "y": ("country",),
    "z": ("REV",),
}
"""Letters for the names that most cards have; no property or field has a name of one small letter. A pair are twins."""

TWINS = dict(names for names in FORMS.values() if len(names) == 2)
"""What is derived of a property, often with the same value."""

_BOTH = {name: letter for letter, names in FORMS.items() if len(names) == 2 for name in names}
_ALONE = {names[0]: letter for letter, names in FORMS.items() if len(names) == 1}
_LOWERED = "="
"""For a twin's parameters: the property's own with their values in lower case."""

Params = tuple[tuple[str, tuple[str, ...]], ...]

_KINDS = 64
"""Few parameters are in most cards: how so many of them are written is remembered."""

IndexRow = tuple[Any, ...]
"""Position, name, params, value, folded, cased: a row without its contact."""
_P = properties.c
_COLUMNS = (_P.contact_id, _P.pos, _P.name, _P.params, _P.value, _P.folded, _P.cased)


_REMOVE = Prepared(delete(properties).where(properties.c.contact_id == bindparam("contact"), properties.c.pos >= 0))


def replace(connection: Connection, contact_id: int, rows: Sequence[IndexRow]) -> None:
    """Writes the index rows of one contact in place of those it has."""
    _REMOVE.run(connection, {"contact": contact_id})
    add_many(connection, {contact_id: rows})


def add_many(connection: Connection, rows: Mapping[int, Sequence[IndexRow]]) -> None:
    """Writes the index rows of new contacts, by contact id."""
    insert_rows(connection, _COLUMNS, [(key, *row) for key, found in rows.items() for row in found])


def replace_custom(connection: Connection, contact_id: int, instances: Iterable[Instance]) -> None:
    """Writes the index rows of one contact's custom fields in place of those it has."""
    connection.execute(delete(properties).where(properties.c.contact_id == contact_id, properties.c.pos < 0))
    rows = [(contact_id, *_row(-at, each)) for at, each in enumerate(instances, start=1)]
    insert_rows(connection, _COLUMNS, rows)


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
        first, *second = FORMS.get(name, (name,))
        mine = _read_params(own)
        found[contact_id].append(Instance(first, value, mine))
        if second:
            its = _lowered(mine) if derived == _LOWERED else _read_params(derived) if differ else mine
            found[contact_id].append(Instance(second[0], value, its))
    return {contact_id: tuple(instances) for contact_id, instances in found.items()}


def holding(connection: Connection, folded: str) -> list[int]:
    """Ids of the contacts that have a folded text somewhere in a value."""
    statement = select(properties.c.contact_id).where(folded_text.contains(folded, autoescape=True)).distinct()
    return list(connection.execute(statement.order_by(properties.c.contact_id)).scalars())


def of_names(connection: Connection, names: Collection[str]) -> list[tuple[int, str]]:
    """Contact and value of every row with one of these names."""
    statement = select(properties.c.contact_id, properties.c.value).where(named(*names))
    return [(contact_id, value) for contact_id, value in connection.execute(statement)]


def lines(connection: Connection, name: str, contact_ids: Collection[int] | None) -> list[tuple[int, Instance]]:
    """Every instance of a property with its contact, in card order; of these contacts, or of all."""
    columns = (properties.c.contact_id, properties.c.value, properties.c.params)
    statement = select(*columns).where(properties.c.name == name)
    if contact_ids is not None:
        statement = statement.where(properties.c.contact_id.in_(contact_ids))
    rows = connection.execute(statement.order_by(properties.c.contact_id, properties.c.pos))
    return [(contact_id, Instance(name, value, _read_params(params))) for contact_id, value, params in rows]


def having(connection: Connection, name: str, values: Collection[str]) -> list[tuple[int, str]]:
    """Contact and value of the rows of a name that have one of these values, as the directory compares text."""
    folded = sorted({folding.pad(folding.fold(value)) for value in values})
    given_values = {"folded": folded, "keys": sorted({value[: schema.FOLDED_KEY] for value in folded})}
    return [(contact_id, value) for contact_id, value in _having(name).rows(connection, given_values)]


@cache
def _having(name: str) -> Prepared:
    columns = select(properties.c.contact_id, properties.c.value)
    forms = _forms(name)
    names = and_(or_(*(properties.c.name == form for form in sorted(forms))), *_sought(forms))
    return Prepared(columns.where(names, index_key.in_(given("keys")), folded_text.in_(given("folded"))))


in_mail = text(schema.IN_MAIL)
"""Of every row that may have the name of mail addresses: with it SQLite reads them out of their own index."""


def of_contacts(name: str, contact_ids: Collection[int]) -> Select[Any]:
    """Contact and value of the rows of a name of these contacts."""
    # Compared as an expression: by the index of names, SQLite would walk the rows of all contacts.
    is_named = properties.c.name.concat("").in_({name, _BOTH.get(name, name), _ALONE.get(name, name)})
    return select(properties.c.contact_id, properties.c.value).where(properties.c.contact_id.in_(contact_ids), is_named)


def named(*names: str, indexed: bool = True) -> ColumnElement[bool]:
    """Whether a row has one of these names. Where all are in the index, the words say so, unless it is of no use."""
    every = {form for name in names for form in _forms(name)}
    return and_(properties.c.name.in_(sorted(every)), *(_sought(every) if indexed else ()))


def _forms(name: str) -> set[str]:
    """How a name may be written."""
    return {_ALONE.get(name, name), _BOTH.get(name, name)}


def _sought(names: Collection[str]) -> list[ColumnElement[bool]]:
    return [schema.SOUGHT] if set(schema.NOT_SOUGHT).isdisjoint(names) else []


def rows_of(instances: Iterable[Instance]) -> list[IndexRow]:
    """The index rows of a card's instances; a derived one comes after the property that it is the twin of."""
    rows: list[IndexRow] = []
    single: dict[tuple[str, str], tuple[Instance, int]] = {}
    for position, instance in enumerate(instances):
        name, value = instance.name, instance.value
        found = single.pop((name, value), None) if name in _BOTH else None
        if found is not None:
            own, place = found
            at, _, _, *rest = rows[place]
            rows[place] = (at, _BOTH[name], _write_both(own.params, instance.params), *rest)
            continue
        if name in TWINS:
            single[TWINS[name], value] = instance, len(rows)
        rows.append(_row(position, instance))
    return rows


def _lowered(params: Params) -> Params:
    return tuple((name, tuple(value.lower() for value in values)) for name, values in params)


def _row(position: int, instance: Instance) -> IndexRow:
    name, value = _ALONE.get(instance.name, instance.name), instance.value
    params = _write_params(instance.params)
    if value.isascii():
        return (position, name, params, value, _folded(value), None)
    return (position, name, params, value, folding.pad(folding.fold(value)), folding.unicode_casemap(value))


def _folded(value: str) -> str | None:
    """What the column holds for an ASCII value: nothing when ``schema.FOLDED`` makes it of the value."""
    if value and value.isprintable() and "  " not in value and value[0] != " " != value[-1]:
        return None
    folded = folding.pad(folding.fold(value))
    return None if folded == f" {value.lower().replace(' ', '  ')} " else folded


@lru_cache(maxsize=_KINDS)
def _write_both(own: Params, derived: Params) -> str:
    """The parameters of a property, and of what is derived of it if they differ."""
    if own == derived:
        return _write_params(own)
    same = _lowered(own) == derived
    return f"{_write_params(own)}\n{_LOWERED if same else _write_params(derived)}"


@lru_cache(maxsize=_KINDS)
def _write_params(params: Params) -> str:
    """Mostly one word under one name: ``"TYPE"home``. Else JSON without the two brackets at either end."""
    if not params:
        return ""
    if len(params) == 1 and len(params[0][1]) == 1:
        name, [value] = params[0]
        if _WORD.fullmatch(value) and '"' not in name:
            return f'"{name}"{value}'
    return _ENCODER.encode(params)[2:-2]


_WORD = re.compile("[A-Za-z0-9]+")


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def _read_params(text: str) -> Params:
    if not text:
        return ()
    name, word = text[1:].split('"', 1)
    if _WORD.fullmatch(word):
        return ((name, (word,)),)
    return tuple((name, tuple(values)) for name, values in json.loads(f"[[{text}]]"))
