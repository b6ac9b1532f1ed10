"""Fixtures of every suite, and the one way a test is left out: see tests/support/left_out.py.

A test says what it needs by the fixture it asks for (`shared_data`, `postgres_cluster`, `database_url`) or by
`@pytest.mark.needs("ldap-utils")`.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from sharedbook.store import database
from tests.support.left_out import NEEDS, SHARED_DATA, left_out
from tests.support.postgres import Cluster
from tests.support.sites import DATABASE, schema

NEEDS_OF_FIXTURES = {"postgres_cluster": "postgres", "shared_data": "shared-data"}

SOAK = os.environ.get("SHAREDBOOK_TEST_SOAK") == "1"
SEED = 20_261_123

hypothesis.settings.register_profile(
    "sharedbook", deadline=None, print_blob=True, derandomize=not SOAK,
    suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.function_scoped_fixture],
)  # fmt: skip
hypothesis.settings.load_profile("sharedbook")


def pytest_configure(config: pytest.Config) -> None:
    for name in list(os.environ):  # no test depends on the settings of the machine it runs on
        if name.startswith("SHAREDBOOK_") and not name.startswith("SHAREDBOOK_TEST_"):
            del os.environ[name]
    config.addinivalue_line("markers", f"needs(name): the test needs one of {', '.join(NEEDS)}")
    config.addinivalue_line("markers", "soak: the test has a longer plan under `make soak`")


def _needs(item: pytest.Item) -> set[str]:
    needs = {name for mark in item.iter_markers("needs") for name in mark.args}
    if unknown := needs - NEEDS.keys():
        raise pytest.UsageError(f"{item.nodeid} needs {unknown}, which tests/support/left_out.py does not know.")
    needs |= {NEEDS_OF_FIXTURES[name] for name in getattr(item, "fixturenames", ()) if name in NEEDS_OF_FIXTURES}
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    return needs | ({"postgres"} if parameters.get("database_kind") == "postgres" else set())


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    try:
        absent = left_out()
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None
    without = [item for item in items if _needs(item) & absent]
    if without:
        config.hook.pytest_deselected(items=without)
        items[:] = [item for item in items if item not in set(without)]


@pytest.fixture(scope="session")
def soak() -> bool:
    """Whether this is `make soak`: the long plans of safety instead of the ones that fit into `make test`."""
    return SOAK


@pytest.fixture
def seed(soak: bool) -> int:
    """Of all that a test leaves to chance: `make test` is the same each time, only `make soak` tries others."""
    return random.randrange(2**32) if soak else SEED


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with other products' exports, outside the project."""
    return SHARED_DATA


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """A PostgreSQL server of this test session's own."""
    cluster = Cluster()
    yield cluster
    cluster.stop()


@pytest.fixture(params=["sqlite", "postgres"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """The test runs once on SQLite and once on PostgreSQL."""
    return str(request.param)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, database_kind: str, tmp_path: Path) -> Iterator[str]:
    """URL of a new database of either kind that has the schema, and nothing in it."""
    if database_kind == "sqlite":
        shutil.copy(schema(), tmp_path / DATABASE)
        yield f"sqlite:///{tmp_path / DATABASE}"
    else:
        with request.getfixturevalue("postgres_cluster").database(schema=True) as url:
            yield url


@pytest.fixture
def empty_database_url(request: pytest.FixtureRequest, database_kind: str, tmp_path: Path) -> Iterator[str]:
    """URL of a new database of either kind without the schema, for tests of how it comes there."""
    if database_kind == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite'}"
    else:
        with request.getfixturevalue("postgres_cluster").database() as url:
            yield url


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for a locked database, or a reader to end, gives up after a second. Ask for it before the site."""
    monkeypatch.setattr(database, "BUSY_SECONDS", 1)
