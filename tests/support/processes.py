"""Server processes of a test: started, awaited by an event, and stopped by process id.

Each server leads a process group of its own, so that its workers end with it whatever happens.
"""

from __future__ import annotations

import os
import re
import resource
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self


def _of_group(group: int) -> Iterator[int]:
    """Ids of the processes of a group."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
            if int(fields[2]) == group:
                yield int(folder.name)


def _wait_for_group(group: int) -> None:
    """Returns when each process of a killed group has ended, so that its ports and files are free."""
    for process in _of_group(group):
        with suppress(ProcessLookupError):
            end = os.pidfd_open(process)
            select.select([end], [], [], 60)
            os.close(end)


class Server:
    """A running command; stdout and stderr are read as one stream of lines.

    Use it as a context manager: leaving the block stops the process. `env` is added to this process's environment.
    """

    def __init__(self, command: Sequence[str | Path], *, env: Mapping[str, str] = {}, cwd: Path | None = None) -> None:
        self._lines: list[str] = []
        self._ended = False
        self._killed = False
        self._news = threading.Condition()
        self.process = subprocess.Popen(
            [str(part) for part in command],
            env={**os.environ, "PYTHONUNBUFFERED": "1", **env},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._news:
                self._lines.append(line.rstrip("\n"))
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    @property
    def output(self) -> str:
        """All it has written until now."""
        with self._news:
            return "\n".join(self._lines)

    def wait_for_line(self, pattern: str, timeout: float = 60.0) -> re.Match[str]:
        """The first match of a regular expression in its output, past or to come.

        Raises AssertionError, with the output, if the process ends or `timeout` seconds pass before.
        """
        search, seen = re.compile(pattern).search, 0
        deadline = time.monotonic() + timeout
        with self._news:
            while True:
                for line in self._lines[seen:]:
                    if found := search(line):
                        return found
                seen = len(self._lines)
                if self._ended or not self._news.wait(deadline - time.monotonic()):
                    raise AssertionError(self._sorry(f"never wrote a line like {pattern!r}"))

    def wait_for_port(self, port: int, timeout: float = 60.0) -> None:
        """Returns when 127.0.0.1:`port` accepts a connection.

        Raises AssertionError, with the output, if the process ends or `timeout` seconds pass before.
        """
        deadline = time.monotonic() + timeout
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=1) as client:
                    if client.getsockname() != client.getpeername():  # it may be given that port, and meet itself
                        return
            except OSError:
                if self._ended or time.monotonic() > deadline:
                    raise AssertionError(self._sorry(f"never accepted a connection on port {port}")) from None
            with self._news:
                self._news.wait(0.02)

    def _sorry(self, what: str) -> str:
        state = f"ended with {self.process.wait(60)}" if self._ended else "still runs"
        return f"{self.process.args!r} {what}; it {state} and wrote:\n" + "\n".join(self._lines)

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the process itself, not to its workers."""
        self.process.send_signal(number)

    @contextmanager
    def unable_to_write(self) -> Iterator[None]:
        """As on a full disk: the process and its workers can write behind the first byte of no file."""
        limits = {each: resource.prlimit(each, resource.RLIMIT_FSIZE) for each in _of_group(self.process.pid)}
        for each, (_, most) in limits.items():
            resource.prlimit(each, resource.RLIMIT_FSIZE, (1, most))
        try:
            yield
        finally:
            for each, limit in limits.items():
                resource.prlimit(each, resource.RLIMIT_FSIZE, limit)

    def kill(self) -> None:
        """What a power cut does: the process and its workers end at once, without a chance to tidy up."""
        if not self._killed:
            self._killed = True
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            _wait_for_group(self.process.pid)
        self.process.wait()
        self._reader.join()

    def stop(self, timeout: float = 60.0) -> int:
        """Asks the process to end (SIGTERM), insists after `timeout` seconds; returns its exit code."""
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout)
        self.kill()
        return self.process.returncode

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
