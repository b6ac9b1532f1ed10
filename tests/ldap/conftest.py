"""One running server for each database and session."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ldap import served
from tests.ldap.served import BOTH, Site


@pytest.fixture(scope="session", params=BOTH)
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """The demo organisation, served."""
    with tempfile.TemporaryDirectory(prefix="sharedbook-ldap-") as name:
        url = "" if request.param == "sqlite" else request.getfixturevalue("postgres_cluster").create_database()
        app = served.make(Path(name) / "site", url)
        with served.serve(app) as running:
            yield running
        app.close()
