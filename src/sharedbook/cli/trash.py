"""``sharedbook trash``: deleted contacts."""

from __future__ import annotations

from pathlib import Path

import click

from sharedbook.cli.erasing import certificate_option, erase_contacts
from sharedbook.cli.terminal.as_job import How, Task, as_job, carry_out
from sharedbook.cli.terminal.confirm import asking
from sharedbook.cli.terminal.contacts_shown import objects, row
from sharedbook.cli.terminal.output import Output, json_option
from sharedbook.cli.terminal.refs import chosen
from sharedbook.cli.terminal.site_context import Site, pass_site
from sharedbook.services.contacts import trash
from sharedbook.services.jobs.actions import Restore
from sharedbook.services.tx import Tx


@click.group("trash")
def trash_command() -> None:
    """The trash: deleted contacts, which keep groups, addresses and rights until restored or erased."""


@trash_command.command("list")
@json_option
@pass_site
def list_trash(site: Site, out: Output) -> None:
    """List what is in the trash, the latest first.

    \b
    Example:  sharedbook trash list
    """
    with site.begin() as tx:
        records = objects(tx, trash.list_trash(tx))
    columns = {"Id": "id", "Name": "name", "Mail": "emails", "Deleted": "trashed"}
    out.rows(records if out.as_json else [row(each) for each in records], columns, empty="The trash is empty.")


@trash_command.command("restore")
@click.argument("refs", metavar="REF...", nargs=-1, required=True)
@as_job
@json_option
@pass_site
def restore(site: Site, out: Output, refs: tuple[str, ...], how: How) -> None:
    """Bring contacts back as they were.

    They return with the same groups, UID, addresses and rights.

    \b
    Example:  sharedbook trash restore 12
    """
    named = chosen(refs, None)

    def task_of(tx: Tx) -> Task:
        found = named.contacts(tx, in_trash=True)
        return Task(Restore(), [each.id for each in found], [f"{each.id} {each.name}" for each in found])

    carry_out(site, out, "restore", task_of, how)


@trash_command.command("empty")
@click.option(
    "--older-than",
    type=click.IntRange(min=0),
    metavar="DAYS",
    help="Only what was deleted more than this many days ago.",
)
@certificate_option
@asking
@json_option
@pass_site
def empty(site: Site, out: Output, older_than: int | None, certificate: Path | None, dry_run: bool, yes: bool) -> None:
    """Erase what is in the trash, for good.

    \b
    Examples:  sharedbook trash empty --older-than 30 --dry-run
               sharedbook trash empty --yes --certificate erased.json
    """
    with site.begin() as tx:
        found = trash.list_trash(tx)
        if older_than is not None:
            old = set(trash.older_than(tx, older_than))
            found = [contact for contact in found if contact.id in old]
    erase_contacts(site, out, found, certificate=certificate, dry_run=dry_run, yes=yes)
