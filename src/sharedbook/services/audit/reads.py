"""Who read what: counted in memory by member, door, group and hour; once a minute one chained row of the audit.

A row for each read would cost a write for each. A process that ends writes the rest; a crash loses at most a minute.
The ids of a row are the hour (hours since 1970) and, by door, triples of member id (0: anonymous), group id and number
of contacts read.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from multiprocessing.util import Finalize

from sharedbook.domain.errors import Unavailable
from sharedbook.domain.model import Client
from sharedbook.services.tx import Console, Site, begin

SECONDS = 60
ACTOR = Console("reads")
ACTION = "read"


class Reads:
    """One process' counters. The thread that writes them starts with the first read; ``close`` writes the rest."""

    def __init__(self, site: Site, *, seconds: float = SECONDS) -> None:
        self._site = site
        self._seconds = seconds
        self._lock = threading.Lock()
        self._counts: Counter[tuple[int, str, int, int]] = Counter()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def note(self, member_id: int | None, door: str, group_id: int, count: int) -> None:
        """Counts contacts that a member was given of a group. Costs no statement."""
        if count <= 0:
            return
        hour = int(time.time()) // 3600
        with self._lock:
            self._counts[(hour, door, member_id or 0, group_id)] += count
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="reads", daemon=True)
                self._thread.start()
                Finalize(None, self.close, exitpriority=1)  # atexit, which workers of multiprocessing do not run

    def flush(self) -> None:
        """Writes what was counted. When the database cannot be written now, the counts stay for the next time."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        if not counts:
            return
        try:
            self._write(counts)
        except Unavailable:
            with self._lock:
                self._counts.update(counts)

    def close(self) -> None:
        """Writes the rest and ends the thread."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join()
        self.flush()

    def _run(self) -> None:
        while not self._ending.wait(self._seconds):
            self.flush()

    def _write(self, counts: Counter[tuple[int, str, int, int]]) -> None:
        hours: dict[int, dict[str, list[list[int]]]] = {}
        for (hour, door, member_id, group_id), count in sorted(counts.items()):
            hours.setdefault(hour, {}).setdefault(door, []).append([member_id, group_id, count])
        with begin(self._site, ACTOR, Client("reads"), write=True) as tx:
            for hour, doors in hours.items():
                tx.audit(ACTION, hour=hour, **doors)
