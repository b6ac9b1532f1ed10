"""What the gateway counts, and how Prometheus reads it: kinds, results and times, never a value or a login."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping

from ldap_gateway.log import Access, Said

BOUNDS = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)
"""Upper ends of the histogram's buckets, in seconds."""

Sample = tuple[str, str, float]
"""Name, labels as Prometheus writes them, value."""

PREFIX = "sharedbook_ldap_"
METRICS: Mapping[str, tuple[str, str]] = {
    "requests_total": ("counter", "Requests by kind and LDAP result code. Binds: 0 good, 49 bad, 51 throttled."),
    "entries_total": ("counter", "Entries sent."),
    "search_seconds": ("histogram", "Time from a search to its last entry."),
    "connections": ("gauge", "Connections that are open."),
    "connections_refused_total": ("counter", "Connections refused because there were too many."),
    "contacts": ("gauge", "Contacts in memory."),
    "indexed": ("gauge", "1 when the lists that make searches fast are built."),
    "database_answers": ("gauge", "1 while changes can be read from the database."),
    "asked_seconds": ("gauge", "Time since the database was last asked for changes."),
    "catch_up_seconds": ("gauge", "What the last changes took, from being noticed until searches found them."),
}


class Counters:
    """What one process has answered since it began."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, int]] = Counter()
        self._entries = 0
        self._seconds = 0.0
        self._buckets = [0] * (len(BOUNDS) + 1)
        self.refused = 0

    def note(self, access: Access) -> None:
        """Counts one request."""
        request = access.request
        kind = request.kind if isinstance(request, Said) else type(request).__name__.lower()
        self._requests[kind, int(access.code)] += 1
        if kind == "search":
            self._entries += access.entries
            self._seconds += access.seconds
            self._buckets[bisect_left(BOUNDS, access.seconds)] += 1

    def samples(self) -> list[Sample]:
        """Everything as of now."""
        found: list[Sample] = [
            ("requests_total", f'kind="{kind}",result="{code:d}"', count)
            for (kind, code), count in sorted(self._requests.items())
        ]
        found += [("entries_total", "", self._entries), ("connections_refused_total", "", self.refused)]
        total = 0
        for end, count in zip((*BOUNDS, "+Inf"), self._buckets, strict=True):
            total += count
            found.append(("search_seconds_bucket", f'le="{end}"', total))
        return [*found, ("search_seconds_sum", "", self._seconds), ("search_seconds_count", "", total)]


def text(workers: Mapping[int, Iterable[Sample]]) -> str:
    """What Prometheus reads (text format 0.0.4), from each worker's samples."""
    lines: dict[str, list[str]] = {name: [] for name in METRICS}
    for worker, samples in workers.items():
        for name, labels, value in samples:
            found = f'{PREFIX}{name}{{worker="{worker}"{"," if labels else ""}{labels}}} {value:.9g}\n'
            lines[_metric(name)].append(found)
    return "".join(
        f"# HELP {PREFIX}{name} {words}\n# TYPE {PREFIX}{name} {kind}\n{''.join(lines[name])}"
        for name, (kind, words) in METRICS.items()
    )


def _metric(name: str) -> str:
    """The metric that a sample is of: a histogram has three kinds of them."""
    return name if name in METRICS else name.rpartition("_")[0]
