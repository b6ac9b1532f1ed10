"""The search index: what ``indexed`` makes of a card, in two tables. What a query finds in it: ``filters.py``.

Custom fields, which no card has, stand in a column of their own, as they are written when no card is.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from sqlalchemy import Connection, bindparam, delete, func, literal_column, or_, select, text, update

from sharedbook.domain.query import Instance
from sharedbook.store import indexed
from sharedbook.store.contacts import BATCH, batches
from sharedbook.store.database import plain
from sharedbook.store.indexed import CASED, LINE, TAB, Indexed
from sharedbook.store.prepared import Prepared, given_ids, insert_columns, insert_rows
from sharedbook.store.schema import sought, value_keys

_S, _K = sought.c, value_keys.c


def add_many(
    connection: Connection,
    contact_ids: Sequence[int],
    texts: Sequence[str],
    notes: Sequence[str],
    keys: Sequence[Collection[int]],
) -> None:
    """Writes the index of new contacts, a column each as ``Indexed`` names them."""
    insert_columns(connection, {_S.contact_id: contact_ids, _S.texts: texts, _S.notes: notes}, {})
    _add_keys(connection, contact_ids, keys)


def _add_keys(connection: Connection, contact_ids: Sequence[int], keys: Sequence[Collection[int]]) -> None:
    rows = [(contact_id, hash_) for contact_id, each in zip(contact_ids, keys, strict=True) for hash_ in each]
    if rows:
        insert_rows(connection, (_K.contact_id, _K.hash), rows)


# The same words for both databases; SQLAlchemy's own are another construct for each.
_TEXTS = Prepared(
    text(
        "INSERT INTO sought (contact_id, texts, notes) VALUES (:contact, :texts, :notes) "
        "ON CONFLICT (contact_id) DO UPDATE SET texts = excluded.texts, notes = excluded.notes"
    )
)
_NO_KEYS = Prepared(delete(value_keys).where(_K.contact_id == bindparam("contact")))


def replace(connection: Connection, contact_id: int, index: Indexed) -> None:
    """Writes the index of one contact's card in place of what it has."""
    _TEXTS.run(connection, {"contact": contact_id, "texts": index.texts, "notes": index.notes})
    _NO_KEYS.run(connection, {"contact": contact_id})
    _add_keys(connection, [contact_id], [index.keys])


_CUSTOM = Prepared(update(sought).where(_S.contact_id == bindparam("contact")).values(custom=bindparam("custom")))


def replace_custom(connection: Connection, rows: Mapping[int, Iterable[Instance]]) -> None:
    """Writes the index of contacts' custom fields, by contact id, in place of what they have."""
    made = [{"contact": contact_id, "custom": indexed.of(each).texts} for contact_id, each in rows.items()]
    _CUSTOM.run_many(connection, made)


_HAVING = Prepared(
    select(_K.hash, _K.contact_id, _S.texts)
    .join(sought, _S.contact_id == _K.contact_id)
    .where(_K.hash.in_(given_ids("hashes")))
)

Text = tuple[str, str]
"""A name of ``indexed.KEYED``, and a value of it as ``indexed.folded`` makes it."""


def having_hashes(connection: Connection, hashes: Iterable[int]) -> Iterator[tuple[int, int, str]]:
    """Hash, contact and texts of each contact that has one of these hashes."""
    for some in batches([*hashes]):
        yield from _HAVING.rows(connection, {"hashes": some})


def holders(connection: Connection, wanted: Collection[Text]) -> dict[Text, set[int]]:
    """Ids of the contacts that have a value under a name; no entry for none."""
    by_hash: dict[int, list[Text]] = {}
    for name, folded in wanted:
        by_hash.setdefault(indexed.key(indexed.KEYED[name], folded), []).append((name, folded))
    found: dict[Text, set[int]] = {}
    for hash_, contact_id, texts in having_hashes(connection, by_hash):
        for name, folded in by_hash[hash_]:
            if folded in indexed.texts_of(texts, name):
                found.setdefault((name, folded), set()).add(contact_id)
    return found


def having(connection: Connection, name: str, values: Collection[str]) -> dict[str, set[int]]:
    """Ids of the contacts that have each of these values, as the directory compares text; no entry for none."""
    keys = {value: (name, indexed.folded(value)) for value in values}
    found = holders(connection, set(keys.values()))
    return {value: found[key] for value, key in keys.items() if key in found}


_WITH = Prepared(select(_K.contact_id).where(_K.hash.in_(given_ids("hashes"))).distinct().order_by(_K.contact_id))


def naming(connection: Connection, names: Iterable[str]) -> list[int]:
    """Ids of the contacts that have a line of one of these names of ``indexed.RARE``."""
    return [row[0] for row in _WITH.rows(connection, {"hashes": list(map(indexed.key, names))})]


_TEXTS_OF = Prepared(select(_S.contact_id, _S.texts).where(_S.contact_id.in_(given_ids("ids"))))
_FROM = Prepared(
    select(_S.contact_id, _S.texts)
    .where(_S.contact_id > bindparam("last"))
    .order_by(_S.contact_id)
    .limit(literal_column(str(BATCH)))
)


def texts(connection: Connection, name: str, contact_ids: Sequence[int]) -> Iterator[tuple[int, str]]:
    """Contact and folded text of each value that these contacts have under a name."""
    for some in batches(contact_ids):
        yield from _said(_TEXTS_OF.rows(connection, {"ids": some}), name)


def every_text(connection: Connection, name: str) -> Iterator[tuple[int, str]]:
    """The same of all contacts."""
    last = 0
    while rows := _FROM.rows(connection, {"last": last}):
        yield from _said(rows, name)
        last = rows[-1][0]


def _said(rows: Iterable[tuple[int, str]], name: str) -> Iterator[tuple[int, str]]:
    return ((contact_id, said) for contact_id, texts in rows for said in indexed.texts_of(texts, name))


def sharing(connection: Connection) -> list[int]:
    """Ids of the contacts that have the same value as another one, under a name of ``indexed.KEYED``."""
    several = select(_K.hash).group_by(_K.hash).having(func.min(_K.contact_id) < func.max(_K.contact_id))
    statement = select(_K.contact_id).where(_K.hash.in_(several)).distinct().order_by(_K.contact_id)
    return [row[0] for row in plain(connection, statement)]


def holding(connection: Connection, folded: str) -> list[int]:
    """Ids of the contacts that have a folded text somewhere in a value."""
    pattern = f"{TAB}[^{LINE}{CASED}]*{re.escape(folded)}"
    statement = select(_S.contact_id).where(
        or_(*(each.regexp_match(pattern) for each in (_S.texts, _S.notes, _S.custom)))
    )
    return [row[0] for row in plain(connection, statement.order_by(_S.contact_id))]
