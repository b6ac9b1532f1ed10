"""``sharedbook hold``: mail clients that took too much out of a group, and are held back."""

from __future__ import annotations

import click

from sharedbook.cli.terminal import json_keys
from sharedbook.cli.terminal.confirm import asking, confirm
from sharedbook.cli.terminal.contacts_shown import objects
from sharedbook.cli.terminal.output import Output, json_option, many
from sharedbook.cli.terminal.site_context import CLIENT, Site, pass_site
from sharedbook.services.refused import holds


@click.group("hold")
def hold_command() -> None:
    """Holds: mail clients that deleted too much from a group, until you decide."""


@hold_command.command("list")
@json_option
@pass_site
def list_holds(site: Site, out: Output) -> None:
    """List the holds, the newest first.

    \b
    Example:  sharedbook hold list
    """
    with site.begin() as tx:
        records = [json_keys.hold(each) for each in holds.list_holds(tx)]
    columns = {"Hold": "id", "State": "state", "Group": "group", "Member": "member", "Client": "client"}
    out.rows(records, {**columns, "Took": "taken", "Of": "size", "When": "at"}, empty="No client has been held back.")


@hold_command.command("show")
@click.argument("hold", type=int)
@json_option
@pass_site
def show(site: Site, out: Output, hold: int) -> None:
    """Show a hold and what its client deleted.

    Each contact is listed with the groups that it is in now.

    \b
    Example:  sharedbook hold show 1
    """
    with site.begin() as tx:
        held, found = holds.show(tx, hold)
        record = {**json_keys.hold(held), "contacts": objects(tx, found)}
    if out.as_json:
        out.record(record)
        return
    out.record({**record, "contacts": None})
    columns = {"Id": "id", "Name": "name", "Groups": "groups", "In the trash": "trashed"}
    out.rows(record["contacts"], columns, empty="Nothing that it deleted is left.")


@hold_command.command("release")
@click.argument("hold", type=int)
@json_option
@pass_site
def release(site: Site, out: Output, hold: int) -> None:
    """Let the client continue deleting for an hour.

    The setting hold.release says how long; it applies to that group only. What it deleted stays deleted. `hold discard`
    can still bring that back, together with what it deletes from now on.

    \b
    Example:  sharedbook hold release 1
    """
    with site.begin(write=True) as tx:
        held = holds.release(tx, hold)
    record = json_keys.hold(held)
    out.done(record, f"{held.login} may delete in {held.group} by {record['client']} until {record['until']}")


@hold_command.command("discard")
@click.argument("hold", type=int)
@asking
@json_option
@pass_site
def discard(site: Site, out: Output, hold: int, dry_run: bool, yes: bool) -> None:
    """Bring back what the client deleted, and let it delete again.

    The contacts return with the same groups, UID, addresses and rights. What cannot come back, or not as it was, is
    listed.

    \b
    Examples:  sharedbook hold discard 1 --dry-run
               sharedbook hold discard 1 --yes
    """

    if dry_run or not yes:
        planned = _discarded(site, hold, rehearse=True)
        if not dry_run:
            confirm(f"Bring back {many(planned['count'], 'contact')}?")
    record = planned if dry_run else _discarded(site, hold)
    out.outcome(record, f"bring back: {many(record['count'], 'contact')}")


def _discarded(site: Site, hold: int, *, rehearse: bool = False) -> json_keys.Object:
    done = holds.discard(site.app, site.actor, CLIENT, hold, rehearse=rehearse)
    return json_keys.result("discard", done.restored, dry_run=rehearse, notes=done.notes)
