"""A bulk action from the command line: shown, asked for, done here or in the background, told with the way to undo it.

One contact is done at once, in one transaction, and is a job too, so that it can be undone. A dry run makes a plan,
which ``sharedbook apply`` does.
"""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import click

from sharedbook.cli.terminal import json_keys
from sharedbook.cli.terminal.confirm import asking, confirm
from sharedbook.cli.terminal.errors import DONE, FAILED, IN_PART
from sharedbook.cli.terminal.output import Output, many, progress
from sharedbook.cli.terminal.site_context import CLIENT, Site
from sharedbook.domain.errors import JobStopped, SharedbookError
from sharedbook.services.jobs import bulk, jobs
from sharedbook.services.jobs.actions import Action
from sharedbook.services.jobs.jobs import Job, Result, State, Told
from sharedbook.services.tx import Tx

PROGRAM = "from sharedbook.cli import main; main()"
SHOWN = 20


@dataclass(frozen=True, slots=True)
class How:
    """How a command is to be done: its --dry-run, --yes and --background."""

    dry_run: bool = False
    yes: bool = False
    background: bool = False


def background_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --background."""
    return click.option("--background", is_flag=True, help="Run it in the background; see `job watch`.")(command)


def as_job(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --dry-run, --yes and --background to a command; it gets them as ``how``."""

    @functools.wraps(command)
    def wrapped(*args: Any, dry_run: bool, yes: bool, background: bool, **more: Any) -> Any:
        return command(*args, how=How(dry_run, yes, background), **more)

    return asking(background_option(wrapped))


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be done: to which contacts, with the names of those, and what to say before and after it.

    ``items``: what the answer names, where that is not the contacts. ``question``: what is asked, "" for the usual.
    """

    action: Action
    ids: Sequence[int]
    names: Sequence[str] = ()
    notes: Sequence[str] = ()
    items: Sequence[str] = ()
    question: str = ""

    @property
    def narrow(self) -> bool:
        """Whether it is done to a single contact and to nothing else: it is not asked for."""
        wide = self.action.REVIVES or self.action.TOLD
        return len(self.ids) == 1 and not wide

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to do it to."""
        return not self.ids and not self.action.REVIVES


def carry_out(
    site: Site, out: Output, label: str, task_of: Callable[[Tx], Task], how: How, *, ask: bool = False
) -> None:
    """Does it. ``label``: in words; ``ask``: also where it is narrow. Exits with 3 when contacts were refused.

    Raises what refuses it, and what ``confirm`` raises.
    """
    with site.begin() as tx:
        task = task_of(tx)
        task.action.check(tx)
    if task.nothing:
        _say(out, label, task, task.notes, (), dry_run=how.dry_run)
        return
    if how.dry_run:
        _dry_run(site, out, label, task)
        return
    if not how.yes and (ask or not task.narrow):
        question = task.question or f"{label}: {many(len(task.ids), 'contact')}. Continue?"
        confirm("\n".join([*some(task.names), *task.notes, question]))
    if task.narrow and not how.background:
        ended = bulk.at_once(site.app, site.actor, CLIENT, task.action, task.ids[0], label=label)
        undo = [f"undo: sharedbook job undo {ended.job}"] if ended.can_undo else []
        same = _unchanged(int(ended.job is None))
        _say(out, label, task, [*task.notes, *ended.notes, *same, *undo], (), job=ended.job)
        return
    with site.begin(write=True) as tx:
        job = bulk.add(tx, task.action, task.ids, label=label)
    go_on(site, out, label, job, how, task)


def go_on(site: Site, out: Output, label: str, job: Job, how: How, task: Task | None = None) -> None:
    """Runs a job that waits or has stopped, here or in the background; exits with its code."""
    if how.background:
        in_background(site, out, label, job.id)
        return
    with advice(site, out), progress(label) as show:
        job = bulk.run(site.app, site.actor, CLIENT, job.id, lambda found: show(found.done, job.total))
    with site.begin() as tx:
        told = list(jobs.told(tx, job.id))
        task = task or Task(bulk.load(job), jobs.contacts_of(tx, job.id))
        undo = [f"undo: sharedbook job undo {job.id}"] if bulk.can_undo(tx, job) else []
    stopped = [f"job {job.id} is {job.state}: sharedbook job resume {job.id}"] if job.state.stopped else []
    same = _unchanged(job.counts.get(Result.UNCHANGED, 0))
    _say(out, label, task, [*task.notes, *some(_lines(told)), *same, *stopped, *undo], _refusals(told), job=job.id)
    if code := exit_code(job.state):
        raise SystemExit(code)


def _unchanged(count: int) -> list[str]:
    return [f"unchanged: {count}"] if count else []


def in_background(site: Site, out: Output, label: str, job_id: int) -> None:
    """Lets a job that waits or has stopped be done in a process of its own. Raises JobNotFound, JobStopped."""
    with site.begin(write=True) as tx:
        jobs.wait(tx, job_id)
    _detach(site, job_id)
    note = f"follow it: sharedbook job watch {job_id}"
    out.outcome(json_keys.result(label, [], notes=[note], job=job_id), f"{label}: job {job_id} in the background")


def exit_code(state: State) -> int:
    """The code with which a command ends whose job is in this state."""
    return {State.DONE: DONE, State.PART: IN_PART}.get(state, FAILED)


@contextmanager
def advice(site: Site, out: Output) -> Iterator[None]:
    """Says what can be done about the job that an error, or Ctrl-C, has stopped."""
    try:
        yield
    except JobStopped:
        raise
    except (SharedbookError, KeyboardInterrupt) as error:
        begin = "\n" if isinstance(error, KeyboardInterrupt) else ""  # behind the terminal's ^C
        with suppress(SharedbookError), site.begin() as tx:
            if job := jobs.stopped_here(tx):
                out.note(begin + f"job {job} stopped: sharedbook job resume {job}, or sharedbook job undo {job}")
        raise


def _dry_run(site: Site, out: Output, label: str, task: Task) -> None:
    total = len(task.ids)
    with progress(label) as show:
        plan = bulk.plan(
            site.app, site.actor, CLIENT, task.action, task.ids, lambda done: show(done.done, total), label=label
        )
    refused = _refusals(plan.told)
    notes = [
        *some(task.names),
        *task.notes,
        *some(_lines(plan.told)),
        f"to do exactly this: sharedbook apply {plan.job.id}",
    ]
    _say(out, label, task, notes, refused, job=plan.job.id, dry_run=True)
    if refused:
        raise SystemExit(IN_PART)


def _say(
    out: Output,
    label: str,
    task: Task,
    notes: Sequence[str],
    refused: Iterable[int],
    *,
    job: int | None = None,
    dry_run: bool = False,
) -> None:
    left = set(refused)
    ids = [contact_id for contact_id in task.ids if contact_id not in left]
    sentence = f"{label}: {many(len(ids), 'contact')}" + (f", {len(left)} refused" if left else "")
    record = json_keys.result(
        label, task.items or ids, dry_run=dry_run, notes=[note.strip() for note in notes], job=job
    )
    out.outcome(record, f"{sentence} (job {job})" if job and not dry_run else sentence)


def _refusals(told: Iterable[Told]) -> set[int]:
    return {each.contact_id for each in told if each.code}


def _lines(told: Iterable[Told]) -> list[str]:
    named = ((f"contact {each.contact_id}", each.message) for each in told)
    return [message if who in message else f"{who}: {message}" for who, message in named]


def some(lines: Sequence[str], most: int = SHOWN) -> list[str]:
    """The first lines, indented, and how many more there are."""
    rest = [f"  ... and {len(lines) - most} more"] if len(lines) > most else []
    return [*(f"  {line}" for line in lines[:most]), *rest]


def _detach(site: Site, job_id: int) -> None:
    """Runs a job in a process that outlives this one and its terminal; what ends it is kept with the job."""
    subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *site.options, "job", "resume", str(job_id), "--waiting"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
