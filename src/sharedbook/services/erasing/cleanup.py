"""What a clean-up looks for; and a clean-up that erases, as a job.

Each batch is an erasure of its own, with its certificate. What does not fit the clean-up any more when its turn comes
is left alone and told: there is no undo.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sharedbook.domain import access
from sharedbook.domain.errors import Conflict, ErasurePending
from sharedbook.domain.model import Client, Contact, Progress
from sharedbook.services.contacts import search
from sharedbook.services.erasing import erasure
from sharedbook.services.jobs import jobs
from sharedbook.services.jobs.batches import Report
from sharedbook.services.jobs.jobs import Job, Result, State
from sharedbook.services.notices import notices
from sharedbook.services.tx import Actor, App, Tx
from sharedbook.store import jobs as store

ERASES = "cleanup-erase"
"""The kind of its jobs."""

BATCH_CONTACTS = 100


@dataclass(frozen=True, slots=True)
class Wanted:
    """Contacts that every one of these names. ``group``: a slug; ``older_than``: days since change or deletion."""

    no_viewers: bool
    no_owner: bool
    trashed: bool
    group: str | None
    older_than: int | None


def find(tx: Tx, wanted: Wanted, among: Sequence[int] | None = None) -> list[Contact]:
    """What the clean-up is about, of all contacts or ``among`` these. Raises Forbidden, GroupNotFound."""
    access.require_manage(tx.viewer, "clean up")
    filters = search.Search(
        group=wanted.group,
        no_viewers=wanted.no_viewers,
        no_owner=wanted.no_owner,
        trashed=wanted.trashed,
        among=among,
    )
    found = search.find(tx, filters)
    if not wanted.older_than:  # the time may have been noted by a machine whose clock goes before ours
        return found
    return [each for each in found if (tx.now - (each.trashed_at or each.modified)).days >= wanted.older_than]


def add_erasing(tx: Tx, wanted: Wanted, contact_ids: Sequence[int], label: str) -> Job:
    """A new job that erases these contacts, for ``run_erasing``."""
    params = asdict(wanted)
    job_id = jobs.start(tx, ERASES, State.WAITING, total=len(contact_ids), params=params, label=label)
    store.add_items(tx.db, [{"job_id": job_id, "contact_id": contact_id} for contact_id in contact_ids])
    tx.audit(f"job.{State.WAITING}", job=job_id)
    return jobs.get(tx, job_id)


def run_erasing(app: App, actor: Actor, client: Client, job_id: int, progress: Report | None = None) -> Job:
    """Erases batch by batch, then proves that it is gone, also where it was stopped; returns the job as it is then.

    PART: contacts were left, or a reader still holds their old pages. FAILED: pieces of them were found. Raises as
    ``bulk.run``.
    """
    with app.begin(actor, client, write=True) as tx:
        job = jobs.claim(tx, job_id)
    with jobs.running(app, actor, client, job_id):
        counts = Counter(job.counts)
        while _batch(app, actor, client, job, counts):
            if progress:
                progress(Progress(counts.total(), dict(counts)))
        state, error = _proved(app)
        with app.begin(actor, client, write=True) as tx:
            jobs.hold(tx, job_id)
            ended = State.PART if counts[Result.ERROR] and state is State.DONE else state
            jobs.record(tx, job_id, ended, dict(counts), error=error)
            tell_erased(tx, counts[Result.ERASED])
    with app.begin(actor, client) as tx:
        found = jobs.get(tx, job_id)
    if found.state is State.CANCELLED:
        _proved(app)
    return found


def _batch(app: App, actor: Actor, client: Client, job: Job, counts: Counter[str]) -> bool:
    """Erases some contacts and lets others come first; returns whether there were any."""
    since = time.monotonic()
    with app.begin(actor, client, write=True) as tx:
        jobs.hold(tx, job.id)
        ids = store.pending(tx.db, job.id, 0, BATCH_CONTACTS)
        if not ids:
            return False
        fitting = {each.id for each in find(tx, Wanted(**job.params), ids)}
        others = [each for each in ids if each not in fitting]
        if others:
            _leave(tx, job.id, others)
            counts[Result.ERROR] += len(others)
        found = erasure.with_merged(tx, [each for each in ids if each in fitting])
        counts[Result.ERASED] += len(store.items(tx.db, job.id, [each.id for each in found]))
        begun = erasure.start(tx, found) if found else None
        jobs.record(tx, job.id, State.RUNNING, dict(counts))
    if begun:
        erasure.enter(app.site, begun)
    app.site.database.make_way(time.monotonic() - since)
    return True


def _leave(tx: Tx, job_id: int, contact_ids: Sequence[int]) -> None:
    """Tells of contacts that do not fit any more."""
    rows = [
        {
            "contact": contact_id,
            "result": Result.ERROR.value,
            "first": None,
            "last": None,
            "code": Conflict.code,
            "message": f"contact {contact_id} is not what the clean-up looks for any more",
            "before": None,
        }
        for contact_id in contact_ids
    ]
    store.set_items(tx.db, job_id, rows)


def _proved(app: App) -> tuple[State, str]:
    """Ends the erasures; how the job ends then, and why."""
    try:
        ended = erasure.resume(app.site)
    except ErasurePending as error:
        return State.PART, str(error)
    left = [document["erasure"] for document in ended if document["scan"] and document["scan"]["found"]]
    if left:
        return State.FAILED, f"pieces of what was erased are still there: see the certificate of erasure {left[0]}"
    return State.DONE, ""


def tell_erased(tx: Tx, count: int) -> None:
    """Tells the postmasters of contacts that a clean-up has erased."""
    contacts = "1 contact" if count == 1 else f"{count} contacts"
    notices.add(
        tx,
        "cleanup.erased",
        f"clean-up: {contacts} erased",
        f"{tx.viewer.name} erased {contacts} for good. The certificate:\n\n  sharedbook erase list\n",
    )
