"""One running server for each door and session; each test gets a group and members of its own on it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.carddav.served import DOORS, Book, Site, start
from tests.support.sites import new_site


@pytest.fixture(scope="session", params=DOORS)
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """A site, served by one of the doors."""
    with tempfile.TemporaryDirectory(prefix="sharedbook-carddav-") as name:
        folder = Path(name)
        url = ""
        if request.param == "serve-postgres":
            url = request.getfixturevalue("postgres_cluster").create_database()
        app = new_site(folder / "site", url)
        server, port = start(app, folder, plain=request.param == "plain")
        with server:
            yield Site(app, port, server, plain=request.param == "plain")
        app.close()


@pytest.fixture
def book(site: Site) -> Book:
    """A fresh book on the running server."""
    return Book(site)
