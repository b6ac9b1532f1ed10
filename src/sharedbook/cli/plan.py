"""``sharedbook plan``: a group as a file: what differs is shown, and done by ``sharedbook apply``."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from sharedbook.cli.terminal import json_keys
from sharedbook.cli.terminal.errors import IN_PART
from sharedbook.cli.terminal.names import GROUP
from sharedbook.cli.terminal.output import Output, clean, json_option, progress
from sharedbook.cli.terminal.site_context import CLIENT, Site, pass_site
from sharedbook.formats.entries import yaml_nodes
from sharedbook.services.imports import transfer
from sharedbook.services.jobs import book_plans, bulk
from sharedbook.services.jobs.book_plans import Change, Comparison, GrantChange
from sharedbook.services.jobs.jobs import Told

_SIGNS = {"add": "+", "change": "~", "show": "+", "leave": "-"}
_WORDS = {"add": "new", "change": "changed", "show": "shown here, too", "leave": "leaves, to the trash if in no other"}


@click.command("plan")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True))
@json_option
@pass_site
def plan_command(site: Site, out: Output, file: Path) -> None:
    """Plan the changes that make a group match a YAML file, for `apply`.

    The file holds a group with its contacts and grants; `group export-plan` writes one. A contact is recognised by its
    uid, or else by its external_id. Values that the file does not have are removed from the contact; contacts that it
    does not have leave the group. FILE - is stdin. Exit code 3 if something would be refused.

    \b
    Example:  sharedbook plan customers.yaml
    """
    wanted = book_plans.read(site.app, site.actor, CLIENT, _content(file))
    with site.begin() as tx:
        found = book_plans.compare(tx, wanted)
    plan, told = None, list[Told]()
    if found.changes or found.grants:
        with progress("plan") as show:
            made = bulk.plan(
                site.app,
                site.actor,
                CLIENT,
                found.action,
                found.contact_ids,
                lambda done: show(done.done, len(found.contact_ids)),
                label=f"plan of {found.group.slug}",
            )
        plan, told = made.job.id, [each for each in made.told if each.code]
    if out.as_json:
        out.record(_record(found, plan, told))
    else:
        click.echo(clean("\n".join(_lines(found, plan, told))))
    if told:
        raise SystemExit(IN_PART)


def _content(file: Path) -> bytes:
    """The file's bytes, as many as are looked at."""
    if str(file) == "-":
        return sys.stdin.buffer.read(yaml_nodes.MOST_BYTES + 1)
    with file.open("rb") as source:
        return source.read(yaml_nodes.MOST_BYTES + 1)


def _record(found: Comparison, plan: int | None, told: Sequence[Told]) -> json_keys.Object:
    return {
        "plan": plan,
        "group": found.group.slug,
        "contacts": [_contact(each) for each in found.changes],
        "grants": [
            {
                "subject": each.subject,
                "before": each.before.words,
                "after": each.after.words,
            }
            for each in found.grants
        ],
        "refused": [{"contact": each.contact_id, "code": each.code, "message": each.message} for each in told],
    }


def _contact(change: Change) -> json_keys.Object:
    return {
        "change": change.kind,
        "id": change.contact_id,
        "uid": change.uid,
        "name": change.name,
        "changes": [{"field": each.name, "before": each.before, "after": each.after} for each in change.differences],
    }


def _lines(found: Comparison, plan: int | None, told: Sequence[Told]) -> Iterator[str]:
    if plan is None:
        yield f"{found.group.slug} is what the file says."
        return
    for grant in found.grants:
        yield _grant_line(grant)
    for change in found.changes:
        where = change.uid if change.contact_id is None else change.contact_id
        yield f"{_SIGNS[change.kind]} {change.name} ({where}): {_WORDS[change.kind]}"
        for each in change.differences:
            yield from (f"    - {each.name}: {line}" for line in (each.before or "").splitlines())
            yield from (f"    + {each.name}: {line}" for line in (each.after or "").splitlines())
    yield from (f"refused: contact {each.contact_id}: {each.message}" for each in told)
    kinds = [change.kind for change in found.changes]
    counts = [f"{kinds.count(kind)} {word}" for kind, word in _COUNTED.items() if kind in kinds]
    yield ", ".join([*counts, *([f"{len(found.grants)} grants"] if found.grants else [])])
    yield f"to do exactly this: sharedbook apply {plan}"


_COUNTED = {"add": "added", "change": "changed", "show": "shown", "leave": "leaving"}


def _grant_line(grant: GrantChange) -> str:
    before, after = (", ".join(rights.words) or "none" for rights in (grant.before, grant.after))
    return f"{'+' if not grant.before else '~' if grant.after else '-'} {grant.subject}: {before} -> {after}"


@click.command("export-plan")
@click.argument("group", type=GROUP)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@json_option
@pass_site
def export_plan(site: Site, out: Output, group: str, file: Path) -> None:
    """Write a group as a YAML file, for `plan`.

    It holds the group's contacts and grants; the same group always gives the same file. Only you can read it. FILE - is
    stdout.

    \b
    Example:  sharedbook group export-plan customers customers.yaml
    """
    if str(file) == "-" and out.as_json:
        raise click.UsageError("--json and FILE - would both write to stdout.")
    data = book_plans.export(site.app, site.actor, CLIENT, group)
    if str(file) == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    with transfer.whole_file(file) as target:
        target.write(data)
    out.outcome(json_keys.result("export-plan", [str(file)]), f"written to {file}")
