"""Wrong passwords, as many as it takes: the first waits after real ones are shorter than a busy machine is slow."""

from __future__ import annotations

import time
from contextlib import closing

from sharedbook.app import App
from sharedbook.services.people.login_limits import LoginLimits


def guess_much(app: App, login: str) -> None:
    """As after twenty wrong passwords for a login from this machine: the next is refused for minutes."""
    with closing(LoginLimits.of(app.site)) as limits, limits._locked():
        pair, _ = limits._counters(login, "127.0.0.1")
        pair.level, pair.at = 20.0, time.time()
        limits._store(pair)
