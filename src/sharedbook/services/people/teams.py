"""Teams: some members under one name. Who joins or leaves ticks, so that every door reloads that member at once."""

from __future__ import annotations

from dataclasses import dataclass

from sharedbook.domain import access
from sharedbook.domain.errors import NameTaken, SubjectNotFound
from sharedbook.domain.model import ChangeKind, Member, SubjectKind, Team
from sharedbook.services.people.subjects import member, new_team_name, retire, team
from sharedbook.services.tx import Tx
from sharedbook.store import grants, subjects, teams


@dataclass(frozen=True, slots=True)
class TeamInfo:
    """A team and its members, by login."""

    team: Team
    members: tuple[Member, ...]


def add(tx: Tx, name: str) -> Team:
    """A new team without members. Raises InvalidName, NameTaken."""
    access.require_manage(tx.viewer, "add teams")
    folded = new_team_name(name)
    if subjects.find(tx.db, SubjectKind.TEAM, folded):
        raise NameTaken(f"there is a team @{folded} already", hint="see: sharedbook team list")
    team_id = subjects.add(tx.db, SubjectKind.TEAM, folded, tx.now)
    subjects.change(tx.db, team_id, since=tx.tick(ChangeKind.SUBJECT, team_id))
    tx.audit("team.add", team=team_id)
    return Team(team_id, folded)


def list_teams(tx: Tx) -> list[TeamInfo]:
    """Every team, by name."""
    access.require_manage(tx.viewer, "list teams")
    members = {each.id: each for each in subjects.members(tx.db)}
    return [
        TeamInfo(
            Team(found.id, found.name), tuple(members[member_id] for member_id in teams.member_ids(tx.db, found.id))
        )
        for found in subjects.teams(tx.db)
    ]


def join(tx: Tx, name: str, *logins: str) -> None:
    """Puts members into a team; who is in it stays in it. Raises SubjectNotFound before anybody has joined."""
    access.require_manage(tx.viewer, "change teams")
    found = team(tx, name)
    joining = [each.id for each in _members(tx, logins) if not teams.is_in(tx.db, found.id, each.id)]
    for member_id in joining:
        enter(tx, found.id, member_id)
    if joining:
        tx.audit("team.join", team=found.id, members=joining)


def leave(tx: Tx, name: str, *logins: str) -> None:
    """Takes members out of a team, at once. Raises SubjectNotFound, also for one not in it, before anybody has left."""
    access.require_manage(tx.viewer, "change teams")
    found = team(tx, name)
    leaving = _members(tx, logins)
    for each in leaving:
        if not teams.is_in(tx.db, found.id, each.id):
            raise SubjectNotFound(f"{each.login} is not in {found.label}", hint="see: sharedbook team list")
    for each in leaving:
        take_out(tx, found.id, each.id)
    tx.audit("team.leave", team=found.id, members=[each.id for each in leaving])


def delete(tx: Tx, name: str) -> None:
    """Deletes a team: its members leave it, its grants are revoked, contacts no longer list it."""
    access.require_manage(tx.viewer, "delete teams")
    found = team(tx, name)
    for member_id in teams.member_ids(tx.db, found.id):
        take_out(tx, found.id, member_id)
    retire(tx, found.id, new_owner=None)
    tx.audit("team.delete", team=found.id)


def enter(tx: Tx, team_id: int, member_id: int) -> None:
    """A member who is not in it joins a team or the postmasters: a step of services that have checked the rights."""
    teams.join(tx.db, team_id, member_id, tx.tick(ChangeKind.SUBJECT, member_id))


def take_out(tx: Tx, team_id: int, member_id: int) -> None:
    """One member leaves a team or the postmasters: a step of services that have checked the rights."""
    grants.lose(tx.db, [member_id], grants.group_ids(tx.db, team_id), tx.now)
    teams.leave(tx.db, team_id, member_id, tx.now)
    tx.tick(ChangeKind.SUBJECT, member_id)


def _members(tx: Tx, logins: tuple[str, ...]) -> list[Member]:
    return list({found.id: found for found in (member(tx, login) for login in logins)}.values())
