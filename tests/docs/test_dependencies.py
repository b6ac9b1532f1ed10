"""docs/dependencies.md gives a reason for every dependency, and for nothing else."""

from __future__ import annotations

import json
import re
import tomllib

from packaging.requirements import Requirement

from tests.support.left_out import ROOT


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    npm = json.loads((ROOT / "tests/conformance/package.json").read_text())
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    wanted = {Requirement(text).name for texts in lists for text in texts} - {"sharedbook"} | npm["dependencies"].keys()
    rows = re.findall(r"^\| (\S+) \| (.+) \| (.+) \|$", (ROOT / "docs/dependencies.md").read_text(), re.MULTILINE)
    assert sorted(name for name, _, _ in rows if name != "package") == sorted(wanted)
