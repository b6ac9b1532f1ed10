"""``sharedbook contact duplicates`` and ``distinct``: who may be one and the same, and who was found to be two."""

from __future__ import annotations

import click

from sharedbook.cli.terminal import json_keys
from sharedbook.cli.terminal.as_job import How, Task, as_job, carry_out
from sharedbook.cli.terminal.names import GROUP
from sharedbook.cli.terminal.output import Output, json_option, many
from sharedbook.cli.terminal.site_context import Site, pass_site
from sharedbook.services.contacts import contacts
from sharedbook.services.jobs.actions import Merge
from sharedbook.services.merging import duplicates as service
from sharedbook.services.tx import Tx

SURE = {each.name.lower(): each for each in service.Confidence}


def add_to(group: click.Group) -> None:
    """Adds the commands of this file to ``sharedbook contact``."""
    for each in (duplicates, distinct):
        group.add_command(each)


@click.command("duplicates")
@click.option("--group", metavar="GROUP", type=GROUP, help="Among the contacts of this group.")
@click.option("--limit", type=click.IntRange(min=1), help="Show at most this many.")
@click.option("--reason", type=click.Choice([str(each) for each in service.Shared]), help="Only those that share this.")
@click.option("--sure", type=click.Choice(list(SURE)), help="At least this sure (default with --merge: certain).")
@click.option("--merge", is_flag=True, help="Merge them all, as one job; the oldest contact of each is kept.")
@as_job
@json_option
@pass_site
def duplicates(
    site: Site,
    out: Output,
    group: str | None,
    limit: int | None,
    reason: str | None,
    sure: str | None,
    merge: bool,
    how: How,
) -> None:
    """List contacts that may be the same person, with the reasons.

    Certain: they share a mail address or UID and have the same name. Likely: the names are only similar, or they share
    a phone number instead. Possible: they share an address that few have, under different names. A name alone is never
    a reason. Names are similar if one has the same words in another order, initials, or further names.

    --merge needs --reason, and leaves out what is only possible. As with `contact merge`, nobody sees more than before,
    and all of it can be undone.

    \b
    Examples:
      sharedbook contact duplicates --limit 20
      sharedbook contact duplicates --group customers --json
      sharedbook contact duplicates --reason mail --merge --dry-run
      sharedbook contact duplicates --reason phone --sure likely --merge --yes
    """
    if merge:
        _merge(site, out, group, limit, reason, sure or "certain", how)
        return
    if how.dry_run or how.background:
        raise click.UsageError("--dry-run and --background belong to --merge.")
    with site.begin() as tx:
        found = service.find(tx, group, limit, shared=_shared(reason), sure=SURE[sure or "possible"])
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
    out.rows(records if out.as_json else shown, columns, empty="No duplicates found.")


def _shared(reason: str | None) -> service.Shared | None:
    return None if reason is None else service.Shared(reason)


def _merge(
    site: Site, out: Output, group: str | None, limit: int | None, reason: str | None, sure: str, how: How
) -> None:
    """Merges what was found, the oldest of each kept; too many at once, and what is refused, is told."""
    if reason is None:
        raise click.UsageError(f"Say what they share: --reason {', '.join(service.Shared)}.")
    if sure == "possible":
        raise click.UsageError("What is only possible is merged one by one: contact merge.")

    def task_of(tx: Tx) -> Task:
        found = service.find(tx, group, limit, shared=_shared(reason), sure=SURE[sure])
        sets = [each.contacts for each in found if len(each.contacts) <= service.MOST]
        ids = [each for some in sets for each in some]
        known = {each.id: each for each in contacts.get_many(tx, ids)}
        action = Merge(
            sets=tuple(sets),
            versions=tuple((each.id, each.version) for each in known.values()),
        )
        names = [", ".join(f"{each} {known[each].name}" for each in some) for some in sets]
        large = [each.contacts for each in found if len(each.contacts) > service.MOST]
        notes = [f"  too many for one merge: {', '.join(map(str, each))}" for each in large]
        question = f"Make {many(len(sets), 'contact')} of these {len(ids)}, the first of each line kept?"
        return Task(action, ids, names, notes, question=question)

    label = f"merge duplicates by {reason}"
    with site.begin() as tx:
        task = task_of(tx)
    if task.ids:
        carry_out(site, out, label, lambda _: task, how, ask=True)
        return
    hint = ["by phone none is certain: --sure likely"] if (reason, sure) == ("phone", "certain") else []
    record = json_keys.result(label, [], dry_run=how.dry_run, notes=[*task.notes, *hint])
    out.outcome(record, f"{label}: there is nothing to merge")


def _reason(reason: json_keys.Object) -> str:
    names = reason["likeness"] or "other names"
    return f"{reason['shared']} {reason['value']} ({', '.join(map(str, reason['contacts']))}: {names})"


@click.command("distinct")
@click.argument("refs", metavar="[REF REF...]", nargs=-1)
@click.option("--remove", is_flag=True, help="Remove the mark: they may be suggested again.")
@json_option
@pass_site
def distinct(site: Site, out: Output, refs: tuple[str, ...], remove: bool) -> None:
    """Mark contacts as different people.

    They are no longer suggested as duplicates, and cannot be merged. Without a REF, list the pairs.

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
    out.rows(records if out.as_json else shown, {"One": "one", "Other": "other"}, empty="No contacts are kept apart.")
