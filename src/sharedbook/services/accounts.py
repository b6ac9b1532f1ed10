"""Logins: who stands behind a name and a password, read anew at every request. The same path for known and unknown.

In this order: an app password (one HMAC), a success remembered by this process, then the hash. What fails is always
LoginFailed with the same words.
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
from sharedbook.services import passwords
from sharedbook.services.subjects import fold_name
from sharedbook.services.tx import App, Service, Tx
from sharedbook.store import app_passwords, identity
from sharedbook.store.app_passwords import AppPassword
from sharedbook.store.identity import Identity

Door = Literal["carddav", "ldap"]
REMEMBER_SECONDS: dict[Door, int] = {"carddav": 300, "ldap": 60}
USE_NOTED_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Login:
    """A login that succeeded; ``app_password`` is the label of the one used."""

    viewer: Viewer
    app_password: str | None = None


def authenticate(app: App, login: str, password: str, door: Door, *, admit: Callable[[], None] | None = None) -> Login:
    """Who this is. ``login`` in any case, or a mail address that exactly one member has.

    ``admit`` is called before a password is hashed, and may raise Throttled: app passwords and remembered successes
    pass without it. Raises LoginFailed (wrong, unknown, disabled, revoked, expired, another door's), Busy, Unavailable.
    """
    mac = passwords.app_password_mac(app.site.secrets, password)
    with app.begin(Service("login"), Client(door)) as tx:
        found = _find(tx, login)
        used = app_passwords.find(tx.db, mac) if mac and found else None
    if found and used and _opens(used, found, door):
        _note_use(app, found.viewer, used, door)
        return Login(found.viewer if used.write else found.viewer.as_read_only(), used.label)
    user, stored = (found.viewer.name, found.password) if found else ("", None)
    if not passwords.remembered(user, password, stored, seconds=REMEMBER_SECONDS[door]):
        if admit is not None:
            admit()
        if not passwords.verify(user, password, stored):
            found = None
    if found is None:
        raise LoginFailed("the login or the password is wrong", hint="a postmaster can set a new password")
    return Login(found.viewer)


def _find(tx: Tx, login: str) -> Identity | None:
    """Who may log in under this name: by login, else by a mail address that only one member has."""
    name, days = fold_name(login), tx.site.settings.departure_days
    found = identity.load(tx.db, name, departure_days=days)
    if found is None and "@" in name:
        logins = identity.logins_of(tx.db, name)
        found = identity.load(tx.db, logins[0], departure_days=days) if len(logins) == 1 else None
    return None if found is None or found.disabled else found


def _opens(used: AppPassword, found: Identity, door: Door) -> bool:
    """Whether this app password is this member's, for this door, and has not expired."""
    return (
        used.member_id == found.viewer.member_id
        and door in used.doors
        and (used.expires is None or used.expires > datetime.now(UTC))
    )


# ---- when an app password was last used: written beside the request, at most once an hour each

_writer = ThreadPoolExecutor(1, thread_name_prefix="last-used")
_being_noted: set[int] = set()
_lock = threading.Lock()


def _note_use(app: App, viewer: Viewer, used: AppPassword, door: Door) -> None:
    now = datetime.now(UTC)
    if used.last_used is not None and now - used.last_used < USE_NOTED_EVERY:
        return
    with _lock:
        if used.id in _being_noted:
            return
        _being_noted.add(used.id)
    _writer.submit(_write_use, app, viewer, used, door, now)


def _write_use(app: App, viewer: Viewer, used: AppPassword, door: Door, now: datetime) -> None:
    try:
        with app.begin(viewer, Client(door), write=True) as tx:
            app_passwords.used(tx.db, used.id, now)
    except Unavailable:
        pass  # a long import holds the write lock: the next request tries again
    finally:
        with _lock:
            _being_noted.discard(used.id)
