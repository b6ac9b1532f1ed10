"""Sites with contacts of every kind, and what the tests of bulk actions share."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from sharedbook.app import App
from sharedbook.domain.model import PRIVATE, VISIBLE_TO_ALL, Right, Visibility, VisibilityKind
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts, custom_fields
from sharedbook.services.jobs import actions, bulk
from sharedbook.services.jobs.actions import Action
from sharedbook.services.jobs.jobs import Job
from sharedbook.services.members import grants, members
from sharedbook.services.people import subjects, teams
from sharedbook.services.tx import Tx
from sharedbook.store.schema import contact_visibility, custom_values, memberships, merged_contacts, team_members
from sharedbook.store.schema import contacts as contact_rows
from sharedbook.store.schema import grants as grant_rows
from sharedbook.store.schema import groups as group_rows
from tests.services.people import add_contact, add_members
from tests.support.sites import CLIENT, CONSOLE, as_console

GROUPS = ("clients", "partners", "suppliers")


def fill(app: App) -> None:
    """Members alice, bob and carol, the team @sales of bob, three groups, and 12 contacts of every kind."""
    add_members(app, "alice", "bob", "carol")
    with as_console(app) as tx:
        teams.add(tx, "sales")
        teams.join(tx, "sales", "bob")
        for name in GROUPS:
            groups.add(tx, name)
        grants.grant(tx, "clients", "bob", Right.VIEW | Right.EDIT)
        grants.grant(tx, "partners", "@sales", Right.VIEW)
        two = frozenset(subjects.resolve(tx, ref).id for ref in ("bob", "@sales"))
        for number in range(12):
            visibility = (VISIBLE_TO_ALL, PRIVATE, Visibility(VisibilityKind.LISTED, two))[number % 3]
            owner = ("alice", "bob", None)[number // 4]
            group = groups.get(tx, GROUPS[number % 2])
            found = add_contact(tx, group, f"Person {number}", owner=owner, visibility=visibility)
            if number % 5 == 0:
                contacts.copy(tx, [found.id], groups.get(tx, "suppliers"))
        contacts.share(tx, [3, 6], False)
        custom_fields.assign(tx, [2, 8], "bob")


def dump(app: App) -> dict[str, list[Any]]:
    """What undo has to bring back: cards, custom values, groups and hrefs, owners, visibility, trash, grants, teams."""
    c, m, g = contact_rows.c, memberships.c, group_rows.c
    statements = {
        "contacts": select(c.id, c.uid, c.vcard, c.etag, c.owner_id, c.visibility, c.trashed_at, c.source).order_by(
            c.id
        ),
        "lists": select(contact_visibility).order_by(*contact_visibility.c),
        "custom": select(custom_values).order_by(*custom_values.primary_key),
        "merged": select(merged_contacts).order_by(*merged_contacts.c),
        "places": select(m.group_id, m.href, m.contact_id, m.etag, m.state)
        .where(m.contact_id.is_not(None))
        .order_by(m.group_id, m.href),
        "groups": select(g.id, g.slug, g.name, g.emptied_at).order_by(g.id),
        "grants": select(grant_rows.c.group_id, grant_rows.c.subject_id, grant_rows.c.mask).order_by(
            grant_rows.c.group_id, grant_rows.c.subject_id
        ),
        "teams": select(team_members.c.team_id, team_members.c.member_id)
        .where(team_members.c.left_at.is_(None))
        .order_by(*team_members.primary_key),
    }
    with as_console(app, write=False) as tx:
        return {name: [tuple(row) for row in tx.db.execute(statement)] for name, statement in statements.items()}


def start(app: App, action: Action, ids: list[int]) -> Job:
    with as_console(app) as tx:
        job = bulk.add(tx, action, ids)
    return bulk.run(app, CONSOLE, CLIENT, job.id)


def undo(app: App, job_id: int) -> Job:
    with as_console(app) as tx:
        job = bulk.add(tx, *bulk.undo_of(tx, job_id))
    return bulk.run(app, CONSOLE, CLIENT, job.id)


def group_id(tx: Tx, slug: str) -> int:
    return groups.get(tx, slug).id


def deletion_of(tx: Tx, to: str) -> Action:
    plan = groups.plan_deletion(tx, "clients", contacts_to=to)
    return actions.DeleteGroup(plan.group.id, plan.word, plan.target.id)


def member_deletion(tx: Tx, heir: str | None) -> Action:
    bob = members.get(tx, "bob")
    past = members.past_of(tx, bob.id)
    return actions.DeleteMember(bob.login, bob.id, heir, past.teams, past.grants)


ALL = list(range(1, 13))
