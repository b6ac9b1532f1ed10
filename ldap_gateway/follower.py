"""Keeps the directory as fresh as the database: the loop notices commits, a thread reads what changed.

Reading the database and parsing cards happen in the thread; the directory is changed on the loop only, in slices so
short that no search waits. Who may see what changes in one step, before any value does: a contact whose audience or
groups have changed is hidden until its new values are in, so nobody is ever shown a mixture of before and after.

The loop looks for commits itself. A small change it reads itself, too, where the database is a file; else it stands
still while the thread reads it: a thread that must take turns with a busy loop is late at each turn.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from ldap_gateway import keeping
from ldap_gateway.directory import Directory
from ldap_gateway.index import Document
from sharedbook.app import App
from sharedbook.domain.errors import InvalidCard, InvalidToken, Unavailable
from sharedbook.domain.model import Client
from sharedbook.services import feed
from sharedbook.services.feed import Delta, DirectoryEntry, FeedContact
from sharedbook.services.tx import Service

logger = logging.getLogger("sharedbook.ldap")

FRESH_SECONDS = 0.5
LOOK_SECONDS = 0.005
"""Between two looks for commits; one takes some microseconds."""
ASK_SECONDS = 0.1
"""After so long the database is asked, whether or not a commit was noticed: does it answer?"""
SLICE_SECONDS = 0.002
ASIDE_SECONDS = 0.01
"""How long the loop may stand still while a change is read: longer than most reads take, and still not noticed."""
KEPT_AT_ONCE, MOST_NEW, KEEP_SECONDS = 500, 5000, 60.0
"""Entries are kept so many at once, or so seldom; of what changes faster the next start makes them anew."""
WARM_CHANGES = 100
SHORT = 24
"""Longer texts are seldom those of several contacts."""
FEW = 6
"""Changes that the loop reads itself; most commits write two."""
BATCH = 16
"""Contacts that are parsed before they are given to the loop."""

Indexed = tuple[Document, dict[str, str]]
"""What ``People.indexed`` makes of a contact, and ``Index.put`` takes."""
Indexing = tuple[Sequence[Indexed], list[int]]
"""Contacts to put into the index, and ids of those to take out, as their cards cannot be read."""


@dataclass(frozen=True, slots=True)
class State:
    """Whether the database answers, and in seconds: since it was asked, and how long the last changes took."""

    answers: bool
    asked: float
    catch_up: float


_ACTOR, _CLIENT = Service("ldap"), Client("ldap")


class Follower:
    """``load`` once, then ``start``; ``stop`` from the loop. ``keeps``: whether it keeps entries for the next start."""

    def __init__(self, app: App, directory: Directory, *, keeps: bool = True) -> None:
        self._app = app
        self._directory = directory
        self._keeps = keeps
        self._commits = app.watch()
        self._seq = 0
        self._looked = float("-inf")
        self._new: dict[int, tuple[FeedContact, DirectoryEntry]] = {}
        self._kept = time.monotonic()
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="follower")
        self._following: asyncio.Task[None] | None = None
        self._keeper = threading.Thread()
        self._failing = False
        self._catching_up = 0.0

    # ---- before anything is served

    def load(self) -> None:
        """Fills the empty directory, so that it answers; ``Index.build`` makes it fast. Raises Unavailable."""
        people = self._directory.people
        with self._app.begin(_ACTOR, _CLIENT) as tx:
            found = feed.snapshot(tx, people.stamp)
            self._directory.set_members(found.members)
            self._directory.set_groups(found.groups)
            self._directory.superiors.set(found.superiors)
            for document, texts in _shared(self._documents(found.contacts)):
                self._directory.index.put(document, texts, later=True)
                if len(self._new) >= KEPT_AT_ONCE:
                    self._keep()
        self._keep()
        self._app.let_go()  # this connection has the whole database in memory
        self._seq = found.seq
        self._warm()

    def _warm(self) -> None:
        """Reads the last changes once more: the first such read is slow, and nobody waits for it."""
        with self._app.begin(_ACTOR, _CLIENT) as tx, suppress(InvalidToken):
            feed.since(tx, max(0, self._seq - WARM_CHANGES))

    def _documents(self, contacts: Iterable[FeedContact]) -> Iterable[Indexed]:
        for contact in contacts:
            try:
                document, texts = self._directory.people.indexed(contact)
            except InvalidCard as error:
                logger.warning("contact %d is left out: its card cannot be read: %s", contact.id, error.code)
                continue
            new = contact.kept is None and document.groups == contact.groups
            if new and self._keeps and len(self._new) < MOST_NEW:
                self._new[contact.id] = contact, keeping.kept(document, texts)
            yield document, texts

    def _keep_sometimes(self) -> None:
        """Keeps what is new, in a thread of its own: it waits for other writers, whose changes are to be read."""
        due = len(self._new) >= KEPT_AT_ONCE or (self._new and time.monotonic() - self._kept > KEEP_SECONDS)
        if due and not self._keeper.is_alive():
            self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)
            self._keeper.start()

    def _keep(self) -> None:
        """Writes what was made of contacts, for the next start; without it that takes longer."""
        new, self._new = list(self._new.values()), {}
        if not new:
            return
        self._kept = time.monotonic()
        try:
            with self._app.begin(_ACTOR, _CLIENT, write=True) as tx:
                feed.keep(tx, self._directory.people.stamp, new)
        except Unavailable as error:
            logger.info("entries are not kept: %s", error)

    # ---- following

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Follows until ``stop``."""
        self._following = loop.create_task(self._follow())

    @property
    def fresh(self) -> bool:
        """Whether the database was asked for changes just now."""
        return time.monotonic() - self._looked < FRESH_SECONDS

    def state(self) -> State:
        """How the following goes at this moment."""
        return State(not self._failing, time.monotonic() - self._looked, self._catching_up)

    async def stop(self) -> None:
        """Ends the following, and waits for the threads."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait([self._following])
        await asyncio.to_thread(self._reader.shutdown)
        if self._keeper.is_alive():
            await asyncio.to_thread(self._keeper.join)
        self._commits.close()

    async def _follow(self) -> None:
        while True:
            try:
                moved = not self._failing and self._commits.moved()
                if moved or time.monotonic() - self._looked > ASK_SECONDS:
                    await self._ask(aside=moved)
                if self._failing:
                    logger.warning("the database answers again")
                self._failing = False
            except Unavailable as error:
                if not self._failing:
                    logger.warning("changes cannot be read, old ones are served: %s", error)
                self._failing = True
            except Exception:
                logger.exception("changes cannot be followed; trying again")
                self._failing = True
            await asyncio.sleep(ASK_SECONDS if self._failing else LOOK_SECONDS)

    async def _ask(self, *, aside: bool) -> None:
        """Asks for changes and applies them: rights with the first contacts, the others batch by batch.

        ``aside``: the loop stands still while a small change is read.
        """
        began = time.monotonic()
        here = self._read_here() if aside and self._app.local else None
        delta, (documents, unreadable) = here or await self._read_there(aside=aside)
        self._looked = time.monotonic()
        self._keep_sometimes()
        if delta.seq == self._seq:
            return
        self._change_rights(delta)
        await self._apply(documents, [*unreadable, *delta.gone])
        for start in range(BATCH, len(delta.contacts), BATCH):
            batch = delta.contacts[start : start + BATCH]
            await self._apply(*await asyncio.wrap_future(self._reader.submit(self._indexing, batch)))
        self._seq = delta.seq
        self._catching_up = time.monotonic() - began

    def _read_here(self) -> tuple[Delta, Indexing] | None:
        with self._app.begin(_ACTOR, _CLIENT) as tx:
            delta = feed.few_since(tx, self._seq, FEW)
        return None if delta is None else (delta, self._indexing(delta.contacts))

    async def _read_there(self, *, aside: bool) -> tuple[Delta, Indexing]:
        reading = self._reader.submit(self._read_first)
        if aside:
            with suppress(TimeoutError):
                reading.result(ASIDE_SECONDS)
        return await asyncio.wrap_future(reading)

    def _read_first(self) -> tuple[Delta, Indexing]:
        """What changed, and the first contacts of it."""
        self._commits.listen()
        delta = self._read()
        return delta, self._indexing(delta.contacts[:BATCH])

    def _indexing(self, contacts: Sequence[FeedContact]) -> Indexing:
        documents = list(self._documents(contacts))
        readable = {document.id for document, _ in documents}
        return documents, [contact.id for contact in contacts if contact.id not in readable]

    def _read(self) -> Delta:
        with self._app.begin(_ACTOR, _CLIENT) as tx:
            with suppress(InvalidToken):
                return feed.since(tx, self._seq)
            logger.warning("the changes since %d are not known any more: everything is read anew", self._seq)
            return self._everything(feed.snapshot(tx, self._directory.people.stamp))

    def _everything(self, found: feed.Snapshot) -> Delta:
        """A snapshot as changes to what is in memory."""
        contacts = list(found.contacts)
        living, groups, members = ({each.id for each in kept} for kept in (contacts, found.groups, found.members))
        return Delta(
            found.seq,
            contacts,
            sorted(set(self._directory.index.ids()) - living),
            found.groups,
            sorted(self._directory.groups.keys() - groups),
            found.members,
            sorted(self._directory.members.keys() - members),
            dict.fromkeys(self._directory.superiors.ids(), 0) | dict(found.superiors),
        )

    def _change_rights(self, delta: Delta) -> None:
        directory = self._directory
        moved = [contact.id for contact in delta.contacts if self._is_moved(contact)]
        directory.index.hide([*delta.gone, *moved])
        if delta.superiors:
            directory.superiors.set(delta.superiors)
        if delta.groups or delta.gone_groups:
            directory.set_groups(delta.groups, delta.gone_groups)
        if delta.members or delta.gone_members:
            directory.set_members(delta.members, delta.gone_members)

    def _is_moved(self, contact: FeedContact) -> bool:
        """Whether other readers may see it now than before."""
        old = self._directory.index.document(contact.id)
        return old is not None and (old.audience, set(old.groups)) != (contact.audience, set(contact.groups))

    async def _apply(self, documents: Sequence[Indexed], gone: Sequence[int]) -> None:
        index = self._directory.index
        steps = [partial(index.put, *each) for each in documents] + [partial(index.remove, each) for each in gone]
        began = time.monotonic()
        for step in steps:
            step()
            if time.monotonic() - began > SLICE_SECONDS:
                await asyncio.sleep(0)
                began = time.monotonic()


def _shared(found: Iterable[Indexed]) -> Iterable[Indexed]:
    """The same, with equal groups, audiences and short texts kept once: many work for the same few companies."""
    groups: dict[Collection[int], Collection[int]] = {}
    audiences: dict[frozenset[int], frozenset[int]] = {}
    words: dict[str, str] = {}
    for document, texts in found:
        document.groups = groups.setdefault(document.groups, document.groups)
        document.audience = audiences.setdefault(document.audience, document.audience)
        yield (
            document,
            {name: words.setdefault(text, text) if len(text) < SHORT else text for name, text in texts.items()},
        )
