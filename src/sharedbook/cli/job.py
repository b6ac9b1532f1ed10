"""``sharedbook job``: what imports did, and the rows that wait for a person."""

from __future__ import annotations

from pathlib import Path

import click

from sharedbook.cli import json_keys
from sharedbook.cli.names import JOB
from sharedbook.cli.output import Output, cell, json_option, many
from sharedbook.cli.site_context import Site, pass_site
from sharedbook.services import jobs


@click.group("job")
def job_command() -> None:
    """What imports did, and the rows that wait for a person."""


@job_command.command("list")
@json_option
@pass_site
def list_jobs(site: Site, out: Output) -> None:
    """List the jobs, the newest first.

    \b
    Example:  sharedbook job list
    """
    with site.begin() as tx:
        records = [json_keys.job(found) for found in jobs.list_jobs(tx)]
    columns = {"Job": "id", "Kind": "kind", "State": "state", "Who": "actor", "Started": "started", "Rows": "counts"}
    out.rows(records, columns, empty="There is no job yet.")


@job_command.command("show")
@click.argument("job", type=JOB)
@json_option
@pass_site
def show(site: Site, out: Output, job: int) -> None:
    """Show one job.

    \b
    Example:  sharedbook job show 1
    """
    with site.begin() as tx:
        record = json_keys.job(jobs.get(tx, job))
    out.record(record)


@job_command.command("errors")
@click.argument("job", type=JOB)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the refused rows into a file with the same columns, to fix and import again.",
)
@json_option
@pass_site
def errors(site: Site, out: Output, job: int, output: Path | None) -> None:
    """List the rows that were refused or wait for a decision, with their line, column and reason.

    \b
    Examples:  sharedbook job errors 1
               sharedbook job errors 1 --output fix.csv
    """
    with site.begin() as tx:
        if output is None:
            records = [json_keys.job_error(row) for row in jobs.rows(tx, job)]
        else:
            with output.open("wb") as target:
                count = jobs.error_file(tx, job, target)
    if output is None:
        columns = {"Line": "line", "Column": "column", "Code": "code", "Reason": "message"}
        out.rows(records, columns, empty="No row waits.")
    else:
        record = json_keys.result("write errors", [cell(output)])
        out.outcome(record, f"{many(count, 'row')} in {output}; fix them and import that file")
