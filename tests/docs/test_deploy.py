"""deploy/: every file is described, and every setting it names exists."""

from __future__ import annotations

import re
from pathlib import Path

from sharedbook.settings import CONFIG_VARIABLE, SETTINGS, Address, load
from tests.support.left_out import ROOT

DEPLOY = ROOT / "deploy"


def test_every_file_is_described() -> None:
    rows = re.findall(r"^\| (`.+`) \|", (DEPLOY / "README.md").read_text(), re.MULTILINE)
    described = {name for row in rows for name in re.findall("`(.+?)`", row)}
    assert described == {path.name for path in DEPLOY.iterdir()} - {"README.md"}


def test_every_variable_is_a_setting() -> None:
    known = {setting.variable for setting in SETTINGS} | {CONFIG_VARIABLE}
    for path in [*DEPLOY.iterdir(), ROOT / "Makefile"]:
        named = set(re.findall(r"\bSHAREDBOOK_[A-Z_]+", path.read_text()))
        assert {name for name in named if not name.startswith("SHAREDBOOK_TEST_")} <= known, path


def test_the_settings_of_the_readme_load(tmp_path: Path) -> None:
    block = (DEPLOY / "README.md").read_text().split("other machines:\n\n")[1].split("\n\nThe key")[0]
    (tmp_path / "sharedbook.toml").write_text(block)
    settings = load(tmp_path / "sharedbook.toml", {})
    assert settings.ldaps_listen == Address("0.0.0.0", 636)
    assert settings.trusted_proxies == ("127.0.0.1", "::1")
