"""One run of a bulk action over the contacts of its job, batch by batch: for good, or for a dry run.

A batch holds the write lock for at most half a second or 500 contacts. What refuses one contact is kept with the job
and stops no other; contacts that are done together (``Action.units``) are done in one batch.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from sharedbook.domain.errors import SharedbookError, Unavailable
from sharedbook.domain.model import Client, Progress
from sharedbook.services.jobs import jobs, snapshots
from sharedbook.services.jobs.actions import Action, Notes
from sharedbook.services.jobs.jobs import Job, Result, State, Told
from sharedbook.services.jobs.snapshots import Snapshot
from sharedbook.services.tx import Actor, App, Tx
from sharedbook.store import jobs as store
from sharedbook.store import revisions

BATCH_SECONDS = 0.5
BATCH_CONTACTS = 500
CHUNK_CONTACTS = 25

Report = Callable[[Progress], None]


class _Rehearsed(Exception):
    """A batch of a dry run is over: nothing of it is kept."""


class Run:
    """One run over the contacts that a job is still to be done to, for good or for a dry run."""

    def __init__(self, app: App, actor: Actor, client: Client, job: Job, action: Action) -> None:
        self._app, self._actor, self._client = app, actor, client
        self._job_id, self._total = job.id, job.total or 0
        self._action = action
        self._after = 0
        self.counts = Counter(job.counts)
        self.told: list[Told] = []

    def for_good(self, progress: Report | None) -> None:
        """Batch by batch, each committed; the last one ends the job."""
        more = True
        while more:
            begun = time.monotonic()
            with self._app.begin(self._actor, self._client, write=True) as tx:
                jobs.hold(tx, self._job_id)
                more = self._batch(tx) or self._more(tx)
                refused = self.counts[Result.ERROR] > 0
                state = State.RUNNING if more else State.PART if refused else State.DONE
                jobs.record(tx, self._job_id, state, self.counted(), total=self._total)
                if not more:
                    self._action.tell(tx, self._job_id, self.counted())
            self._report(progress)
            if more:
                self._app.site.database.make_way(time.monotonic() - begun)

    def at_once(self, tx: Tx) -> None:
        """In this one transaction, for a single contact: what refuses it is raised."""
        ids = store.item_ids(tx.db, self._job_id)
        before, first = snapshots.take(tx, ids), revisions.last(tx.db)
        self._note(tx, ids, before, first, self._action.do(tx, ids) or {}, {})
        jobs.record(tx, self._job_id, State.DONE, self.counted())

    def rehearsal(self, progress: Report | None) -> None:
        """Batch by batch, each rolled back."""
        more = True
        while more:
            begun = time.monotonic()
            with suppress(_Rehearsed), self._app.begin(self._actor, self._client, write=True) as tx:
                self._action.prepare(tx)
                more = self._batch(tx)
                raise _Rehearsed
            self._report(progress)
            if more:
                self._app.site.database.make_way(time.monotonic() - begun)

    def _report(self, progress: Report | None) -> None:
        if progress:
            progress(Progress(self.counts.total(), self.counted()))

    def counted(self) -> dict[str, int]:
        """How many contacts have which result."""
        return {result: count for result, count in self.counts.items() if count}

    def _batch(self, tx: Tx) -> bool:
        """Does one batch; returns whether there may be more."""
        begun, done = time.monotonic(), 0
        while done < BATCH_CONTACTS and time.monotonic() - begun < BATCH_SECONDS:
            ids = store.pending(tx.db, self._job_id, self._after, CHUNK_CONTACTS)
            if not ids:
                return False
            self._after = ids[-1]
            done += self._chunk(tx, self._units(tx, ids))
        return True

    def _units(self, tx: Tx, ids: Sequence[int]) -> list[tuple[int, ...]]:
        """What these contacts are done with in one go, without those that had their turn or are gone."""
        units = self._action.units(tx, ids)
        others = {each for unit in units for each in unit}.difference(ids)
        items = store.items(tx.db, self._job_id, sorted(others))
        out = {each for each in others if each not in items or items[each]["result"] is not None}
        return [tuple(each for each in unit if each not in out) for unit in units]

    def _chunk(self, tx: Tx, units: Sequence[tuple[int, ...]]) -> int:
        """Does it to some contacts; returns how many."""
        ids = [each for unit in units for each in unit]
        before, first = snapshots.take(tx, ids), revisions.last(tx.db)
        notes, refused = _attempt(tx, self._action, units)
        self._note(tx, ids, before, first, notes, refused)
        return len(ids)

    def _note(
        self,
        tx: Tx,
        ids: Sequence[int],
        before: Mapping[int, Snapshot],
        first: int,
        notes: Notes,
        refused: Mapping[int, SharedbookError],
    ) -> None:
        """Keeps what was done to these contacts, which were so before it."""
        last = revisions.last(tx.db)
        gone = set(ids).difference(store.items(tx.db, self._job_id, ids))
        touched = {each for each, newest in revisions.newest(tx.db, ids).items() if newest > first} | gone
        rows = []
        for contact_id in ids:
            error = refused.get(contact_id)
            result = Result.ERROR if error else Result.DONE if contact_id in touched else Result.UNCHANGED
            message = error.message if error else notes.get(contact_id)
            if message:
                self.told.append(Told(contact_id, error.code if error else "", message))
            self.counts[result] += 1
            rows.append(
                {
                    "contact": contact_id,
                    "result": result.value,
                    "first": first,
                    "last": last,
                    "code": error.code if error else None,
                    "message": message,
                    "before": before[contact_id].written() if result is Result.DONE else None,
                }
            )
        store.set_items(tx.db, self._job_id, rows)

    def _more(self, tx: Tx) -> bool:
        """At the end: adds what is new, takes in what came meanwhile, or finishes. Returns whether there is more."""
        if self._add(tx):
            return True
        left = set(self._action.left(tx))
        known = store.items(tx.db, self._job_id, sorted(left))
        new = left - known.keys()
        self._follow(tx, known)
        store.add_items(tx.db, [{"job_id": self._job_id, "contact_id": contact_id} for contact_id in sorted(new)])
        self._after, self._total = 0, self._total + len(new)
        if not left:
            self._action.finish(tx)
        return bool(new)

    def _follow(self, tx: Tx, items: Mapping[int, Mapping[str, Any]]) -> None:
        """Does what comes after it to contacts that had their turn: undo gives back what they were before both.

        Not to those that somebody else has changed in between.
        """
        ids, first = sorted(items), revisions.last(tx.db)
        before, newest = snapshots.take(tx, ids), revisions.newest(tx.db, ids)
        if not self._action.follow(tx, ids):
            return
        rows = []
        for contact_id in (each for each in ids if newest.get(each, 0) <= items[each]["last"]):
            item = items[contact_id]
            rows.append(
                {
                    "contact": contact_id,
                    "result": Result.DONE.value,
                    "first": item["first"] if item["before"] else first,
                    "last": revisions.last(tx.db),
                    "code": item["code"],
                    "message": item["message"],
                    "before": item["before"] or before[contact_id].written(),
                }
            )
        if rows:
            store.set_items(tx.db, self._job_id, rows)

    def _add(self, tx: Tx) -> bool:
        """Adds some of the action's new contacts, as done by this job: its undo puts them into the trash."""
        first = revisions.last(tx.db)
        made = self._action.add_new(tx)
        done = {"job_id": self._job_id, "result": Result.DONE.value, "first": first, "last": revisions.last(tx.db)}
        store.add_items(tx.db, [{**done, "contact_id": contact_id} for contact_id in made])
        self.counts[Result.DONE] += len(made)
        self._total += len(made)
        return bool(made)


def _attempt(
    tx: Tx, action: Action, units: Sequence[tuple[int, ...]]
) -> tuple[dict[int, str], dict[int, SharedbookError]]:
    """Does it to these contacts together or, where that is refused, to each half of the units by itself.

    Returns what is worth knowing of whom, and what refused whom.
    """
    try:
        with tx.savepoint():
            return dict(action.do(tx, [each for unit in units for each in unit]) or {}), {}
    except Unavailable:
        raise
    except SharedbookError as error:
        if len(units) == 1 and not action.together(tx):
            units = [(each,) for each in units[0]]
        if len(units) == 1:
            return {}, dict.fromkeys(units[0], error)
    half = len(units) // 2
    one, other = _attempt(tx, action, units[:half]), _attempt(tx, action, units[half:])
    return one[0] | other[0], one[1] | other[1]
