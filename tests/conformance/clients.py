"""The real clients of this folder: which file drives which one, and how its version is found."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
BY_SERVE = pytest.mark.parametrize("carddav_site", ["serve"], indirect=True, scope="session")
"""For the clients that are driven against `sharedbook serve` only, because each run of them is long."""


@dataclass(frozen=True)
class ClientProgram:
    """A client by its name; it comes from a Debian package, from PyPI (`python`) or from npm."""

    name: str
    debian: str = ""
    python: str = ""
    npm: str = ""

    @property
    def version(self) -> str:
        """Its version here; "" when it is not installed."""
        if self.python:
            return metadata.version(self.python)
        if self.npm:
            package = FOLDER / "node_modules" / self.npm / "package.json"
            return str(json.loads(package.read_text())["version"]) if package.exists() else ""
        command = ["dpkg-query", "--show", "--showformat=${Version}", self.debian]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout


CLIENTS = {
    "ldap_libraries/test_ldapts.py": ClientProgram("ldapts", npm="ldapts"),
    "ldap_libraries/test_net_ldap.py": ClientProgram("Net::LDAP", debian="libnet-ldap-perl"),
    "ldap_libraries/test_php_ldap.py": ClientProgram("PHP's LDAP extension", debian="php-ldap"),
    "ldap_libraries/test_python_ldap.py": ClientProgram("python-ldap", debian="python3-ldap"),
    "ldap_libraries/test_roundcube.py": ClientProgram("Roundcube, address book", debian="roundcube-core"),
    "test_cadaver.py": ClientProgram("cadaver", debian="cadaver"),
    "test_curl.py": ClientProgram("curl", debian="curl"),
    "test_evolution.py": ClientProgram("Evolution Data Server", debian="evolution-data-server"),
    "test_evolution_ldap.py": ClientProgram("Evolution, directory", debian="evolution-data-server"),
    "test_kdav.py": ClientProgram("KDE's KDAV", debian="libkf5dav5"),
    "test_khard.py": ClientProgram("khard with vdirsyncer", python="khard"),
    "test_ldap3.py": ClientProgram("ldap3", python="ldap3"),
    "test_ldapsearch.py": ClientProgram("ldapsearch", debian="ldap-utils"),
    "test_tsdav.py": ClientProgram("tsdav", npm="tsdav"),
    "test_vdirsyncer.py": ClientProgram("vdirsyncer", python="vdirsyncer"),
    "thunderbird/test_carddav.py": ClientProgram("Thunderbird, discovery", debian="thunderbird"),
    "thunderbird/test_editing.py": ClientProgram("Thunderbird, books", debian="thunderbird"),
    "thunderbird/test_ldap.py": ClientProgram("Thunderbird, autocomplete", debian="thunderbird"),
}
"""By the path of the file below this folder; docs/conformance.md has a row for each."""


def table(passed: Iterable[Path], failed: Iterable[Path]) -> list[str]:
    """Lines of a table: each client, its version, its numbers of tests passed and failed, by the files of the tests."""
    good = Counter(path.relative_to(FOLDER).as_posix() for path in passed)
    bad = Counter(path.relative_to(FOLDER).as_posix() for path in failed)
    rows = [
        f"{client.name:<27} {client.version:<26} {good[file]:>6} {bad[file]:>6}"
        for file, client in CLIENTS.items()
        if good[file] or bad[file]
    ]
    return [f"{'client':<27} {'version':<26} passed failed", *rows]
