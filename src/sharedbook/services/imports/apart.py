"""Rows that another process makes ready while this one writes: an import takes what the slower of the two takes.

It is forked, as it needs the open source; it touches nothing else of its parent, and dies with the pipe. Rows go in
pieces, so many that a switch between threads costs little, and so few that neither process waits long for the other.
"""

from __future__ import annotations

import marshal
import multiprocessing
import os
import pickle
import queue
import signal
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from fcntl import F_SETPIPE_SZ, fcntl
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, Generic, NamedTuple, TypeVar

from sharedbook.domain.errors import SharedbookError, Unavailable
from sharedbook.formats.entries.incoming import Source
from sharedbook.formats.rows.problems import Problem

_PIECE_ROWS = 250
_PIECE_OCTETS = 1_000_000
_AHEAD = 20
"""Pieces that are ready before they are asked for: a batch."""

_SOON = 0.005
"""Seconds: so long the next piece may need to get into the pipe."""

_PIPE_OCTETS = 1024 * 1024
"""Most pieces: then who sends and who receives need not take turns."""

Row = TypeVar("Row")


class Piece(NamedTuple, Generic[Row]):
    """Some rows, about how many octets they hold, and whether more are ready at once."""

    rows: list[Row]
    octets: int
    more: bool = True


class _End(NamedTuple):
    """The last that is sent: what the source came to know while it was read, and what ended it early."""

    left_out: dict[str, None]
    warnings: list[Problem]
    error: SharedbookError | None


Packing = tuple[Callable[[Row], Any], Callable[[Any], Row]]
"""How a row is made what ``marshal`` takes, and a row again."""


def pieces(
    source: Source, rows: Callable[[], Iterator[Row]], size_of: Callable[[Row], int], packing: Packing[Row]
) -> Generator[Piece[Row], None, None]:
    """The rows, which are made of the source there; then the source knows what it came to know of them.

    Raises what making them raises, Unavailable when the process has ended.
    """
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    with suppress(OSError):  # a user may have only so many large ones
        fcntl(there.fileno(), F_SETPIPE_SZ, _PIPE_OCTETS)
    pack, unpack = packing
    cut = partial(_cut, rows, size_of, pack)
    child = context.Process(target=_send, args=(there, here, source, cut), daemon=True)
    child.start()
    there.close()
    try:
        while not isinstance(found := marshal.loads(here.recv_bytes()), bytes):
            made, octets = found
            yield Piece(list(map(unpack, made)), octets, here.poll(_SOON))
        end: _End = pickle.loads(found)  # noqa: S301 - of our own process
        source.left_out, source.warnings = end.left_out, end.warnings
        if end.error is not None:
            raise end.error
    except EOFError:
        raise Unavailable("the process that reads the file has ended", hint="run the import again") from None
    finally:
        child.kill()
        child.join()
        here.close()


def _send(
    there: Connection, here: Connection, source: Source, cut: Callable[[], Iterator[tuple[list[Any], int]]]
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who is asked to stop is the parent
    here.close()  # else a parent that is gone would not be noticed
    ahead = queue.Queue[bytes](_AHEAD)
    sender = threading.Thread(target=_pass_on, args=(ahead, there), daemon=True)  # so it holds no failed process back
    sender.start()
    error = None
    try:
        for piece in cut():
            ahead.put(marshal.dumps(piece))
    except SharedbookError as reason:
        error = reason
    ahead.put(marshal.dumps(pickle.dumps(_End(source.left_out, source.warnings, error))))
    ahead.put(b"")
    sender.join()


def _pass_on(ahead: queue.Queue[bytes], there: Connection) -> None:
    """Sends until there is nothing more: a pipe holds few rows, and the parent takes none while it writes."""
    try:
        while piece := ahead.get():
            there.send_bytes(piece)
    except OSError:  # the parent is gone
        os._exit(1)


def _cut(
    rows: Callable[[], Iterator[Row]], size_of: Callable[[Row], int], pack: Callable[[Row], Any]
) -> Iterator[tuple[list[Any], int]]:
    """Some rows at a time: not so many that the memory which they take depends on what is in them."""
    piece, octets = list[Any](), 0
    for row in rows():
        piece.append(pack(row))
        octets += size_of(row)
        if len(piece) == _PIECE_ROWS or octets > _PIECE_OCTETS:
            yield piece, octets
            piece, octets = [], 0
    if piece:
        yield piece, octets
