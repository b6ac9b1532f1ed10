"""One office for the suite; every test has members and groups of its own in it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real_input.office import Member, Office


@pytest.fixture(scope="session")
def office() -> Iterator[Office]:
    """A fresh site on SQLite, served."""
    with tempfile.TemporaryDirectory(prefix="sharedbook-office-") as folder, Office(Path(folder) / "site") as running:
        yield running


@pytest.fixture
def member(office: Office) -> Member:
    """A new member."""
    return office.member()
