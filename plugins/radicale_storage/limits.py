"""What one address may take of this process: requests at the same time; and which peers are proxies to believe."""

from __future__ import annotations

import ipaddress
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from sharedbook.domain.errors import Busy
from sharedbook.services.people.login_limits import network_of


@lru_cache(maxsize=256)
def trusted(address: str, networks: tuple[str, ...]) -> bool:
    """Whether the peer is one of the proxies that the settings name."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
        return any(parsed in ipaddress.ip_network(network, strict=False) for network in networks)
    except ValueError:
        return False


class Crowd:
    """Requests that this process answers at the same time, by address: slow senders cannot take every thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._busy: Counter[str] = Counter()

    @contextmanager
    def one(self, address: str, most: int | None = None) -> Iterator[None]:
        """One request of an address. Raises Busy when it has ``most`` already; without ``most`` it is only counted."""
        network = network_of(address)
        with self._lock:
            if most is not None and self._busy[network] >= most:
                raise Busy("too many requests at once from this address", hint="try again in a few seconds")
            self._busy[network] += 1
        try:
            yield
        finally:
            with self._lock:
                self._busy[network] -= 1
                if not self._busy[network]:
                    del self._busy[network]
