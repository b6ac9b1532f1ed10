"""``sharedbook serve``: starts the servers as child processes, keeps house, and stops them all together.

A server is an entry point of the group ``sharedbook.servers``: a function that reads the settings from its environment,
prints one line on stdout for each address when it accepts connections there, logs to stderr, ends at SIGTERM or SIGINT
and returns its exit code. If one of them ends, the others are stopped.
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
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import click

from sharedbook.cli.terminal.errors import DONE, FAILED
from sharedbook.cli.terminal.site_context import Site, pass_site
from sharedbook.domain.errors import Unavailable
from sharedbook.services.keys import certificate
from sharedbook.services.notices import delivery
from sharedbook.services.upkeep import housekeeping
from sharedbook.settings import Address, Settings

CHILD = """
import signal, sys
from importlib.metadata import entry_points
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
(server,) = entry_points(group="sharedbook.servers", name=sys.argv[1])
sys.exit(server.load()())
"""
"""A terminal's Ctrl-C goes to every process of the group. Here only ``serve`` takes it, and sends one SIGTERM to each
server: one that is still starting would show a traceback, and granian's workers hang when SIGINT reaches them beside
what their own parent tells them."""

MINUTE = 60
HOUR = 60
"""Minutes between two times of housekeeping."""
STOPPING_SECONDS = 30
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

    Prints a line for each address once it accepts connections, then logs to stderr. Without a certificate of your own
    (tls.cert, tls.key) it makes a self-signed one in the data folder.

    \b
    Examples:  sharedbook serve
               SHAREDBOOK_CARDDAV_TLS_LISTEN=0.0.0.0:5233 sharedbook serve carddav
    """
    site.refuse_as("serve")
    settings = site.app.settings
    site.close()
    wanted = [each for each in listeners(settings) if server in (None, each.server)]
    if not wanted:
        raise Unavailable("no server has an address to listen at", hint="set carddav.listen or ldap.listen")
    for each in wanted:
        _require_free(each)
    environment = {**os.environ, **settings.as_environment(), **_certificate(settings, wanted)}
    raise SystemExit(_Servers(site, dict.fromkeys(each.server for each in wanted), environment).run())


def _variable(listener: Listener) -> str:
    return "SHAREDBOOK_" + listener.setting.upper().replace(".", "_")


def _require_free(listener: Listener) -> None:
    """Raises Unavailable when the address cannot be had; the server itself would say so only after the others began.

    It does not listen: a client that came just now would be dropped.
    """
    host, port = listener.address
    try:
        family, kind, *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind((host, port))
    except OSError as error:
        raise _cannot_listen(listener, error) from error


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
        f"{listener.address} is not an address of this machine: {error.strerror or error}",
        hint=f"choose another one with {_variable(listener)}",
    )


def _certificate(settings: Settings, wanted: list[Listener]) -> dict[str, str]:
    """Variables that name a self-signed certificate, where the site has none of its own."""
    if settings.tls_cert is not None:
        return {}
    cert, key = certificate.self_signed(settings.data_dir, (each.address.host for each in wanted))
    return {"SHAREDBOOK_TLS_CERT": str(cert), "SHAREDBOOK_TLS_KEY": str(key)}


class _Servers:
    """The child processes. What ends, and signals, arrive in one queue: a server's name, or "" for a signal."""

    def __init__(self, site: Site, names: Iterable[str], environment: Mapping[str, str]) -> None:
        self._site = site
        self._names = names
        self._environment = environment
        self._events: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._children: list[subprocess.Popen[bytes]] = []

    def run(self) -> int:
        """Serves until a signal (0) or until a server ends by itself (1)."""
        for number in SIGNALS:
            signal.signal(number, lambda *_: self._events.put(""))
        try:
            for name in self._names:
                self._start(name)
            ended = self._wait()
        finally:
            self._stop()
        if ended:
            click.echo(f"sharedbook: the {ended} server ended by itself; its last lines above say why", err=True)
        return FAILED if ended else DONE

    def _start(self, name: str) -> None:
        # it stays in this process group, so that whatever ends the group ends it, too
        child = subprocess.Popen([sys.executable, "-c", CHILD, name], env=self._environment, stdin=subprocess.DEVNULL)
        self._children.append(child)
        threading.Thread(target=self._watch, args=(name, child), daemon=True).start()

    def _watch(self, name: str, child: subprocess.Popen[bytes]) -> None:
        child.wait()
        self._events.put(name)

    def _wait(self) -> str:
        minutes = 0
        while True:
            try:
                return self._events.get(timeout=MINUTE)
            except queue.Empty:
                _keep_house(self._site, whole=minutes % HOUR == 0)
                minutes += 1

    def _stop(self) -> None:
        for child in self._children:
            if child.poll() is None:
                child.terminate()
        for child in self._children:
            try:
                child.wait(STOPPING_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _keep_house(site: Site, *, whole: bool) -> None:
    """Sends the notices, and when it is time does all the rest. What cannot be done now is tried again next time."""
    try:
        for work in (housekeeping.run, delivery.deliver) if whole else (delivery.deliver,):
            try:
                work(site.app.site)
            except Exception as error:  # it may end no server; postmasters are told by a notice
                click.echo(f"housekeeping: {type(error).__name__}: {error}", err=True)
    finally:
        site.close()
