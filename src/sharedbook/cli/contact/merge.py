"""``sharedbook contact merge``: several contacts made one, shown field by field before it is done."""

from __future__ import annotations

import click

from sharedbook.cli.terminal import json_keys
from sharedbook.cli.terminal.confirm import asking, confirm
from sharedbook.cli.terminal.contacts_shown import detail
from sharedbook.cli.terminal.output import Output, cell, json_option
from sharedbook.cli.terminal.site_context import CLIENT, Site, pass_site
from sharedbook.domain.errors import Conflict
from sharedbook.services.contacts import contacts
from sharedbook.services.jobs import bulk, jobs
from sharedbook.services.jobs.actions import Merge
from sharedbook.services.merging import merging
from sharedbook.services.tx import Tx


def add_to(group: click.Group) -> None:
    """Adds the command of this file to ``sharedbook contact``."""
    group.add_command(merge)


@click.command("merge")
@click.argument("refs", metavar="REF REF...", nargs=-1, required=True)
@click.option("--keep", metavar="REF", help="The contact to keep (default: the first).")
@click.option(
    "--field",
    "fields",
    multiple=True,
    metavar="NAME=REF",
    help="Take this field from this contact. NAME is a column, photo, custom:NAME, owner or visibility.",
)
@click.option("--if-version", "versions", multiple=True, metavar="REF=N", help="Only if it still has this version.")
@asking
@json_option
@pass_site
def merge(
    site: Site,
    out: Output,
    refs: tuple[str, ...],
    keep: str | None,
    fields: tuple[str, ...],
    versions: tuple[str, ...],
    dry_run: bool,
    yes: bool,
) -> None:
    """Merge 2 to 5 contacts into one.

    The result is shown first: each value, which contact it comes from, and what is left out. The kept contact gets the
    values, tags and groups that it lacks; notes are joined. Name, birthday and photo stay its own, if it has them. The
    others go to the trash. Nobody sees anything that they could not see before: the result is visible only to those who
    saw all of the contacts.

    \b
    Examples:
      sharedbook contact merge 12 57 --dry-run
      sharedbook contact merge 12 57 90 --keep 57 --field title=12 --yes
      sharedbook contact merge 12 57 --if-version 12=3 --if-version 57=1 --yes
    """
    with site.rehearse() as tx:
        action = _action(tx, refs, keep, fields, versions)
        (ids,) = action.sets
        followers = merging.naming(tx, ids)
        planned = merging.merge(tx, ids, dict(action.chosen), dict(action.versions))
        record = json_keys.merged(planned, detail(tx, planned.kept), followers)
    label = f"merge into contact {planned.kept.id}"
    if dry_run:
        plan = bulk.plan(site.app, site.actor, CLIENT, action, ids, label=label)
        notes = [*record["notes"], f"to do exactly this: sharedbook apply {plan.job.id}"]
        out.outcome({**record, "dry_run": True, "job": plan.job.id, "notes": notes}, "\n".join(_lines(record)))
        return
    if not yes:
        out.note("\n".join([*_lines(record), *(f"  {note}" for note in record["notes"])]))
        confirm(f"Merge them into contact {planned.kept.id} {planned.kept.name}?")
    with site.begin(write=True) as tx:
        job = bulk.add(tx, action, ids, label=label)
    job = bulk.run(site.app, site.actor, CLIENT, job.id)
    with site.begin() as tx:
        refused = [told for told in jobs.told(tx, job.id) if told.code]
        if refused:
            raise Conflict(f"job {job.id}: {refused[0].message}", hint="look at the contacts, then try again")
        record["contact"] = detail(tx, contacts.get(tx, planned.kept.id))
    undo = [f"undo: sharedbook job undo {job.id}"] if site.settings.deletion == "trash" else []
    notes = [*record["notes"], *undo]
    out.outcome({**record, "job": job.id, "notes": notes}, "\n".join(_lines(record)))


def _action(
    tx: Tx, refs: tuple[str, ...], keep: str | None, fields: tuple[str, ...], versions: tuple[str, ...]
) -> Merge:
    """What is to be merged, as it is now: what changes before it is done is refused then."""
    found = [contacts.resolve(tx, ref) for ref in (refs if keep is None else (keep, *refs))]
    now = {contact.id: contact.version for contact in found}
    wanted = {contacts.resolve(tx, ref).id: _number(text) for ref, text in map(_pair, versions)}
    chosen = tuple((name, contacts.resolve(tx, ref).id) for name, ref in map(_pair, fields))
    kept, *others = now if keep is not None else [contact.id for contact in found]
    return Merge(((kept, *others),), chosen, tuple({**now, **wanted}.items()))


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.rpartition("=")
    if not equals or not name or not value:
        raise click.UsageError(f"{text!r} is not of the form NAME=VALUE.")
    return name, value


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise click.UsageError(f"{text!r} is not a version number.")
    return int(text)


def _lines(record: json_keys.Object) -> list[str]:
    """The merged contact, a line for each value."""
    kept = record["contact"]
    lines = [f"merged into contact {kept['id']}: {', '.join(map(str, record['merged']))}"]
    for each in record["values"]:
        also = f", also in {', '.join(map(str, each['also']))}" if each["also"] else ""
        lines.append(f"  {each['field']}: {' '.join(each['value'].split())} (of {each['from']}{also})")
    lines += [f"  left out: {each['field']}: {each['value']} (of {each['from']})" for each in record["left_out"]]
    lines.append(f"  groups: {cell(kept['groups'])}")
    return [*lines, f"  owner: {kept['owner'] or 'nobody'}; seen by: {cell(kept['visibility']) or 'nobody'}"]
