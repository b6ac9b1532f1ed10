"""docs/moving-in.md shows what happens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli import pages
from tests.cli.conftest import CommandLine
from tests.support.left_out import ROOT


def test_the_examples_answer_as_the_page_says(
    sharedbook: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHAREDBOOK_DEFAULT_REGION", "KR")
    page = (ROOT / "docs" / "moving-in.md").read_text()
    [rows] = re.findall(r"saved it:\n\n((?:    .+\n)+)", page)
    (tmp_path / "contacts.csv").write_text(rows.replace("    ", ""))
    [mails] = re.findall(r"`sent.mbox`.*:\n\n((?:(?:    .+)?\n)+)", page)
    (tmp_path / "sent.mbox").write_text(mails.replace("    ", ""))
    import_ = "import contacts.csv --group customers"
    pages.check(sharedbook, "moving-in.md", {import_: 3, f"{import_} --dry-run": 3, "apply 1": 3})
