"""``sharedbook contact duplicates`` and ``distinct``: who may be one and the same, and who was found to be two."""

from __future__ import annotations

import click

from sharedbook.cli import json_keys
from sharedbook.cli.names import GROUP
from sharedbook.cli.output import Output, json_option, many
from sharedbook.cli.site_context import Site, pass_site
from sharedbook.services import contacts
from sharedbook.services import duplicates as service


def add_to(group: click.Group) -> None:
    """Adds the commands of this file to ``sharedbook contact``."""
    for each in (duplicates, distinct):
        group.add_command(each)


@click.command("duplicates")
@click.option("--group", metavar="GROUP", type=GROUP, help="Among the contacts of this group.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many suggestions.")
@json_option
@pass_site
def duplicates(site: Site, out: Output, group: str | None, limit: int | None) -> None:
    """Suggest which contacts may be one and the same, the surest first, with the reasons.

    Certain: they share a mail address or UID, and have the same name. Likely: the names are only alike, or they share a
    phone number. Possible: they share an address that few have, under other names. A name alone is never a reason.
    Alike are names with the same words in another order, with initials, or with further names.

    \b
    Examples:  sharedbook contact duplicates --limit 20
               sharedbook contact duplicates --group customers --json
    """
    with site.begin() as tx:
        found = service.find(tx, group, limit)
        names = {each.id: each.name for each in contacts.seen(tx, [key for each in found for key in each.contacts])}
    records = [json_keys.duplicate(each, names) for each in found]
    shown = [
        {
            "confidence": record["confidence"],
            "contacts": "\n".join(f"{each['id']} {each['name']}" for each in record["contacts"]),
            "reasons": "\n".join(map(_reason, record["reasons"])),
        }
        for record in records
    ]
    columns = {"How sure": "confidence", "Contacts": "contacts", "Reasons": "reasons"}
    out.rows(records if out.as_json else shown, columns, empty="Nobody is there twice.")


def _reason(reason: json_keys.Object) -> str:
    names = reason["likeness"] or "other names"
    return f"{reason['shared']} {reason['value']} ({', '.join(map(str, reason['contacts']))}: {names})"


@click.command("distinct")
@click.argument("refs", metavar="[REF REF...]", nargs=-1)
@click.option("--remove", is_flag=True, help="Forget it again: they may be suggested.")
@json_option
@pass_site
def distinct(site: Site, out: Output, refs: tuple[str, ...], remove: bool) -> None:
    """Remember that contacts are different, each from each: they are not suggested any more, and not merged.

    Without a REF, list what is remembered.

    \b
    Examples:  sharedbook contact distinct 12 57
               sharedbook contact distinct
               sharedbook contact distinct 12 57 --remove
    """
    if not refs and not remove:
        _list(site, out)
        return
    if len(refs) < 2:
        raise click.UsageError("Name two contacts or more.")
    with site.begin(write=True) as tx:
        ids = [contacts.resolve(tx, ref).id for ref in refs]
        pairs = (service.unmark_distinct if remove else service.mark_distinct)(tx, ids)
    action = "no longer distinct" if remove else "distinct"
    out.done(json_keys.result(action, map(list, pairs)), f"{action}: {many(len(pairs), 'pair')}")


def _list(site: Site, out: Output) -> None:
    with site.begin() as tx:
        pairs = service.list_distinct(tx)
    records = [{"contacts": [{"id": each.id, "name": each.name} for each in pair]} for pair in pairs]
    shown = [{"one": f"{one.id} {one.name}", "other": f"{other.id} {other.name}"} for one, other in pairs]
    out.rows(records if out.as_json else shown, {"One": "one", "Other": "other"}, empty="Nothing is remembered.")
