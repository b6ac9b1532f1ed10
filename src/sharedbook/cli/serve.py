"""``sharedbook serve``: starts the servers as child processes, says when each listens, and stops them all together.

A server is an entry point of the group ``sharedbook.servers``: a function that reads the settings from its environment,
serves until SIGTERM or SIGINT, and logs to stderr. If one of them ends, the others are stopped.
"""

from __future__ import annotations

import errno
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import click

from sharedbook.cli.site_context import Site, pass_site
from sharedbook.domain.errors import Unavailable
from sharedbook.settings import Address, Settings

CHILD = (
    "import sys; from importlib.metadata import entry_points;"
    " (server,) = entry_points(group='sharedbook.servers', name=sys.argv[1]); sys.exit(server.load()())"
)
STARTING_SECONDS = 60
LOOK_EVERY_SECONDS = 0.05
STOPPING_SECONDS = 10
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Listener:
    """One address of one server. ``setting`` names where it comes from; ``url`` is what to type into a client."""

    server: str
    setting: str
    address: Address
    scheme: str

    @property
    def url(self) -> str:
        """Address with scheme."""
        return f"{self.scheme}://{self.address}" + ("/" if self.server == "carddav" else "")


def listeners(settings: Settings) -> list[Listener]:
    """Every address at which the site's servers listen."""
    wanted = (
        ("carddav", "carddav.listen", settings.carddav_listen, "http"),
        ("carddav", "carddav.tls_listen", settings.carddav_tls_listen, "https"),
        ("ldap", "ldap.listen", settings.ldap_listen, "ldap"),
        ("ldap", "ldaps.listen", settings.ldaps_listen, "ldaps"),
    )
    return [Listener(server, setting, address, scheme) for server, setting, address, scheme in wanted if address]


@click.command("serve")
@click.argument("server", type=click.Choice(["carddav", "ldap"]), required=False)
@pass_site
def serve_command(site: Site, server: str | None) -> None:
    """Serve the contacts until Ctrl-C: CardDAV and LDAP, or one of them.

    Prints one line for each address when it accepts connections, then logs to stderr. Without a certificate of yours
    (tls.cert, tls.key) a self-signed one is made in the data folder.

    \b
    Examples:  sharedbook serve
               SHAREDBOOK_CARDDAV_TLS_LISTEN=0.0.0.0:5233 sharedbook serve carddav
    """
    site.refuse_as("serve")
    settings = site.app.settings
    site.close()
    wanted = [_with_port(each) for each in listeners(settings) if server in (None, each.server)]
    if not wanted:
        raise Unavailable("no server has an address to listen at", hint="set carddav.listen or ldap.listen")
    environment = {**os.environ, **settings.as_environment(), **_certificate(settings, wanted)}
    environment |= {_variable(each): str(each.address) for each in wanted}
    raise SystemExit(_Servers(wanted, environment).run())


def _variable(listener: Listener) -> str:
    return "SHAREDBOOK_" + listener.setting.upper().replace(".", "_")


def _with_port(listener: Listener) -> Listener:
    """The listener with a number for port 0. Raises Unavailable when the address cannot be had."""
    address = listener.address
    try:
        family = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address.host, address.port))
            port: int = probe.getsockname()[1]
    except OSError as error:
        raise _cannot_listen(listener, error) from error
    return Listener(listener.server, listener.setting, Address(address.host, port), listener.scheme)


def _cannot_listen(listener: Listener, error: OSError) -> Unavailable:
    if error.errno == errno.EADDRINUSE:
        return Unavailable(
            f"port {listener.address.port} on {listener.address.host} is in use by another program",
            hint=f"stop that program, or choose another port with {_variable(listener)}",
        )
    if error.errno == errno.EACCES:
        return Unavailable(
            f"this user may not listen on port {listener.address.port}",
            hint=f"choose a port from 1024 on with {_variable(listener)}, and put a proxy or a socket before it",
        )
    return Unavailable(
        f"{listener.address} is no address of this machine: {error.strerror or error}",
        hint=f"choose another one with {_variable(listener)}",
    )


def _certificate(settings: Settings, wanted: list[Listener]) -> dict[str, str]:
    """Variables that name a self-signed certificate, where the site has none of its own."""
    if settings.tls_cert is not None:
        return {}
    from sharedbook.services import certificate

    cert, key = certificate.self_signed(settings.data_dir, (each.address.host for each in wanted))
    return {"SHAREDBOOK_TLS_CERT": str(cert), "SHAREDBOOK_TLS_KEY": str(key)}


class _Servers:
    """The child processes. What happens to them, and signals, arrive in one queue."""

    def __init__(self, wanted: list[Listener], environment: Mapping[str, str]) -> None:
        self._wanted = wanted
        self._environment = environment
        self._events: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def run(self) -> int:
        """Serves until a signal (0) or until a server ends by itself (1)."""
        for number in SIGNALS:
            signal.signal(number, lambda *_: self._events.put(""))
        try:
            for name in dict.fromkeys(each.server for each in self._wanted):
                self._start(name)
            ended = self._announce()
            if ended is None:
                ended = self._events.get()
        finally:
            self._stop()
        if ended:
            click.echo(f"sharedbook: the {ended} server ended by itself; its last lines above say why", err=True)
        return 1 if ended else 0

    def _start(self, name: str) -> None:
        # stdout is for the lines of _announce; what a server prints is a log. In this group, Ctrl-C reaches it, too.
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, name], env=self._environment, stdin=subprocess.DEVNULL, stdout=sys.stderr
        )
        self._children[name] = child
        threading.Thread(target=self._watch, args=(name, child), daemon=True).start()

    def _watch(self, name: str, child: subprocess.Popen[bytes]) -> None:
        child.wait()
        self._events.put(name)

    def _announce(self) -> str | None:
        """Prints each address once it accepts connections; returns early what came in between ("" is a signal)."""
        waiting = list(self._wanted)
        for _ in range(int(STARTING_SECONDS / LOOK_EVERY_SECONDS)):
            for listener in [each for each in waiting if _accepts(each.address)]:
                click.echo(f"{listener.server} listens at {listener.url}")
                waiting.remove(listener)
            if not waiting:
                return None
            with suppress(queue.Empty):
                return self._events.get(timeout=LOOK_EVERY_SECONDS)
        click.echo(f"sharedbook: {waiting[0].url} does not answer after {STARTING_SECONDS} s", err=True)
        return waiting[0].server

    def _stop(self) -> None:
        for child in self._children.values():
            if child.poll() is None:
                child.terminate()
        for child in self._children.values():
            try:
                child.wait(STOPPING_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _accepts(address: Address) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)
    try:
        socket.create_connection((host, address.port), timeout=1).close()
    except OSError:
        return False
    return True
