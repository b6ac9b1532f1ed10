"""Logins: who stands behind a name and a password, read anew at every request. The same path for known and unknown.

In this order: an app password (one HMAC), a success remembered by this process, then the hash, or for members of an
existing directory that directory. What fails is always LoginFailed with the same words.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from sharedbook.domain.access import Viewer
from sharedbook.domain.errors import LoginFailed, Unavailable
from sharedbook.domain.model import Client
from sharedbook.services.people import directory_login, passwords
from sharedbook.services.people.subjects import fold_name
from sharedbook.services.tx import App, Service, Tx
from sharedbook.store import app_passwords, identity
from sharedbook.store.identity import Identity, Opener

Door = Literal["carddav", "ldap"]
REMEMBER_SECONDS: dict[Door, int] = {"carddav": 300, "ldap": 60}
USE_NOTED_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Login:
    """A login that succeeded; ``app_password`` is the label of the one used.

    ``proof``: what it was compared with, the id of an app password or the stored hash: the login holds while the member
    has it.
    """

    viewer: Viewer
    proof: int | str
    app_password: str | None = None


def authenticate(
    app: App,
    login: str,
    password: str,
    door: Door,
    *,
    admit: Callable[[], None] = lambda: None,
    retract: Callable[[], None] = lambda: None,
) -> Login:
    """Who this is. ``login`` in any case, or a mail address that exactly one member has.

    ``admit`` is called before a password is compared, and may raise Throttled: app passwords and remembered successes
    pass without it. ``retract`` is called when it could not be compared after all.
    Raises LoginFailed (wrong, unknown, disabled, revoked, expired, another door's), Busy, Unavailable.
    """
    with app.begin(Service("login"), Client(door)) as tx:
        found = _find(tx, login, password)
    if (known := _known(app, found, password, door)) is not None:
        return known
    admit()
    user, stored = (found.viewer.name, found.password) if found else ("", None)
    try:
        right = _compare(app, user, password, stored)
    except Unavailable:
        retract()
        raise
    if not right or found is None or stored is None:
        raise LoginFailed("the login or the password is wrong", hint="a postmaster can set a new password")
    return Login(found.viewer, stored)


def _compare(app: App, user: str, password: str, stored: str | None) -> bool:
    """Whether the password is right, by its hash or by the directory. No transaction is open."""
    if stored is None or not directory_login.is_mark(stored):
        return passwords.verify(user, password, stored)
    right = directory_login.verify(app.site.settings, user, password)
    if right:
        passwords.remember(user, password, stored)
    return right


def recognize(app: App, tx: Tx, login: str, password: str, door: Door) -> Login | None:
    """Who this is, if no password must be hashed to tell; else None, and ``authenticate`` must be asked."""
    return _known(app, _find(tx, login, password), password, door)


def _known(app: App, found: Identity | None, password: str, door: Door) -> Login | None:
    """An app password, or a success remembered by this process."""
    if found is None:
        return None
    used = found.app_password
    if used is not None and _opens(used, door):
        _note_use(app, found.viewer, used, door)
        return Login(found.viewer if used.write else found.viewer.as_read_only(), used.id, used.label)
    stored = found.password
    if stored is not None and passwords.remembered(found.viewer.name, password, stored, seconds=REMEMBER_SECONDS[door]):
        return Login(found.viewer, stored)
    return None


def _find(tx: Tx, login: str, password: str) -> Identity | None:
    """Who may log in under this name: by login, else by a mail address that only one member has."""
    name, days = fold_name(login), tx.site.settings.departure_days
    mac = passwords.app_password_mac(tx.site.secrets, password)
    found = identity.load(tx.db, name, departure_days=days, hmac=mac)
    if found is None and "@" in name:
        logins = identity.logins_of(tx.db, name)
        found = identity.load(tx.db, logins[0], departure_days=days, hmac=mac) if len(logins) == 1 else None
    return None if found is None or found.disabled else found


def _opens(used: Opener, door: Door) -> bool:
    """Whether this app password is for this door, and has not expired."""
    return door in used.doors and (used.expires is None or used.expires > datetime.now(UTC))


# ---- when an app password was last used: written beside the request, at most once an hour each

_writer = ThreadPoolExecutor(1, thread_name_prefix="last-used")
_being_noted: set[int] = set()
_lock = threading.Lock()


def _note_use(app: App, viewer: Viewer, used: Opener, door: Door) -> None:
    now = datetime.now(UTC)
    if used.last_used is not None and now - used.last_used < USE_NOTED_EVERY:
        return
    with _lock:
        if used.id in _being_noted:
            return
        _being_noted.add(used.id)
    _writer.submit(_write_use, app, viewer, used, door, now)


def _write_use(app: App, viewer: Viewer, used: Opener, door: Door, now: datetime) -> None:
    try:
        with app.begin(viewer, Client(door), write=True) as tx:
            app_passwords.used(tx.db, used.id, now)
    except Unavailable:
        pass  # a long import holds the write lock: the next request tries again
    finally:
        with _lock:
            _being_noted.discard(used.id)
