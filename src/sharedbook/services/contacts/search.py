"""Finding contacts: by any query, with the filters of the command line, always among what the viewer sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sharedbook.domain import access
from sharedbook.domain.access import Viewer
from sharedbook.domain.model import ASSIGNED_ID, EVERYONE_ID, Contact, Right, Subject, SubjectKind
from sharedbook.domain.query import EVERYTHING, And, Op, Query, Some, Test
from sharedbook.services.books import groups
from sharedbook.services.contacts import querylang
from sharedbook.services.people import subjects
from sharedbook.services.tx import Tx
from sharedbook.services.writing import records
from sharedbook.store import contacts, custom_fields, grants, identity, search


@dataclass(frozen=True, slots=True)
class Search:
    """What to find. ``group`` is a slug or name, ``owner`` a login, ``viewer`` a subject who sees it, in their words.

    ``assigned``: the login of who looks after it. ``tag`` and ``company`` are whole values, compared as the directory
    compares text. ``no_viewers``: no member who can log in sees it. ``trashed``: what lies in the trash, instead of
    what does not. ``among``: the ids of those to look at, few enough for one statement; None for all.
    """

    query: Query = EVERYTHING
    group: str | None = None
    owner: str | None = None
    assigned: str | None = None
    viewer: str | None = None
    tag: str | None = None
    company: str | None = None
    no_owner: bool = False
    no_viewers: bool = False
    trashed: bool = False
    among: Sequence[int] | None = None


def query(tx: Tx, text: str) -> Query:
    """The query that a person's words mean (``querylang``), custom fields included. Raises InvalidQuery."""
    custom = {field.key: custom_fields.property_of(field.id) for field in custom_fields.every(tx.db)}
    return querylang.parse(text, tx.site.settings.default_region, custom)


def find(tx: Tx, wanted: Search, limit: int | None = None) -> list[Contact]:
    """The contacts that match and that the viewer sees, by name. Raises as ``find_ids``."""
    return contacts.fetch(tx.db, find_ids(tx, wanted, limit))


def find_ids(tx: Tx, wanted: Search, limit: int | None = None) -> list[int]:
    """The ids of the contacts that match and that the viewer sees, by name.

    Raises GroupNotFound, SubjectNotFound, InvalidQuery; Forbidden: the trash and what others see is for postmasters.
    """
    if wanted.trashed:
        access.require_manage(tx.viewer, "look into the trash")
    viewers = [tx.viewer]
    if wanted.viewer is not None:
        access.require_manage(tx.viewer, "ask what others see")
        viewers.append(_as_viewer(tx, subjects.resolve(tx, wanted.viewer)))
    scope = search.Scope(
        tuple(viewers),
        trashed=wanted.trashed,
        group_id=None if wanted.group is None else groups.get(tx, wanted.group).id,
        owner_id=None if wanted.owner is None else subjects.member(tx, wanted.owner).id,
        no_owner=wanted.no_owner,
        no_viewers=wanted.no_viewers,
        among=wanted.among,
    )
    return search.find(tx.db, _query(tx, wanted), scope, records.reader(tx), limit)


def _query(tx: Tx, wanted: Search) -> Query:
    login = None if wanted.assigned is None else subjects.member(tx, wanted.assigned).login
    assigned = custom_fields.property_of(ASSIGNED_ID)
    named = (("category", wanted.tag), ("org", wanted.company), (assigned, login))
    tests = (Some(name, (Test(Op.EQUALS, value),)) for name, value in named if value is not None)
    return And((wanted.query, *tests))


def _as_viewer(tx: Tx, subject: Subject) -> Viewer:
    """What a subject sees: a member all that he may; a team, everyone, the postmasters what that gives a member."""
    if subject.kind is SubjectKind.MEMBER:
        found = identity.load(tx.db, subject.id, departure_days=tx.site.settings.departure_days)
        return Viewer(None, subject.name) if found is None or found.disabled else found.viewer
    named = frozenset({subject.id, EVERYONE_ID})
    viewed = {group_id for each in named for group_id in grants.group_ids(tx.db, each)}
    return Viewer(None, subject.name, named, dict.fromkeys(viewed, Right.VIEW))
