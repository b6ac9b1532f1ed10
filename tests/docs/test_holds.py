"""docs/holds.md gives settings that load, and says what the defaults are."""

from __future__ import annotations

import textwrap
from pathlib import Path

from sharedbook.settings import Address, Settings, load
from tests.support.left_out import ROOT

PAGE = (ROOT / "docs" / "holds.md").read_text()


def test_the_settings_load(tmp_path: Path) -> None:
    block = PAGE.split("within a minute:\n\n")[1].split("\n\n- Mail goes")[0]
    (tmp_path / "sharedbook.toml").write_text(textwrap.dedent(block))
    settings = load(tmp_path / "sharedbook.toml", {})
    assert settings.mail_server == Address("mail.example.com", 587) and settings.mail_security == "starttls"
    assert settings.webhook_url.startswith("https://")


def test_the_numbers_are_the_defaults() -> None:
    settings = Settings()
    assert (settings.hold_share, settings.hold_minimum, settings.hold_window) == (10, 20, 3600)
    lines = [line for line in PAGE.splitlines() if line.startswith("| 1")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    for size, goes, first in rows:
        cards = int(size.split()[0].replace(",", ""))
        most = max(settings.hold_minimum, cards * settings.hold_share // 100)
        assert (goes, first) == (("all", "none") if most >= cards else (str(most), f"the {most + 1}st"))
    assert len(rows) == 3
