"""One demo site for the tests of discovery and autocomplete; each of those starts a Thunderbird of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.thunderbird.demo_site import DemoSite, demo_site


@pytest.fixture(scope="session")
def site() -> Iterator[DemoSite]:
    """The demo organisation, served."""
    with demo_site() as running:
        yield running
