"""Who asks: ``[auth] type = radicale_storage.auth``. The services know logins; nothing here sleeps or remembers."""

from __future__ import annotations

import logging
from functools import cache

from radicale.auth import BaseAuth

from radicale_storage.request import current
from radicale_storage.site import app
from sharedbook.domain.errors import SharedbookError
from sharedbook.services import accounts
from sharedbook.services.login_limits import LoginLimits
from sharedbook.services.subjects import fold_name

logger = logging.getLogger("sharedbook.carddav")


@cache
def limits() -> LoginLimits:
    """The table of failed logins, shared by all workers and doors of this site."""
    return LoginLimits.of(app().site)


class Auth(BaseAuth):
    """Compares a login with the site's members and puts the viewer into the request."""

    def _login(self, login: str, password: str) -> str:
        """The folded login, "" for a failed one; why it failed is kept for the answer."""
        request = current()
        name = fold_name(login)
        try:
            found = accounts.authenticate(
                app(), login, password, "carddav", admit=lambda: limits().admit(name, request.address)
            )
        except SharedbookError as error:
            request.refuse(error)
            logger.warning("login refused from %s: %s", request.address, error.code)
            return ""
        if found.app_password is None:
            limits().succeeded(name, request.address)
        request.viewer, request.app_password = found.viewer, found.app_password or ""
        return found.viewer.name

    def _sleep_for_constant_exec_time(self, time_ns_begin: int) -> None:
        """Radicale would sleep in the worker, ever longer; ``login_limits`` does without."""
