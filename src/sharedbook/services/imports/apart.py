"""Rows that another process makes ready while this one writes: an import takes what the slower of the two takes.

It is forked, as it needs the open source; it touches nothing else of its parent, and dies with the pipe. Rows go in
blocks, so large that a switch between threads costs little, and so small that neither process waits long for the other.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import queue
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from fcntl import F_SETPIPE_SZ, fcntl
from multiprocessing.connection import Connection
from typing import NamedTuple

from sharedbook.domain.errors import SharedbookError, Unavailable
from sharedbook.formats.entries.incoming import Source
from sharedbook.formats.rows.problems import Problem
from sharedbook.services.imports import blocks
from sharedbook.services.imports.blocks import Block

_AHEAD = 10
"""Blocks that are ready before they are asked for: a batch."""

_LARGE = 4_000_000
"""Octets: a block of more waits until those before it are sent, so that few large ones are in memory."""

_TURN = 0.0005
"""Seconds that who makes blocks may keep the interpreter from who sends them."""

_PIPE_OCTETS = 1024 * 1024
"""Most blocks: then who sends and who receives need not take turns."""


class _End(NamedTuple):
    """The last that is sent: what the source came to know while it was read, and what ended it early."""

    left_out: dict[str, None]
    warnings: list[Problem]
    error: SharedbookError | None


def blocks_of(source: Source, made: Callable[[], Iterator[Block]]) -> Generator[Block, None, None]:
    """The blocks, which are made of the source there; then the source knows what it came to know of them.

    Raises what making them raises, Unavailable when the process has ended.
    """
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    with suppress(OSError):  # a user may have only so many large ones
        fcntl(there.fileno(), F_SETPIPE_SZ, _PIPE_OCTETS)
    child = context.Process(target=_send, args=(there, here, source, made), daemon=True)
    child.start()
    there.close()
    try:
        yield from map(blocks.unpacked, iter(here.recv_bytes, b""))
        end: _End = pickle.loads(here.recv_bytes())  # noqa: S301 - of our own process
        source.left_out, source.warnings = end.left_out, end.warnings
        if end.error is not None:
            raise end.error
    except EOFError:
        raise Unavailable("the process that reads the file has ended", hint="run the import again") from None
    finally:
        child.kill()
        child.join()
        here.close()


def _send(there: Connection, here: Connection, source: Source, made: Callable[[], Iterator[Block]]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who is asked to stop is the parent
    sys.setswitchinterval(_TURN)
    here.close()  # else a parent that is gone would not be noticed
    ahead = queue.Queue[bytes | None](_AHEAD)
    sender = threading.Thread(target=_pass_on, args=(ahead, there), daemon=True)  # so it holds no failed process back
    sender.start()
    error = None
    try:
        for written in map(Block.packed, made()):
            if len(written) > _LARGE:
                ahead.join()
            ahead.put(written)
            del written  # it is not kept while the next is made
    except SharedbookError as reason:
        error = reason
    ahead.put(b"")
    ahead.put(pickle.dumps(_End(source.left_out, source.warnings, error)))
    ahead.put(None)
    sender.join()


def _pass_on(ahead: queue.Queue[bytes | None], there: Connection) -> None:
    """Sends until there is nothing more: a pipe holds few rows, and the parent takes none while it writes."""
    try:
        while (written := ahead.get()) is not None:
            there.send_bytes(written)
            ahead.task_done()
    except OSError:  # the parent is gone
        os._exit(1)
