"""Roundcube's address book, by its own code for LDAP: pages of a list, a search, a wrong password."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.conformance.directory import EVERYBODY, Directory, mail
from tests.ldap.served import BASE


@pytest.mark.needs("roundcube")
def test_lists_and_searches(directory: Directory, tmp_path: Path) -> None:
    script, url = Path(__file__).with_name("roundcube_client.php"), f"ldap://127.0.0.1:{directory.site.port}"
    done = subprocess.run(
        ["php", script, url, directory.dn, directory.secret, BASE],
        env={**os.environ, "HOME": str(tmp_path)}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout[done.stdout.index("{") :])
    assert [len(page) for page in said["pages"]] == [20, 20, 13]
    assert sorted(address for page in said["pages"] for address in page) == sorted(EVERYBODY)
    assert sorted(said["found"]) == sorted(map(mail, range(4, 14)))
    assert (said["wrong"], said["count"]) == (False, 10)
