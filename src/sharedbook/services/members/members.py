"""Members: who logs in. Demotion, disabling, a new password and deletion hold for the next request at every door.

The site always keeps a postmaster who can log in. A member may set his own password and keep his own app passwords.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sharedbook.domain import access
from sharedbook.domain.errors import InvalidValue, NameTaken, Protected, SubjectNotFound
from sharedbook.domain.model import POSTMASTERS_ID, ChangeKind, Member, Right, SubjectKind
from sharedbook.services.contacts import custom_fields
from sharedbook.services.people import passwords, subjects, teams
from sharedbook.services.tx import Tx
from sharedbook.store import app_passwords, contacts, grants
from sharedbook.store import subjects as rows
from sharedbook.store import teams as team_rows
from sharedbook.store.app_passwords import AppPassword as AppPassword

DOORS = frozenset({"carddav", "ldap"})
LONGEST_EMAIL = 254
LONGEST_LABEL = 100


def add(
    tx: Tx,
    login: str,
    *,
    display_name: str = "",
    email: str = "",
    postmaster: bool = False,
    password: str | None = None,
) -> Member:
    """A new member; without a password he cannot log in yet. Raises InvalidName, NameTaken, InvalidValue, Busy."""
    access.require_manage(tx.viewer, "add members")
    name = subjects.new_login(login)
    values = {"display_name": _display_name(tx, display_name), "email": _email(email)}
    hashed = None if password is None else passwords.make_hash(password)
    if rows.find(tx.db, SubjectKind.MEMBER, name):
        raise NameTaken(f"there is a member {name} already", hint="see: sharedbook member list")
    member_id = rows.add(tx.db, SubjectKind.MEMBER, name, tx.now, password=hashed, **values)
    rows.change(tx.db, member_id, since=tx.tick(ChangeKind.SUBJECT, member_id))
    if postmaster:
        teams.enter(tx, POSTMASTERS_ID, member_id)
    tx.audit("member.add", member=member_id, postmaster=int(postmaster))
    return subjects.member(tx, name)


def get(tx: Tx, login: str) -> Member:
    """One member. Members may ask for themselves only. Raises SubjectNotFound."""
    _require_self_or_manage(tx, login, "show other members")
    return subjects.member(tx, login)


def list_members(tx: Tx) -> list[Member]:
    """Every member, by login."""
    access.require_manage(tx.viewer, "list members")
    return rows.members(tx.db)


def change(
    tx: Tx,
    login: str,
    *,
    display_name: str | None = None,
    email: str | None = None,
    postmaster: bool | None = None,
    merged_book: bool | None = None,
) -> Member:
    """Changes what is given. A member may switch his own merged book on and off, no more.

    Raises SubjectNotFound, InvalidValue, Protected (the last postmaster).
    """
    if (display_name, email, postmaster) == (None, None, None):
        _require_self_or_manage(tx, login, "change other members")
    else:
        access.require_manage(tx.viewer, "change members")
    member = subjects.member(tx, login)
    values: dict[str, Any] = {}
    if merged_book is not None and merged_book != member.merged_book:
        since = tx.tick(ChangeKind.SUBJECT, member.id)
        values |= {"merged_book": merged_book, "switched_at": tx.now, "switched_since": since}
    if display_name is not None:
        values["display_name"] = _display_name(tx, display_name)
    if email is not None:
        values["email"] = _email(email)
    if values:
        _write(tx, member, **values)
    if postmaster is not None and postmaster != member.postmaster:
        _set_postmaster(tx, member, postmaster)
    tx.audit("member.change", member=member.id)
    return subjects.member(tx, login)


def disable(tx: Tx, login: str) -> Member:
    """Refuses a member's logins, app passwords included. Raises SubjectNotFound, Protected (the last postmaster)."""
    access.require_manage(tx.viewer, "disable members")
    member = subjects.member(tx, login)
    if not member.disabled:
        _keep_a_postmaster(tx, member)
        _write(tx, member, disabled=True)
        tx.audit("member.disable", member=member.id)
    return subjects.member(tx, login)


def enable(tx: Tx, login: str) -> Member:
    """Lets a disabled member log in again. Raises SubjectNotFound."""
    access.require_manage(tx.viewer, "enable members")
    member = subjects.member(tx, login)
    if member.disabled:
        rows.change(tx.db, member.id, disabled=False, since=tx.tick(ChangeKind.SUBJECT, member.id))
        tx.audit("member.enable", member=member.id)
    return subjects.member(tx, login)


def set_password(tx: Tx, login: str, password: str) -> None:
    """A new password; the old one is refused from now on. Raises SubjectNotFound, InvalidValue, Busy."""
    _require_self_or_manage(tx, login, "set the password of others")
    hashed = passwords.make_hash(password)
    member = subjects.member(tx, login)
    _write(tx, member, password=hashed)
    tx.audit("member.password", member=member.id)


def delete(tx: Tx, login: str, *, give_to: str | None) -> int:
    """Deletes a member; returns how many contacts of his own passed to ``give_to``, or became unowned (None).

    He leaves his teams, his grants and app passwords are revoked, no contact lists him or is assigned to him any more;
    his name, mail address and password are forgotten, his id and login stay for the history. Raises SubjectNotFound,
    InvalidValue, Protected.
    """
    member, heir = plan_deletion(tx, login, give_to=give_to)
    for team_id in team_rows.of_member(tx.db, member.id):
        teams.take_out(tx, team_id, member.id)
    app_passwords.revoke(tx.db, member.id, tx.now)
    custom_fields.unassign(tx, custom_fields.assigned_to(tx, member.login))
    passed_on = subjects.retire(
        tx, member.id, new_owner=heir.id if heir else None, display_name="", email="", password=None
    )
    tx.audit("member.delete", member=member.id, contacts=passed_on, **({"heir": heir.id} if heir else {}))
    return passed_on


def plan_deletion(tx: Tx, login: str, *, give_to: str | None) -> tuple[Member, Member | None]:
    """The member and the heir; writes nothing. Raises as ``delete``."""
    access.require_manage(tx.viewer, "delete members")
    member = subjects.member(tx, login)
    heir = None if give_to is None else subjects.member(tx, give_to)
    if heir is not None and heir.id == member.id:
        raise InvalidValue(
            "contacts cannot pass to the member who is deleted", field="give_to", hint="name another member"
        )
    _keep_a_postmaster(tx, member)
    return member, heir


def contacts_of(tx: Tx, member: Member) -> list[int]:
    """Ids of the contacts that a member owns or looks after, or that list him."""
    access.require_manage(tx.viewer, "delete members")
    named = *contacts.owned_by(tx.db, member.id), *contacts.listing(tx.db, member.id)
    return sorted({*named, *custom_fields.assigned_to(tx, member.login)})


def release(tx: Tx, member: Member, contact_ids: Sequence[int], heir: Member | None) -> None:
    """Takes a member off these contacts, as ``delete`` does."""
    access.require_manage(tx.viewer, "delete members")
    subjects.release(tx, member.id, contact_ids, new_owner=heir.id if heir else None)
    assigned = set(custom_fields.assigned_to(tx, member.login))
    custom_fields.unassign(tx, [contact_id for contact_id in contact_ids if contact_id in assigned])


@dataclass(frozen=True, slots=True)
class Past:
    """What a deleted member had: ids of his teams, and (group id, rights) of his grants."""

    teams: tuple[int, ...]
    grants: tuple[tuple[int, int], ...]


def past_of(tx: Tx, member_id: int) -> Past:
    """What a member has."""
    held = [(key, grants.rights(tx.db, key, member_id)) for key in grants.group_ids(tx.db, member_id)]
    return Past(tuple(team_rows.of_member(tx.db, member_id)), tuple((key, int(rights or 0)) for key, rights in held))


def revive(tx: Tx, login: str, member_id: int, past: Past) -> None:
    """Undoes ``delete`` of a member: he is in his teams and has his grants again, where they still exist.

    What was forgotten of him is not known any more; app passwords stay revoked. Raises NameTaken.
    """
    access.require_manage(tx.viewer, "bring members back")
    if member_id not in rows.deleted(tx.db, [member_id]):
        return
    if rows.find(tx.db, SubjectKind.MEMBER, login):
        raise NameTaken(f"there is another member {login} by now")
    rows.change(tx.db, member_id, deleted_at=None, since=tx.tick(ChangeKind.SUBJECT, member_id))
    for team_id in set(past.teams) - rows.deleted(tx.db, past.teams):
        teams.enter(tx, team_id, member_id)
    for group_id, rights in past.grants:
        grants.renew(tx.db, group_id, member_id, Right(rights), tx.tick(ChangeKind.GROUP, group_id))
    tx.audit("member.revive", member=member_id)


def app_password_add(
    tx: Tx, login: str, label: str, *, doors: frozenset[str], write: bool, expires: datetime | None = None
) -> str:
    """Makes an app password and returns it: it is shown this once. ``doors``: carddav, ldap; ``expires``: aware.

    Raises SubjectNotFound, InvalidValue, NameTaken (the label).
    """
    _require_self_or_manage(tx, login, "make app passwords of others")
    member, label = subjects.member(tx, login), " ".join(label.split())
    if not label or len(label) > LONGEST_LABEL or not label.isprintable():
        raise InvalidValue(
            f"a label has 1 to {LONGEST_LABEL} printable characters", field="label", hint="give another label"
        )
    if not doors or not doors <= DOORS:
        raise InvalidValue("an app password is for carddav, ldap or both", field="scope", hint="name one of them")
    if expires is not None and expires <= tx.now:
        raise InvalidValue("an app password cannot expire in the past", field="expires", hint="give a later day")
    if any(each.label == label for each in app_passwords.of_member(tx.db, member.id)):
        raise NameTaken(f"{member.login} has an app password {label} already", hint="revoke it, or give another label")
    text = passwords.new_app_password()
    mac = passwords.app_password_mac(tx.site.secrets, text)
    assert mac is not None
    app_passwords.add(tx.db, member.id, label, hmac=mac, doors=doors, write=write, created=tx.now, expires=expires)
    tx.tick(ChangeKind.SUBJECT, member.id)
    tx.audit("member.app-password.add", member=member.id)
    return text


def app_password_list(tx: Tx, login: str) -> list[AppPassword]:
    """The app passwords of a member that were not revoked, the oldest first; the expired are among them."""
    _require_self_or_manage(tx, login, "list app passwords of others")
    return app_passwords.of_member(tx.db, subjects.member(tx, login).id)


def app_password_revoke(tx: Tx, login: str, label: str) -> None:
    """Refuses an app password from now on. Raises SubjectNotFound, also for the label."""
    _require_self_or_manage(tx, login, "revoke app passwords of others")
    member = subjects.member(tx, login)
    found = [each for each in app_passwords.of_member(tx.db, member.id) if each.label == label]
    if not found:
        raise SubjectNotFound(
            f"{member.login} has no app password {label}",
            hint=f"see: sharedbook member app-password list {member.login}",
        )
    app_passwords.revoke(tx.db, member.id, tx.now, label=label)
    tx.tick(ChangeKind.SUBJECT, member.id)
    tx.audit("member.app-password.revoke", member=member.id, app_password=found[0].id)


def _require_self_or_manage(tx: Tx, login: str, what: str) -> None:
    viewer = tx.viewer
    if viewer.member_id is None or viewer.read_only or viewer.name != subjects.fold_name(login):
        access.require_manage(viewer, what)


def _write(tx: Tx, member: Member, **values: Any) -> None:
    rows.change(tx.db, member.id, **values)
    tx.tick(ChangeKind.SUBJECT, member.id)


def _set_postmaster(tx: Tx, member: Member, postmaster: bool) -> None:
    if postmaster:
        teams.enter(tx, POSTMASTERS_ID, member.id)
    else:
        _keep_a_postmaster(tx, member)
        teams.take_out(tx, POSTMASTERS_ID, member.id)


def _keep_a_postmaster(tx: Tx, leaving: Member) -> None:
    """Raises Protected when nobody who can log in would be a postmaster without this member."""
    if leaving.postmaster and not leaving.disabled and rows.enabled_postmasters(tx.db) == 1:
        raise Protected(f"{leaving.login} is the last postmaster", hint="make another member a postmaster first")


def clean(tx: Tx, display_name: str, email: str) -> tuple[str, str]:
    """Name and mail address as a member would have them. Raises InvalidValue."""
    return _display_name(tx, display_name), _email(email)


def _display_name(tx: Tx, text: str) -> str:
    clean, longest = " ".join(text.split()), tx.site.limits.name_length
    if len(clean) > longest or not clean.isprintable():
        raise InvalidValue(
            f"a name has at most {longest} printable characters", field="display_name", hint="shorten it"
        )
    return clean


def _email(text: str) -> str:
    """A mail address as it is stored: folded, so that it can log in; "" for none."""
    folded = subjects.fold_name(text)
    local, _, host = folded.rpartition("@")
    if folded and (not local or not host or " " in folded or not folded.isprintable() or len(folded) > LONGEST_EMAIL):
        raise InvalidValue(f"{text!r} is not a mail address", field="email", hint="write such as alice@example.com")
    return folded
