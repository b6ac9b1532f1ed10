"""One served site for the CardDAV clients of this folder, and one for its LDAP clients."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.carddav.served import Book, Site, start
from tests.conformance.directory import Directory, serve_directory
from tests.support.sites import new_site


@pytest.fixture(scope="session")
def carddav_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The site, served."""
    folder: Path = tmp_path_factory.mktemp("conformance")
    app = new_site(folder / "site")
    server, port = start(app, folder, plain=False)
    with server:
        yield Site(app, port, server, plain=False)
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
