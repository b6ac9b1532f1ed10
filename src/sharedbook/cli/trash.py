"""``sharedbook trash``: deleted contacts."""

from __future__ import annotations

from pathlib import Path

import click

from sharedbook.cli import json_keys
from sharedbook.cli.confirm import asking, carry_out
from sharedbook.cli.contacts_shown import objects, row
from sharedbook.cli.erasing import certificate_option, erase_contacts
from sharedbook.cli.output import Output, json_option, many
from sharedbook.cli.refs import chosen
from sharedbook.cli.site_context import Site, pass_site
from sharedbook.services import trash
from sharedbook.services.tx import Tx


@click.group("trash")
def trash_command() -> None:
    """Deleted contacts: they keep groups, addresses and rights until they are restored or erased."""


@trash_command.command("list")
@json_option
@pass_site
def list_trash(site: Site, out: Output) -> None:
    """List what lies in the trash, the latest first.

    \b
    Example:  sharedbook trash list
    """
    with site.begin() as tx:
        records = objects(tx, trash.list_trash(tx))
    columns = {"Id": "id", "Name": "name", "Mail": "emails", "Deleted": "trashed"}
    out.rows(records if out.as_json else [row(each) for each in records], columns, empty="The trash is empty.")


@trash_command.command("restore")
@click.argument("refs", metavar="REF...", nargs=-1, required=True)
@asking
@json_option
@pass_site
def restore(site: Site, out: Output, refs: tuple[str, ...], dry_run: bool, yes: bool) -> None:
    """Bring contacts back as they were: same groups, UID, addresses and rights.

    \b
    Example:  sharedbook trash restore 12
    """
    named = chosen(refs, None)

    def work(tx: Tx) -> json_keys.Object:
        found = trash.restore(tx, [contact.id for contact in named.contacts(tx, in_trash=True)])
        notes = [f"{each.contact.name}: {each.note}" for each in found if each.note]
        return json_keys.result("restore", [each.contact.id for each in found], notes=notes)

    def question(planned: json_keys.Object) -> str | None:
        return f"Restore {many(planned['count'], 'contact')}?" if planned["count"] > 1 else None

    record = carry_out(site, work, question, dry_run=dry_run, yes=yes)
    out.outcome(record, f"restore: {many(record['count'], 'contact')}")


@trash_command.command("empty")
@click.option("--older-than", type=click.IntRange(min=0), metavar="DAYS", help="Only what was deleted before.")
@certificate_option
@asking
@json_option
@pass_site
def empty(site: Site, out: Output, older_than: int | None, certificate: Path | None, dry_run: bool, yes: bool) -> None:
    """Erase what lies in the trash, for good.

    \b
    Example:  sharedbook trash empty --older-than 30
    """
    with site.begin() as tx:
        found = trash.list_trash(tx)
        if older_than is not None:
            old = set(trash.older_than(tx, older_than))
            found = [contact for contact in found if contact.id in old]
    erase_contacts(site, out, found, certificate=certificate, dry_run=dry_run, yes=yes)
