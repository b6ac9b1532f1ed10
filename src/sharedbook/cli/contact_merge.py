"""``sharedbook contact merge``: several contacts made one, shown field by field before it is done."""

from __future__ import annotations

from collections.abc import Mapping

import click

from sharedbook.cli import json_keys
from sharedbook.cli.confirm import asking, confirm
from sharedbook.cli.contacts_shown import detail
from sharedbook.cli.output import Output, cell, json_option
from sharedbook.cli.site_context import Site, pass_site
from sharedbook.services import contacts, merging
from sharedbook.services.tx import Tx


def add_to(group: click.Group) -> None:
    """Adds the command of this file to ``sharedbook contact``."""
    group.add_command(merge)


@click.command("merge")
@click.argument("refs", metavar="REF REF...", nargs=-1, required=True)
@click.option("--keep", metavar="REF", help="The contact that is kept (default: the first).")
@click.option("--field", "fields", multiple=True, metavar="NAME=REF", help="This contact alone gives a field.")
@click.option("--if-version", "versions", multiple=True, metavar="REF=N", help="Only when it still has this version.")
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
    """Make 2 to 5 contacts one. It is shown first: each value, whose it is, and what is left out.

    The kept contact stays as it is and gets the values, tags and groups that it lacks; notes are joined. Name, birthday
    and photo are its own, if it has them. NAME is a column, photo, custom:NAME, owner or visibility. The others go to
    the trash. Nobody sees anything that he could not see before: if that differs, only who saw all sees the result.

    \b
    Examples:
      sharedbook contact merge 12 57 --dry-run
      sharedbook contact merge 12 57 90 --keep 57 --field title=12 --yes
      sharedbook contact merge 12 57 --if-version 12=3 --if-version 57=1 --yes
    """
    with site.rehearse() as tx:
        planned = _merge(tx, refs, keep, fields, versions)
    seen = {contact.id: contact.version for contact in planned[0].contacts}
    if dry_run:
        _tell(out, {**planned[1], "dry_run": True})
        return
    if not yes:
        out.note("\n".join(_lines(planned[1])))
        confirm(f"Merge them into contact {planned[0].kept.id} {planned[0].kept.name}?")
    with site.begin(write=True) as tx:
        _tell(out, _merge(tx, refs, keep, fields, versions, seen)[1])


def _merge(
    tx: Tx,
    refs: tuple[str, ...],
    keep: str | None,
    fields: tuple[str, ...],
    versions: tuple[str, ...],
    seen: Mapping[int, int] | None = None,
) -> tuple[merging.Merged, json_keys.Object]:
    ids = [contacts.resolve(tx, ref).id for ref in refs]
    if keep is not None:
        kept = contacts.resolve(tx, keep).id
        ids = [kept, *(each for each in ids if each != kept)]
    chosen = {name: contacts.resolve(tx, ref).id for name, ref in map(_pair, fields)}
    wanted = {contacts.resolve(tx, ref).id: _number(text) for ref, text in map(_pair, versions)}
    found = merging.merge(tx, ids, chosen, {**(seen or {}), **wanted})
    return found, json_keys.merged(found, detail(tx, found.kept))


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.rpartition("=")
    if not equals or not name or not value:
        raise click.UsageError(f"{text!r} is not of the form NAME=VALUE.")
    return name, value


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise click.UsageError(f"{text!r} is no version.")
    return int(text)


def _tell(out: Output, record: json_keys.Object) -> None:
    out.outcome(record, "\n".join(_lines(record)))


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
