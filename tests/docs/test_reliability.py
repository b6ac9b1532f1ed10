"""docs/reliability.md names tests that exist, and every test that has a long plan."""

from __future__ import annotations

import re

from tests.support.left_out import ROOT

PAGE = (ROOT / "docs/reliability.md").read_text()
DEFINED = {
    f"{path.relative_to(ROOT)}::{name}": "@pytest.mark.soak" in marks
    for path in (ROOT / "tests").glob("*/test_*.py")
    for marks, name in re.findall(r"((?:^@.*\n)*)^def (test_\w+)", path.read_text(), re.MULTILINE)
}


def test_every_long_plan_is_in_the_table_and_every_named_test_exists() -> None:
    plans, results = PAGE.split("## Last result")
    named = re.findall(r"`(tests/[\w/]+\.py::test_\w+)`", plans)
    assert len(named) == len(set(named)) and set(named) <= set(DEFINED)
    assert {name for name, long in DEFINED.items() if long} <= set(named)
    assert set(re.findall(r"^\| `(test_\w+)` \|", results, re.MULTILINE)) <= {each.partition("::")[2] for each in named}
