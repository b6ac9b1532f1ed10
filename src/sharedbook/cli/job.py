"""``sharedbook job``: the mission centre: what bulk actions do and did, stopping, going on, undoing; ``apply``."""

from __future__ import annotations

import shutil
import sys
import time
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path

import click

from sharedbook.cli.terminal import json_keys
from sharedbook.cli.terminal.as_job import (
    How,
    Task,
    as_job,
    background_option,
    carry_out,
    exit_code,
    go_on,
    in_background,
)
from sharedbook.cli.terminal.file_names import ending
from sharedbook.cli.terminal.names import JOB, MEMBER
from sharedbook.cli.terminal.output import Output, cell, json_option, many, progress
from sharedbook.cli.terminal.site_context import CLIENT, Site, pass_site
from sharedbook.domain.errors import JobStopped, SharedbookError
from sharedbook.services.erasing import cleanup
from sharedbook.services.imports import importing, transfer
from sharedbook.services.jobs import bulk, jobs
from sharedbook.services.jobs.jobs import Job, State
from sharedbook.services.tx import Tx

SAY_SECONDS = 5.0

_limit_option = click.option(
    "--limit", default=100, show_default=True, type=click.IntRange(min=1), help="Show at most this many."
)


@click.group("job")
def job_command() -> None:
    """Jobs: watch, cancel, resume and undo bulk actions."""


@job_command.command("list")
@click.option("--state", type=click.Choice([str(each) for each in State]), help="Only jobs in this state.")
@click.option("--kind", metavar="KIND", help="Only jobs of this kind, such as import, delete, merge or undo.")
@click.option("--by", "actor", type=MEMBER, metavar="LOGIN", help="Only jobs that this member started.")
@click.option("--before", type=JOB, metavar="JOB", help="Only jobs before this one: the next page.")
@_limit_option
@json_option
@pass_site
def list_jobs(
    site: Site, out: Output, state: str | None, kind: str | None, actor: str | None, before: int | None, limit: int
) -> None:
    """List the jobs, the newest first.

    \b
    Examples:  sharedbook job list
               sharedbook job list --state part --kind import --limit 20
               sharedbook job list --by bob --before 100
    """
    wanted = None if state is None else State(state)
    with site.begin() as tx:
        found = jobs.list_jobs(tx, limit + 1, before=before, state=wanted, kind=kind, actor=actor)
    records = [json_keys.job(each) for each in found[:limit]]
    shown = records if out.as_json else [{**each, "done": _of(each)} for each in records]
    columns = {"Job": "id", "What": "label", "State": "state", "Done": "done", "Started": "started"}
    out.rows(shown, columns, empty="No jobs match." if state or kind or actor or before else "There are no jobs yet.")
    if len(found) > limit:
        out.note(f"there are more: add --before {found[limit - 1].id}")


def _of(record: json_keys.Object) -> str:
    return str(record["done"]) if record["total"] is None else f"{record['done']} of {record['total']}"


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
    help="Write the refused rows into a file with the same columns, to fix and import.",
)
@click.option(
    "--after",
    metavar="N",
    default=0,
    type=click.IntRange(min=0),
    help="Only what comes after this line or contact: the next page.",
)
@_limit_option
@json_option
@pass_site
def errors(site: Site, out: Output, job: int, output: Path | None, after: int, limit: int) -> None:
    """List what a job refused.

    It lists the rows or contacts that were refused or need a decision, each with its reason.

    \b
    Examples:  sharedbook job errors 1
               sharedbook job errors 1 --after 12 --limit 20
               sharedbook job errors 1 --output fix.csv
    """
    _look(site, job)
    if output is not None:
        with site.begin() as tx:
            ending(output, [jobs.kind_of_errors(tx, job)])
            with transfer.whole_file(output) as target:
                count = jobs.error_file(tx, job, target)
        record = json_keys.result("write errors", [cell(output)])
        then = "; fix and import that file" if count else ""
        out.outcome(record, f"{many(count, 'row')} in {output}{then}")
        return
    with site.begin() as tx:
        rows = map(json_keys.job_error, jobs.rows(tx, job, after))
        refused = (json_keys.job_refusal(told) for told in jobs.told(tx, job, after) if told.code)
        found = list(islice(chain(rows, refused), limit + 1))  # a job has either
    of_contacts = any(each["contact"] for each in found)
    where = {"Contact": "contact"} if of_contacts else {"Line": "line", "Column": "column"}
    out.rows(found[:limit], {**where, "Code": "code", "Reason": "message"}, empty="No rows were refused.")
    if len(found) > limit:
        out.note(f"there are more: add --after {found[limit - 1]['contact' if of_contacts else 'line']}")


@job_command.command("watch")
@click.argument("job", type=JOB)
@json_option
@pass_site
def watch(site: Site, out: Output, job: int) -> None:
    """Follow a job until it ends, and exit with its exit code.

    The code is 0 if it is done, 3 if some were refused, 1 if it failed or was cancelled or killed.

    \b
    Example:  sharedbook job watch 1
    """
    said = 0.0
    terminal = sys.stderr.isatty()
    commits = site.app.watch()
    while (found := _look(site, job)).state in (State.RUNNING, State.WAITING):
        if terminal:
            click.echo(f"\r\x1b[K{_line(found)[: shutil.get_terminal_size().columns - 1]}", nl=False, err=True)
        elif time.monotonic() - said >= SAY_SECONDS:
            out.note(_line(found))
            said = time.monotonic()
        commits.wait()
    commits.close()
    if terminal:
        click.echo("\r\x1b[K", nl=False, err=True)
    out.done(json_keys.job(found), _line(found))
    raise SystemExit(exit_code(found.state))


def _look(site: Site, job_id: int) -> Job:
    with site.begin() as tx:
        found = jobs.get(tx, job_id)
    if found.state is State.PLANNED:
        raise JobStopped(f"job {job_id} is a plan", hint=f"run: sharedbook apply {job_id}")
    return found


def _line(job: Job) -> str:
    record = json_keys.job(job)
    parts = [f"job {job.id} {job.state}: {_of(record)}"]
    parts += [f"{record['rate']} a second"] if record["rate"] else []
    parts += [f"{record['left']} s left"] if record["left"] else []
    parts += [cell(record["counts"])] if job.finished else []
    return ", ".join([*parts, *([job.error] if job.error else [])])


@job_command.command("cancel")
@click.argument("job", type=JOB)
@json_option
@pass_site
def cancel(site: Site, out: Output, job: int) -> None:
    """Stop a job after the current batch. What is done stays and can be undone; `job resume` continues.

    \b
    Example:  sharedbook job cancel 2
    """
    with site.begin(write=True) as tx:
        found = jobs.cancel(tx, job)
    out.done(json_keys.job(found), _line(found))


@job_command.command("resume")
@click.argument("job", type=JOB)
@background_option
@click.option("--waiting", is_flag=True, hidden=True)  # of the process that it waits for: not once it is cancelled
@json_option
@pass_site
def resume(site: Site, out: Output, job: int, background: bool, waiting: bool) -> None:
    """Continue a job that was cancelled, failed or killed.

    \b
    Example:  sharedbook job resume 2
    """
    with site.begin(write=waiting) as tx:
        if waiting:
            jobs.take_over(tx, job)
        found = jobs.get(tx, job)
        jobs.require_stopped(tx, found)
    try:
        _go_on(site, out, found, background=background)
    except SharedbookError as error:
        with suppress(SharedbookError), site.begin(write=True) as tx:  # the first reason counts
            jobs.give_up(tx, job, error)
        raise


def _go_on(site: Site, out: Output, found: Job, *, background: bool) -> None:
    if found.kind not in (importing.KIND, cleanup.ERASES):
        bulk.load(found)
        go_on(site, out, found.label, found, How(background=background))
    elif background:
        in_background(site, out, found.label, found.id)
    elif found.kind == cleanup.ERASES:
        _erase(site, out, found)
    else:
        from sharedbook.cli import transfer  # reading files is much code, which no other job needs

        transfer.resume(site, out, found.id)


def _erase(site: Site, out: Output, found: Job) -> None:
    """Goes on with a clean-up that erases; Ctrl-C leaves the proof to `erase resume`."""
    with progress(found.label) as show:
        ended = cleanup.run_erasing(
            site.app, site.actor, CLIENT, found.id, lambda done: show(done.done, found.total or 0)
        )
    out.done(json_keys.job(ended), _line(ended))
    if code := exit_code(ended.state):
        raise SystemExit(code)


@job_command.command("undo")
@click.argument("job", type=JOB)
@as_job
@json_option
@pass_site
def undo(site: Site, out: Output, job: int, how: How) -> None:
    """Undo a job.

    Contacts get back their cards, groups, addresses, owner and visibility. Contacts that have changed since stay as
    they are and are listed (exit code 3). What was erased does not come back. The undo is itself a job and can be
    undone.

    \b
    Examples:  sharedbook job undo 2 --dry-run
               sharedbook job undo 2 --yes
    """

    def task_of(tx: Tx) -> Task:
        return Task(*bulk.undo_of(tx, job))

    carry_out(site, out, f"undo job {job}", task_of, how, ask=True)


@click.command("apply")
@click.argument("plan", type=JOB)
@background_option
@json_option
@pass_site
def apply_command(site: Site, out: Output, plan: int, background: bool) -> None:
    """Do exactly what a dry run has shown. It is refused if a contact, group or grant of the plan has changed since.

    An import is tried again first. It is refused if its file has changed, or if any row would do something else.

    \b
    Example:  sharedbook apply 3
    """
    with site.begin() as tx:
        is_import = jobs.get(tx, plan).kind == importing.KIND
    if is_import:
        from sharedbook.cli import transfer  # as in _go_on

        transfer.apply(site, out, plan, background=background)
        return
    with site.begin(write=True) as tx:
        found = bulk.apply(tx, plan)
    go_on(site, out, found.label, found, How(background=background))
