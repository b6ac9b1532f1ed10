"""``sharedbook group``: the shared contact groups, each one address book."""

from __future__ import annotations

import click

from sharedbook.cli.plan import export_plan
from sharedbook.cli.terminal import json_keys
from sharedbook.cli.terminal.as_job import How, Task, as_job, carry_out
from sharedbook.cli.terminal.names import GROUP
from sharedbook.cli.terminal.output import Output, json_option
from sharedbook.cli.terminal.site_context import Site, pass_site
from sharedbook.services.books import groups
from sharedbook.services.jobs.actions import DeleteGroup
from sharedbook.services.members import grants
from sharedbook.services.tx import Tx

COLUMNS = {"Group": "slug", "Name": "name", "Contacts": "contacts", "Default": "default", "Description": "description"}


@click.group("group")
def group_command() -> None:
    """Shared contact groups: each is one address book.

    A GROUP is named by its slug (see `group list`) or by its name.
    """


group_command.add_command(export_plan)


def _info(tx: Tx, ref: str) -> json_keys.Object:
    found = groups.get(tx, ref)
    return next(json_keys.group(info) for info in groups.list_groups(tx) if info.group.id == found.id)


@group_command.command("add")
@click.argument("name")
@click.option("--description", default="", help="What the group is for.")
@json_option
@pass_site
def add(site: Site, out: Output, name: str, description: str) -> None:
    """Add a group and print its slug.

    \b
    Example:  sharedbook group add "Team Two" --description "Its customers"
    """
    with site.begin(write=True) as tx:
        found = groups.add(tx, name, description=description)
        record = _info(tx, found.slug)
    out.done(record, found.slug)
    wanted = groups.slug_of(name)
    if wanted and found.slug != wanted:
        out.note(f"another group has the path {wanted}; this one's is {found.slug}")


@group_command.command("list")
@json_option
@pass_site
def list_groups(site: Site, out: Output) -> None:
    """List the groups in their order.

    \b
    Example:  sharedbook --as alice group list
    """
    with site.begin() as tx:
        records = [json_keys.group(info) for info in groups.list_groups(tx)]
    out.rows(records, COLUMNS, empty="There are no groups to show.")


@group_command.command("show")
@click.argument("group", type=GROUP)
@json_option
@pass_site
def show(site: Site, out: Output, group: str) -> None:
    """Show one group.

    \b
    Example:  sharedbook group show team-one
    """
    with site.begin() as tx:
        record = _info(tx, group)
    out.record(record)


@group_command.command("rename")
@click.argument("group", type=GROUP)
@click.argument("name")
@json_option
@pass_site
def rename(site: Site, out: Output, group: str, name: str) -> None:
    """Rename a group; its slug, and so its address, stays.

    \b
    Example:  sharedbook group rename team-one "Team 1"
    """
    with site.begin(write=True) as tx:
        slug = groups.rename(tx, group, name).slug
        record = _info(tx, slug)
    out.done(record, f"{slug} is now called {record['name']}")


@group_command.command("describe")
@click.argument("group", type=GROUP)
@click.argument("description")
@json_option
@pass_site
def describe(site: Site, out: Output, group: str, description: str) -> None:
    """Say what a group is for.

    \b
    Example:  sharedbook group describe team-one "Customers in Korea"
    """
    with site.begin(write=True) as tx:
        record = _info(tx, groups.describe(tx, group, description).slug)
    out.done(record, f"{record['slug']}: {record['description']}")


@group_command.command("reorder")
@click.argument("groups_in_order", type=GROUP, metavar="GROUP...", nargs=-1, required=True)
@json_option
@pass_site
def reorder(site: Site, out: Output, groups_in_order: tuple[str, ...]) -> None:
    """Put these groups first, in this order.

    The others follow as they were.

    \b
    Example:  sharedbook group reorder customers suppliers
    """
    with site.begin(write=True) as tx:
        groups.reorder(tx, groups_in_order)
        records = [json_keys.group(info) for info in groups.list_groups(tx)]
    out.rows(records, COLUMNS, empty="")


@group_command.command("default")
@click.argument("group", type=GROUP)
@json_option
@pass_site
def default(site: Site, out: Output, group: str) -> None:
    """Choose the group for contacts that are in no other.

    \b
    Example:  sharedbook group default customers
    """
    with site.begin(write=True) as tx:
        record = _info(tx, groups.set_default(tx, group).slug)
    out.done(record, f"{record['slug']} is the default group")


@group_command.command("delete")
@click.argument("group", type=GROUP)
@click.option(
    "--contacts",
    required=True,
    metavar="keep|trash|move:GROUP",
    help="Keep its contacts in their other groups (or the default one), trash them, or move them.",
)
@as_job
@json_option
@pass_site
def delete(site: Site, out: Output, group: str, contacts: str, how: How) -> None:
    """Delete a group. Mail clients see it empty for some days before it disappears.

    \b
    Examples:  sharedbook group delete team-one --contacts keep --dry-run
               sharedbook group delete team-one --contacts move:customers --yes
    """

    def task_of(tx: Tx) -> Task:
        plan = groups.plan_deletion(tx, group, contacts_to=contacts)
        seen_by = set(grants.viewers(tx, plan.group.id))
        newly = [login for login in _viewers_after(tx, plan) if login not in seen_by]
        action = DeleteGroup(plan.group.id, plan.word, plan.target.id)
        ids = groups.held_ids(tx, plan.group.id)
        slug = plan.group.slug
        notes = _consequences(plan, newly)
        return Task(action, ids, notes=notes, items=[slug], question=f"Delete the group {slug}?")

    carry_out(site, out, f"delete group {group}", task_of, how, ask=True)


def _viewers_after(tx: Tx, deletion: groups.Deletion) -> list[str]:
    """Who may view the group that contacts move to."""
    return grants.viewers(tx, deletion.target.id) if deletion.moved else []


def _consequences(deletion: groups.Deletion, newly: list[str]) -> list[str]:
    found = (
        (deletion.kept, "stay in their other groups"),
        (deletion.moved, f"move to {deletion.target.slug}"),
        (deletion.trashed, "go to the trash"),
    )
    notes = [f"contacts that {verb}: {len(ids)}" for ids, verb in found if ids]
    return (
        [*notes, f"members who would see the moved contacts for the first time: {', '.join(newly)}"] if newly else notes
    )
