"""Who sees a contact, as SQL: the same rule as ``domain/access.py`` (``audience``, ``sees``).

Every fragment speaks of the row of ``schema.contacts`` in the enclosing statement. A contact is seen where ``visible``
and ``held`` are both true; who reads one group's memberships needs ``visible`` alone, and only for restricted rows.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, and_, exists, false, or_, select, true

from sharedbook.domain.model import EVERYONE_ID, POSTMASTERS_ID, CardState, VisibilityKind
from sharedbook.store.schema import contact_visibility, contacts, memberships


def visible(subjects: Collection[int], member_id: int | None, console: bool = False) -> ColumnElement[bool]:
    """Whether the contact's audience names the viewer: one of ``subjects`` (ids), or the owner ``member_id``."""
    if console:
        return true()
    kind = contacts.c.visibility
    listed = exists().where(
        contact_visibility.c.contact_id == contacts.c.id, contact_visibility.c.subject_id.in_(sorted(subjects))
    )
    ways = [and_(kind == VisibilityKind.LISTED.value, listed)]
    if EVERYONE_ID in subjects:
        ways.insert(0, kind == VisibilityKind.ALL.value)
    if POSTMASTERS_ID in subjects:
        ways.append(kind == VisibilityKind.PRIVATE.value)
    if member_id is not None:
        ways.append(and_(kind != VisibilityKind.ALL.value, contacts.c.owner_id == member_id))
    return or_(*ways)


def held(group_ids: Collection[int]) -> ColumnElement[bool]:
    """Whether one of these groups holds the contact, alive."""
    if not group_ids:
        return false()
    living = select(memberships.c.contact_id).where(
        memberships.c.group_id.in_(sorted(group_ids)), memberships.c.state < CardState.TRASHED.value
    )
    return contacts.c.id.in_(living)
