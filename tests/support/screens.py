"""A terminal as a person has it: a program in tmux, keys in, the screen out.

The server, its socket and what it runs are this screen's own: no configuration of the machine's user counts.
"""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

COLUMNS, LINES = 80, 24
SECONDS = 120


class Screen:
    """A program on a terminal of 80 columns and 24 lines. Leave it as a context manager: that ends the program."""

    def __init__(self, folder: Path, *command: str, env: dict[str, str]) -> None:
        """``folder`` is where it starts and gets its HOME; ``env`` comes on top of the environment."""
        self._socket = folder / "tmux"
        self._env = {**os.environ, "HOME": str(folder), "LC_ALL": "C.UTF-8", "TERM": "xterm-256color", **env}
        news = folder / "news"
        os.mkfifo(news)
        self._news = os.open(news, os.O_RDWR | os.O_NONBLOCK)
        self._tmux(
            "-f", "/dev/null", "set-option", "-g", "history-limit", "10000", ";",
            "set-option", "-g", "remain-on-exit", "on", ";",
            "new-session", "-d", "-x", str(COLUMNS), "-y", str(LINES), "-c", str(folder), *command, ";",
            "pipe-pane", f"cat > {news}",
        )  # fmt: skip

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", self._socket, *arguments],
            env=self._env, capture_output=True, text=True, check=False, timeout=SECONDS,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def type(self, *keys: str) -> None:
        """Presses keys: text as it is, or tmux's names such as Enter and Tab."""
        self._tmux("send-keys", "--", *keys)

    def lines(self, *, colours: bool = False) -> Sequence[str]:
        """All that was shown, line by line as the program wrote them, however wide; ``colours`` keeps escape codes."""
        return self._tmux("capture-pane", "-p", "-J", "-S", "-", *(("-e",) if colours else ())).splitlines()

    def until(self, text: str) -> None:
        """Waits until a text is shown; fails the test when it never is."""
        end = time.monotonic() + SECONDS
        while text not in "\n".join(self.lines()):
            ready, _, _ = select.select([self._news], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"{text!r} never came; shown: {self.lines()}"
            os.read(self._news, 65536)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tmux("kill-server")
        os.close(self._news)
