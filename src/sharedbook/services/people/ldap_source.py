"""An existing directory as a client sees it (ldap3): entries are read from it, and passwords compared with it.

TLS is verified: ldaps, or StartTLS on ldap; clear text goes to this machine only. A directory that does not answer is
Unavailable, never a wrong password. No transaction may be open around a call: each may take seconds.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sharedbook.domain.errors import InvalidValue, Unavailable
from sharedbook.settings import Address

if TYPE_CHECKING:
    import ldap3

PORTS = {"ldap": 389, "ldaps": 636}
TIMEOUT = 5
"""Seconds for a connection, and for each answer to a login."""
SEARCH_TIMEOUT = 60
PAGE = 500
SUCCESS, NO_SUCH_OBJECT, INVALID_CREDENTIALS = 0, 32, 49


@dataclass(frozen=True, slots=True)
class Source:
    """A directory's address (ldap:// or ldaps://), and the file of the authorities to trust (None: the system's)."""

    uri: str
    ca: Path | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """What is read of a directory, and as whom; an empty ``bind`` is nobody."""

    source: Source
    base: str
    filter: str
    bind: str = ""
    password: str = ""

    @property
    def source_name(self) -> str:
        """What is stored with members and contacts that come from there: address and base."""
        return f"{self.source.uri.rstrip('/')}/{self.base}"


@dataclass(frozen=True, slots=True)
class Found:
    """An entry; ``values`` by lower-case attribute name. What is no text is hexadecimal."""

    dn: str
    values: Mapping[str, Sequence[str]]

    def first(self, name: str) -> str:
        """The first value of an attribute, "" if it has none."""
        values = self.values.get(name.lower(), ())
        return values[0] if values else ""


def entries(query: Query, attributes: Sequence[str], *, seconds: int = SEARCH_TIMEOUT) -> Iterator[Found]:
    """All entries that a filter finds below the base, in pages; ``seconds`` for each answer.

    Raises InvalidValue (filter, address), Unavailable.
    """
    if bool(query.bind) != bool(query.password):
        raise InvalidValue("a DN to log in with needs a password, and a password a DN", field="bind", hint="give both")
    with _connected(query.source, query.bind, query.password, seconds, raising=True) as connection:
        connection.bind()
        pages = connection.extend.standard.paged_search(
            query.base, query.filter, "SUBTREE", attributes=list(attributes), paged_size=PAGE, generator=True
        )
        for each in pages:
            if each["type"] == "searchResEntry":
                yield Found(each["dn"], {name.lower(): _texts(raw) for name, raw in each["raw_attributes"].items()})


def accepts(source: Source, dn: str, password: str) -> bool:
    """Whether a directory takes this password; an empty one, or one of nobody, is never sent.

    Raises Unavailable, InvalidValue.
    """
    if not dn or not password:
        return False
    with _connected(source, dn, password, TIMEOUT, raising=False) as connection:
        connection.bind()
        code = connection.result["result"]
    if code not in (SUCCESS, NO_SUCH_OBJECT, INVALID_CREDENTIALS):
        raise Unavailable(f"the directory {source.uri} answered {connection.result['description']}", hint="see its log")
    return bool(code == SUCCESS)


@contextmanager
def _connected(source: Source, dn: str, password: str, seconds: int, *, raising: bool) -> Iterator[ldap3.Connection]:
    """A connection that is encrypted or goes to this machine, not bound yet."""
    import ldap3
    from ldap3.core import exceptions as ldap_errors

    scheme, address = _address(source.uri)
    tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=str(source.ca) if source.ca else None)
    server = ldap3.Server(
        address.host,
        address.port,
        use_ssl=scheme == "ldaps",
        tls=tls,
        get_info=ldap3.NONE,
        connect_timeout=TIMEOUT,
    )
    try:
        connection = ldap3.Connection(
            server,
            dn or None,
            password or None,
            raise_exceptions=raising,
            receive_timeout=seconds,
            auto_referrals=False,
            check_names=False,
        )
        try:
            connection.open()
            if scheme == "ldap" and not address.loopback and not connection.start_tls():
                raise Unavailable(f"the directory {source.uri} does not speak StartTLS", hint="write ldaps://")
            yield connection
        finally:
            connection.unbind()
    except ldap_errors.LDAPInvalidFilterError as error:
        raise InvalidValue(
            f"the filter cannot be understood: {error}", field="filter", hint="write such as (mail=*)"
        ) from None
    except (ldap_errors.LDAPException, OSError) as error:
        raise Unavailable(f"the directory {source.uri} could not be asked: {error}", hint=_hint(error)) from error


def _hint(error: Exception) -> str:
    if getattr(error, "result", None) == INVALID_CREDENTIALS:
        return "check the DN to log in with, and its password"
    if "certificate" in str(error).lower():
        return "name the file of the authority that signed its certificate"
    return "check its address, and whether it runs"


def _address(uri: str) -> tuple[str, Address]:
    """Raises InvalidValue."""
    parts = urlsplit(uri)
    if parts.scheme not in PORTS or not parts.hostname or parts.path.strip("/") or parts.query:
        raise InvalidValue(
            f"{uri!r} is not the address of a directory", field="ldap", hint="write such as ldaps://ad.example.com"
        )
    return parts.scheme, Address(parts.hostname, parts.port or PORTS[parts.scheme])


def _texts(raw: Sequence[bytes]) -> list[str]:
    return [_text(each) for each in raw]


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.hex()
