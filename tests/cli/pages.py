"""Pages of docs/ that show commands with their answers: run in their order, they answer as the page says."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping

from tests.cli.conftest import CommandLine
from tests.support.left_out import ROOT


def check(sharedbook: CommandLine, page: str, codes: Mapping[str, int]) -> None:
    """Runs the commands of a page; ``codes``: of those that do not end with 0."""
    commands = list(_transcript(page))
    assert len(commands) > 6
    for command, expected in commands:
        answer = sharedbook(*shlex.split(command), code=codes.get(command, 0))
        found = [line.rstrip() for line in _steady(answer.out).splitlines()]
        assert found == _steady("\n".join(expected)).splitlines(), command


def _transcript(page: str) -> Iterator[tuple[str, list[str]]]:
    """Each command, and the lines that it answers with."""
    block = [line[4:] for line in (ROOT / "docs" / page).read_text().splitlines() if line.startswith("    ")]
    starts = [number for number, line in enumerate(block) if line.startswith("$ sharedbook ")]
    for start, end in zip(starts, [*starts[1:], len(block)], strict=True):
        yield block[start].removeprefix("$ sharedbook "), block[start + 1 : end]


def _steady(text: str) -> str:
    """Without times, rates, and blanks at the end of lines."""
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z", "TIME", text)
    return re.sub(r"[\d.]+ a second", "RATE", text)
