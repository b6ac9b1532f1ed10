"""Writes the demo organisation into a site, through the services and in one transaction. The people: ``people.py``."""

from __future__ import annotations

from collections.abc import Callable

from sharedbook.domain import access
from sharedbook.domain.errors import Conflict
from sharedbook.domain.model import PRIVATE, VISIBLE_TO_ALL, Visibility, VisibilityKind
from sharedbook.formats.vcards import vcard
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts, search
from sharedbook.services.demo.people import GRANTS, GROUPS, MEMBERS, TEAMS, Person, people
from sharedbook.services.members import grants, members
from sharedbook.services.people import subjects, teams
from sharedbook.services.tx import Tx


def is_empty(tx: Tx) -> bool:
    """Whether the site has neither a member nor a contact. Only for postmasters on the command line."""
    access.require_manage(tx.viewer, "fill the site")
    return not members.list_members(tx) and not search.find(tx, search.Search(), limit=1)


def is_there(tx: Tx) -> bool:
    """Whether the site's first demo member is here, so that its login works."""
    access.require_manage(tx.viewer, "look for the demo")
    return any((found.login, found.email) == (MEMBERS[0].login, MEMBERS[0].email) for found in members.list_members(tx))


def fill(tx: Tx, progress: Callable[[int, int], None] = lambda _done, _total: None) -> int:
    """Adds members, teams, groups, grants, contacts; returns how many contacts. Raises Conflict unless it is empty."""
    if not is_empty(tx):
        raise Conflict("the site has members or contacts already", hint="try it on a new SHAREDBOOK_DATA_DIR")
    _members(tx)
    for group in GROUPS:
        groups.add(tx, group.name, description=group.description)
    for slug, subject, rights in GRANTS:
        grants.grant(tx, slug, subject, rights)
    for done, person in enumerate(people(), 1):
        _contact(tx, person)
        progress(done, len(people()))
    return len(people())


def _members(tx: Tx) -> None:
    for name in TEAMS:
        teams.add(tx, name)
    for member in MEMBERS:
        members.add(
            tx,
            member.login,
            display_name=member.display_name,
            email=member.email,
            postmaster=member.postmaster,
            password=member.password,
        )
        for team in member.teams:
            teams.join(tx, team, member.login)


def _contact(tx: Tx, person: Person) -> None:
    first, *others = (groups.get(tx, slug) for slug in person.groups)
    owner = subjects.member(tx, person.owner).id if person.owner else None
    card = vcard.parse(person.vcard)
    contact = contacts.add(tx, first, card, owner_id=owner, visibility=_visibility(tx, person.seen_by))
    for group in others:
        contacts.copy(tx, [contact.id], group)


def _visibility(tx: Tx, seen_by: str) -> Visibility:
    if seen_by == "all":
        return VISIBLE_TO_ALL
    if seen_by == "private":
        return PRIVATE
    return Visibility(VisibilityKind.LISTED, frozenset({subjects.resolve(tx, seen_by).id}))
