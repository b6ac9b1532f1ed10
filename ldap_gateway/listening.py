"""Where the gateway listens."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from sharedbook.domain.errors import InvalidSetting, Unavailable
from sharedbook.settings import Address, Settings

BACKLOG = 256


@dataclass(frozen=True, slots=True)
class Listener:
    """Where to listen; ``tls``: from the first octet on."""

    address: Address
    tls: bool

    @property
    def url(self) -> str:
        """As a client writes it."""
        return f"{'ldaps' if self.tls else 'ldap'}://{self.address}"


def listeners(settings: Settings) -> list[Listener]:
    """Where to listen. Raises InvalidSetting."""
    found = [
        Listener(address, tls)
        for address, tls in ((settings.ldap_listen, False), (settings.ldaps_listen, True))
        if address
    ]
    if settings.ldaps_listen and settings.tls_cert is None:
        raise InvalidSetting("ldaps.listen needs a certificate", name="tls.cert", hint="set tls.cert and tls.key")
    if not found:
        raise InvalidSetting("LDAP listens nowhere", name="ldap.listen", hint="set ldap.listen or ldaps.listen")
    counters = settings.ldap_metrics_listen
    if counters and not counters.loopback:
        raise InvalidSetting(
            f"ldap.metrics_listen is {counters}, where others could read it",
            name="ldap.metrics_listen",
            hint="listen on 127.0.0.1",
        )
    return found


def open_socket(address: Address, *, shared: bool = False) -> socket.socket:
    """A listening socket, which other workers may have, too, when it is ``shared``. Raises Unavailable."""
    try:
        found = socket.create_server(tuple(address), family=_family(address), backlog=BACKLOG, reuse_port=shared)
    except OSError as error:
        raise Unavailable(
            f"cannot listen on {address}: {error.strerror or error}",
            hint="choose another port or stop the other program",
        ) from None
    found.setblocking(False)
    return found


def reserve(address: Address) -> socket.socket:
    """A socket that holds a port for workers, and does not listen. Raises Unavailable."""
    open_socket(address).close()  # the port of another group of workers could be had, too
    found = socket.socket(_family(address), socket.SOCK_STREAM)
    for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
        found.setsockopt(socket.SOL_SOCKET, option, 1)
    found.bind(tuple(address))
    return found


def _family(address: Address) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address.host else socket.AF_INET


def bound(address: Address, found: socket.socket) -> Address:
    """The address of an open socket, with its port in place of 0."""
    return Address(address.host, int(found.getsockname()[1]))
