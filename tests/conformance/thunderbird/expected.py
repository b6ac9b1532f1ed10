"""Which contacts a demo member may see, worked out from the demo's plain values and not by the code under test."""

from __future__ import annotations

from sharedbook.domain.model import Right
from sharedbook.services.demo.people import GRANTS, GROUPS, MEMBERS, DemoMember, Person, people

WRITE = Right.ADD | Right.EDIT


def member(login: str) -> DemoMember:
    """The demo member with this login."""
    return next(each for each in MEMBERS if each.login == login)


def _subjects(who: DemoMember) -> set[str]:
    return {who.login, "everyone", *(f"@{team}" for team in who.teams)}


def rights(who: DemoMember) -> dict[str, Right]:
    """Name and rights of each group that the member may view, in the groups' order."""
    found = {}
    for group in GROUPS:
        granted = [right for slug, subject, right in GRANTS if slug == group.slug and subject in _subjects(who)]
        if granted:
            found[group.name] = Right(0)
            for right in granted:
                found[group.name] |= right
    return found


def sees(who: DemoMember, person: Person) -> bool:
    """Whether the contact itself is visible to the member; the group that it is in may still be closed to him."""
    return person.seen_by == "all" or person.owner == who.login or person.seen_by in _subjects(who)


def contacts(who: DemoMember) -> dict[str, dict[str, Person]]:
    """The contacts, by UID, of each group that the member may view, by the group's name."""
    slugs = {group.name: group.slug for group in GROUPS}
    return {
        name: {each.uid: each for each in people() if slugs[name] in each.groups and sees(who, each)}
        for name in rights(who)
    }
