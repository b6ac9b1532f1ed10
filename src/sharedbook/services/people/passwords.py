"""Passwords and app passwords: how they are hashed, made and compared. Nothing here knows who someone is.

A password costs one argon2id hash in a bounded set of slots, so that bad logins never take all processors; a success is
remembered for a while as an HMAC under a key of this process. An app password costs one HMAC.
"""

from __future__ import annotations

import base64
import hmac
import os
import re
import secrets
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from passlib.hash import argon2

from sharedbook.domain.errors import Busy, InvalidValue
from sharedbook.services.keys.secrets import Secrets

SHORTEST, LONGEST = 8, 1024
"""Characters of a password that may be set; NIST SP 800-63B section 5.1.1.2 has the lower bound."""

_SLOTS = max(1, (os.cpu_count() or 1) - 1)
_QUEUE = 8 * _SLOTS
_REMEMBERED = 10_000
_APP_PASSWORD = re.compile("[a-z2-7]{32}")

_argon2id = argon2.using(type="ID", memory_cost=19 * 1024, time_cost=2, parallelism=1)
_process_key = secrets.token_bytes(32)
# What an unknown login is compared with, so that it takes as long as a known one: no password's hash is all zero.
_DUMMY = f"$argon2id$v=19$m=19456,t=2,p=1${'A' * 22}${'A' * 43}"


class Slots:
    """At most ``running`` at a time, at most ``waiting`` behind them; more are refused with Busy."""

    def __init__(self, running: int, waiting: int) -> None:
        self._running = threading.Semaphore(running)
        self._admitted = threading.Semaphore(running + waiting)

    @contextmanager
    def one(self) -> Iterator[None]:
        """Waits for a slot and holds it. Raises Busy at once when the queue is full."""
        if not self._admitted.acquire(blocking=False):
            raise Busy("too many logins at once", hint="try again in a few seconds")
        try:
            with self._running:
                yield
        finally:
            self._admitted.release()


class Remembered:
    """Successes, kept as keyed hashes with the time of the comparison; the oldest go first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._at: dict[bytes, float] = {}
        self._lock = threading.Lock()

    def add(self, key: bytes) -> None:
        """Notes a success."""
        with self._lock:
            self._at.pop(key, None)
            self._at[key] = monotonic()
            if len(self._at) > self._most:
                del self._at[next(iter(self._at))]

    def has(self, key: bytes, seconds: float) -> bool:
        """Whether it succeeded at most so many seconds ago."""
        at = self._at.get(key)
        return at is not None and monotonic() - at <= seconds


_slots = Slots(_SLOTS, _QUEUE)
_successes = Remembered(_REMEMBERED)


def make_hash(password: str) -> str:
    """The stored hash of a new password. Raises InvalidValue (too short, too long, not text), Busy."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidValue(
            f"a password has {SHORTEST} to {LONGEST} characters", field="password", hint="choose another one"
        )
    try:
        password.encode()
    except UnicodeEncodeError:
        raise InvalidValue("the password is not UTF-8 text", field="password", hint="type it in UTF-8") from None
    with _slots.one():
        return str(_argon2id.hash(_octets(password)))


def remembered(user: str, password: str, stored: str | None, *, seconds: float) -> bool:
    """Whether this password was right for this login and stored hash at most so many seconds ago. Costs no hash."""
    return stored is not None and _successes.has(_key(user, password, stored), seconds)


def verify(user: str, password: str, stored: str | None) -> bool:
    """Compares a password with the stored hash, in one hash whatever is given; without a stored one it is wrong.

    Raises Busy.
    """
    with _slots.one():
        equal = _argon2id.verify(_octets(password[:LONGEST]), stored or _DUMMY)
    if stored is None or not equal or len(password) > LONGEST:
        return False
    remember(user, password, stored)
    return True


def remember(user: str, password: str, stored: str) -> None:
    """Notes that this password is right for this login, as long as that is stored."""
    _successes.add(_key(user, password, stored))


def new_app_password() -> str:
    """A fresh app password: 160 random bits as eight groups of four letters and digits."""
    text = base64.b32encode(secrets.token_bytes(20)).decode().lower()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def app_password_mac(site_secrets: Secrets, text: str) -> bytes | None:
    """What an app password is stored and found as; None for text that cannot be one. Only letters and digits count."""
    bare = text.replace("-", "").replace(" ", "").lower()
    return site_secrets.mac("app-password", bare.encode()) if _APP_PASSWORD.fullmatch(bare) else None


def _octets(password: str) -> bytes:
    """The bytes to hash: NFC (RFC 8265 section 4.2), so that it is the same from every keyboard and system."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


def _key(user: str, password: str, stored: str) -> bytes:
    return hmac.digest(_process_key, f"{user}|{stored}|".encode() + _octets(password), "sha256")
