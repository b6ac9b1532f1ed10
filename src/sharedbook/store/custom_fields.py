"""Rows of the site's own fields and their values, and what the search index has of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, select, update

from sharedbook.domain.model import CustomField, FieldKind
from sharedbook.domain.query import Instance
from sharedbook.store import indexed, sought
from sharedbook.store.contacts import batches
from sharedbook.store.database import insert_many, insert_one
from sharedbook.store.schema import custom_fields, custom_values

_F, _V = custom_fields.c, custom_values.c


def property_of(field_id: int) -> str:
    """The property by which a query asks for a field."""
    return f"{indexed.CUSTOM}{field_id}"


def every(connection: Connection) -> list[CustomField]:
    """Every field, in the site's order."""
    columns = (_F.id, _F.key, _F.name, _F.kind, _F.several)
    rows = connection.execute(select(*columns).order_by(_F.position, _F.id))
    return [CustomField(row.id, row.key, row.name, FieldKind(row.kind), row.several) for row in rows]


def add(connection: Connection, **values: Any) -> int:
    """Adds a field; returns its id."""
    return insert_one(connection, custom_fields, values)


def change(connection: Connection, field_id: int, **values: Any) -> None:
    """Sets columns of a field."""
    connection.execute(update(custom_fields).where(_F.id == field_id).values(**values))


def remove(connection: Connection, field_id: int) -> None:
    """Deletes a field; its values go with it."""
    had = holders(connection, field_id)
    connection.execute(delete(custom_fields).where(_F.id == field_id))
    index(connection, had)


def holders(connection: Connection, field_id: int) -> list[int]:
    """Ids of the contacts that have a value."""
    rows = select(_V.contact_id).where(_V.field_id == field_id).distinct().order_by(_V.contact_id)
    return list(connection.execute(rows).scalars())


def having(connection: Connection, field_id: int, value: str) -> list[int]:
    """Ids of the contacts that have this very value."""
    rows = select(_V.contact_id).where(_V.field_id == field_id, _V.value == value).order_by(_V.contact_id)
    return list(connection.execute(rows).scalars())


def values(connection: Connection, contact_ids: Sequence[int]) -> dict[int, dict[int, tuple[str, ...]]]:
    """Values by field id, in the site's order of the fields, of each contact that has any."""
    found: dict[int, dict[int, tuple[str, ...]]] = {}
    columns = select(_V.contact_id, _V.field_id, _V.value).join(custom_fields, _F.id == _V.field_id)
    for some in batches(contact_ids):
        rows = columns.where(_V.contact_id.in_(some)).order_by(_V.contact_id, _F.position, _F.id, _V.pos)
        for contact_id, field_id, value in connection.execute(rows):
            of_contact = found.setdefault(contact_id, {})
            of_contact[field_id] = (*of_contact.get(field_id, ()), value)
    return found


def put(connection: Connection, contact_id: int, wanted: Mapping[int, Sequence[str]]) -> None:
    """Gives a contact these values in place of those that it has of the same fields."""
    connection.execute(delete(custom_values).where(_V.contact_id == contact_id, _V.field_id.in_(list(wanted))))
    rows = [
        {"contact_id": contact_id, "field_id": field_id, "pos": pos, "value": value}
        for field_id, given in wanted.items()
        for pos, value in enumerate(given)
    ]
    insert_many(connection, custom_values, rows)
    index(connection, [contact_id])


def instances(connection: Connection, contact_ids: Sequence[int]) -> dict[int, list[Instance]]:
    """What a query is asked of besides the card, of each of these contacts."""
    found = {contact_id: list[Instance]() for contact_id in contact_ids}
    for contact_id, given in values(connection, contact_ids).items():
        found[contact_id] = [Instance(property_of(field), value) for field, each in given.items() for value in each]
    return found


def index(connection: Connection, contact_ids: Sequence[int]) -> None:
    """Makes what the search index has of these contacts' fields anew."""
    sought.replace_custom(connection, instances(connection, contact_ids))
