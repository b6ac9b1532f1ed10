"""Who sees a contact, as SQL: the same rule as ``domain/access.py`` (``audience``, ``sees``).

Every fragment speaks of the row of ``schema.contacts``, or of its alias ``of``, in the enclosing statement. Who reads
one group's memberships needs ``visible`` alone, and only for restricted rows.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, FromClause, Subquery, and_, exists, false, literal, or_, select, true, union_all

from sharedbook.domain.access import Viewer
from sharedbook.domain.model import EVERYONE_ID, POSTMASTERS_ID, SubjectKind, VisibilityKind
from sharedbook.store.schema import contact_visibility, contacts, grants, memberships, subjects, team_members


def visible(
    subject_ids: Collection[int], member_id: int | None, console: bool = False, of: FromClause = contacts
) -> ColumnElement[bool]:
    """Whether the contact's audience names the viewer: one of ``subject_ids``, or the owner ``member_id``.

    Never NULL: what changed for a viewer is found by its opposite.
    """
    if console:
        return true()
    kind = of.c.visibility
    of_contact = contact_visibility.c.contact_id == of.c.id
    named = contact_visibility.c.subject_id.in_([literal(subject_id) for subject_id in sorted(subject_ids)])
    listed = exists().where(of_contact, named if subject_ids else false()).correlate(of)
    ways = [and_(kind == VisibilityKind.LISTED.value, listed)]
    if EVERYONE_ID in subject_ids:
        ways.insert(0, kind == VisibilityKind.ALL.value)
    if POSTMASTERS_ID in subject_ids:
        ways.append(kind == VisibilityKind.PRIVATE.value)
    if member_id is not None:
        owned = and_(of.c.owner_id.is_not(None), of.c.owner_id == member_id)
        ways.append(and_(kind != VisibilityKind.ALL.value, owned))
    return or_(*ways)


def held(group_ids: Collection[int], of: FromClause = contacts) -> ColumnElement[bool]:
    """Whether one of these groups holds the contact (in the trash or not)."""
    of_contact = memberships.c.contact_id == of.c.id
    return exists().where(of_contact, memberships.c.group_id.in_(sorted(group_ids))).correlate(of)


def seen(viewer: Viewer) -> ColumnElement[bool]:
    """Whether the viewer sees the contact, if it is not in the trash."""
    if viewer.console:
        return true()
    return and_(held(viewer.rights), visible(viewer.subjects, viewer.member_id))


def has_viewers() -> ColumnElement[bool]:
    """Whether some member who can log in sees the contact, if it is not in the trash."""
    member, m = _member_subjects("viewing"), memberships.c
    other = _member_subjects("named")
    named = other.c.member_id == member.c.member_id
    listed = exists().where(
        named,
        contact_visibility.c.contact_id == contacts.c.id,
        contact_visibility.c.subject_id == other.c.subject_id,
    )
    postmaster = exists().where(named, other.c.subject_id == POSTMASTERS_ID)
    kind = contacts.c.visibility
    return (
        exists()
        .where(
            m.contact_id == contacts.c.id,
            grants.c.group_id == m.group_id,
            grants.c.mask != 0,
            grants.c.subject_id == member.c.subject_id,
            or_(
                kind == VisibilityKind.ALL.value,
                contacts.c.owner_id == member.c.member_id,
                and_(kind == VisibilityKind.LISTED.value, listed.correlate(contacts, member)),
                and_(kind == VisibilityKind.PRIVATE.value, postmaster.correlate(member)),
            ),
        )
        .correlate(contacts)
    )


def _member_subjects(name: str) -> Subquery:
    """(member_id, subject_id): every subject that each member who can log in is."""
    who = and_(
        subjects.c.kind == SubjectKind.MEMBER.value, subjects.c.deleted_at.is_(None), subjects.c.disabled.is_(False)
    )
    member_id = subjects.c.id.label("member_id")
    teams = select(member_id, team_members.c.team_id).join(team_members, team_members.c.member_id == subjects.c.id)
    return union_all(
        select(member_id, subjects.c.id.label("subject_id")).where(who),
        select(member_id, literal(EVERYONE_ID)).where(who),
        teams.where(who, team_members.c.left_at.is_(None)),
    ).subquery(name)
