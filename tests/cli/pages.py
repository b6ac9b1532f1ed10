"""Pages of docs/ that show commands with their answers: run in their order, they answer as the page says."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from itertools import pairwise

from tests.cli.conftest import CommandLine
from tests.support.left_out import ROOT


def check(sharedbook: CommandLine, page: str, codes: Mapping[str, int]) -> None:
    """Runs the commands of a page; ``codes``: of ours that do not end with 0. Of others the answer does not count."""
    commands = list(_transcript(page))
    assert len(commands) > 6
    for command, expected in commands:
        program, *arguments = shlex.split(command)
        command = command.removeprefix("sharedbook ")
        if program != "sharedbook":
            subprocess.run([program, *arguments], check=True, timeout=60)
            continue
        answer = sharedbook(*arguments, code=codes.get(command, 0))
        found = [line.rstrip() for line in _steady(answer.out).splitlines()]
        assert found == _steady("\n".join(expected)).splitlines(), command


def _transcript(page: str) -> Iterator[tuple[str, list[str]]]:
    """Each command line, and the lines that it answers with; a block that begins with another line is a file."""
    for block in re.findall(r"(?:^    .*\n)+", (ROOT / "docs" / page).read_text(), re.MULTILINE):
        lines = [line[4:] for line in block.splitlines()]
        starts = [number for number, line in enumerate(lines) if line.startswith("$ ")]
        for start, end in pairwise([*starts, len(lines)]):
            yield lines[start].removeprefix("$ "), lines[start + 1 : end]


def _steady(text: str) -> str:
    """Without times, hashes and rates."""
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|\+00:00)", "TIME", text)
    text = re.sub(r"[0-9a-f]{64}", "HASH", text)
    return re.sub(r"[\d.]+ a second", "RATE", text)
