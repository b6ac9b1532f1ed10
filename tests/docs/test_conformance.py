"""docs/conformance.md has a row for each file that drives a client, and the last result names each client."""

from __future__ import annotations

import re

from tests.conformance.clients import CLIENTS, FOLDER
from tests.support.left_out import ROOT

PAGE = (ROOT / "docs/conformance.md").read_text()


def test_every_client_is_in_the_page() -> None:
    files = {path.relative_to(FOLDER).as_posix() for path in FOLDER.glob("**/test_*.py")}
    assert files == set(CLIENTS)
    assert sorted(re.findall(r"^\|.*\| `([\w/]+\.py)` \|", PAGE, re.MULTILINE)) == sorted(files)


def test_the_last_result_is_of_every_client_and_without_failures() -> None:
    rows = re.findall(r"^(\S.*?)  +(\S+) +(\d+) +(\d+)$", PAGE.split("```")[1], re.MULTILINE)
    assert [name for name, *_ in rows] == [client.name for client in CLIENTS.values()]
    assert all(int(passed) > 0 and failed == "0" for _, _, passed, failed in rows)
