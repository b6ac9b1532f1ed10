"""docs/jobs.md shows what happens: its commands, run in their order, answer as it says."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from tests.cli.conftest import CommandLine
from tests.support.left_out import ROOT

CODES = {"job undo 1 --yes": 3}


def transcript() -> Iterator[tuple[str, list[str]]]:
    """Each command, and the lines that it answers with."""
    block = [line[4:] for line in (ROOT / "docs" / "jobs.md").read_text().splitlines() if line.startswith("    ")]
    starts = [number for number, line in enumerate(block) if line.startswith("$ sharedbook ")]
    for start, end in zip(starts, [*starts[1:], len(block)], strict=True):
        yield block[start].removeprefix("$ sharedbook "), block[start + 1 : end]


def steady(text: str) -> str:
    """Without times, rates, and blanks at the end of lines."""
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z", "TIME", text)
    return re.sub(r"[\d.]+ a second", "RATE", text)


def test_the_examples_answer_as_the_page_says(sharedbook: CommandLine) -> None:
    sharedbook("group", "add", "Customers")
    sharedbook("group", "add", "Press")
    for name, company in (("Minji Kim", "Daily News"), ("Ada Lovelace", "Daily News"), ("Jörg Müller", "Daily News")):
        sharedbook("contact", "add", "--name", name, "--group", "customers", "--field", f"company={company}")
    sharedbook("contact", "add", "--name", "Inès Martin", "--group", "customers", "--field", "company=Acme")
    commands = list(transcript())
    assert len(commands) > 6
    for command, expected in commands:
        answer = sharedbook(*shlex.split(command), code=CODES.get(command, 0))
        found = [line.rstrip() for line in steady(answer.out).splitlines()]
        assert found == steady("\n".join(expected)).splitlines(), command
