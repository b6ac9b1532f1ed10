"""Grants: which rights a subject has on a group. A change holds for the next request of everyone it names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sharedbook.domain import access
from sharedbook.domain.access import Viewer
from sharedbook.domain.errors import InvalidValue, SubjectNotFound
from sharedbook.domain.model import ChangeKind, Grant, Right, Subject, SubjectKind
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts
from sharedbook.services.people.subjects import resolve
from sharedbook.services.tx import Tx
from sharedbook.store import grants, identity, subjects, teams


class Seer(NamedTuple):
    """A member who sees a contact, and the ids of the groups in which."""

    member: Subject
    groups: tuple[int, ...]


def grant(tx: Tx, group_ref: str, subject_ref: str, rights: Right) -> Grant:
    """Makes these the subject's rights on the group, whatever they were; any right includes view.

    Raises GroupNotFound, SubjectNotFound, InvalidValue (no right named).
    """
    access.require_manage(tx.viewer, "grant rights")
    group, subject = groups.get(tx, group_ref), resolve(tx, subject_ref)
    if not rights:
        hint = f"or run: sharedbook grant revoke {group.slug} {subject.label}"
        raise InvalidValue("a grant names at least one right", field="rights", hint=hint)
    granted = access.normalize(rights)
    before = grants.rights(tx.db, group.id, subject.id)
    seq = tx.tick(ChangeKind.GROUP, group.id)
    if before:
        grants.change(tx.db, group.id, subject.id, granted)
    else:
        write = grants.add if before is None else grants.renew
        write(tx.db, group.id, subject.id, granted, seq)
    tx.audit("grant.set", group=group.id, subject=subject.id, rights=int(granted))
    return Grant(group.id, subject, granted)


def revoke(tx: Tx, group_ref: str, subject_ref: str) -> None:
    """Takes the subject's rights on the group away. Raises GroupNotFound, SubjectNotFound (no grant)."""
    access.require_manage(tx.viewer, "revoke rights")
    group, subject = groups.get(tx, group_ref), resolve(tx, subject_ref)
    if not grants.rights(tx.db, group.id, subject.id):
        raise SubjectNotFound(
            f"{subject.label} has no grant on {group.slug}", hint=f"see: sharedbook grant list {group.slug}"
        )
    grants.lose(tx.db, _members(tx, subject), [group.id], tx.now)
    grants.revoke(tx.db, group.id, subject.id, tx.now)
    tx.tick(ChangeKind.GROUP, group.id)
    tx.audit("grant.revoke", group=group.id, subject=subject.id)


def list_grants(tx: Tx, group_ref: str | None = None) -> list[Grant]:
    """The grants on one group, or all; by the groups' order. Raises GroupNotFound."""
    access.require_manage(tx.viewer, "list grants")
    return grants.holding(tx.db, None if group_ref is None else groups.get(tx, group_ref).id)


def who_can_see(tx: Tx, contact_id: int) -> list[Seer]:
    """The members who see a contact now in their mail clients, by login. Raises ContactNotFound."""
    access.require_manage(tx.viewer, "ask who can see a contact")
    contact = contacts.get(tx, contact_id)
    if contact.trashed_at is not None:
        return []
    held, seers = contacts.held(contact), []
    for login, viewer in everyone(tx, disabled=False).items():
        if viewer.member_id is not None and access.sees(viewer, held):
            through = tuple(group_id for group_id in contact.groups if viewer.views(group_id))
            seers.append(Seer(Subject(viewer.member_id, SubjectKind.MEMBER, login), through))
    return seers


def viewers(tx: Tx, group_id: int) -> list[str]:
    """Logins of the members who may view a group and can log in."""
    access.require_manage(tx.viewer, "ask who may view a group")
    return [login for login, viewer in everyone(tx, disabled=False).items() if viewer.views(group_id)]


def everyone(tx: Tx, *, disabled: bool) -> dict[str, Viewer]:
    """Each member as a viewer, by login; ``disabled``: also those who cannot log in. A statement for each."""
    found: dict[str, Viewer] = {}
    for member in subjects.members(tx.db):
        who = identity.load(tx.db, member.id, departure_days=tx.site.settings.departure_days)
        if who is not None and (disabled or not who.disabled):
            found[member.login] = who.viewer
    return found


def _members(tx: Tx, subject: Subject) -> Sequence[int]:
    """Ids of the members that a subject stands for."""
    if subject.kind is SubjectKind.MEMBER:
        return [subject.id]
    if subject.kind is SubjectKind.EVERYONE:
        return [member.id for member in subjects.members(tx.db)]
    return teams.member_ids(tx.db, subject.id)
