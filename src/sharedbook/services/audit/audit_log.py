"""The audit as it is read: who did what to which ids, and whether the chain of its rows is whole."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sharedbook.domain import access
from sharedbook.domain.errors import Unavailable
from sharedbook.services.audit import reads
from sharedbook.services.people import subjects
from sharedbook.services.tx import MAKER, Tx, audit_link
from sharedbook.store import audit
from sharedbook.store.audit import START as START


@dataclass(frozen=True, slots=True)
class Entry:
    """One row. ``ids`` holds numbers only: never a value, never a href."""

    id: int
    at: datetime
    actor: str
    client: str
    action: str
    ids: Mapping[str, Any]

    @property
    def contacts(self) -> set[int]:
        """The contacts that it is about."""
        return _named(self.ids, "contact", "contacts")

    @property
    def members(self) -> set[int]:
        """The members that it is about."""
        if self.action == reads.ACTION:
            doors = (each for each in self.ids.values() if isinstance(each, list))
            return {member for triples in doors for member, _group, _count in triples}
        return _named(self.ids, "member", "members", "heir", "subject")


@dataclass(frozen=True, slots=True)
class Verified:
    """``rows`` is how many were checked; ``broken`` the first row that is not what was written, or None.

    ``head``: the last row's hash. Whoever keeps it elsewhere can show later that no row was cut off since.
    """

    rows: int
    broken: int | None
    head: str
    holds: bool


def entries(tx: Tx, *, contact: int | None = None, member: str | None = None) -> Iterator[Entry]:
    """Rows, the oldest first: all, or those on a contact, by or on a member. Raises as ``page`` does.

    Needs the transaction while it is read.
    """
    after: int | None = audit.START
    while after is not None:
        found, after = page(tx, after, contact=contact, member=member)
        yield from found


def page(
    tx: Tx, after: int, *, contact: int | None = None, member: str | None = None, since: datetime | None = None
) -> tuple[list[Entry], int | None]:
    """What is wanted of the next rows behind the id ``after``, and the id to go on from, None behind the last row.

    The oldest first: all, or those on a contact, by or on a member, from a time on. Raises SubjectNotFound for a member
    that never was, Unavailable for a row that cannot be read.
    """
    access.require_manage(tx.viewer, "read the audit")
    member_id = None if member is None else subjects.member(tx, member).id
    login = None if member is None else subjects.fold_name(member)
    rows = audit.page(tx.db, after, since)
    found = [Entry(row.id, row.at, row.actor, row.client, row.action, _ids(row.id, row.ids)) for row in rows]
    if contact is not None:
        found = [entry for entry in found if contact in entry.contacts]
    if login is not None:
        found = [entry for entry in found if entry.actor == login or member_id in entry.members]
    return found, rows[-1].id if rows else None


def verify(tx: Tx, head: str | None = None) -> Verified:
    """Follows the chain from the first row; ``head``: a hash noted earlier, which ``holds`` if it is still in it.

    The first row is of the site's making: who removes all of them begins a chain with another one.
    """
    access.require_manage(tx.viewer, "verify the audit")
    before, count, holds = "", 0, head is None
    for row in audit.rows(tx.db):
        count += 1
        link = audit_link(tx.site.secrets, before, row.at, row.actor, row.client, row.action, row.ids)
        if row.chain != link or (count == 1 and row.actor != MAKER.name):
            return Verified(count, row.id, before, holds)
        before = row.chain
        holds = holds or before == head
    return Verified(count, None if count else 1, before, holds)


def _ids(row_id: int, text: str) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = json.loads(text)
    except ValueError:
        raise Unavailable(f"row {row_id} of the audit was changed", hint="run: sharedbook audit verify") from None
    return found


def _named(ids: Mapping[str, Any], one: str, many: str, *more: str) -> set[int]:
    """The ids under these names; under ``many`` stands a list, or how many there were."""
    listed = ids.get(many)
    return {ids[name] for name in (one, *more) if name in ids} | set(listed if isinstance(listed, list) else ())
