"""One demo site for all tests here; each test starts a Thunderbird of its own, with the profile that it needs.

Thunderbird is a big package: these tests run only where SHAREDBOOK_TEST_WITH=thunderbird asks for them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.thunderbird.demo_site import DemoSite, demo_site

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "thunderbird" not in os.environ.get("SHAREDBOOK_TEST_WITH", "").split(","):
        config.hook.pytest_deselected(items=[item for item in items if item.path.is_relative_to(HERE)])
        items[:] = [item for item in items if not item.path.is_relative_to(HERE)]


@pytest.fixture(scope="session")
def site() -> Iterator[DemoSite]:
    """The demo organisation, served."""
    with demo_site() as running:
        yield running
