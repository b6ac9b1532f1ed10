"""A client whose program reads requests from stdin and writes answers to stdout, one JSON object a line each.

It gets a home of its own, and no display, no desktop and no keyring of the machine.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

SECONDS = 60


class LineClient:
    """The running program; leaving the block ends it."""

    def __init__(self, prepare: Callable[[Path], Sequence[str | Path]], **environment: str) -> None:
        """`prepare` gives the command, for a temporary folder that is its home.

        The folder is named shortly: the path of a socket in it has at most 107 bytes.
        """
        with ExitStack() as started:
            # a daemon that ends a moment later than the program may still write here
            temporary = tempfile.TemporaryDirectory(prefix="sb-", ignore_cleanup_errors=True)
            folder = Path(started.enter_context(temporary))
            self._words = folder / "words"
            self._process = subprocess.Popen(
                [str(part) for part in prepare(folder)],
                env={**alone(folder), **environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=started.enter_context(self._words.open("w")),
                start_new_session=True,
            )
            self._started = started.pop_all()

    def ask(self, do: str, **request: Any) -> Any:
        """The answer to one request. Raises AssertionError, with the program's words, if there is none in time."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps({"do": do, **request}).encode() + b"\n")
        self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], SECONDS)
        line = self._process.stdout.readline() if ready else b""
        assert line, f"no answer to {do} {request}:\n{self._words.read_text(errors='replace')}"
        return json.loads(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._started:
            try:
                self._process.communicate(timeout=SECONDS)  # the end of stdin is the end of the program
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()


def alone(folder: Path) -> dict[str, str]:
    """The environment of a program that lives in `folder` and knows nothing of this machine's user."""
    places = {"HOME": folder, "TMPDIR": folder, "XDG_RUNTIME_DIR": folder / "run"}
    places |= {f"XDG_{name}_HOME": folder / name.lower() for name in ("CONFIG", "DATA", "CACHE", "STATE")}
    for place in places.values():
        place.mkdir(mode=0o700, exist_ok=True)
    return {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **{name: str(place) for name, place in places.items()}}
