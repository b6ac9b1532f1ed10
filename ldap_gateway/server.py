"""What ``sharedbook serve ldap`` runs: listeners, limits, and the parts of the gateway put together.

Everything happens on one event loop, but for passwords (a thread pool), the database (the follower's thread) and the
access log (its thread).
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import ssl
import sys
from collections import Counter
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import uvloop

import sharedbook.app
from ldap_gateway import counters, metrics, workers
from ldap_gateway.attributes import Names
from ldap_gateway.binding import Bound, Known, PeerCertificate, Verify
from ldap_gateway.connection import MESSAGE_SECONDS, Connection
from ldap_gateway.counters import Counters, Sample
from ldap_gateway.directory import Directory
from ldap_gateway.dn import InvalidDN
from ldap_gateway.follower import Follower
from ldap_gateway.listening import Listener, bound, listeners, open_socket
from ldap_gateway.log import Access, AccessLog
from ldap_gateway.session import Peer, Rules, Session
from ldap_gateway.wire import Bounds
from sharedbook import settings as settings_module
from sharedbook.app import App
from sharedbook.domain.errors import InvalidSetting, SharedbookError
from sharedbook.services.keys import certificate
from sharedbook.services.people import accounts
from sharedbook.services.people.login_limits import LoginLimits, network_of
from sharedbook.services.people.subjects import fold_name
from sharedbook.settings import Settings

logger = logging.getLogger("sharedbook.ldap")

PASSWORD_THREADS = 8
LOOK_SECONDS = 1.0
BUILT_AT_ONCE = 64
SWITCH_SECONDS = 0.0005
"""After so long the busy loop lets a thread run: one that reads changes of PostgreSQL is in need of it at each step."""
GARBAGE = (50_000, 20, 20)
"""Python looks for circles among so many new objects at once: requests leave none, and it takes a tenth of each."""


class Gateway:
    """The connections of one process over one directory. Close it after use."""

    def __init__(self, app: App, *, keeps: bool = True) -> None:
        """``keeps``: as of Follower. Raises InvalidSetting, Unavailable."""
        settings = app.settings
        self.tls = _tls(settings)
        self.directory = _directory(settings, start_tls=self.tls is not None)
        self.follower = Follower(app, self.directory, keeps=keeps)
        self._known = Known(self.directory, app.site.secrets)
        self._app = app
        self._settings = settings
        self._rules = _rules(settings)
        self._limits = LoginLimits.of(app.site)
        self._passwords = ThreadPoolExecutor(PASSWORD_THREADS, thread_name_prefix="password")
        self._log = AccessLog(sys.stderr)
        self._counters = Counters()
        self._built = False
        self._connections: set[Connection] = set()
        self._of_network: Counter[str] = Counter()

    # ---- for connections

    def admit(self, connection: Connection) -> bool:
        """Counts a new connection; False when there are too many, in all or of its address."""
        network = network_of(connection.address)
        if (
            len(self._connections) >= self._settings.ldap_connections
            or self._of_network[network] >= self._settings.ldap_connections_per_address
        ):
            self._counters.refused += 1
            return False
        self._connections.add(connection)
        self._of_network[network] += 1
        return True

    def left(self, connection: Connection) -> None:
        """Forgets a connection."""
        if connection in self._connections:
            self._connections.remove(connection)
            network = network_of(connection.address)
            self._of_network[network] -= 1
            if not self._of_network[network]:
                del self._of_network[network]

    def session(self, peer: Peer, *, tls: bool, certificate: PeerCertificate) -> Session:
        """A session for a new connection."""
        return Session(
            self.directory,
            self._rules,
            peer,
            tls=tls,
            can_tls=self.tls is not None,
            certificate=certificate,
            log=self._note,
            read=self._read,
        )

    def _note(self, access: Access) -> None:
        self._log(access)
        self._counters.note(access)

    def _read(self, member_id: int | None, group_id: int, count: int) -> None:
        self._app.reads.note(member_id, "ldap", group_id, count)

    def recognise(self, verify: Verify, address: str) -> Bound | None:
        """A login that the directory can confirm, as long as it is fresh."""
        bound = self._known.recognise(verify) if self.follower.fresh else None
        if bound is not None and isinstance(bound.proof, str):
            self._limits.succeeded(bound.login, address)
        return bound

    async def authenticate(self, verify: Verify, address: str) -> Bound | Exception:
        """Compares a password in the thread pool; an error is an answer, too."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._passwords, self._authenticate, verify, address)
        except SharedbookError as error:
            return error
        except Exception as error:
            logger.exception("a login could not be checked")
            return error

    def _authenticate(self, verify: Verify, address: str) -> Bound:
        login = fold_name(verify.login)
        found = accounts.authenticate(
            self._app,
            verify.login,
            verify.password,
            "ldap",
            admit=lambda: self._limits.admit(login, address),
            retract=lambda: self._limits.retract(login, address),
        )
        if found.app_password is None:
            self._limits.succeeded(login, address)
        viewer = found.viewer
        assert viewer.member_id is not None
        bound = Bound(viewer.member_id, viewer.name, viewer.subjects, found.proof)
        self._known.note(bound)
        return bound

    def samples(self) -> list[Sample]:
        """The counters, and how things are at this moment."""
        state = self.follower.state()
        return [
            *self._counters.samples(),
            ("connections", "", len(self._connections)),
            ("contacts", "", len(self.directory.index)),
            ("indexed", "", self._built),
            ("database_answers", "", state.answers),
            ("asked_seconds", "", state.asked),
            ("catch_up_seconds", "", state.catch_up),
        ]

    # ---- serving

    async def serve(self, wanted: list[Listener], ready: Callable[[list[Listener]], None], stop: asyncio.Event) -> None:
        """Serves until ``stop``; ``ready`` is told where when all accept. Raises Unavailable for an address in use."""
        loop = asyncio.get_running_loop()
        self.follower.load()  # not in a thread: the C library would keep its memory apart, and 16 MB more of it
        gc.freeze()
        self.follower.start(loop)
        building = loop.create_task(self._build())
        servers: list[asyncio.AbstractServer | asyncio.Task[None]] = []
        try:
            opened = []
            for listener in wanted:
                here = open_socket(listener.address, shared=self._settings.ldap_workers > 1)
                opened.append(Listener(bound(listener.address, here), listener.tls))
                servers.append(await self._listen(listener, here))
            ready(opened)
            await self._look_until(stop)
        finally:
            building.cancel()
            for server in servers:
                if isinstance(server, asyncio.Task):
                    server.cancel()
                else:
                    server.close()
            for connection in list(self._connections):
                connection.dismiss("the server stops")
            await self.follower.stop()

    async def _build(self) -> None:
        """Makes searching fast, while searches are answered."""
        while self.directory.index.build(BUILT_AT_ONCE):
            await asyncio.sleep(0)
        self._built = True
        gc.freeze()  # a full collection would look at all of it, and every request and change wait for 0.1 s and more

    async def _listen(self, listener: Listener, here: socket.socket) -> asyncio.AbstractServer | asyncio.Task[None]:
        loop = asyncio.get_running_loop()
        if listener.tls:
            return loop.create_task(self._accept_tls(here))
        return await loop.create_server(lambda: Connection(self, tls=False), sock=here)

    async def _accept_tls(self, here: socket.socket) -> None:
        """Accepts until it is cancelled. Connections are counted before they shake hands."""
        loop = asyncio.get_running_loop()
        shaking: set[asyncio.Task[None]] = set()
        with here:
            while True:
                try:
                    accepted, peer = await loop.sock_accept(here)
                except OSError as error:
                    logger.warning("a connection could not be accepted: %s", error.strerror or error)
                    await asyncio.sleep(1)
                    continue
                task = loop.create_task(self._shake_hands(Connection(self, tls=True, address=peer[0]), accepted))
                shaking.add(task)
                task.add_done_callback(shaking.discard)

    async def _shake_hands(self, connection: Connection, accepted: socket.socket) -> None:
        if not self.admit(connection):
            accepted.close()
            return
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection, accepted, ssl=self.tls, ssl_handshake_timeout=MESSAGE_SECONDS
            )
        except (OSError, ssl.SSLError) as error:
            logger.info("%s speaks no TLS: %s", connection.address, type(error).__name__)
            self.left(connection)

    async def _look_until(self, stop: asyncio.Event) -> None:
        """Looks after silent and slow clients until the server stops."""
        loop = asyncio.get_running_loop()
        while not stop.is_set():
            for connection in list(self._connections):
                connection.look(loop.time(), self._settings.ldap_idle_timeout)
            try:
                await asyncio.wait_for(stop.wait(), LOOK_SECONDS)
            except TimeoutError:
                continue

    def close(self) -> None:
        """Ends the threads."""
        self._passwords.shutdown(wait=False, cancel_futures=True)
        self._limits.close()
        self._log.close()


def _rules(settings: Settings) -> Rules:
    bounds = Bounds(settings.ldap_message_bytes, settings.ldap_filter_depth, settings.ldap_filter_terms)
    return Rules(
        bounds,
        size_limit=settings.ldap_size_limit,
        time_limit=settings.ldap_time_limit,
        anonymous=settings.ldap_anonymous,
        clear_text_binds=settings.plain_text_binds,
        certified_by=settings.ldap_client_name,
    )


def _directory(settings: Settings, *, start_tls: bool) -> Directory:
    """Raises InvalidSetting."""
    try:
        return Directory(
            settings.ldap_base,
            names=Names(settings.ldap_attributes, accents=settings.ldap_accents == "exact"),
            region=settings.default_region,
            limits=settings.limits(),
            start_tls=start_tls,
        )
    except (InvalidDN, IndexError) as error:
        raise InvalidSetting(
            f"ldap.base is not a DN: {error}", name="ldap.base", hint="write it like ou=contacts,dc=example,dc=com"
        ) from None


def _tls(settings: Settings) -> ssl.SSLContext | None:
    """Raises InvalidSetting for a certificate that cannot be used."""
    if settings.tls_cert is None:
        return None
    context = certificate.context(settings.tls_cert, settings.tls_key)
    if settings.ldap_client_ca is not None:
        _ask_for_certificates(context, settings.ldap_client_ca)
    return context


def _ask_for_certificates(context: ssl.SSLContext, authorities: Path) -> None:
    """Raises InvalidSetting."""
    context.verify_mode = ssl.CERT_OPTIONAL
    try:
        context.load_verify_locations(authorities)
    except OSError as error:
        raise InvalidSetting(
            f"ldap.client_ca cannot be used: {error.strerror or error}",
            name="ldap.client_ca",
            hint="name the certificates (PEM) of the authorities that sign those of clients",
        ) from None
    if context.cert_store_stats()["crl"]:
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF


def check(settings: Settings) -> list[Listener]:
    """Where to listen. Raises InvalidSetting for what would prevent a gateway from starting."""
    _directory(settings, start_tls=_tls(settings) is not None)
    return listeners(settings)


async def _run(app: App) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    wanted = check(app.settings)
    gateway = Gateway(app)

    async def collect() -> str:
        return counters.text({0: gateway.samples()})

    try:
        async with metrics.served(app.settings.ldap_metrics_listen, collect):
            await gateway.serve(wanted, tell, stop)
    finally:
        gateway.close()


def tell(opened: list[Listener]) -> None:
    """One line for each address, as ``sharedbook serve`` promises."""
    for listener in opened:
        print(f"ldap listening on {listener.url}", flush=True)


def main() -> int:
    """Serves until SIGTERM or SIGINT. Returns the exit code; what is wrong is one line on stderr."""
    return _told(_serve)


def work(number: int) -> int:
    """Serves as one of several workers until SIGTERM, or until the process that started it is gone; as ``main``."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to the whole group
    return _told(lambda: _open_and(lambda app: _work(app, number)))


def _told(serve: Callable[[], int]) -> int:
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    try:
        return serve()
    except SharedbookError as error:
        print(f"ldap: {error}", file=sys.stderr)
        return 1


def _serve() -> int:
    settings = settings_module.load()
    if settings.ldap_workers == 1:
        return _open_and(_run)
    sharedbook.app.open(settings).close()
    return uvloop.run(workers.serve(settings, check(settings), tell))


def _open_and(serve: Callable[[App], Coroutine[None, None, None]]) -> int:
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.set_threshold(*GARBAGE)
    app = sharedbook.app.open(settings_module.load())
    try:
        uvloop.run(serve(app))
    finally:
        app.close()
    return 0


async def _work(app: App, number: int) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    gateway = Gateway(app, keeps=number == 0)
    await loop.connect_read_pipe(lambda: workers.Link(gateway.samples, stop.set), sys.stdin)
    try:
        await gateway.serve(listeners(app.settings), lambda _opened: print("ready", flush=True), stop)
    finally:
        gateway.close()


if __name__ == "__main__":
    sys.exit(main())
