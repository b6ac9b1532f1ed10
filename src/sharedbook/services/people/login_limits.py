"""How many wrong passwords are let in: counted by (login, network) and by network, without sleeping.

Asked before a password is compared only (``accounts.authenticate``), so app passwords and remembered successes always
pass, and nobody can lock another one's account from elsewhere. The table is a small file of keyed hashes that all
workers of all doors share: no login is in it.
"""

from __future__ import annotations

import fcntl
import hashlib
import ipaddress
import math
import os
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sharedbook.domain.errors import Throttled, Unavailable
from sharedbook.services.tx import Site

SLOTS = 8192
PROBES = 8
_SLOT = struct.Struct("<8sdd?7x")


@dataclass(slots=True)
class _Counter:
    """``level``: tries counted; ``at``: of the last one (Unix time); ``welcome``: a login has succeeded here before."""

    slot: int
    key: bytes
    at: float = 0.0
    level: float = 0.0
    welcome: bool = False


class LoginLimits:
    """``path``: the shared table, made when missing. ``free`` tries, then waits that double up to ``longest`` s.

    Raises Unavailable when the table cannot be written.
    """

    def __init__(self, path: Path, secret: bytes, *, free: int, network_per_minute: int, longest: int) -> None:
        self._secret = secret
        self._free = free
        self._per_minute = network_per_minute
        self._longest = longest
        self._lock = threading.Lock()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:  # all of it now, so that a full disk does not stop the counting later
            os.posix_fallocate(self._file, 0, SLOTS * _SLOT.size)
        except OSError as error:
            os.close(self._file)
            raise Unavailable(f"{path} cannot be written: {error.strerror}", hint="free some space") from error

    @classmethod
    def of(cls, site: Site) -> LoginLimits:
        """The table of a site, with its settings."""
        settings = site.settings
        return cls(
            settings.data_dir / "logins",
            site.secrets.key("logins"),
            free=settings.login_free_failures,
            network_per_minute=settings.login_network_failures,
            longest=settings.login_longest_wait,
        )

    def admit(self, login: str, address: str) -> None:
        """Counts one try of a password. Raises Throttled when it is one too many, Unavailable."""
        now = time.time()
        with self._locked():
            pair, network = self._counters(login, address)
            self._refuse_pair(pair, now)
            if not pair.welcome:
                self._refuse_network(network, now)
                self._store(network)
            self._store(pair)

    def _refuse_pair(self, pair: _Counter, now: float) -> None:
        if now - pair.at > self._longest:
            pair.level = 0.0
        wait = 0.0 if pair.level < self._free else min(2.0 ** (pair.level - self._free), self._longest)
        _refuse_until(pair.at + wait, now)
        pair.level, pair.at = pair.level + 1, now

    def _refuse_network(self, network: _Counter, now: float) -> None:
        rate = self._per_minute / 60
        network.level = max(0.0, network.level - (now - network.at) * rate)
        _refuse_until(now + (network.level + 1 - self._per_minute) / rate, now)
        network.level, network.at = network.level + 1, now

    def retract(self, login: str, address: str) -> None:
        """Takes a try back: the password was not compared."""
        with self._locked():
            pair, network = self._counters(login, address)
            pair.level = max(0.0, pair.level - 1)
            self._store(pair)
            self._take_off(network, pair)

    def succeeded(self, login: str, address: str) -> None:
        """Forgets the tries of a login that got in."""
        with self._locked():
            pair, network = self._counters(login, address)
            if pair.welcome and pair.level == 0:
                return
            self._take_off(network, pair)
            pair.level, pair.welcome, pair.at = 0.0, True, time.time()
            self._store(pair)

    def _take_off(self, network: _Counter, pair: _Counter) -> None:
        """Takes a pair's try off its network, where it was counted: the tries of others stay."""
        if not pair.welcome:
            network.level = max(0.0, network.level - 1)
            self._store(network)

    def _counters(self, login: str, address: str) -> tuple[_Counter, _Counter]:
        net, now = network_of(address), time.time()
        return self._find(f"{login}@{net}", now), self._find(net, now)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """This thread alone, of all workers: flock holds off other processes, the lock other threads of this one."""
        with self._lock:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def _find(self, name: str, now: float) -> _Counter:
        """The counter of a name; a fresh one takes the place of the oldest of its slots.

        A time to come was noted before the clock was set back: waits begin anew, now.
        """
        key = hashlib.blake2b(name.encode(), key=self._secret, digest_size=8).digest()
        first = int.from_bytes(key, "little")
        oldest: _Counter | None = None
        for slot in ((first + step) % SLOTS for step in range(PROBES)):
            found = _Counter(slot, *_SLOT.unpack(os.pread(self._file, _SLOT.size, slot * _SLOT.size)))
            if found.key == key:
                if found.at > now:
                    found.at = now
                    self._store(found)
                return found
            if oldest is None or found.at < oldest.at:
                oldest = found
        assert oldest is not None
        return _Counter(oldest.slot, key)

    def _store(self, counter: _Counter) -> None:
        values = (counter.key, counter.at, counter.level, counter.welcome)
        try:
            os.pwrite(self._file, _SLOT.pack(*values), counter.slot * _SLOT.size)
        except OSError as error:
            raise Unavailable(f"failed logins cannot be counted: {error.strerror}", hint="free some space") from error

    def close(self) -> None:
        """Lets go of the table."""
        os.close(self._file)


def _refuse_until(time_: float, now: float) -> None:
    if time_ > now:
        seconds = math.ceil(time_ - now)
        raise Throttled("too many failed logins", retry_after=seconds, hint=f"wait {seconds} seconds")


@lru_cache(maxsize=256)
def network_of(address: str) -> str:
    """An IPv4 address itself, the /64 of an IPv6 one: what one subscriber holds."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
