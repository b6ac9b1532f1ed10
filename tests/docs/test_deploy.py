"""deploy/: every file is described, and every setting it names exists."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

from sharedbook.settings import CONFIG_VARIABLE, SETTINGS, Address, load
from tests.support.left_out import ROOT
from tests.support.sites import new_site

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


def test_the_settings_load_with_all_that_is_commented_out(tmp_path: Path) -> None:
    text = re.sub(r'^# (?=\[|\w+ = ")', "", (DEPLOY / "sharedbook.toml").read_text(), flags=re.MULTILINE)
    (tmp_path / "sharedbook.toml").write_text(text)
    settings = load(tmp_path / "sharedbook.toml", {})
    assert settings.ldaps_listen == Address("0.0.0.0", 636)
    assert settings.trusted_proxies == ("127.0.0.1", "::1")
    assert settings.mail_server == Address("mail.example.com", 587)
    assert settings.database_url.startswith("postgresql+psycopg://")


def test_commands_and_servers_read_the_same_settings() -> None:
    """A variable of a unit would be one that the postmaster's command does not know."""
    for unit in DEPLOY.glob("*.service"):
        lines = unit.read_text().splitlines()
        assert "User=sharedbook" in lines and not [line for line in lines if line.startswith("Environment")], unit.name
    wrapper = DEPLOY / "sharedbook"
    assert wrapper.stat().st_mode & 0o111 and "runuser -u sharedbook -- " in wrapper.read_text()


def test_the_nightly_backup_makes_one_and_keeps_those_of_thirty_days(tmp_path: Path) -> None:
    """The unit's own lines, with our program and folder in place of the installed ones."""
    site = new_site(tmp_path / "site")
    backups = tmp_path / "backups"
    for name, age in (("old", 40), ("young", 20)):
        (backups / name).mkdir(parents=True)
        (backups / name / "sharedbook.sqlite").touch()
        then = time.time() - age * 86400
        os.utime(backups / name, (then, then))
    text = (DEPLOY / "sharedbook-backup.service").read_text()
    for line in re.findall(r"^ExecStart(?:Post)?=(.+)$", text, re.MULTILINE):
        command = line.replace("%%", "%").replace("$$", "$").replace("/var/backups/sharedbook", str(backups))
        command = command.replace("/opt/sharedbook/bin/", f"{Path(sys.executable).parent}/")
        environment = {**os.environ, **site.settings.as_environment()}
        subprocess.run(shlex.split(command), env=environment, check=True, timeout=60)
    [made] = {path.name for path in backups.iterdir()} - {"young"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d{6}", made)
    assert {"backup.json", "sharedbook.sqlite"} <= {path.name for path in (backups / made).iterdir()}
