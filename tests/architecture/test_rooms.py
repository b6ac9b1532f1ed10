"""Small rooms: every Python file has a head and at most 450 lines, a function at most 60 without its docstring."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.left_out import ROOT
from tests.support.tree import files, sources

FILE_LINES = 450
FUNCTION_LINES = 60

PYTHON = [*files(ROOT, ".py")]


def functions(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Name and number of lines, docstring not counted, of every function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            documented = ast.get_docstring(node, clean=False) is not None
            docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
            yield node.name, (node.end_lineno or 0) - node.lineno + 1 - docstring


def test_the_measure_measures() -> None:
    tree = ast.parse('def f():\n    """One\n    two."""\n    return 1\n\nasync def g():\n    pass\n')
    assert dict(functions(tree)) == {"f": 2, "g": 2}
    assert len(sources()) > 10


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(ROOT)))
def test_room(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "the file needs a head that says the rule of its room"
    assert len(text.splitlines()) <= FILE_LINES
    assert not {name: lines for name, lines in functions(tree) if lines > FUNCTION_LINES}


def test_files_that_are_named_are_there() -> None:
    """In heads, comments and documents: ``x.py``, ``folder/x.py`` and dotted names of our packages."""
    paths = ["/" + str(path.relative_to(ROOT)) for path in files()]
    modules = {path.removesuffix(".py").replace("/", ".") for path in paths if path.endswith(".py")}
    missing = []
    for path in [*sources(), *files(ROOT / "docs", ".md"), ROOT / "CONTRIBUTING.md", ROOT / "README.md"]:
        text = path.read_text()
        named = re.findall(r"``?(\w[\w/]*\.py)\b", text)
        dotted = re.findall(r"``((?:formats|services|store|cli)\.[a-z_.]*[a-z_])(?=[.`][A-Z`]|`)", text)
        missing += [(path.name, name) for name in named if not any(each.endswith(f"/{name}") for each in paths)]
        missing += [(path.name, name) for name in dotted if not any(_is_of(name, each) for each in modules)]
    assert missing == [("conformance.md", "tests/storage/dav/test_carddav.py")], "that one is vdirsyncer's"


def _is_of(name: str, module: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    return module.endswith((f".{name}", f".{name.rpartition('.')[0]}"))
