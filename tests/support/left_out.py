"""What a run leaves out, in one place for pytest (tests/conftest.py) and the runner (tools/run_tests.py).

A test that cannot run fails. Only SHAREDBOOK_TEST_WITHOUT=name,... leaves something out: a suite (a folder of tests/)
or one of NEEDS. The tests over the shared data run where that folder is. Standard library only.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHARED_DATA = ROOT.parent / "shared" / "data"

NEEDS = {
    "postgres": "a PostgreSQL server's programs (Debian package: postgresql)",
    "ldap-utils": "ldapsearch (Debian package: ldap-utils)",
    "curl": "curl (Debian package: curl)",
    "node": "Node.js and npm (Debian packages: nodejs npm)",
    "shared-data": "the client exports beside the project, in ../shared/data",
}


def suites() -> list[str]:
    """Names of the folders of tests/ that hold tests, in alphabetical order."""
    return sorted({path.relative_to(ROOT / "tests").parts[0] for path in (ROOT / "tests").glob("*/**/test_*.py")})


def left_out(environ: Mapping[str, str] = os.environ) -> set[str]:
    """Names of the suites and needs that this run does without.

    Raises ValueError, with a sentence for the user, if a name is neither a suite nor a need.
    """
    named = {name.strip() for name in environ.get("SHAREDBOOK_TEST_WITHOUT", "").split(",")} - {""}
    known = {*NEEDS, *suites()}
    if unknown := named - known:
        raise ValueError(
            f"SHAREDBOOK_TEST_WITHOUT names {', '.join(sorted(unknown))}, which is neither a need nor a suite;"
            f" known are: {', '.join(sorted(known))}."
        )
    return named if SHARED_DATA.is_dir() else named | {"shared-data"}
