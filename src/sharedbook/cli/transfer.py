"""``sharedbook import``, ``export``, ``template``: contacts from files and into files."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import click

from sharedbook.cli.terminal import json_keys
from sharedbook.cli.terminal.as_job import advice, background_option, in_background
from sharedbook.cli.terminal.confirm import confirm
from sharedbook.cli.terminal.errors import IN_PART
from sharedbook.cli.terminal.file_names import ending
from sharedbook.cli.terminal.ldap_options import ldap_options, query
from sharedbook.cli.terminal.minus_words import MinusWords
from sharedbook.cli.terminal.names import GROUP
from sharedbook.cli.terminal.output import Output, cell, json_option, progress
from sharedbook.cli.terminal.site_context import CLIENT, Site, pass_site
from sharedbook.domain.errors import InvalidFile
from sharedbook.domain.model import Progress
from sharedbook.formats.entries import columns
from sharedbook.formats.entries.dates import Order
from sharedbook.formats.files import outgoing, sheet_write, template
from sharedbook.formats.rows import csv_rows
from sharedbook.formats.rows.problems import Problem
from sharedbook.services.contacts import custom_fields, search
from sharedbook.services.imports import given_file, targets, transfer
from sharedbook.services.jobs import jobs
from sharedbook.services.jobs.jobs import Result
from sharedbook.services.people.ldap_source import Query

IMPORTED = click.Choice(["csv", "xlsx", "xls", "ods", "vcf", "ldif", "json", "eml", "mbox", "zip"])
EXPORTED = click.Choice(list(outgoing.FORMATS))
OVERWRITING = (transfer.Duplicates.FILL, transfer.Duplicates.UPDATE, transfer.Duplicates.REPLACE)


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, allow_dash=True), required=False)
@ldap_options(required=False)
@click.option("--group", type=GROUP, metavar="GROUP", help="The group for all rows, whatever groups the file names.")
@click.option("--format", "form", type=IMPORTED, help="The file's format (default: by its name and content).")
@click.option(
    "--map",
    "mapping",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help='Columns for unknown headers: a TOML file with lines such as "Mobile no." = "phone.mobile".',
)
@click.option(
    "--save-map",
    "saved",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Import nothing; write the column of each header into a TOML file, to complete and use with --map.",
)
@click.option("--encoding", metavar="NAME", help="Encoding of a file that is not UTF-8, such as cp949.")
@click.option("--sheet", metavar="NAME", default="", help="The sheet to read (default: the first).")
@click.option(
    "--dates",
    type=click.Choice([str(each) for each in Order]),
    help="How to read dates such as 10/12/1815 (default: as the file's other dates suggest).",
)
@click.option(
    "--recipients",
    type=click.IntRange(0, 1000),
    metavar="N",
    default=0,
    help="From mail also import To and Cc, of messages to at most N people (default: senders only).",
)
@click.option(
    "--duplicates",
    type=click.Choice([str(each) for each in transfer.Duplicates]),
    default=str(transfer.Duplicates.SKIP),
    show_default=True,
    help="What to do with a row whose contact is already in the group.",
)
@click.option("--dry-run", is_flag=True, help="Read the file and show what each row would do, without doing it.")
@click.option("--yes", is_flag=True, help="Do not ask before changing existing contacts.")
@background_option
@json_option
@pass_site
def import_command(
    site: Site,
    /,
    out: Output,
    file: Path | None,
    group: str | None,
    form: str | None,
    mapping: Path | None,
    saved: Path | None,
    encoding: str | None,
    sheet: str,
    dates: str | None,
    recipients: int,
    duplicates: str,
    dry_run: bool,
    yes: bool,
    background: bool,
    **directory: Any,
) -> None:
    """Import contacts from a csv, xlsx, xls, ods, vcf, ldif or json file (- is stdin).

    From an eml or mbox file it imports the senders, with their other addresses and the numbers marked Tel:, Mobile: or
    Fax: in their signatures (below a line `-- `). With --recipients 5 it also takes To and Cc, from messages to at most
    five people, so that mailing lists stay out. A zip file or a folder is imported file by file.

    Columns are recognised by their headers: those of `sharedbook template`, of Google, Outlook, Microsoft 365 and
    others, and custom fields by name or as custom:NAME. With --group all rows go into that group, whatever groups the
    file names. Without it each row names its groups, as in files of `sharedbook export`: a new contact goes into all of
    them, and is a duplicate if the first one already has it. Existing contacts stay in their groups. Rows with mistakes
    are refused one by one, and the others are imported. Importing the same file again changes nothing.

    --dry-run of a file or folder on disk makes a plan: `sharedbook apply` does just what was shown. What comes from
    stdin or a directory is not kept, and has none.

    With --ldap the contacts come from an existing directory. They are then edited there, until `contact detach`.

    \b
    Examples:
      sharedbook import contacts.csv --group customers --dry-run
      sharedbook import contacts.vcf --group customers --duplicates update --yes
      sharedbook import contacts.csv --group customers --background
      sharedbook import odd.xlsx --group customers --save-map odd.toml
      sharedbook import odd.xlsx --group customers --map odd.toml --sheet People
      sharedbook import old.txt --group customers --format csv \\
        --encoding cp949 --dates day-first
      sharedbook import sent.mbox --group customers --recipients 5 --dry-run
      sharedbook import --ldap ldaps://dir.example.com --base dc=example,dc=com \\
        --ca corp.pem --group customers
    """
    if (file is None) == (directory["ldap"] is None):
        raise click.UsageError("Name either a FILE or a directory (--ldap).")
    if file is None:
        _import_directory(site, out, query(**directory), group, _mapping(mapping), dry_run=dry_run)
        return
    source = _standard_input(site) if str(file) == "-" else file
    if saved is not None:
        _refuse_to_overwrite(saved, mapping)
        found = transfer.mapping_of(
            site.app, site.actor, CLIENT, source,
            format=form, encoding=encoding, sheet=sheet, mapping=_mapping(mapping),
        )  # fmt: skip
        _save_mapping(out, saved, found)
        return
    how = transfer.Duplicates(duplicates)
    options: dict[str, Any] = {
        "group": group,
        "format": form,
        "mapping": _mapping(mapping),
        "encoding": encoding,
        "sheet": sheet,
        "dates": Order(dates) if dates else None,
        "recipients": recipients,
        "duplicates": how,
    }
    if how in OVERWRITING and not (dry_run or yes):
        planned = transfer.import_file(site.app, site.actor, CLIENT, source, dry_run=True, **options)
        if not isinstance(source, Path):
            source.seek(0)  # it is read again
        if updated := planned.counts.get(Result.UPDATED, 0):
            confirm(f"{updated} contacts that exist would be changed. Continue?")
    if background and not dry_run:
        report = transfer.import_file(site.app, site.actor, CLIENT, source, wait=True, **options)
        assert report.job_id is not None
        in_background(site, out, "import", report.job_id)
        return
    with advice(site, out), progress("rows") as show:
        report = transfer.import_file(
            site.app, site.actor, CLIENT, source, dry_run=dry_run, plan=dry_run, progress=_shown(show), **options
        )
    _end(out, report, mapped=mapping is not None)


def _standard_input(site: Site) -> BinaryIO:
    """What comes in, as a file that can be read twice and goes with the command."""
    kept = given_file.spooled(sys.stdin.buffer, site.app.site.limits.file_bytes)
    return click.get_current_context().with_resource(kept)


def resume(site: Site, out: Output, job_id: int) -> None:
    """Goes on with an import, behind its last row."""
    with advice(site, out), progress("rows") as show:
        report = transfer.resume(site.app, site.actor, CLIENT, job_id, progress=_shown(show))
    with site.begin() as tx:
        told = jobs.get(tx, job_id).texts
    _end(out, report, mapped=bool(told and told["mapping"]))


def apply(site: Site, out: Output, plan: int, *, background: bool) -> None:
    """Does what the dry run of an import has shown, once it is tried again."""
    with progress("rows") as show:
        transfer.apply(site.app, site.actor, CLIENT, plan, progress=_shown(show))
    if background:
        in_background(site, out, "import", plan)
    else:
        resume(site, out, plan)


def _import_directory(
    site: Site, out: Output, asked: Query, group: str | None, mapping: dict[str, str] | None, *, dry_run: bool
) -> None:
    if group is None:
        raise click.UsageError("Name the --group that the contacts of the directory go into.")
    with progress("entries") as show:
        report = transfer.import_directory(
            site.app, site.actor, CLIENT, asked, group=group, mapping=mapping, dry_run=dry_run, progress=_shown(show)
        )
    _end(out, report)


def _end(out: Output, report: transfer.JobReport, *, mapped: bool = False) -> None:
    """Says what an import, ``mapped`` by a --map, did; ends with 3 when rows are left."""
    _tell(out, report, mapped)
    if report.gone and not out.as_json:
        out.note(f"contacts whose entry is gone from the directory: {', '.join(map(str, report.gone))}")
    if report.counts.get(Result.ERROR, 0) or report.counts.get(Result.NEEDS_DECISION, 0):
        raise SystemExit(IN_PART)


def _mapping(path: Path | None) -> dict[str, str] | None:
    """Header -> column, from a TOML file. Raises InvalidFile."""
    if path is None:
        return None
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidFile(f"{path}: {error}", hint='write lines such as "Mobile no." = "phone.mobile"') from None
    if wrong := [name for name, column in found.items() if not isinstance(column, str)]:
        raise InvalidFile(
            f"{path}: {wrong[0]} is not given a column's name", hint='write such as: "Mobile no." = "phone"'
        )
    return found


def _refuse_to_overwrite(saved: Path, mapping: Path | None) -> None:
    """A map that was completed by hand is not written anew."""
    if saved.exists() and saved != mapping:
        raise click.UsageError(f"{saved} exists: name another file, or add --map {saved} to keep what it says.")


def _save_mapping(out: Output, path: Path, found: dict[str, str]) -> None:
    lines = (f"{json.dumps(name, ensure_ascii=False)} = {json.dumps(found[name])}\n" for name in found)
    path.write_text("".join(lines), encoding="utf-8")
    notes = [
        f"unknown; give each a column, or - to leave it out: {name}" for name, meaning in found.items() if not meaning
    ]
    out.outcome(json_keys.result("save map", [str(path)], notes=notes), f"written to {path}")


def _shown(show: Any) -> Any:
    def update(found: Progress) -> None:
        show(found.done, None)

    return update


def _tell(out: Output, report: transfer.JobReport, mapped: bool) -> None:
    if out.as_json:
        out.record(json_keys.imported(report))
        return
    counts = cell(report.counts) or "The file has no rows."
    click.echo(f"Dry run, nothing is changed. {counts}" if report.dry_run else counts)
    if report.left_out:
        out.note(f"columns without a place in a contact: {', '.join(report.left_out)}")
    if report.samples and report.encoding and report.dry_run:
        out.note(f"read as {report.encoding}, such as: {' | '.join(report.samples)}")
    if report.over_quota:
        out.note(f"rows over the limit of contacts: {report.over_quota}; raise limits.contacts, or empty the trash")
    _note(out, "look at line", report.warnings, len(report.warnings))
    _note(out, "line", report.problems, report.counts[Result.ERROR] + report.counts[Result.NEEDS_DECISION])
    _say_next(out, report, mapped)


def _say_next(out: Output, report: transfer.JobReport, mapped: bool) -> None:
    """What can be done now: apply a plan; undo, and fix what was refused."""
    changed = report.counts[Result.ADDED] or report.counts[Result.UPDATED]
    if report.dry_run:
        if report.job_id is not None:
            click.echo(f"  to do exactly this: sharedbook apply {report.job_id}")
        elif changed:
            out.note("there is no plan to apply: only a file or folder on disk can be read again")
        return
    if changed:
        out.note(f"undo: sharedbook job undo {report.job_id}")
    if report.problems and report.format != "ldap":
        fix = f"fix.{outgoing.kind_of_refused(report.format)}"
        only_room_lacks = report.over_quota == report.counts[Result.ERROR] + report.counts[Result.NEEDS_DECISION]
        then = "and import that file when there is room" if only_room_lacks else "fix that file, and import it"
        again = " with --map again" if mapped else ""
        out.note(f"next: sharedbook job errors {report.job_id} --output {fix}, {then}{again}")


def _note(out: Output, what: str, problems: Sequence[Problem], count: int) -> None:
    """The first of so many."""
    for problem in problems[:20]:
        out.note(f"{what} {problem.line}: {problem.message}" if problem.line else problem.message)
    if count > 20:
        out.note(f"... and {count - 20} more")


_ENDINGS = {"csv": "csv", "xlsx": "xlsx", "vcf": "vcf", "vcard": "vcf", "ldif": "ldif", "json": "json"}


@click.command("export", cls=MinusWords)
@click.argument("query_and_file", metavar="[QUERY] FILE", nargs=-1, required=True)
@click.option("--group", type=GROUP, metavar="GROUP", help="Only contacts in this group.")
@click.option("--format", "form", type=EXPORTED, help="The format (default: by the file's name; csv to stdout).")
@click.option("--reduced", is_flag=True, help="Write photos as mail clients get them instead of the originals.")
@json_option
@pass_site
def export_command(
    site: Site, out: Output, query_and_file: tuple[str, ...], group: str | None, form: str | None, reduced: bool
) -> None:
    """Export contacts to a file (- is stdout): all, those in a group, or those that match a QUERY.

    \b
    Examples:  sharedbook export everything.vcf
               sharedbook export tag:vip --group customers vip.csv
               sharedbook export --format google - > google.csv
               sharedbook export --reduced small.vcf
    """
    *words, file = query_and_file
    if form is None:
        form = "csv" if file == "-" else _ENDINGS[ending(file, list(_ENDINGS), ", or say --format")]
    with site.begin() as tx:
        query = search.query(tx, " ".join(words))
    if file == "-" and out.as_json:
        raise click.UsageError("--json and FILE - would both write to stdout.")
    target: Path | BinaryIO = sys.stdout.buffer if file == "-" else Path(file)
    left_out: list[str] = []
    with progress("contacts") as show:
        count = transfer.export(
            site.app,
            site.actor,
            CLIENT,
            target,
            group=group,
            query=query,
            format=form,
            reduced=reduced,
            left_out=left_out,
            progress=_shown(show),
        )
    notes = [f"contacts: {count}"]
    if left_out:
        notes.append(f"{form} has no place for all of: {', '.join(left_out)}")
    if file == "-":
        sys.stdout.buffer.flush()
        for note in notes[1:]:
            out.note(note)
    else:
        out.outcome(json_keys.result("export", [file], notes=notes), f"written to {file}")


@click.command("template")
@click.argument("product_and_file", metavar="[PRODUCT] FILE", nargs=-1, required=True)
@json_option
@pass_site
def template_command(site: Site, out: Output, product_and_file: tuple[str, ...]) -> None:
    """Write an empty file to fill in and import (- is stdout), with sharedbook's columns or those of another PRODUCT.

    Sharedbook's own template has the columns that most people need, the groups (in an xlsx file as a list to choose
    from), and the custom fields. FILE is named .csv or .xlsx, and written as such.

    PRODUCT: sharedbook (the default), google, google-legacy, outlook, outlook-com, yeastar, oro, m365.

    \b
    Examples:  sharedbook template contacts.xlsx
               sharedbook template google -
    """
    *product, file = product_and_file
    if len(product) > 1:
        raise click.UsageError("One PRODUCT and one FILE.")
    kind = "csv" if file == "-" else ending(file, ["csv", "xlsx"])
    with site.begin() as tx:
        slugs = [group.slug for group in targets.every(tx)]
        header, *rows = template.rows(product[0] if product else columns.OWN, custom_fields.every(tx), slugs)
    if file == "-":
        if out.as_json:
            raise click.UsageError("--json and FILE - would both write to stdout.")
        csv_rows.write(sys.stdout.buffer, header, rows)
        return
    with Path(file).open("wb") as target:
        if kind == "xlsx":
            sheet_write.write(target, header, rows, template.choices(header, slugs))
        else:
            csv_rows.write(target, header, rows)
    out.outcome(json_keys.result("template", [file]), f"written to {file}")
