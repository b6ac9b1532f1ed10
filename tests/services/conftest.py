"""Initialized sites: on SQLite and on PostgreSQL, empty or with contacts of every kind."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sharedbook import app as sharedbook_app
from sharedbook.app import App
from sharedbook.settings import Settings
from tests.services.bulk_sites import fill
from tests.support.sites import new_site


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> Iterator[App]:
    """A new site without members."""
    app = new_site(tmp_path / "site", database_url)
    yield app
    app.close()


@pytest.fixture(scope="session")
def filled_mold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a closed site that ``bulk_sites.fill`` has filled."""
    folder = tmp_path_factory.mktemp("filled") / "site"
    made = new_site(folder)
    fill(made)
    made.close()
    return folder


@pytest.fixture
def filled(filled_mold: Path, tmp_path: Path) -> Iterator[App]:
    """A site like it, on SQLite."""
    opened = sharedbook_app.open(Settings(data_dir=Path(shutil.copytree(filled_mold, tmp_path / "filled"))))
    yield opened
    opened.close()
