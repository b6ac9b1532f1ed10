"""The sites that the clients of this folder work with; at the end of a run, a table of the clients."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.carddav.served import Book, Site, start
from tests.conformance.clients import FOLDER, table
from tests.conformance.directory import Directory, serve_directory
from tests.support.sites import new_site


@pytest.fixture(scope="session", params=["plain", "serve"])
def carddav_site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site, served by plain `radicale` with the plugin or by `sharedbook serve`."""
    folder: Path = tmp_path_factory.mktemp("conformance")
    app = new_site(folder / "site")
    plain = request.param == "plain"
    server, port = start(app, folder, plain=plain)
    with server:
        yield Site(app, port, server, plain=plain)
    app.close()


@pytest.fixture
def book(carddav_site: Site) -> Book:
    """A fresh book of a fresh member."""
    return Book(carddav_site)


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Directory]:
    """A directory of people, served over LDAP."""
    with serve_directory(tmp_path_factory.mktemp("directory")) as running:
        yield running


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Prints which client, of which version, passed how many tests."""

    def files(outcome: str) -> list[Path]:
        paths = [config.rootpath / report.fspath for report in terminalreporter.getreports(outcome)]
        return [path for path in paths if path.is_relative_to(FOLDER)]

    terminalreporter.section("clients")
    for line in table(files("passed"), [*files("failed"), *files("error")]):
        terminalreporter.write_line(line)
