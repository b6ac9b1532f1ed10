"""Rows of original photos, by contact and by the hash of the picture that is served instead."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import Connection, delete, insert, select

from sharedbook.store.contacts import batches
from sharedbook.store.schema import photos

_P = photos.c


def put(connection: Connection, contact_id: int, originals: Mapping[str, bytes]) -> None:
    """Keeps originals of a contact, by hash; one that is there under the same hash goes."""
    remove(connection, contact_id, originals)
    rows = [{"contact_id": contact_id, "served": served, "data": data} for served, data in originals.items()]
    connection.execute(insert(photos), rows)


def of_contact(connection: Connection, contact_id: int) -> dict[str, bytes]:
    """The originals of a contact, by hash."""
    rows = connection.execute(select(_P.served, _P.data).where(_P.contact_id == contact_id).order_by(_P.served))
    return {row.served: row.data for row in rows}


def known(connection: Connection, contact_ids: Sequence[int]) -> dict[int, set[str]]:
    """The hashes of those of these contacts that have originals."""
    found: dict[int, set[str]] = {}
    for some in batches(contact_ids):
        for row in connection.execute(select(_P.contact_id, _P.served).where(_P.contact_id.in_(some))):
            found.setdefault(row.contact_id, set()).add(row.served)
    return found


def remove(connection: Connection, contact_id: int, served: Iterable[str]) -> None:
    """Removes originals of a contact."""
    wanted: Collection[str] = list(served)
    connection.execute(delete(photos).where(_P.contact_id == contact_id, _P.served.in_(wanted)))
