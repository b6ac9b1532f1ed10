"""tools/system_packages.sh: what is missing is named in one sentence where it cannot be installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.left_out import NEEDS, ROOT


@pytest.fixture
def bare_path(tmp_path: Path) -> str:
    """A PATH with the shell's own helpers only: no client, no apt-get."""
    for name in ("sh", "id", "tr"):
        (tmp_path / name).symlink_to(shutil.which(name) or pytest.fail(f"no {name}"))
    return str(tmp_path)


def run(path: str, without: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": path, "PYTHON": sys.executable, "SHAREDBOOK_TEST_WITHOUT": without}
    shell = os.path.join(path, "sh")
    return subprocess.run(
        [shell, "tools/system_packages.sh"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_missing_packages_are_named(bare_path: str) -> None:
    done = run(bare_path, "postgres")
    assert done.returncode == 1
    named = done.stderr.partition("run as root: apt install ")[2].partition(" (or leave")[0].split()
    assert named[:4] == ["ldap-utils", "curl", "nodejs", "npm"]
    assert {"cadaver", "thunderbird", "xvfb", "php-cli"} <= set(named)
    assert done.stderr.count("\n") == 1


def test_what_is_left_out_is_not_asked_for(bare_path: str) -> None:
    done = run(bare_path, ",".join(NEEDS))
    assert (done.returncode, done.stderr) == (0, "")
