"""Members of an existing directory log in with their password there (``login.ldap_uri``).

The stored password of such a member is no hash but a mark that says where it is compared: ``{ldap}`` and the source
that he was imported from. A member without the mark never logs in that way, so a postmaster decides for each who may.
"""

from __future__ import annotations

import threading
from time import monotonic

from sharedbook.domain.errors import Busy, InvalidValue, Unavailable
from sharedbook.services.people import ldap_source, passwords
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
    uri = settings.login_ldap_uri
    if monotonic() < _resting.get(uri, 0):
        raise Unavailable("the directory did not answer a moment ago", hint="try again in a few seconds")
    try:
        with _slots.one():
            return _accepts(settings, login, password)
    except InvalidValue as error:
        raise Unavailable(error.message, hint=error.hint) from error
    except Busy:
        raise
    except Unavailable:
        with _lock:
            _resting[uri] = monotonic() + REST_SECONDS
        raise


def check(settings: Settings) -> None:
    """Whether the directory can be asked, with a login that nobody has. Raises Unavailable, InvalidValue."""
    _accepts(settings, "sharedbook-doctor", "no password of anybody")


def _accepts(settings: Settings, login: str, password: str) -> bool:
    source = ldap_source.Source(settings.login_ldap_uri, settings.login_ldap_ca)
    if not settings.login_ldap_dn:
        dn = _search(settings, source, login)
        return dn is not None and ldap_source.accepts(source, dn, password)
    return ldap_source.accepts(source, _with_login(settings.login_ldap_dn, login), password)


def _search(settings: Settings, source: ldap_source.Source, login: str) -> str | None:
    """The DN of the one entry that is this member's; None when there is none, or more."""
    secret = ""
    if settings.login_ldap_password_file is not None:
        try:
            secret = settings.login_ldap_password_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidValue(f"login.ldap_password_file: {error}", field="login.ldap_password_file") from None
    found = _with_login(settings.login_ldap_filter, login)
    query = ldap_source.Query(source, settings.login_ldap_base, found, settings.login_ldap_bind, secret)
    entries = list(ldap_source.entries(query, ["1.1"], seconds=ldap_source.TIMEOUT))
    return entries[0].dn if len(entries) == 1 else None


def _with_login(template: str, login: str) -> str:
    """A login is a-z 0-9 . _ @ - only (subjects.new_login): nothing of it has to be escaped in a DN or a filter."""
    return template.replace("{login}", login)
