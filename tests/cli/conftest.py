"""The command line as a person or a program uses it: arguments and stdin in; exit code, stdout and stderr out."""

from __future__ import annotations

import io
import json
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sharedbook import cli

PROGRAM = [sys.executable, "-c", "from sharedbook.cli import main; main()"]


@dataclass(frozen=True)
class Answer:
    """What a call gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What stdout holds, which is JSON and nothing else."""
        return json.loads(self.out)


class CommandLine:
    """Calls of `sharedbook` in this process, on one site."""

    def __init__(self, capture: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self._capture = capture
        self._patch = patch

    def __call__(self, *arguments: object, stdin: str = "", code: int | None = 0) -> Answer:
        """Runs a command without a terminal; fails the test unless it ends with ``code`` (None: any)."""
        self._patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        self._capture.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main([str(each) for each in arguments])
        shown = self._capture.readouterr()
        answer = Answer(int(ended.value.code or 0), shown.out, shown.err)
        assert code is None or answer.code == code, answer
        return answer

    def json(self, *arguments: object, **more: Any) -> Any:
        """Runs a command with --json and returns what it answers."""
        return self(*arguments, "--json", **more).json


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new site's folder, named by the environment; nothing of this machine's own settings counts."""
    for name in [name for name in os.environ if name.startswith("SHAREDBOOK_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "site"
    monkeypatch.setenv("SHAREDBOOK_DATA_DIR", str(folder))
    return folder


@pytest.fixture
def bare(data_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The command line before `init`."""
    return CommandLine(capsys, monkeypatch)


@pytest.fixture(scope="session")
def molds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where sites are kept that many tests begin with: each is made once, by the command line, and copied."""
    return tmp_path_factory.mktemp("molds")


@pytest.fixture
def sharedbook(bare: CommandLine, data_dir: Path, molds: Path) -> CommandLine:
    """The command line on an initialized, empty site."""
    if not (molds / "empty").exists():
        bare("init")
        shutil.copytree(data_dir, molds / "empty")
    else:
        shutil.copytree(molds / "empty", data_dir)
    return bare


@pytest.fixture
def staffed(bare: CommandLine, data_dir: Path, molds: Path) -> CommandLine:
    """A site with members alice (postmaster), bob and carol, the team @sales of bob, and the group customers."""
    if (molds / "staffed").exists():
        shutil.copytree(molds / "staffed", data_dir)
        return bare
    bare("init")
    for login, *more in (("alice", "--postmaster"), ("bob",), ("carol",)):
        bare("member", "add", login, *more)
    bare("team", "add", "sales")
    bare("team", "join", "sales", "bob")
    bare("group", "add", "Customers")
    bare("grant", "add", "customers", "@sales", "view,add,edit")
    shutil.copytree(data_dir, molds / "staffed")
    return bare


class Terminal:
    """`sharedbook` on a terminal of 80 columns; what it shows is read as it comes."""

    def __init__(self, *arguments: str, env: dict[str, str] | None = None) -> None:
        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            [*PROGRAM, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24", **(env or {})},
            preexec_fn=lambda: os.login_tty(theirs),  # noqa: PLW1509 - Ctrl-C needs a terminal of the child's own
        )
        os.close(theirs)
        self.shown = ""
        self._met = 0

    def until(self, text: str, seconds: float = 60) -> None:
        """Reads until ``text`` is shown, behind what was waited for before; fails the test when it never is."""
        end = time.monotonic() + seconds
        while text not in self.shown[self._met :]:
            assert self._read(end), f"{text!r} never came; shown: {self.shown!r}"
        self._met = self.shown.index(text, self._met) + len(text)

    def _read(self, end: float) -> bool:
        """Reads what comes before the time ``end``; False at the end of it all."""
        ready, _, _ = select.select([self._ours], [], [], max(0.0, end - time.monotonic()))
        assert ready, f"nothing more came; shown: {self.shown!r}"
        try:
            data = os.read(self._ours, 65536)
        except OSError:  # the other end is closed
            return False
        self.shown += data.decode(errors="replace")
        return bool(data)

    def type(self, text: str) -> None:
        """Types a line."""
        os.write(self._ours, f"{text}\n".encode())

    def end(self, seconds: float = 60) -> int:
        """Reads to the end; returns the exit code."""
        end = time.monotonic() + seconds
        while self._read(end):
            pass
        os.close(self._ours)
        return self._process.wait(seconds)


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    """Makes terminals."""
    yield Terminal
