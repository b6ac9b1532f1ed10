"""Roundcube: its address book's own code for LDAP (pages, a search, a wrong password); a session in its web page."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.conformance.directory import EVERYBODY, Directory, mail
from tests.conformance.ldap_libraries.webmail import webmail
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


BOOK = """[
    'name' => 'Shared', 'hosts' => ['ldap://127.0.0.1:{port}'], 'ldap_version' => 3, 'user_specific' => false,
    'base_dn' => '{base}', 'bind_dn' => '{dn}', 'bind_pass' => '{secret}', 'scope' => 'sub', 'sort' => 'sn',
    'filter' => '(objectClass=inetOrgPerson)', 'search_fields' => ['mail', 'cn', 'sn', 'givenName'],
    'fieldmap' => ['name' => 'cn', 'surname' => 'sn', 'firstname' => 'givenName', 'email' => 'mail:*'],
]"""


@pytest.mark.needs("roundcube")
def test_an_address_is_completed_in_the_browser(directory: Directory, tmp_path: Path) -> None:
    book = BOOK.format(port=directory.site.port, base=BASE, dn=directory.dn, secret=directory.secret)
    with webmail(tmp_path, book) as session:
        session.log_in("walter")
        assert session.completed("person17@") == ["Given36 Name17 <person17@example.com>"]
        assert len(session.completed("given4")) == 10
        assert session.completed("nobody") == []
