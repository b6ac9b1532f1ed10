"""``sharedbook grant``: what members and teams may do in a group."""

from __future__ import annotations

import click

from sharedbook.cli.terminal import json_keys
from sharedbook.cli.terminal.names import GROUP, SUBJECT
from sharedbook.cli.terminal.output import Output, json_option
from sharedbook.cli.terminal.site_context import Site, pass_site
from sharedbook.domain.errors import InvalidValue
from sharedbook.domain.model import ALL_RIGHTS, NO_RIGHTS, RIGHTS, Right
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts
from sharedbook.services.members import grants
from sharedbook.services.tx import Tx


@click.group("grant")
def grant_command() -> None:
    """Rights of members and teams on groups: view, add, edit, delete, import, export.

    A SUBJECT is a login (alice), a team (@sales), everyone or postmasters. Each right includes view; rights of several
    grants add up.
    """


def _rights(text: str) -> Right:
    rights = NO_RIGHTS
    for word in filter(None, (part.strip() for part in text.split(","))):
        if word != "all" and word not in RIGHTS:
            raise InvalidValue(
                f"{word!r} is not a right", field="rights", hint=f"rights are: {', '.join(RIGHTS)}; or all of them: all"
            )
        rights |= ALL_RIGHTS if word == "all" else RIGHTS[word]
    if not rights:
        raise InvalidValue(
            "no right is named", field="rights", hint="to take them away: sharedbook grant revoke GROUP SUBJECT"
        )
    return rights


def _records(tx: Tx, group: str | None) -> list[json_keys.Object]:
    slugs = {group_id: found.slug for group_id, found in groups.names(tx).items()}
    return [
        {
            "group": slugs[found.group_id],
            "subject": found.subject.label,
            "rights": found.rights.words,
        }
        for found in grants.list_grants(tx, group)
    ]


@grant_command.command("add")
@click.argument("group", type=GROUP)
@click.argument("subject", type=SUBJECT)
@click.argument("rights", metavar="RIGHT,...")
@json_option
@pass_site
def add(site: Site, out: Output, group: str, subject: str, rights: str) -> None:
    """Set what a subject may do in a group, replacing its earlier rights there.

    \b
    Examples:  sharedbook grant add customers @sales view,add,edit
               sharedbook grant add customers everyone view
               sharedbook grant add customers alice all
    """
    with site.begin(write=True) as tx:
        found = grants.grant(tx, group, subject, _rights(rights))
        record = next(each for each in _records(tx, group) if each["subject"] == found.subject.label)
    out.done(record, f"{record['subject']} may {', '.join(record['rights'])} in {record['group']}")


@grant_command.command("revoke")
@click.argument("group", type=GROUP)
@click.argument("subject", type=SUBJECT)
@json_option
@pass_site
def revoke(site: Site, out: Output, group: str, subject: str) -> None:
    """Take away all rights of a subject on a group.

    Mail clients that lose the group this way see its book empty at their next sync.

    \b
    Example:  sharedbook grant revoke customers @sales
    """
    with site.begin(write=True) as tx:
        slug = groups.get(tx, group).slug
        grants.revoke(tx, group, subject)
    out.outcome(json_keys.result("revoke", [slug]), f"{subject} has no grant on {slug} any more")


@grant_command.command("list")
@click.argument("group", type=GROUP, required=False)
@json_option
@pass_site
def list_grants(site: Site, out: Output, group: str | None) -> None:
    """List the grants of one group, or of all groups.

    \b
    Example:  sharedbook grant list customers
    """
    with site.begin() as tx:
        records = _records(tx, group)
    out.rows(records, {"Group": "group", "Subject": "subject", "Rights": "rights"}, empty="There are no grants yet.")


@grant_command.command("who-can-see")
@click.argument("ref")
@json_option
@pass_site
def who_can_see(site: Site, out: Output, ref: str) -> None:
    """List the members who can see a contact, and in which groups.

    \b
    Example:  sharedbook grant who-can-see kim@hanbit.example
    """
    with site.begin() as tx:
        slugs = {group_id: found.slug for group_id, found in groups.names(tx).items()}
        seers = grants.who_can_see(tx, contacts.resolve(tx, ref).id)
    records = [{"subject": each.member.label, "groups": [slugs[found] for found in each.groups]} for each in seers]
    out.rows(records, {"Member": "subject", "Groups": "groups"}, empty="No member sees this contact.")
