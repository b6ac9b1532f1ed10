"""Rows of a file made ready to be written: cards, what is kept of them, what they are matched by. No database is asked.

So a large file is read by a process of its own while this one writes: on two cores an import takes what the slower of
the two takes. It is forked, as it needs the open source; it touches nothing else of its parent, and dies with the pipe.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import queue
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from multiprocessing.connection import Connection
from typing import NamedTuple

from sharedbook.domain.errors import InvalidCard, SharedbookError, Unavailable
from sharedbook.domain.model import Limits
from sharedbook.formats.entries import entry_cards
from sharedbook.formats.entries.entries import Entry
from sharedbook.formats.entries.incoming import Incoming, Source
from sharedbook.formats.rows.problems import Problem
from sharedbook.formats.vcards import phones, photo_reduction, vcard
from sharedbook.services.writing import kept
from sharedbook.services.writing.kept import Kept
from sharedbook.store.matches import Key, key

WORTH_A_PROCESS = 2_000
"""Rows; for fewer a process costs more than it saves."""

_SENT_ROWS = 100
_SENT_OCTETS = 1_000_000
_AHEAD = 20
"""Pieces of so many rows, or octets, that are ready before they are asked for: a batch, so that neither waits long."""


class Said(NamedTuple):
    """What a row is matched by; keys as the index holds them. ``numbers``: digits of its phone numbers, E.164."""

    external: tuple[Key, ...]
    uid: str
    emails: tuple[Key, ...]
    names: tuple[Key, ...]
    numbers: frozenset[str]

    def every(self) -> Iterator[Key]:
        """All that can be looked up."""
        yield from self.external
        if self.uid:
            yield key("uid", self.uid)
        yield from self.emails
        yield from self.names


class Ready(NamedTuple):
    """A row: ``cells`` as they stood in the file, and the problem that makes it none, or what it says.

    ``kept``: of a new card; None, and ``refusal``, where none can be made. ``row``: what changes a contact that is
    there already, only when it is asked for. ``groups``: slugs or names of those it shall go into.
    """

    line: int
    cells: tuple[str, ...]
    problem: Problem | None = None
    said: Said | None = None
    kept: Kept | None = None
    refusal: Problem | None = None
    custom: dict[int, tuple[str, ...]] = {}  # noqa: RUF012 - never written to
    row: Incoming | None = None
    groups: tuple[str, ...] = ()


class Make(NamedTuple):
    """How rows are made ready: the site's region and limits; ``whole``: with ``Ready.row``."""

    region: str
    limits: Limits
    whole: bool

    def rows(self, source: Source, skipped: int = 0) -> Generator[Ready, None, None]:
        """Every row of a source behind those ``skipped``, by another process if there are many and a second core."""
        if source.size < WORTH_A_PROCESS or len(os.sched_getaffinity(0)) < 2:
            return (self._ready(row) for row in islice(source.rows(), skipped, None))
        return _in_a_process(source, skipped, self._ready)

    def _ready(self, row: Incoming) -> Ready:
        if row.problems:
            first = row.problems[0]
            message = "; ".join(problem.message for problem in row.problems)
            return Ready(row.line, row.cells, Problem(row.line, first.column, first.code, message, first.value))
        try:
            if row.card is not None:
                row = replace(row, card=photo_reduction.fit(row.card, self.limits))
        except InvalidCard as error:
            return Ready(row.line, row.cells, Problem(row.line, "", error.code, error.message))
        found, refusal = self.kept_of(row)
        said = _said(row.entry, self.region)
        whole = row if self.whole else None
        return Ready(row.line, row.cells, None, said, found, refusal, dict(row.custom), whole, row.groups)

    def kept_of(self, row: Incoming, uid: str = "") -> tuple[Kept | None, Problem | None]:
        """What is kept of a row's new card, or why there is none."""
        try:
            card = vcard.checked(row.new_card(uid=uid), self.limits)
            return kept.of(card, self.region, self.limits), None
        except InvalidCard as error:
            return None, Problem(row.line, "", error.code, str(error))


def _said(entry: Entry, region: str) -> Said:
    external = entry.single.get("external_id", "")
    name = entry_cards.shown_name(entry)
    return Said(
        external=(key("X-EXTERNAL-ID", external),) if external else (),
        uid=entry.single.get("uid", ""),
        emails=tuple(key("email", text) for text in entry.texts("email")),
        names=(key("fullname", name),) if name else (),
        numbers=frozenset(phones.keys(text, region).e164 for text in entry.texts("phone")) - {""},
    )


# ---- the process


class _End(NamedTuple):
    """The last that is sent: what the source came to know while it was read, and what ended it early."""

    left_out: dict[str, None]
    warnings: list[Problem]
    error: SharedbookError | None


def _in_a_process(source: Source, skipped: int, ready: Callable[[Incoming], Ready]) -> Generator[Ready, None, None]:
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=_send, args=(there, here, source, skipped, ready), daemon=True)
    child.start()
    there.close()
    try:
        while not isinstance(found := pickle.loads(here.recv_bytes()), _End):  # noqa: S301 - of our own process
            yield from found
        source.left_out, source.warnings = found.left_out, found.warnings
        if found.error is not None:
            raise found.error
    except EOFError:
        raise Unavailable("the process that reads the file has ended", hint="run the import again") from None
    finally:
        child.kill()
        child.join()
        here.close()


def _send(
    there: Connection, here: Connection, source: Source, skipped: int, ready: Callable[[Incoming], Ready]
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who is asked to stop is the parent
    here.close()  # else a parent that is gone would not be noticed
    ahead = queue.Queue[bytes](_AHEAD)
    sender = threading.Thread(target=_pass_on, args=(ahead, there), daemon=True)  # so it holds no failed process back
    sender.start()
    error = None
    try:
        for rows in _pieces(map(ready, islice(source.rows(), skipped, None))):
            ahead.put(pickle.dumps(rows))
    except SharedbookError as reason:
        error = reason
    ahead.put(pickle.dumps(_End(source.left_out, source.warnings, error)))
    ahead.put(b"")
    sender.join()


def _pass_on(ahead: queue.Queue[bytes], there: Connection) -> None:
    """Sends until there is nothing more: a pipe holds few rows, and the parent takes none while it writes."""
    try:
        while piece := ahead.get():
            there.send_bytes(piece)
    except OSError:  # the parent is gone
        os._exit(1)


def _pieces(rows: Iterable[Ready]) -> Iterator[list[Ready]]:
    """Some rows at a time: not so many that the memory which they take depends on what is in them."""
    piece, octets = list[Ready](), 0
    for row in rows:
        piece.append(row)
        octets += size_of(row)
        if len(piece) == _SENT_ROWS or octets > _SENT_OCTETS:
            yield piece
            piece, octets = [], 0
    if piece:
        yield piece


def size_of(row: Ready) -> int:
    """About how many octets a row holds."""
    cells = sum(map(len, row.cells))
    return cells if row.kept is None else cells + row.kept.size + sum(map(len, row.kept.originals.values()))
