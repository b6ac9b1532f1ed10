"""Several gateways at the same addresses (SO_REUSEPORT): the process that starts them and watches over them.

It serves nothing itself. A worker tells on stdout that it accepts connections, and after each line on its stdin what
it has counted; it ends when its stdin does. One that ends is replaced while the others serve; one that cannot start
ends all.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress

from ldap_gateway import counters, metrics
from ldap_gateway.counters import Sample
from ldap_gateway.listening import Listener, bound, reserve
from sharedbook.settings import Settings

logger = logging.getLogger("sharedbook.ldap")

CHILD = "import sys; from ldap_gateway.server import work; sys.exit(work(int(sys.argv[1])))"
READY = b"ready\n"
STOP_SECONDS = 10
ANSWER_SECONDS = 2


class _Worker:
    """One place among the workers, and the process that has it now."""

    def __init__(self, number: int, environment: Mapping[str, str]) -> None:
        self.ready = asyncio.Event()
        self._number = number
        self._environment = environment
        self._process: Process | None = None
        self._asking = asyncio.Lock()
        self._asked = 0

    async def keep(self) -> None:
        """Runs one process after the other; returns when one cannot start, which has said why on stderr."""
        while True:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", CHILD, str(self._number), env=self._environment, stdin=PIPE, stdout=PIPE
            )
            assert self._process.stdout is not None
            if await self._process.stdout.readline() != READY:
                return
            self.ready.set()
            code = await self._process.wait()
            self.ready.clear()
            logger.warning("worker %d ended by itself (%d): another one takes its place", self._number, code)

    async def samples(self) -> list[Sample]:
        """Its counters; none when it does not answer in time."""
        process = self._process
        if process is None or not self.ready.is_set():
            return []
        assert process.stdin is not None and process.stdout is not None
        async with self._asking:
            self._asked += 1
            with suppress(TimeoutError, OSError):
                async with asyncio.timeout(ANSWER_SECONDS):
                    process.stdin.write(b"%d\n" % self._asked)
                    # an answer that came too late for its question may still be in the way
                    while line := await process.stdout.readline():
                        asked, found = json.loads(line)
                        if asked == self._asked:
                            return [(name, labels, value) for name, labels, value in found]
        return []

    async def end(self) -> None:
        """Ends the process, at the latest after ``STOP_SECONDS``."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


async def serve(settings: Settings, wanted: list[Listener], tell: Callable[[list[Listener]], None]) -> int:
    """Serves until SIGTERM or SIGINT (0), or until a worker cannot start (1). ``tell`` as ``ready`` of Gateway.serve.

    Raises Unavailable for an address in use.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with ExitStack() as held:
        opened = [_reserved(each, held.enter_context(reserve(each.address))) for each in wanted]
        environment = _environment(settings, opened)
        crew = [_Worker(number, environment) for number in range(settings.ldap_workers)]

        async def tell_when_ready() -> None:
            for worker in crew:
                await worker.ready.wait()
            tell(opened)

        async def collect() -> str:
            found = await asyncio.gather(*(worker.samples() for worker in crew))
            return counters.text(dict(enumerate(found)))

        async with metrics.served(settings.ldap_metrics_listen, collect):
            telling = asyncio.create_task(tell_when_ready())
            lives = [asyncio.create_task(worker.keep()) for worker in crew]
            stopping = asyncio.create_task(stop.wait())
            try:
                done, _ = await asyncio.wait([stopping, *lives], return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (telling, stopping, *lives):
                    task.cancel()
                await asyncio.gather(*(worker.end() for worker in crew))
            for task in done:
                task.result()
    return 0 if stop.is_set() else 1


def _reserved(listener: Listener, held: socket.socket) -> Listener:
    return Listener(bound(listener.address, held), listener.tls)


def _environment(settings: Settings, opened: list[Listener]) -> dict[str, str]:
    """The settings for a worker, which listens at the same ports and leaves its counters to us."""
    return {
        **os.environ,
        **settings.as_environment(),
        **{f"SHAREDBOOK_LDAP{'S' if each.tls else ''}_LISTEN": str(each.address) for each in opened},
        "SHAREDBOOK_LDAP_METRICS_LISTEN": "",
    }


class Link(asyncio.Protocol):
    """The worker's end of the line: each question on stdin is answered on stdout; the end of stdin is told."""

    def __init__(self, samples: Callable[[], list[Sample]], ended: Callable[[], None]) -> None:
        self._samples = samples
        self._ended = ended

    def data_received(self, data: bytes) -> None:
        for asked in data.split():
            print(json.dumps([int(asked), self._samples()]), flush=True)

    def connection_lost(self, error: Exception | None) -> None:
        self._ended()
