"""One run over the rows of a file: what each becomes is decided once, for a dry run and for good.

Rows are made ready (``ready.py``), then batches of at most half a second or 5,000 rows hold the write lock: what was
committed stays, and the same file again finds it. What refuses one row is kept with the job and stops no other row.
"""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple

from sharedbook.domain.errors import Conflict, Forbidden, JobStopped, SharedbookError, Unavailable
from sharedbook.domain.model import Client, Group, Progress
from sharedbook.formats.entries.incoming import Source
from sharedbook.formats.rows.problems import Problem
from sharedbook.formats.vcards import fields, vcard
from sharedbook.services.contacts import contacts, custom_fields
from sharedbook.services.imports import targets
from sharedbook.services.imports.blocks import Block, Ready
from sharedbook.services.imports.decisions import Decision, Duplicates, Rules, refused
from sharedbook.services.imports.matching import Matcher, Namesakes, made_of, strangers
from sharedbook.services.imports.promise import Promise
from sharedbook.services.imports.ready import Make
from sharedbook.services.imports.targets import Place
from sharedbook.services.jobs import jobs, snapshots
from sharedbook.services.jobs.jobs import JobRow, Result, State
from sharedbook.services.tx import Actor, App, Tx
from sharedbook.store import jobs as job_rows
from sharedbook.store import matches, revisions
from sharedbook.store.matches import Facts
from sharedbook.store.set_aside import SetAside

KIND = "import"
"""Of an import's job."""

BATCH_SECONDS = 0.5
BATCH_ROWS, BATCH_OCTETS = 5_000, 10_000_000
FIRST_ROWS = 500
"""Of the first batch, for which nothing else is done meanwhile."""

MOST_PROBLEMS = 1_000

GARBAGE = 50_000
"""Objects that are made before Python looks for garbage."""

Report = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class JobReport:
    """What an import did, or (``dry_run``) would do; ``job_id``: then the plan's, None where none was kept.

    ``counts``: rows by ``jobs.Result``, every result named. ``problems``: the first 1,000 rows that were refused or
    need a decision; all are in ``jobs.rows``. ``left_out``: columns of the file that hold something and have no place
    in a contact. ``samples``: up to three decoded cells with characters outside ASCII, to judge ``encoding`` by.
    ``over_quota``: rows that the quota refuses. ``warnings``: see ``formats.entries.incoming.Source``. ``gone``: ids of
    contacts of the directory whose entries were not found any more; none when rows were refused, which may be theirs.
    """

    job_id: int | None
    dry_run: bool
    counts: Mapping[str, int]
    problems: tuple[Problem, ...]
    format: str
    encoding: str
    delimiter: str
    product: str
    left_out: tuple[str, ...]
    samples: tuple[str, ...]
    over_quota: int
    warnings: tuple[Problem, ...]
    gone: tuple[int, ...] = ()


class _Decided(NamedTuple):
    """Of a block: which rows were ``added`` at a glance, and what became of the others.

    ``known``: those of its hashes that contacts had before.
    """

    added: Sequence[int]
    others: list[tuple[Ready, Decision]]
    known: Set[int]


New = dict[Place, list[int]]
"""Of a block, which rows are new contacts to come, by the groups that they go into."""


class _OneByOne(Exception):
    """These rows cannot be written together."""


@contextmanager
def _garbage_seldom() -> Iterator[None]:
    """Python's search for garbage looks at every object, and comes the sooner the more are made: rows are none."""
    usual = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(GARBAGE)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()


def _next(made: Iterator[Block], most: int) -> list[Block]:
    """Rows of a batch, about so many at most; fewer if they take long to be made."""
    batch: list[Block] = []
    rows = octets = 0
    begun = time.monotonic()
    for block in made:
        batch.append(block)
        rows += len(block.line)
        octets += block.octets
        if rows >= most or octets >= BATCH_OCTETS or time.monotonic() - begun >= BATCH_SECONDS:
            break
    return batch


@dataclass
class Import:
    """One run over the rows: dry, or for good.

    ``group``: for all rows; None: each names its groups. ``origin``: the directory that the rows come from and that
    keeps its contacts; "" for a file. ``kept``: ids of those that the group has. ``told``: parameters and texts of the
    job by which it can go on; none if it cannot. ``job_id`` and ``counts`` are given to go on behind the rows that are
    counted. ``promise``: is told what a dry run finds.
    """

    app: App
    actor: Actor
    client: Client
    source: Source
    group: Group | None
    duplicates: Duplicates
    room: int
    dry: bool = False
    origin: str = ""
    kept: frozenset[int] = frozenset()
    told: tuple[Mapping[str, Any], Mapping[str, Any]] = ({}, {})
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    over_quota: int = 0
    job_id: int | None = None
    promise: Promise | None = None
    _namesakes: Namesakes = field(default_factory=Namesakes, init=False)
    _earlier: SetAside | None = field(default=None, init=False)
    _committed: dict[str, int] = field(default_factory=dict)
    _added: list[int] = field(default_factory=list)
    _changed: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        site, whole = self.app.site, bool(self.origin) or self.duplicates is not Duplicates.SKIP
        self._make = Make(site.settings.default_region, site.limits, whole)
        self._rules = Rules(self._make, self.duplicates, self.origin, self.kept)

    def open(self, state: State = State.RUNNING) -> None:
        """Makes the job, for ``run``; of a dry run the plan."""
        params, texts = self.told
        with self.app.begin(self.actor, self.client, write=True) as tx:
            self.job_id = jobs.start(
                tx,
                KIND,
                state,
                total=self.source.size,
                params=params,
                texts=texts,
                format=self.source.format,
                columns=self.source.columns,
            )
            event = "job.planned" if state is State.PLANNED else "import"
            tx.audit(event, job=self.job_id, **({"group": self.group.id} if self.group else {}))

    def run(self, progress: Report | None) -> None:
        """All rows, batch by batch. An exception ends the job as failed, Ctrl-C as cancelled; what is done stays.

        Raises JobStopped when the job was cancelled.
        """
        self._committed = self._counted()
        with self.app.site.database.writing_much():
            if self.dry:
                self._earlier = SetAside()
            elif self.job_id is None:
                self.open()
            try:
                with _garbage_seldom(), closing(self._make.ready(self.source, self.counts.total())) as made:
                    self._run_batches(made, progress)
                self._finish(State.PART if self._waiting() else State.DONE)
            except JobStopped:
                raise
            except BaseException as error:
                state = State.CANCELLED if isinstance(error, KeyboardInterrupt) else State.FAILED
                with suppress(SharedbookError):  # the first reason counts
                    self._finish(state, jobs.reason_of(error))
                raise
            finally:
                if self._earlier:
                    self._earlier.close()

    def _waiting(self) -> int:
        return self.counts[Result.ERROR] + self.counts[Result.NEEDS_DECISION]

    def _run_batches(self, made: Iterator[Block], progress: Report | None) -> None:
        """The next batch is taken while the last one is committed, which mostly waits for the disk."""
        database = self.app.site.database
        with ThreadPoolExecutor(1) as beside:
            batch = _next(made, min(FIRST_ROWS, BATCH_ROWS))
            while batch:
                begun = time.monotonic()
                with self._begin() as tx:
                    batch = left = self._batch(tx, batch)  # what is written is not kept while more is made
                    taken = None if left else beside.submit(_next, made, BATCH_ROWS)
                released = time.monotonic()
                self._committed = self._counted()
                if progress:
                    progress(Progress(sum(self.counts.values()), dict(self.counts)))
                if not self.dry:
                    database.checkpoint()
                if taken:
                    batch, taken = taken.result(), None
                if batch and not self.dry:
                    database.make_way(released - begun, time.monotonic() - released)

    def _begin(self) -> AbstractContextManager[Tx]:
        return self.app.begin(self.actor, self.client, write=not self.dry)

    def _finish(self, state: State, error: str = "") -> None:
        if self.job_id is not None:
            with self._begin() as tx:
                jobs.hold(tx, self.job_id)
                jobs.record(tx, self.job_id, state, self._committed, error=error)

    def _counted(self) -> dict[str, int]:
        return {result.value: self.counts[result] for result in Result}

    def _batch(self, tx: Tx, blocks: list[Block]) -> list[Block]:
        """Rows of one transaction; returns those for which there was no time."""
        if self.job_id is not None:
            jobs.hold(tx, self.job_id)
        self._namesakes.begin(tx)
        started, done, waiting = time.monotonic(), 0, list[JobRow]()
        while done < len(blocks) and (not done or time.monotonic() - started < BATCH_SECONDS):
            decided = self._chunk(tx, blocks[done])
            self.counts[Result.ADDED] += len(decided.added)
            for row, decision in decided.others:
                self.counts[decision.result] += 1
                if decision.problem is not None:
                    waiting.append(JobRow(decision.result, decision.problem, row.cells))
                if decision.note is not None and len(self.notes) < MOST_PROBLEMS:
                    self.notes.append(decision.note)
            done += 1
        self._namesakes.end(tx)
        self.problems += [row.problem for row in waiting[: MOST_PROBLEMS - len(self.problems)]]
        if self.job_id is not None:
            jobs.record(tx, self.job_id, State.RUNNING, self._counted(), waiting)
        return blocks[done:]

    def _chunk(self, tx: Tx, block: Block) -> _Decided:
        """What became of some rows, remembered for an undo."""
        if self.dry:
            return self._decided(tx, block, None)
        self._added, self._changed = [], []
        first = revisions.last(tx.db)
        decided = self._written(tx, block)
        self._namesakes.added(block, decided.added, decided.known)
        if len(self._added) > len(decided.added) or self._changed:
            self._namesakes.forget()
        if self.job_id is not None and (self._added or self._changed):
            last = revisions.last(tx.db)
            known = snapshots.take(tx, self._changed)  # what a snapshot has, no import changes
            job_rows.add_new(tx.db, self.job_id, self._added, first, last)
            job_rows.add_done(tx.db, self.job_id, {key: each.written() for key, each in known.items()}, first, last)
        return decided

    def _written(self, tx: Tx, block: Block) -> _Decided:
        """What became of some rows. Their new contacts are written together; if that is refused, one by one.

        New contacts of one group, with nothing beside their cards, are refused before any of them is written.
        """
        room = self.room, self.over_quota
        new: New = {}
        is_one_step = self.group is not None and not self._make.whole and not any(block.custom)
        try:
            with nullcontext() if is_one_step else tx.savepoint():  # which copies each page that is changed
                decided = self._decided(tx, block, new)
                for place, rows in new.items():
                    self._write(tx, block, place, sorted(rows))
            return decided
        except (_OneByOne, Conflict, Forbidden):
            self.room, self.over_quota = room
            self._added, self._changed = [], []
            return self._decided(tx, block, None)

    def _write(self, tx: Tx, block: Block, place: Place, rows: Sequence[int]) -> None:
        """New contacts of the same groups. Raises what services refuse."""
        first, *others = (matcher.group for matcher in place)
        are_plain = block.odd.keys().isdisjoint(rows)
        ids = contacts.add_kept(tx, first, block.kept.some(rows), source=self.origin or None, has_new_uids=are_plain)
        for contact_id, at in zip(ids, rows, strict=True):
            if block.custom[at]:
                custom_fields.give(tx, contact_id, block.custom[at])
        for group in others:
            contacts.copy(tx, ids, group)
        self._added += ids

    def _decided(self, tx: Tx, block: Block, new: New | None) -> _Decided:
        """New contacts are only put into ``new``, if that is given."""
        places, wrong = targets.places(tx, self.group, block, self._earlier)
        hashes = set(chain.from_iterable(block.hashes))
        known = matches.known(tx.db, hashes)
        earlier = self._earlier.known(hashes) if self._earlier else set[int]()
        unknown = [at for at in strangers(tx, block, known, earlier, self._namesakes) if at not in wrong]
        added = self._at_a_glance(block, places, unknown, new)
        others = list(block.rows(set(range(len(places))).difference(added)))
        matchers = set(chain.from_iterable(set(places)))
        for matcher in matchers:
            matcher.prepare([row for at, row in others if matcher in places[at]], known | earlier)
        decided = []
        for at, row in others:
            problem = row.problem or wrong.get(at)
            decision = (
                Decision(Result.ERROR, problem=problem) if problem else self._one(block, at, row, places[at], new)
            )
            decided.append((row, decision))
        if self.promise is not None:
            self.promise.take(tx, block, places, decided)
        for matcher in matchers if self.dry else ():
            matcher.set_aside()
        return _Decided(added, decided, known)

    def _at_a_glance(
        self, block: Block, places: Sequence[Place], unknown: Sequence[int], new: New | None
    ) -> Sequence[int]:
        """Those of the rows whom nobody knows that are added: ``_one`` would do with them just what is done here."""
        if self.room < len(places) or (new is None and not self.dry):
            return ()
        self.room -= len(unknown)
        if new is not None:
            for at in unknown:
                new.setdefault(places[at], []).append(at)
            return unknown
        for at, row in block.rows(unknown):
            assert row.kept is not None
            for matcher in places[at]:
                matcher.remember(made_of(row, row.kept), row)
        return unknown

    def _one(self, block: Block, at: int, row: Ready, place: Place, new: New | None) -> Decision:
        """One row: decided and, unless dry, written; a new contact only put into ``new`` if that is given.

        What refuses the row leaves nothing of it behind.
        """
        try:
            decision = self._rules.decide(place[0], row)
            if decision.result is Result.ADDED:
                if self.room < 1:
                    self.over_quota += 1
                    limit = self.app.site.limits.contacts
                    return refused(row, "quota", f"the limit of {limit} contacts is reached")
                self._add(block, at, row, place, decision, new)
                return decision
            if decision.result is Result.UPDATED:
                self._change(place[0], row, decision, is_alone=new is None)
            if decision.result is not Result.ERROR and len(place) > 1:
                return decision._replace(note=targets.left(place, row))
        except Unavailable:
            raise
        except SharedbookError as error:
            return refused(row, error.code, str(error))
        return decision

    def _add(self, block: Block, at: int, row: Ready, place: Place, decision: Decision, new: New | None) -> None:
        """A new contact: written, or only put into ``new``; when dry, only remembered. Raises what services refuse."""
        found, contact_id = decision.new, None
        assert found is not None
        block.kept.put(at, found)
        if new is not None:
            new.setdefault(place, []).append(at)
        elif not self.dry:
            with place[0].tx.savepoint():
                self._write(place[0].tx, block, place, [at])
            contact_id = self._added[-1]
        self.room -= 1
        for matcher in place:
            matcher.remember(made_of(row, found, contact_id), row)

    def _change(self, matcher: Matcher, row: Ready, decision: Decision, *, is_alone: bool) -> None:
        """A contact that is there, or (when dry) would be. Raises what services refuse."""
        known, said = decision.fits[0], row.said
        assert decision.card is not None and said is not None
        card = vcard.checked(decision.card, self.app.site.limits)
        if known.id is None and not is_alone:
            raise _OneByOne  # it changes a contact that is not written yet
        if known.id is not None and not self.dry:
            with matcher.tx.savepoint():
                contacts.replace(matcher.tx, known.id, card, source=self.origin or None)
                custom_fields.write(matcher.tx, known.id, decision.custom)
            self._changed.append(known.id)
        numbers = said.all_numbers() | known.facts.numbers
        known.text, known.facts = card.text, Facts(card.uid, fields.full_name(card), len(card.text.encode()), numbers)
        if known.custom is not None:
            known.custom = {**known.custom, **decision.custom}
        matcher.remember(known, row)

    def report(self) -> JobReport:
        """What was done."""
        source = self.source
        return JobReport(
            job_id=self.job_id,
            dry_run=self.dry,
            counts=self._counted(),
            problems=tuple(self.problems),
            format=source.format,
            encoding=source.encoding,
            delimiter=source.delimiter,
            product=source.product,
            left_out=tuple(source.left_out),
            samples=source.samples,
            over_quota=self.over_quota,
            warnings=(*targets.overruled(self.group, source), *source.warnings, *self.notes),
            gone=() if self._waiting() else tuple(sorted(self.kept - self._rules.met)),
        )
