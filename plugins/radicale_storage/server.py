"""What ``sharedbook serve carddav`` runs: our own methods (``own.py``) and Radicale's Application, under granian.

The parent process checks the site, then only starts and stops; each worker opens the site for itself.
"""

from __future__ import annotations

import functools
import gc
import http.client
import inspect
import logging
import multiprocessing
import os
import signal
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import closing
from multiprocessing import resource_tracker
from multiprocessing.synchronize import Semaphore

import radicale.app
import radicale.config
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.server import MPServer

import sharedbook.app
from radicale_storage import own, wsgi
from radicale_storage.errors import Response
from radicale_storage.request import Request
from sharedbook import settings as settings_module
from sharedbook.domain.errors import InvalidSetting, SharedbookError
from sharedbook.services.keys import certificate
from sharedbook.settings import Address, Settings

HEADER_BUFFER = 128 * 1024
STOP_SECONDS = 10
GREETINGS = 4
POLL_SECONDS = 0.02
GARBAGE = 20_000
"""New objects before a collection; a request that lists no book makes some hundreds, and few that need one."""

SWITCH_SECONDS = 0.0005
"""How long a thread may keep the interpreter while others wait. A PUT lets go of it at each statement, and holds the
write lock: Python's own 5 ms would keep all other writers waiting."""
SIGNALS = {signal.SIGINT, signal.SIGTERM}

RADICALE = {
    "auth": {"type": "radicale_storage.auth", "delay": "0"},
    "rights": {"type": "radicale_storage.rights"},
    "storage": {"type": "radicale_storage"},
    "web": {"type": "none"},
    "server": {"delay_on_error": "0"},
    "logging": {"level": "critical"},
}
"""Radicale's configuration here; its log would hold the names of cards."""


class Application(radicale.app.Application):
    """Radicale for the methods that ``own.py`` has not; those go through the plugin, as under plain Radicale."""

    def __call__(  # type: ignore[override]  # Radicale calls its environ a Mapping, WSGI a dict
        self, environ: wsgi.Environ, start_response: wsgi.StartResponse
    ) -> Iterable[bytes]:
        """One request through the door."""
        return wsgi.door(self._inner, environ, start_response)

    def _inner(self, environ: wsgi.Environ, request: Request) -> Response:
        method = own.find(request)
        if method is not None:
            return own.answer(method, request)
        return wsgi.ask(functools.partial(_radicale, self), environ)


_radicale = inspect.unwrap(radicale.app.Application.__call__)
"""Without the door that ``patches.py`` puts around it."""


def application() -> Application:
    """The WSGI application of one worker, which leaves Ctrl-C to its parent."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    configuration = radicale.config.load()
    configuration.update(RADICALE, "sharedbook serve", privileged=True)
    logging.getLogger("radicale").setLevel(logging.CRITICAL)
    made = Application(configuration)
    gc.collect()
    own.warm()
    gc.freeze()  # what stays for ever is looked through no more: the rows of a large answer make many collections
    gc.set_threshold(GARBAGE)
    sys.setswitchinterval(SWITCH_SECONDS)
    return made


# ---- listening


def main() -> int:
    """Serves until SIGTERM or SIGINT. Returns the exit code; what is wrong is one line on stderr."""
    try:
        settings = settings_module.load()
        sharedbook.app.open(settings).close()
        wanted = [(settings, _found(address), tls) for address, tls in _listeners(settings)]
    except SharedbookError as error:
        print(f"carddav: {error}", file=sys.stderr)
        return 1
    resource_tracker.ensure_running()  # which would unblock them when it starts
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    # A fork would copy locks that other threads hold at that moment, and the worker would wait for them for ever.
    multiprocessing.set_start_method("spawn")
    helpers = [multiprocessing.Process(target=_listen, args=each) for each in wanted[1:]]
    for helper in helpers:
        helper.start()
        threading.Thread(target=_stop_with, args=(helper,), daemon=True).start()
    try:
        return _listen(*wanted[0])
    finally:
        for helper in helpers:
            helper.terminate()
            helper.join(STOP_SECONDS)


def _listeners(settings: Settings) -> list[tuple[Address, bool]]:
    """Where to listen, and whether with TLS. Raises InvalidSetting."""
    clear, tls = settings.carddav_listen, settings.carddav_tls_listen
    if clear and not clear.loopback and not settings.plain_text_binds:
        raise InvalidSetting(
            f"carddav.listen is {clear}, where others could read passwords",
            name="carddav.listen",
            hint="listen on 127.0.0.1, use carddav.tls_listen, or set plain_text_binds behind a proxy that ends TLS",
        )
    if tls and not settings.tls_cert:
        raise InvalidSetting("carddav.tls_listen needs a certificate", name="tls.cert", hint="set tls.cert and tls.key")
    if tls and settings.tls_cert:
        certificate.context(settings.tls_cert, settings.tls_key)
    found = [(address, secure) for address, secure in ((clear, False), (tls, True)) if address]
    if not found:
        raise InvalidSetting("CardDAV listens nowhere", name="carddav.listen", hint="set carddav.listen")
    return found


def _found(address: Address) -> Address:
    """The address, with a free port in place of 0. Raises InvalidSetting when it cannot be had."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        with socket.create_server(tuple(address), family=family) as probe:
            return Address(address.host, int(probe.getsockname()[1]))
    except OSError as error:
        raise InvalidSetting(
            f"{address} cannot be listened on: {error.strerror}",
            name="carddav.listen",
            hint="stop the other program, or choose another port",
        ) from None


def _listen(settings: Settings, address: Address, tls: bool) -> int:
    """Serves at one address until a signal."""
    server = MPServer(
        "radicale_storage.server:application",
        factory=True,
        address=address.host,
        port=address.port,
        interface=Interfaces.WSGI,
        workers=settings.carddav_workers,
        blocking_threads=4 * settings.carddav_connections_per_address,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(
            header_read_timeout=settings.carddav_timeout * 1000, max_buffer_size=HEADER_BUFFER
        ),
        ssl_cert=settings.tls_cert if tls else None,
        ssl_key=settings.tls_key if tls else None,
        ssl_protocol_min=SSLProtocols.tls12,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
        log_enabled=False,
    )
    ready = multiprocessing.Semaphore(0)
    told = (address, tls, ready, settings.carddav_workers)
    server.on_startup(lambda: threading.Thread(target=_tell, args=told, daemon=True).start())
    threading.Thread(target=_stop_at_signal, args=(server,), daemon=True).start()
    server.serve(target_loader=functools.partial(_worker, ready), wrap_loader=False)
    return 0


def _worker(ready: Semaphore) -> Application:
    """The application of a worker, which says when it has it."""
    made = application()
    ready.release()
    return made


def _tell(address: Address, tls: bool, ready: Semaphore, workers: int) -> None:
    """Prints that the server listens, when every worker is ready: until then they take the processors from requests.

    The first requests, which load what only they need, are our own. The system spreads them over the workers.
    """
    for _ in range(workers):
        ready.acquire()
    for _ in range(GREETINGS * workers):
        while not _greet(address, tls):  # granian opens the port a little later
            threading.Event().wait(POLL_SECONDS)
    print(f"carddav listening on {'https' if tls else 'http'}://{address}", flush=True)


def _greet(address: Address, tls: bool) -> bool:
    """Asks what anyone may; whether there was an answer."""
    kind: Callable[..., http.client.HTTPConnection] = http.client.HTTPConnection
    if tls:
        anyone = ssl._create_unverified_context()  # noqa: S323 - our own, whoever it is made out to
        kind = functools.partial(http.client.HTTPSConnection, context=anyone)
    with closing(kind(*address, timeout=STOP_SECONDS)) as client:
        try:
            client.request("OPTIONS", "/")
            client.getresponse().read()
        except (OSError, http.client.HTTPException):
            return False
    return True


def _stop_at_signal(server: MPServer) -> None:
    """Waits for signals beside the main thread: granian's own handler locks up when a second one interrupts it."""
    while True:
        signal.sigwait(SIGNALS)
        server.signal_handler_interrupt()  # type: ignore[no-untyped-call]


def _stop_with(helper: multiprocessing.Process) -> None:
    """Ends this process when a listener has ended: half a site would look like a whole one."""
    helper.join()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
