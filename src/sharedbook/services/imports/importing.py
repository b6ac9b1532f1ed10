"""One run over the rows of a file: what each becomes is decided once, for a dry run and for good.

Rows are made ready (``ready.py``), then batches of at most half a second or 2,000 rows hold the write lock: what was
committed stays, and the same file again finds it. What refuses one row is kept with the job and stops no other row.
"""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NamedTuple

from sharedbook.domain.errors import Conflict, Forbidden, JobStopped, SharedbookError, Unavailable
from sharedbook.domain.model import Client, Group, Progress
from sharedbook.formats.entries.incoming import Incoming, Source
from sharedbook.formats.rows.problems import Problem
from sharedbook.formats.vcards import fields, vcard
from sharedbook.formats.vcards.vcard import Card
from sharedbook.services.contacts import contacts, custom_fields
from sharedbook.services.contacts.custom_fields import Values
from sharedbook.services.imports import ready, targets
from sharedbook.services.imports.matching import Known, Match, Matcher
from sharedbook.services.imports.ready import Make, Ready
from sharedbook.services.imports.targets import Place
from sharedbook.services.jobs import jobs, snapshots
from sharedbook.services.jobs.jobs import JobRow, Result, State
from sharedbook.services.tx import Actor, App, Tx
from sharedbook.services.writing.kept import Kept
from sharedbook.store import jobs as job_rows
from sharedbook.store import revisions
from sharedbook.store.matches import Facts

KIND = "import"
"""Of an import's job."""

BATCH_SECONDS = 0.5
BATCH_ROWS = 2_000
BATCH_OCTETS = 10_000_000
CHUNK_ROWS = 250
MOST_PROBLEMS = 1_000

Report = Callable[[Progress], None]


class Duplicates(StrEnum):
    """What a row does whose contact the group has already. SKIP is the default.

    SKIP leaves the contact; FILL writes only what it lacks; UPDATE writes what the row has and keeps the rest; REPLACE
    makes it the row's card; ADD adds another contact, without asking whether there is one; ASK keeps the row as
    needs_decision. A row that fits several contacts needs a decision, unless it is skipped.
    """

    SKIP = "skip"
    FILL = "fill"
    UPDATE = "update"
    REPLACE = "replace"
    ADD = "add"
    ASK = "ask"


@dataclass(frozen=True, slots=True)
class JobReport:
    """What an import did, or (``dry_run``, without ``job_id``) would do.

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


@dataclass(frozen=True, slots=True)
class _Decision:
    """What a row becomes: a ``new`` contact, or a ``known`` one with this ``card``.

    ``custom``: the custom fields to write. ``note``: what a person should look at.
    """

    result: Result
    new: Kept | None = None
    card: Card | None = None
    known: Known | None = None
    custom: Values = field(default_factory=dict)
    problem: Problem | None = None
    note: Problem | None = None


class _New(NamedTuple):
    """A contact to come, its groups and its custom fields."""

    kept: Kept
    place: Place
    custom: Values


class _OneByOne(Exception):
    """These rows cannot be written together."""


@dataclass
class Import:
    """One run over the rows: dry, or for good.

    ``group``: for all rows; None: each names its groups. ``origin``: the directory that the rows come from and that
    keeps its contacts; "" for a file. ``kept``: ids of those that the group has. ``told``: parameters and texts of the
    job by which it can go on; none if it cannot. ``job_id`` and ``counts`` are given to go on behind the rows that are
    counted.
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
    _rehearsal: dict[int, Matcher] = field(default_factory=dict)
    _met: set[int] = field(default_factory=set)
    _committed: dict[str, int] = field(default_factory=dict)
    _added: list[int] = field(default_factory=list)
    _changed: list[int] = field(default_factory=list)

    def open(self, state: State = State.RUNNING) -> None:
        """Makes the job, for ``run``."""
        params, texts = self.told
        with self._begin() as tx:
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
            tx.audit("import", job=self.job_id, **({"group": self.group.id} if self.group else {}))

    def run(self, progress: Report | None) -> None:
        """All rows, batch by batch. An exception ends the job as failed, Ctrl-C as cancelled; what is done stays.

        Raises JobStopped when the job was cancelled.
        """
        self._committed = self._counted()
        self.app.site.database.map_nothing()
        if not self.dry and self.job_id is None:
            self.open()
        try:
            with closing(self._make.rows(self.source, self.counts.total())) as rows:
                self._run_batches(rows, progress)
            self._finish(State.PART if self._waiting() else State.DONE)
        except JobStopped:
            raise
        except BaseException as error:
            state = State.CANCELLED if isinstance(error, KeyboardInterrupt) else State.FAILED
            with suppress(SharedbookError):  # the first reason counts
                self._finish(state, jobs.reason_of(error))
            raise

    def _waiting(self) -> int:
        return self.counts[Result.ERROR] + self.counts[Result.NEEDS_DECISION]

    @property
    def _make(self) -> Make:
        whole = bool(self.origin) or self.duplicates is not Duplicates.SKIP
        return Make(self.app.site.settings.default_region, self.app.site.limits, whole)

    def _run_batches(self, rows: Iterator[Ready], progress: Report | None) -> None:
        held = 0.0
        while batch := self._next(rows):
            while batch:
                if held:
                    self.app.site.database.make_way(held)
                begun = time.monotonic()
                with self._begin() as tx:
                    batch = self._batch(tx, batch)
                self._committed = self._counted()
                if progress:
                    progress(Progress(sum(self.counts.values()), dict(self.counts)))
                if not self.dry:
                    held = time.monotonic() - begun

    def _begin(self) -> AbstractContextManager[Tx]:
        return self.app.begin(self.actor, self.client, write=not self.dry)

    def _finish(self, state: State, error: str = "") -> None:
        if self.job_id is not None:
            with self._begin() as tx:
                jobs.hold(tx, self.job_id)
                jobs.record(tx, self.job_id, state, self._committed, error=error)

    def _counted(self) -> dict[str, int]:
        return {result.value: self.counts[result] for result in Result}

    def _next(self, rows: Iterator[Ready]) -> list[Ready]:
        """Rows of some batches, read before the write lock is taken."""
        batch: list[Ready] = []
        octets = 0
        while len(batch) < BATCH_ROWS and octets < BATCH_OCTETS and (row := next(rows, None)) is not None:
            batch.append(row)
            octets += ready.size_of(row)
        return batch

    def _batch(self, tx: Tx, rows: list[Ready]) -> list[Ready]:
        """Rows of one transaction; returns those for which there was no time."""
        if self.job_id is not None:
            jobs.hold(tx, self.job_id)
        started, done, waiting = time.monotonic(), 0, list[JobRow]()
        while done < len(rows) and (not done or time.monotonic() - started < BATCH_SECONDS):
            chunk = rows[done : done + CHUNK_ROWS]
            for row, decision in zip(chunk, self._chunk(tx, chunk), strict=True):
                self.counts[decision.result] += 1
                if decision.problem is not None:
                    waiting.append(JobRow(decision.result, decision.problem, row.cells))
                if decision.note is not None and len(self.notes) < MOST_PROBLEMS:
                    self.notes.append(decision.note)
            done += len(chunk)
        self.problems += [row.problem for row in waiting[: MOST_PROBLEMS - len(self.problems)]]
        if self.job_id is not None:
            jobs.record(tx, self.job_id, State.RUNNING, self._counted(), waiting)
        return rows[done:]

    def _chunk(self, tx: Tx, rows: Sequence[Ready]) -> list[_Decision]:
        """What became of some rows, remembered for an undo."""
        if self.dry:
            return self._decided(tx, rows, None)
        self._added, self._changed = [], []
        first = revisions.last(tx.db)
        decisions = self._written(tx, rows)
        if self.job_id is not None and (self._added or self._changed):
            last = revisions.last(tx.db)
            known = snapshots.take(tx, self._changed)  # what a snapshot has, no import changes
            job_rows.add_new(tx.db, self.job_id, self._added, first, last)
            job_rows.add_done(tx.db, self.job_id, {key: each.written() for key, each in known.items()}, first, last)
        return decisions

    def _written(self, tx: Tx, rows: Sequence[Ready]) -> list[_Decision]:
        """What became of some rows. Their new contacts are written together; if that is refused, one by one."""
        room = self.room, self.over_quota
        new: list[_New] = []
        try:
            with tx.savepoint():
                decisions = self._decided(tx, rows, new)
                self._write(tx, new)
            return decisions
        except (_OneByOne, Conflict, Forbidden):
            self.room, self.over_quota = room
            self._added, self._changed = [], []
            return self._decided(tx, rows, None)

    def _write(self, tx: Tx, new: Sequence[_New]) -> None:
        """New contacts, those of the same groups together. Raises what services refuse."""
        together: dict[tuple[int, ...], list[_New]] = {}
        for each in new:
            together.setdefault(tuple(matcher.group.id for matcher in each.place), []).append(each)
        for some in together.values():
            first, *others = (matcher.group for matcher in some[0].place)
            ids = contacts.add_kept(tx, first, [each.kept for each in some], source=self.origin or None)
            for contact_id, each in zip(ids, some, strict=True):
                custom_fields.give(tx, contact_id, each.custom)
            for group in others:
                contacts.copy(tx, ids, group)
            self._added += ids

    def _decided(self, tx: Tx, rows: Sequence[Ready], new: list[_New] | None) -> list[_Decision]:
        matchers = self._rehearsal if self.dry else {}  # when dry, nothing is written for the next rows to find
        return [
            _Decision(Result.ERROR, problem=place) if isinstance(place, Problem) else self._one(place, row, new)
            for row, place in targets.places(tx, self.group, rows, matchers)
        ]

    def _one(self, place: Place, row: Ready, new: list[_New] | None) -> _Decision:
        """One row: decided and, unless dry, written; a new contact only put into ``new`` if that is given.

        What refuses the row leaves nothing of it behind.
        """
        try:
            decision = self.decide(place[0], row)
            if decision.result is Result.ADDED and self.room < 1:
                self.over_quota += 1
                limit = self.app.site.limits.contacts
                return _refused(row, "quota", f"the limit of {limit} contacts is reached")
            if decision.result is Result.ADDED:
                self._add(place, row, decision, new)
            elif decision.result is Result.UPDATED:
                self._change(place[0], row, decision, is_alone=new is None)
            if decision.result not in (Result.ADDED, Result.ERROR) and len(place) > 1:
                return replace(decision, note=targets.left(place, row))
        except Unavailable:
            raise
        except SharedbookError as error:
            return _refused(row, error.code, str(error))
        return decision

    def decide(self, matcher: Matcher, row: Ready) -> _Decision:
        """What becomes of a row without a problem. Raises InvalidCard for what no card can hold."""
        said = row.said
        assert said is not None
        if self.duplicates is Duplicates.ADD:
            return self._new(row, str(uuid.uuid4()) if matcher.holds_uid(said) else "")
        match = matcher.find(said, row.kept)
        if not match.found:
            return self._new(row)
        if self.origin:
            return self._follow(matcher, row, match)
        if self.duplicates is Duplicates.SKIP:
            return _Decision(Result.SKIPPED_DUPLICATE)
        if self.duplicates is Duplicates.ASK or len(match.found) > 1:
            return _Decision(Result.NEEDS_DECISION, problem=_question(row, match))
        known = match.found[0]
        whole = _whole(row)
        if self.duplicates is Duplicates.REPLACE:
            card = whole.new_card(uid=known.facts.uid)
        else:
            card = whole.edited(vcard.load(matcher.text_of(known)), fill=self.duplicates is Duplicates.FILL)
        custom = self._custom(matcher, row, known)
        changed = card.text != matcher.text_of(known) or bool(custom)
        return _Decision(Result.UPDATED if changed else Result.UNCHANGED, card=card, known=known, custom=custom)

    def _new(self, row: Ready, uid: str = "") -> _Decision:
        """A new contact, with another ``uid`` than the row has if one is given; or why no card can hold the row."""
        found, refusal = self._make.kept_of(_whole(row), uid) if uid else (row.kept, row.refusal)
        if found is None:
            return _Decision(Result.ERROR, problem=refusal)
        return _Decision(Result.ADDED, new=found, custom=row.custom)

    def _follow(self, matcher: Matcher, row: Ready, match: Match) -> _Decision:
        """A directory's entry whose contact is there: its card is the entry's; one that was detached stays as it is."""
        known = match.found[0]
        if match.by != "external id" or len(match.found) > 1:
            return _Decision(Result.NEEDS_DECISION, problem=_question(row, match))
        if known.id is None or known.id not in self.kept:
            return _Decision(Result.SKIPPED_DUPLICATE)
        self._met.add(known.id)
        card = _whole(row).new_card(uid=known.facts.uid)
        result = Result.UNCHANGED if card.text == matcher.text_of(known) else Result.UPDATED
        return _Decision(result, card=card, known=known)

    def _custom(self, matcher: Matcher, row: Ready, known: Known) -> Values:
        """The custom fields that the row gives the contact, other than it has them."""
        if not row.custom:
            return {}
        has = matcher.custom_of(known)
        return {
            key: values
            for key, values in row.custom.items()
            if values != has.get(key, ())
            and (values or self.duplicates is Duplicates.REPLACE)
            and not (key in has and self.duplicates is Duplicates.FILL)
        }

    def _add(self, place: Place, row: Ready, decision: _Decision, new: list[_New] | None) -> None:
        """A new contact: written, or only put into ``new``; when dry, only remembered. Raises what services refuse."""
        found, said = decision.new, row.said
        assert found is not None and said is not None
        contact_id = None
        if new is not None:
            new.append(_New(found, place, decision.custom))
        elif not self.dry:
            with place[0].tx.savepoint():
                self._write(place[0].tx, [_New(found, place, decision.custom)])
            contact_id = self._added[-1]
        self.room -= 1
        known = Known(contact_id, Facts(found.uid, found.name, found.size, said.numbers), found.text, decision.custom)
        for matcher in place:
            matcher.remember(known, said)

    def _change(self, matcher: Matcher, row: Ready, decision: _Decision, *, is_alone: bool) -> None:
        """A contact that is there, or (when dry) would be. Raises what services refuse."""
        known, said = decision.known, row.said
        assert known is not None and decision.card is not None and said is not None
        card = vcard.checked(decision.card, self.app.site.limits)
        if known.id is None and not is_alone:
            raise _OneByOne  # it changes a contact that is not written yet
        if known.id is not None and not self.dry:
            with matcher.tx.savepoint():
                contacts.replace(matcher.tx, known.id, card, source=self.origin or None)
                custom_fields.write(matcher.tx, known.id, decision.custom)
            self._changed.append(known.id)
        numbers = said.numbers | known.facts.numbers
        known.text, known.facts = card.text, Facts(card.uid, fields.full_name(card), len(card.text.encode()), numbers)
        if known.custom is not None:
            known.custom = {**known.custom, **decision.custom}
        matcher.remember(known, said)

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
            gone=() if self._waiting() else tuple(sorted(self.kept - self._met)),
        )


def _refused(row: Ready, code: str, message: str) -> _Decision:
    return _Decision(Result.ERROR, problem=Problem(row.line, "", code, message))


def _whole(row: Ready) -> Incoming:
    assert row.row is not None, "the rows were not asked for whole"
    return row.row


def _question(row: Ready, match: Match) -> Problem:
    ids = ", ".join(str(known.id) if known.id is not None else "of an earlier row" for known in match.found[:5])
    message = f"it fits contact {ids} by {match.by}"
    return Problem(row.line, "", "needs-decision", message)
