"""ldapts, a JavaScript client: one round through the directory, as library.py says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.directory import Directory
from tests.conformance.ldap_libraries.library import one_round


@pytest.mark.needs("node")
def test_one_round(directory: Directory, tmp_path: Path) -> None:
    one_round(directory, tmp_path, "node", "ldapts_client.mjs", window=None, limited=5)
