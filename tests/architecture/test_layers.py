"""Who may import whom: the contracts of pyproject.toml, and what they cannot say."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.left_out import ROOT
from tests.support.tree import PACKAGES, files, sources


def test_the_contracts_are_kept() -> None:
    lint = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(lint, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def imported(path: Path) -> Iterator[str]:
    """Full names of the modules that a file imports, wherever in the file it does."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} has a relative import; name the module in full"
            yield node.module or ""


def test_the_domain_uses_the_standard_library_only() -> None:
    foreign = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in files(PACKAGES["sharedbook"] / "domain", ".py")
        for name in imported(path)
        if name.partition(".")[0] not in sys.stdlib_module_names and not name.startswith("sharedbook.domain")
    }
    assert not foreign


def reads_environment(node: ast.AST) -> bool:
    """Whether it looks up a variable; handing the whole environment to a child process does not."""
    looked_into = isinstance(node, ast.Subscript | ast.Attribute) and ast.unparse(node.value) == "os.environ"
    return looked_into or (isinstance(node, ast.Attribute) and ast.unparse(node) == "os.getenv")


def test_nothing_but_the_settings_reads_the_environment() -> None:
    """One home for each setting: a variable read elsewhere would be a setting that nobody can find."""
    readers = {
        path.relative_to(ROOT).as_posix()
        for path in sources()
        if any(reads_environment(node) for node in ast.walk(ast.parse(path.read_text())))
    }
    assert readers <= {"src/sharedbook/settings/__init__.py"}


@pytest.mark.parametrize(
    ("code", "reads"),
    [
        ("os.environ['X']", True),
        ("os.environ.get('X')", True),
        ("os.getenv('X')", True),
        ("{**os.environ}", False),
        ("environ['PATH_INFO']", False),
    ],
)
def test_what_reading_the_environment_is(code: str, reads: bool) -> None:
    assert any(reads_environment(node) for node in ast.walk(ast.parse(code))) is reads
