"""Members of an existing directory log in with their password there (``login.ldap_uri``).

The stored password of such a member is no hash but a mark that says where it is compared: ``{ldap}`` and the source
that he was imported from. A member without the mark never logs in that way, so a postmaster decides for each who may.
"""

from __future__ import annotations

import threading
from time import monotonic

from sharedbook.domain.errors import Busy, InvalidValue, Unavailable
from sharedbook.services import ldap_source, passwords
from sharedbook.settings import Settings

MARK = "{ldap}"
REST_SECONDS = 5
"""How long a directory that did not answer is not asked again: the threads that compare passwords are few."""

_slots = passwords.Slots(8, 32)
_lock = threading.Lock()
_resting: dict[str, float] = {}


def mark(source: str) -> str:
    """What is stored in place of a hash."""
    return f"{MARK}{source}"


def is_mark(stored: str | None) -> bool:
    """Whether a stored password is compared by the directory."""
    return stored is not None and stored.startswith(MARK)


def verify(settings: Settings, login: str, password: str) -> bool:
    """Asks the directory; False also where the site has none. Raises Unavailable (it did not answer), Busy."""
    if not settings.login_ldap_uri or not password or len(password) > passwords.LONGEST:
        return False
    if "{login}" not in settings.login_ldap_dn:
        raise Unavailable("login.ldap_dn does not hold {login}", hint="see: sharedbook settings")
    uri = settings.login_ldap_uri
    if monotonic() < _resting.get(uri, 0):
        raise Unavailable("the directory did not answer a moment ago", hint="try again in a few seconds")
    source = ldap_source.Source(uri, settings.login_ldap_ca)
    try:
        with _slots.one():
            # a login is a-z 0-9 . _ @ - only (subjects.new_login): nothing of it has to be escaped in a DN
            return ldap_source.accepts(source, settings.login_ldap_dn.replace("{login}", login), password)
    except InvalidValue as error:
        raise Unavailable(error.message, hint=error.hint) from error
    except Busy:
        raise
    except Unavailable:
        with _lock:
            _resting[uri] = monotonic() + REST_SECONDS
        raise
