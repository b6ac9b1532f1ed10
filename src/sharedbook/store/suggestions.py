"""Rows of suggestions: statements, no rules. A row is an open one; what was applied or dismissed is gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, delete, or_, select

from sharedbook.store.contacts import batches
from sharedbook.store.database import insert_one
from sharedbook.store.revisions import unfolded
from sharedbook.store.schema import subjects, suggestions

_S = suggestions.c


@dataclass(frozen=True, slots=True)
class Head:
    """That ``member`` (a login) suggests something for a contact, which was of this ``version`` then."""

    id: int
    contact_id: int
    member_id: int
    member: str
    at: datetime
    client: str
    version: int


@dataclass(frozen=True, slots=True)
class Suggestion(Head):
    """What the card was then, and what it was to be."""

    base: str
    wanted: str


_HEAD = (_S.id, _S.contact_id, _S.member_id, subjects.c.name, _S.at, _S.client, _S.version)


def heads(connection: Connection) -> list[Head]:
    """All of them, the oldest first."""
    return [Head(*row) for row in connection.execute(_select(*_HEAD))]


def by_id(connection: Connection, suggestion_id: int) -> Suggestion | None:
    """One of them."""
    return next(iter(_suggestions(connection, _S.id == suggestion_id)), None)


def of_contacts(connection: Connection, contact_ids: Sequence[int]) -> list[Suggestion]:
    """Those for some contacts."""
    return [each for some in batches(contact_ids) for each in _suggestions(connection, _S.contact_id.in_(some))]


def holding(connection: Connection, text: str) -> list[Suggestion]:
    """Those with a text in them, whatever its case (of ASCII letters)."""
    return _suggestions(
        connection, or_(*(unfolded(each).icontains(text, autoescape=True) for each in (_S.base, _S.wanted)))
    )


def _suggestions(connection: Connection, which: ColumnElement[bool]) -> list[Suggestion]:
    return [Suggestion(*row) for row in connection.execute(_select(*_HEAD, _S.base, _S.wanted).where(which))]


def _select(*columns: ColumnElement[Any]) -> Select[Any]:
    return select(*columns).join(subjects, subjects.c.id == _S.member_id).order_by(_S.id)


def add(connection: Connection, values: Mapping[str, Any]) -> int:
    """Adds one and returns its id."""
    return insert_one(connection, suggestions, values)


def remove(connection: Connection, suggestion_ids: Sequence[int]) -> None:
    """Deletes some."""
    connection.execute(delete(suggestions).where(_S.id.in_(suggestion_ids)))


def remove_of(connection: Connection, contact_id: int, member_id: int) -> None:
    """Deletes the one of a member for a contact."""
    connection.execute(delete(suggestions).where(_S.contact_id == contact_id, _S.member_id == member_id))


def trim(connection: Connection, member_id: int, keep: int) -> None:
    """Deletes a member's oldest, but for so many."""
    newest = select(_S.id).where(_S.member_id == member_id).order_by(_S.id.desc()).offset(keep).limit(1)
    last = connection.execute(newest).scalar()
    if last is not None:
        connection.execute(delete(suggestions).where(_S.member_id == member_id, _S.id <= last))


def prune(connection: Connection, before: datetime) -> int:
    """Deletes those made before a time; returns how many."""
    return connection.execute(delete(suggestions).where(_S.at < before)).rowcount
