"""Bulk actions as jobs: tried first, followed while they run, stopped, gone on with, and undone.

A job names its contacts one by one, so that it does what was shown, and the same after it was killed (``batches.py``).
Undo touches only what nobody has changed since, and is itself a job, which can be undone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from sharedbook.domain.errors import JobNotFound, JobStopped, NotUndoable, PlanOutdated, SharedbookError
from sharedbook.domain.model import ChangeKind, Client
from sharedbook.services.jobs import actions, jobs, snapshots
from sharedbook.services.jobs.actions import Action, Notes
from sharedbook.services.jobs.batches import Report, Run
from sharedbook.services.jobs.follow_file import FollowFile
from sharedbook.services.jobs.jobs import Job, Result, State, Told
from sharedbook.services.tx import Actor, App, Tx
from sharedbook.store import changes, contacts, revisions
from sharedbook.store import jobs as store


@dataclass(frozen=True)
class Undo(Action):
    """Gives contacts back what a job took or changed."""

    KIND = "undo"
    REVIVES = True
    job: int

    def check(self, tx: Tx) -> None:
        _require_at_rest(jobs.get(tx, self.job))
        first, again = self._first(tx)
        if again:
            first.require_again(tx, store.item_ids(tx.db, self.job))

    def prepare(self, tx: Tx) -> None:
        first, again = self._first(tx)
        if not again:
            first.revive(tx)

    def left(self, tx: Tx) -> Collection[int]:
        first, again = self._first(tx)
        return first.left(tx) if again else ()

    def finish(self, tx: Tx) -> None:
        first, again = self._first(tx)
        if again:
            first.again(tx)

    def units(self, tx: Tx, contact_ids: Sequence[int]) -> list[tuple[int, ...]]:
        return self._first(tx)[0].units(tx, contact_ids)

    def together(self, tx: Tx) -> bool:
        first, again = self._first(tx)
        return again and first.together(tx)

    def do(self, tx: Tx, contact_ids: Sequence[int]) -> Notes:
        first, again = self._first(tx)
        if not again:
            first.allow_undo(tx, contact_ids)
        items = store.items(tx.db, self.job, contact_ids)
        newest = revisions.newest(tx.db, list(items))
        for item in items.values():
            _require_unchanged(item, newest.get(item["contact_id"], 0))
        notes: dict[int, str] = {}
        for some in _in_turn(tx, items):
            notes |= _undo(tx, some)
        if new := [each for each in contact_ids if each not in items]:  # ``left``: done to these for the first time
            notes |= first.do(tx, new) or {}
        store.set_results(tx.db, self.job, contact_ids, Result.UNDONE.value)
        tx.audit("job.undo", job=self.job, contacts=list(contact_ids))
        return notes

    def _first(self, tx: Tx) -> tuple[Action, bool]:
        """``_first`` of the job, found once: what a job has merged may be long, and each batch asks."""
        if "first" not in self.__dict__:
            self.__dict__["first"] = _first(tx, self.job)
        found: tuple[Action, bool] = self.__dict__["first"]
        return found


def _first(tx: Tx, job_id: int) -> tuple[Action, bool]:
    """What was done at first, where this job is the undo of an undo; whether undoing this job does it again.

    An import has done nothing but to its contacts.
    """
    job, again = jobs.get(tx, job_id), False
    while job.kind == Undo.KIND:
        try:
            job, again = jobs.get(tx, job.params["job"]), not again
        except JobNotFound:
            hint = "look at each contact: sharedbook contact history REF"
            raise NotUndoable(f"what job {job.id} has undone is forgotten by now", hint=hint) from None
    return (_built(job) if job.kind in _KINDS else Action()), again


def _in_turn(tx: Tx, items: Mapping[int, Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """First what goes into the trash, last what comes out of it: a place is left before it is taken."""
    living = {each.id for each in contacts.fetch(tx.db, list(items)) if not each.trashed_at}

    def turn(item: Mapping[str, Any]) -> int:
        if item["contact_id"] not in living:
            return 2
        goes = item["before"] is None or snapshots.read(item["before"]).trashed
        return 0 if goes else 1

    turns: list[list[Mapping[str, Any]]] = [[], [], []]
    for item in items.values():
        turns[turn(item)].append(item)
    return turns


def _require_unchanged(item: Mapping[str, Any], newest: int) -> None:
    """Raises NotUndoable unless what was done to one contact, whose newest revision this is, can be undone."""
    contact_id = item["contact_id"]
    if item["result"] == Result.UNDONE:
        raise NotUndoable(f"contact {contact_id} was given back before")
    if item["result"] != Result.DONE or newest > item["last"]:
        hint = f"see: sharedbook contact history {contact_id}"
        raise NotUndoable(f"contact {contact_id} was changed since", hint=hint)


def _undo(tx: Tx, items: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    """Undoes what was done to contacts; returns what is not as it was, of whom there is something to say."""
    new = [item["contact_id"] for item in items if item["before"] is None]
    snapshots.discard(tx, new)
    pasts = {
        item["contact_id"]: snapshots.Past(snapshots.read(item["before"]), item["first"], item["last"])
        for item in items
        if item["before"] is not None
    }
    return snapshots.give_back(tx, pasts) if pasts else {}


_KINDS: dict[str, type[Action]] = {**actions.KINDS, FollowFile.KIND: FollowFile, Undo.KIND: Undo}


def undo_of(tx: Tx, job_id: int) -> tuple[Undo, list[int]]:
    """The action that undoes a job, and the contacts to do it to. Raises JobNotFound, NotUndoable."""
    job = jobs.get(tx, job_id)
    _require_at_rest(job)
    for other in (jobs.get(tx, each) for each in store.undoing(tx.db, job_id)):
        if other.state in (State.RUNNING, State.WAITING):
            hint = f"follow it: sharedbook job watch {other.id}"
            raise JobStopped(f"job {other.id} undoes job {job_id} already", hint=hint)
    found = store.item_ids(tx.db, job_id, Result.DONE.value)
    if not found and (not _revives(tx, job) or store.undone(tx.db, job_id)):
        raise _nothing_to_undo(tx, job)
    return Undo(job_id), found


def _nothing_to_undo(tx: Tx, job: Job) -> NotUndoable:
    if not any(job.counts.get(result) for result in (Result.DONE, Result.ADDED, Result.UPDATED, Result.ERASED)):
        if job.state.ended:
            return NotUndoable(f"job {job.id} changed nothing", hint=f"see: sharedbook job errors {job.id}")
        hint = f"to do it after all: sharedbook job resume {job.id}"
        return NotUndoable(f"job {job.id} is {job.state}, and had done nothing yet", hint=hint)
    if undone_by := store.undone(tx.db, job.id):
        hint = f"to do it again: sharedbook job undo {undone_by}"
        return NotUndoable(f"job {job.id} was undone by job {undone_by}: nothing is left to undo", hint=hint)
    hint = f"see: sharedbook job show {job.id}"
    return NotUndoable(f"nothing is left to undo: the contacts of job {job.id} are gone for good", hint=hint)


def _require_at_rest(job: Job) -> None:
    """Raises JobStopped for a plan, and for a job that a process does or will do."""
    if job.state is State.PLANNED:
        hint = f"to do it: sharedbook apply {job.id}"
        raise JobStopped(f"job {job.id} is a plan: nothing was done yet", hint=hint)
    if job.state in (State.RUNNING, State.WAITING):
        hint = f"stop it first: sharedbook job cancel {job.id}"
        raise JobStopped(f"job {job.id} is {job.state}, and can be undone once it has ended", hint=hint)


def can_undo(tx: Tx, job: Job) -> bool:
    """Whether there is anything that a job has done and that can be undone."""
    return _revives(tx, job) or bool(store.item_ids(tx.db, job.id, Result.DONE.value))


def _revives(tx: Tx, job: Job) -> bool:
    """Whether it may have changed more than contacts."""
    first, _again = _first(tx, job.id)
    return first.REVIVES if job.state.ended else first.PREPARES


def load(job: Job) -> Action:
    """What a job was told to do. Raises JobStopped for what is no action, or was forgotten."""
    if job.kind not in _KINDS:
        raise JobStopped(f"an {job.kind} cannot be run again by its number", hint="give its command again")
    if _KINDS[job.kind].TEXTS and job.texts is None:
        raise JobStopped(f"what job {job.id} was told to write was erased", hint="give its command again")
    return _built(job)


def _built(job: Job) -> Action:
    kind = _KINDS[job.kind]
    told = {**dict.fromkeys(kind.TEXTS, ()), **job.params, **(job.texts or {})}
    return kind(**{name: _frozen(value) for name, value in told.items()})


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def add(tx: Tx, action: Action, contact_ids: Sequence[int], state: State = State.WAITING, *, label: str = "") -> Job:
    """A new job that does this to these contacts, for ``run``. Raises what refuses the whole action.

    ``label``: what it does, in words.
    """
    action.check(tx)
    fields = asdict(action)
    texts = {name: fields.pop(name) for name in action.TEXTS}
    ids = list(dict.fromkeys(contact_ids))
    undoes = action.job if isinstance(action, Undo) else None
    job_id = jobs.start(tx, action.KIND, state, total=len(ids), params=fields, texts=texts, undoes=undoes, label=label)
    store.add_items(tx.db, [{"job_id": job_id, "contact_id": contact_id} for contact_id in ids])
    tx.audit(f"job.{state}", job=job_id)
    return jobs.get(tx, job_id)


@dataclass(frozen=True, slots=True)
class Ended:
    """What was done to a single contact. ``job``: None where that changed nothing."""

    job: int | None
    notes: Sequence[str]
    can_undo: bool


def run(app: App, actor: Actor, client: Client, job_id: int, progress: Report | None = None) -> Job:
    """Does a job that waits or has stopped, to its end or until it is cancelled; returns it as it is then.

    Raises JobNotFound, JobStopped (it runs already, or has ended), and what refuses the whole action; an exception ends
    the job as failed, Ctrl-C as cancelled. What was committed stays.
    """
    with app.begin(actor, client, write=True) as tx:
        job = jobs.claim(tx, job_id)
    with jobs.running(app, actor, client, job_id):
        with app.begin(actor, client, write=True) as tx:
            action = load(job)
            action.check(tx)
            action.prepare(tx)
        Run(app, actor, client, job, action).for_good(progress)
    with app.begin(actor, client) as tx:
        return jobs.get(tx, job_id)


def at_once(app: App, actor: Actor, client: Client, action: Action, contact_id: int, *, label: str) -> Ended:
    """Does it to a single contact, in one transaction. Raises what refuses it; then there is no job of it."""
    with app.begin(actor, client, write=True) as tx:
        job = add(tx, action, [contact_id], label=label)
        run = Run(app, actor, client, job, action)
        run.at_once(tx)
        notes = [each.message for each in run.told]
        if not run.counts[Result.DONE]:
            store.remove(tx.db, job.id)
            return Ended(None, notes, can_undo=False)
        return Ended(job.id, notes, can_undo(tx, jobs.get(tx, job.id)))


# ---- a dry run, and doing just what it showed


@dataclass(frozen=True, slots=True)
class Plan:
    """What a dry run found: the job to ``apply``, what would become of how many contacts, what refuses whom."""

    job: Job
    counts: Mapping[str, int]
    told: Sequence[Told]


def plan(
    app: App,
    actor: Actor,
    client: Client,
    action: Action,
    contact_ids: Sequence[int],
    progress: Report | None = None,
    *,
    label: str = "",
) -> Plan:
    """Tries it on every contact, batch by batch, keeps nothing of that, and writes the plan.

    What a contact of another batch would stand in the way of is not foreseen; it is refused when the plan is applied.
    """
    with app.begin(actor, client, write=True) as tx:
        job = add(tx, action, contact_ids, State.PLANNED, label=label)
    tried = Run(app, actor, client, job, action)
    try:
        tried.rehearsal(progress)
    except BaseException:
        with suppress(SharedbookError), app.begin(actor, client, write=True) as tx:
            store.remove(tx.db, job.id)
        raise
    return Plan(job, tried.counted(), tried.told)


def apply(tx: Tx, plan_id: int) -> Job:
    """Lets the job of a plan wait for its ``run``. Raises JobNotFound, JobStopped, PlanOutdated."""
    job = planned(tx, plan_id)
    action = load(job)
    action.check(tx)
    changed = _changed_since(tx, job, action)
    if changed:
        raise outdated(f"changed since the plan was made: {', '.join(changed[:5])}{' ...' if len(changed) > 5 else ''}")
    return accept(tx, plan_id)


def planned(tx: Tx, plan_id: int) -> Job:
    """The job of a plan. Raises JobNotFound, JobStopped for another job."""
    job = jobs.get(tx, plan_id)
    if job.state is not State.PLANNED:
        raise JobStopped(f"job {plan_id} is not a plan: it is {job.state}", hint=f"see: sharedbook job show {plan_id}")
    return job


def outdated(message: str) -> PlanOutdated:
    """What refuses a plan, with the next step."""
    return PlanOutdated(message, hint="make another plan: give the command with --dry-run again")


def accept(tx: Tx, plan_id: int) -> Job:
    """Lets the job of a plan, which was found to be still right, wait for its process. Raises as ``planned``."""
    planned(tx, plan_id)
    store.change(tx.db, plan_id, state=State.WAITING.value, started=tx.now, beat=tx.now)
    tx.audit("job.apply", job=plan_id)
    return jobs.get(tx, plan_id)


def _changed_since(tx: Tx, job: Job, action: Action) -> list[str]:
    """What of a plan has changed since, in words."""
    ids = store.item_ids(tx.db, job.id)
    if len(ids) != job.total:
        return ["contacts that are gone"]
    floor, _ = changes.span(tx.db)
    if floor > job.seq + 1:
        return ["it is too old to tell"]
    named = {
        ChangeKind.CONTACT: set(ids),
        ChangeKind.GROUP: set(action.groups()),
        ChangeKind.SUBJECT: set(action.subjects()),
    }
    found = changes.since(tx.db, job.seq)
    return list(dict.fromkeys(f"{each.kind} {each.id}" for each in found if each.id in named.get(each.kind, ())))
