"""Removes what is old: history, departures, tombstones, changes, emptied books, what lay in the trash too long.

Run by ``sharedbook serve`` once an hour; each step is a transaction of its own, so that nobody waits long for the lock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sharedbook.domain.errors import ErasurePending
from sharedbook.domain.model import ChangeKind, Client
from sharedbook.services.contacts import trash
from sharedbook.services.erasing import erasure
from sharedbook.services.jobs import jobs
from sharedbook.services.tx import Console, Site, Tx, begin
from sharedbook.services.upkeep import alarms
from sharedbook.services.writing import photos
from sharedbook.settings import Settings
from sharedbook.store import changes, groups, holds, memberships, notices, refetches, revisions, suggestions, sync

ACTOR = Console("housekeeping")
CHANGES_DAYS = 30
"""How long the LDAP index or a feed reader may be away before it must read everything again."""


@dataclass(frozen=True, slots=True)
class Tidied:
    """How much went, by kind."""

    departures: int
    refetches: int
    tombstones: int
    changes: int
    revisions: int
    suggestions: int
    books: int
    trashed: int
    erasures: int
    removals: int
    notices: int
    jobs: int


def run(site: Site) -> Tidied:
    """Removes what is older than the site's settings keep, and tells the postmasters what they should know.

    A step that fails keeps no other from its work. Raises the first error, whatever it was.
    """
    settings = site.settings
    steps: dict[str, Callable[[], int]] = {
        "departures": lambda: _step(site, lambda tx: _departures(tx, settings.tombstone_days)),
        "refetches": lambda: _step(site, lambda tx: refetches.prune(tx.db, _before(tx, settings.tombstone_days))),
        "tombstones": lambda: _step(
            site, lambda tx: memberships.prune_tombstones(tx.db, _before(tx, settings.tombstone_days))
        ),
        "changes": lambda: _step(site, lambda tx: changes.prune(tx.db, _before(tx, CHANGES_DAYS))),
        "revisions": lambda: _step(site, lambda tx: _history(tx, settings.history_days)),
        "suggestions": lambda: _step(site, lambda tx: suggestions.prune(tx.db, _before(tx, settings.history_days))),
        "books": lambda: _step(site, lambda tx: _books(tx, settings.departure_days)),
        "trashed": lambda: _trash(site, settings.trash_days),
        "erasures": lambda: _pending_erasures(site),
        "removals": lambda: _step(site, lambda tx: _removals(tx, settings)),
        "notices": lambda: _step(site, lambda tx: notices.prune(tx.db, _before(tx, settings.history_days))),
        "jobs": lambda: _step(site, lambda tx: jobs.tidy(tx, _before(tx, settings.history_days))),
    }
    done, failed = dict.fromkeys(steps, 0), dict[str, Exception]()
    for name, step in steps.items():
        try:
            done[name] = step()
        except Exception as error:
            failed[name] = error
    with begin(site, ACTOR, Client("housekeeping"), write=True) as tx:
        alarms.look(tx)
        if failed:
            alarms.housekeeping_failed(tx, failed)
    if failed:
        raise next(iter(failed.values()))
    return Tidied(**done)


def _step(site: Site, work: Callable[[Tx], int]) -> int:
    with begin(site, ACTOR, Client("housekeeping"), write=True) as tx:
        return work(tx)


def _before(tx: Tx, days: int) -> datetime:
    return tx.now - timedelta(days=days)


def _departures(tx: Tx, days: int) -> int:
    """Forgets departures; the floors of their groups rise, so that no token may ask for what is forgotten."""
    floors = sync.prune(tx.db, _before(tx, days))
    for group_id, floor in floors.items():
        groups.raise_floor(tx.db, group_id, floor)
    return len(floors)


def _history(tx: Tx, days: int) -> int:
    """Forgets old steps, and the original photos that only their texts had."""
    forgotten = revisions.prune(tx.db, _before(tx, days))
    photos.tidy(tx, sorted(set(forgotten)))
    return len(forgotten)


def _removals(tx: Tx, settings: Settings) -> int:
    """Forgets what clients took out longer ago than it counts, and holds that ended long ago."""
    return holds.prune(tx.db, tx.now - timedelta(seconds=settings.hold_window), _before(tx, settings.history_days))


def _books(tx: Tx, days: int) -> int:
    """Removes books that were shown empty for long enough; their slugs stay taken."""
    before = _before(tx, days)
    gone = [group for group in groups.every(tx.db) if group.emptied_at and group.emptied_at < before]
    for group in gone:
        groups.change(tx.db, group.id, removed_at=tx.now)
        tx.tick(ChangeKind.GROUP, group.id)
        tx.audit("group.removed", group=group.id)
    return len(gone)


def _trash(site: Site, days: int) -> int:
    """Erases what lay in the trash for longer than the site keeps it; 0 days: never by itself."""
    if not days:
        return 0
    with begin(site, ACTOR, Client("housekeeping")) as tx:
        old = trash.older_than(tx, days)
    if old:
        erasure.erase(site, ACTOR, Client("housekeeping"), old)
    return len(old)


def _pending_erasures(site: Site) -> int:
    """Ends what a reader held up, unless one still does; the next hour tries again."""
    if not site.database.sqlite:  # what another machine erased must not come back from a backup restored on this one
        erasure.list_again(site, erasure.ledger_path(site))
    try:
        return len(erasure.resume(site))
    except ErasurePending:
        return 0
