"""An initialized site on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sharedbook.app import App
from tests.support.sites import new_site


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> Iterator[App]:
    """A new site without members."""
    app = new_site(tmp_path / "site", database_url)
    yield app
    app.close()
