"""What a bind claims: a login and its password, or nothing (RFC 4513 section 5, RFC 4616). Nobody is believed here."""

from __future__ import annotations

from dataclasses import dataclass

from ldap_gateway import messages as m
from ldap_gateway.errors import Refused
from ldap_gateway.messages import Code


@dataclass(frozen=True, slots=True)
class Verify:
    """A password to be compared, and the login it is said to be of."""

    login: str
    password: str


def credentials(request: m.Bind) -> tuple[str, str] | None:
    """Name and password; None for an anonymous bind. Raises Refused for what cannot be a login."""
    if request.version not in (2, 3):
        raise Refused(Code.PROTOCOL_ERROR, "LDAP is spoken in version 3")
    if request.mechanism is None:
        name, password = _text(request.name), _text(request.credentials)
        if not name and not password:
            return None
    elif request.mechanism.upper() == "PLAIN":
        name, password = _plain(request.credentials)
    else:
        raise Refused(Code.AUTH_METHOD_NOT_SUPPORTED, "bind with a login and a password, or by SASL PLAIN")
    if not name or not password:
        raise Refused(Code.UNWILLING_TO_PERFORM, "a login needs a name and a password")
    return name, password


def _text(value: bytes) -> str:
    """A name or password; what is no UTF-8 is nobody's."""
    return value.decode(errors="replace")


def _plain(credentials: bytes) -> tuple[str, str]:
    """Login and password of SASL PLAIN (RFC 4616). Raises Refused, also for one who wants to act as another."""
    parts = _text(credentials).split("\0")
    if len(parts) != 3:
        raise Refused(Code.PROTOCOL_ERROR, "PLAIN sends an empty identity, the login and the password")
    identity, login, password = parts
    if identity not in ("", login, f"u:{login}"):
        raise Refused(Code.INSUFFICIENT_ACCESS_RIGHTS, "nobody may act as another member")
    return login, password
