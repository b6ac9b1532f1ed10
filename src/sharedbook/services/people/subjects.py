"""Who can be named, and how: ``alice`` a member, ``@sales`` a team, ``everyone``, ``postmasters``. Names' one home.

A login is its folded text, immutable; a team's name is folded too, so that case and width never make two of one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

from sharedbook.domain import access, folding
from sharedbook.domain.errors import InvalidName, SubjectNotFound, near_hint
from sharedbook.domain.model import EVERYONE_ID, POSTMASTERS_ID, ChangeKind, Event, Member, Subject, SubjectKind
from sharedbook.services.tx import Tx
from sharedbook.services.writing import audience, records
from sharedbook.store import contacts, grants, subjects

BUILT_IN = {
    "everyone": Subject(EVERYONE_ID, SubjectKind.EVERYONE, "everyone"),
    "postmasters": Subject(POSTMASTERS_ID, SubjectKind.POSTMASTERS, "postmasters"),
}
# The first character keeps a login from being read as a team, an option or a dotted path segment.
_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@-]{0,99}")
_TEAM = re.compile(r"\w(?:[\w .-]{0,98}[\w.-])?")


def fold_name(name: str) -> str:
    """A login, mail address or team's name as it is stored and compared, at every door."""
    folded = folding.squeeze(folding.fold(name))
    return folded.encode("utf-8", "replace").decode()  # a lone surrogate, which no database takes, becomes "?"


def new_login(login: str) -> str:
    """The folded login of a member to be added. Raises InvalidName."""
    folded = fold_name(login)
    if not _LOGIN.fullmatch(folded) or folded in BUILT_IN:
        raise InvalidName(
            f"{login!r} cannot be a login",
            hint="1 to 100 of a-z 0-9 . _ @ -, first a letter or digit; not everyone or postmasters",
        )
    return folded


def new_team_name(name: str) -> str:
    """The folded name of a team to be added, with or without its @. Raises InvalidName."""
    folded = fold_name(name).removeprefix("@")
    if not _TEAM.fullmatch(folded):
        raise InvalidName(
            f"{name!r} cannot be a team's name",
            hint="1 to 100 letters, digits, spaces or . _ -, first a letter or digit",
        )
    return folded


def resolve(tx: Tx, ref: str) -> Subject:
    """The subject that ``alice``, ``@sales``, ``everyone`` or ``postmasters`` names. Raises SubjectNotFound."""
    name = fold_name(ref)
    if name in BUILT_IN:
        return BUILT_IN[name]
    if name.startswith("@"):
        return team(tx, name)
    found = subjects.find(tx.db, SubjectKind.MEMBER, name)
    if found is None:
        raise _no_member(tx, ref, "; a team is written @name")
    return found


def member(tx: Tx, login: str) -> Member:
    """The member of a login, in any case. Raises SubjectNotFound."""
    found = subjects.member(tx.db, fold_name(login))
    if found is None:
        raise _no_member(tx, login)
    return found


def team(tx: Tx, name: str) -> Subject:
    """The team of a name, in any case, with or without its @. Raises SubjectNotFound."""
    found = subjects.find(tx.db, SubjectKind.TEAM, fold_name(name).removeprefix("@"))
    if found is None:
        may_list = access.may_manage(tx.viewer)
        known = [f"@{each.name}" for each in subjects.teams(tx.db)] if may_list else []
        wanted, step = f"@{name.removeprefix('@')}", "see: sharedbook team list" if may_list else "ask a postmaster"
        raise SubjectNotFound(f"there is no team {wanted}", hint=near_hint(wanted, known, step))
    return found


def by_ids(tx: Tx, ids: Collection[int]) -> dict[int, Subject]:
    """Subjects by id, to show owners and visibility lists; deleted ones too, unknown ids left out."""
    return {found.id: found for found in subjects.by_ids(tx.db, ids)}


def retire(tx: Tx, subject_id: int, *, new_owner: int | None, **values: Any) -> int:
    """Deletes a subject: a step of services that have checked the rights. Returns how many contacts it owned.

    Its grants are revoked, no contact lists it any more, what it owned passes to ``new_owner`` or has no owner;
    ``values`` are columns to overwrite in the row that stays.
    """
    for group_id in grants.group_ids(tx.db, subject_id):
        grants.revoke(tx.db, group_id, subject_id, tx.now)
        tx.tick(ChangeKind.GROUP, group_id)
    owned = contacts.owned_by(tx.db, subject_id)
    release(tx, subject_id, sorted({*owned, *contacts.listing(tx.db, subject_id)}), new_owner=new_owner)
    subjects.change(tx.db, subject_id, deleted_at=tx.now, **values)
    tx.tick(ChangeKind.SUBJECT, subject_id)
    return len(owned)


def release(tx: Tx, subject_id: int, contact_ids: Sequence[int], *, new_owner: int | None) -> None:
    """Takes a subject off these contacts: what it owned passes to ``new_owner`` or has no owner, no list names it."""
    owned, listing = (
        [contact_id for contact_id in contact_ids if contact_id in found]
        for found in (set(contacts.owned_by(tx.db, subject_id)), set(contacts.listing(tx.db, subject_id)))
    )
    with audience.changing(tx, contact_ids):
        contacts.change(tx.db, owned, owner_id=new_owner)
        contacts.unlist(tx.db, subject_id, listing)
    records.note(tx, owned, Event.OWNER)
    records.note(tx, listing, Event.VISIBILITY)


def _no_member(tx: Tx, login: str, more: str = "") -> SubjectNotFound:
    may_list = access.may_manage(tx.viewer)
    known = [each.login for each in subjects.members(tx.db)] if may_list else []
    step = "see: sharedbook member list" if may_list else "ask a postmaster for the login"
    return SubjectNotFound(f"there is no member {login}", hint=near_hint(login, known, step + more))
