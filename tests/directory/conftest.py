"""An organisation's own directory (slapd), and the command line of a site beside it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine, bare, data_dir, molds, sharedbook, staffed  # noqa: F401 - fixtures
from tests.support.slapd import BASE, PEOPLE, ROOT, ROOT_PASSWORD, Slapd


@pytest.fixture(scope="module")
def slapd() -> Iterator[Slapd]:
    """A running directory that this module's tests may change."""
    with tempfile.TemporaryDirectory(prefix="sharedbook-slapd-") as name:
        directory = Slapd(Path(name) / "slapd")
        with directory.served():
            yield directory


@pytest.fixture
def people(slapd: Slapd) -> Iterator[Slapd]:
    """The directory with Dana and Evan in it, and nobody else at the end."""
    slapd.add("dana", mail="dana@corp.example", cn="Dana Park")
    slapd.add("evan", mail="Evan@Corp.Example", cn="Evan Müller")
    yield slapd
    with slapd.as_root() as connection:
        connection.search(PEOPLE, "(uid=*)", "LEVEL")
        for dn in [entry["dn"] for entry in connection.response]:
            connection.delete(dn)


class Importing:
    """Calls of one import command over the directory."""

    def __init__(self, line: CommandLine, slapd: Slapd, *command: str) -> None:
        self.line, self.slapd = line, slapd
        self._command = command

    def arguments(self, uri: str = "") -> tuple[str, ...]:
        return (*self._command, "--ldap", uri or self.slapd.uri, "--base", BASE, "--bind", ROOT, "--password-stdin")

    def __call__(self, *more: str, code: int = 0, uri: str = "", password: str = ROOT_PASSWORD) -> dict[str, object]:
        """Runs it with --json; the object it answers, or {} with the error."""
        answer = self.line(*self.arguments(uri), *more, "--json", stdin=f"{password}\n", code=code)
        found: dict[str, object] = answer.json if answer.out else {"error": answer.err}
        return found
