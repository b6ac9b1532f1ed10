"""Who asks: ``[auth] type = radicale_storage.auth``. The services know logins; nothing here sleeps or remembers."""

from __future__ import annotations

import logging
from functools import cache

from radicale.auth import BaseAuth

from radicale_storage.request import Request, current
from radicale_storage.site import app
from sharedbook.domain.access import Viewer
from sharedbook.domain.errors import SharedbookError
from sharedbook.services.people import accounts
from sharedbook.services.people.accounts import Login
from sharedbook.services.people.login_limits import LoginLimits
from sharedbook.services.people.subjects import fold_name
from sharedbook.services.tx import Tx

logger = logging.getLogger("sharedbook.carddav")


@cache
def limits() -> LoginLimits:
    """The table of failed logins, shared by all workers and doors of this site."""
    return LoginLimits.of(app().site)


def log_in(request: Request, login: str, password: str) -> Viewer:
    """Puts the viewer into the request. Raises LoginFailed, Throttled, Busy, Unavailable."""
    name = fold_name(login)
    try:
        found = accounts.authenticate(
            app(),
            login,
            password,
            "carddav",
            admit=lambda: limits().admit(name, request.address),
            retract=lambda: limits().retract(name, request.address),
        )
    except SharedbookError as error:
        logger.warning("login refused from %s: %s", request.address, error.code)
        raise
    if found.app_password is None:
        limits().succeeded(name, request.address)
    return _note(request, found)


def recognize(request: Request, tx: Tx) -> Viewer | None:
    """The same with the request's own credentials, in a Service's ``tx``; None when a password must be hashed."""
    found = accounts.recognize(app(), tx, *request.credentials, "carddav")
    return None if found is None else _note(request, found)


def _note(request: Request, found: Login) -> Viewer:
    request.viewer, request.app_password = found.viewer, found.app_password or ""
    return found.viewer


class Auth(BaseAuth):
    """Compares a login with the site's members and puts the viewer into the request."""

    def _login(self, login: str, password: str) -> str:
        """The folded login, "" for a failed one; why it failed is kept for the answer."""
        try:
            return log_in(current(), login, password).name
        except SharedbookError as error:
            current().refuse(error)
            return ""

    def _sleep_for_constant_exec_time(self, time_ns_begin: int) -> None:
        """Radicale would sleep in the worker, ever longer; ``login_limits`` does without."""
