"""Rows of revisions: the text before each step; the state after it is the next one's before, or the contact's own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, literal_column, or_, select, update

from sharedbook.domain.model import Event, Revision
from sharedbook.store.indexed import RARE
from sharedbook.store.prepared import Prepared, given_ids, insert_each
from sharedbook.store.schema import revisions

_R = revisions.c
_ROWS = select(_R.id, _R.contact_id, _R.at, _R.actor, _R.client, _R.event, _R.before, _R.custom)
_ADD = Prepared(insert_each(_R.contact_id, (_R.at, _R.actor, _R.client, _R.event, _R.naming, _R.before, _R.custom)))
PAGE = 100
"""Texts that are read at once: each may hold a picture."""
_FOLD = re.compile(r"\r?\n[ \t]")


def add(
    connection: Connection,
    contact_ids: Sequence[int],
    at: datetime,
    actor: str,
    client: str,
    event: Event,
    before: str | None,
    custom: str | None,
) -> None:
    """Adds the same step to each of these contacts."""
    step = {"at": at, "actor": actor, "client": client, "event": event.value, "before": before, "custom": custom}
    _ADD.run(connection, {"ids": contact_ids, "naming": _names_others(before or ""), **step})


def _names_others(card: str) -> bool:
    """Whether a card may have a line of ``RARE``."""
    text = _FOLD.sub("", card).upper()
    return any(name in text for name in RARE)


def of_contact(connection: Connection, contact_id: int) -> list[Revision]:
    """A contact's steps, the oldest first."""
    return of_contacts(connection, [contact_id])


def of_contacts(connection: Connection, contact_ids: Sequence[int]) -> list[Revision]:
    """The steps of a few contacts, the oldest first."""
    rows = connection.execute(_ROWS.where(_R.contact_id.in_(contact_ids)).order_by(_R.id))
    return [_revision(row) for row in rows]


_NAMING = _ROWS.where(literal_column("naming")).order_by(_R.id)  # literal, as the index has it


def naming(connection: Connection) -> list[Revision]:
    """Steps of any contact whose earlier text may have a line of ``RARE``."""
    return [_revision(row) for row in connection.execute(_NAMING)]


def holding(connection: Connection, text: str) -> list[Revision]:
    """Steps of any contact whose earlier text, or custom fields, hold a text, whatever its case (of ASCII letters)."""
    wanted = or_(*(column.icontains(text, autoescape=True) for column in (unfolded(_R.before), _R.custom)))
    return [_revision(row) for row in connection.execute(_ROWS.where(wanted).order_by(_R.id))]


_TEXTS = select(_R.id, _R.before, _R.custom).where(or_(_R.before.is_not(None), _R.custom.is_not(None)))


def every_text(connection: Connection) -> Iterator[str]:
    """The earlier texts and custom fields of every step of every contact."""
    last = 0
    while rows := connection.execute(_TEXTS.where(_R.id > last).order_by(_R.id).limit(PAGE)).all():
        yield from (f"{row.before}\n{row.custom}" for row in rows)
        last = rows[-1].id


def unfolded(card: ColumnElement[Any]) -> ColumnElement[str]:
    """A card's text with each content line in one piece (RFC 6350 section 3.2)."""
    return func.replace(func.replace(card, "\r\n ", ""), "\r\n\t", "")


def _revision(row: Any) -> Revision:
    return Revision(**{**row._mapping, "event": Event(row.event)})


def forget_texts(connection: Connection, revision_ids: Sequence[int]) -> None:
    """Forgets the earlier texts and custom fields of steps; the steps themselves stay."""
    for revision_id in revision_ids:
        connection.execute(update(revisions).where(_R.id == revision_id).values(naming=False, before=None, custom=None))


def prune(connection: Connection, before: datetime) -> list[int]:
    """Forgets steps before a time, but never *added* nor the step that holds the first text.

    Returns the contact's id of each step that went.
    """
    first = select(func.min(_R.id)).where(_R.before.is_not(None)).group_by(_R.contact_id)
    old = delete(revisions).where(_R.at < before, _R.event != Event.ADDED.value, _R.id.not_in(first))
    return list(connection.execute(old.returning(_R.contact_id)).scalars())


_LAST = Prepared(select(func.coalesce(func.max(_R.id), 0)))


def last(connection: Connection) -> int:
    """The id of the newest step of any contact, 0 before the first: a contact changed since has one behind it."""
    return int(_LAST.rows(connection, {})[0][0])


_NEWEST = Prepared(
    select(_R.contact_id, func.max(_R.id)).where(_R.contact_id.in_(given_ids("ids"))).group_by(_R.contact_id)
)


def newest(connection: Connection, contact_ids: Sequence[int]) -> dict[int, int]:
    """The id of the newest step of each of these contacts, by the contact's."""
    return {row[0]: row[1] for row in _NEWEST.rows(connection, {"ids": contact_ids})}


def after(connection: Connection, contact_ids: Sequence[int], first: int) -> list[Revision]:
    """The steps of these contacts behind the id ``first``, the oldest first."""
    wanted = _ROWS.where(_R.contact_id.in_(contact_ids), _R.id > first)
    return [_revision(row) for row in connection.execute(wanted.order_by(_R.id))]
