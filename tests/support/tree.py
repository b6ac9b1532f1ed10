"""The project's own files, as a fresh checkout has them; it may be an archive without git."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.support.left_out import ROOT

MADE_HERE = {
    ".git", ".venv", "var", "dist", "node_modules", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache",
    ".hypothesis", ".import_linter_cache",
}  # fmt: skip
PACKAGES = {
    "sharedbook": ROOT / "src/sharedbook",
    "radicale_storage": ROOT / "plugins/radicale_storage",
    "ldap_gateway": ROOT / "ldap_gateway",
}


def files(folder: Path = ROOT, ending: str = "") -> Iterator[Path]:
    """Every file under `folder` whose name ends so, except what the commands make (.gitignore)."""
    for path in sorted(folder.iterdir()):
        if path.name in MADE_HERE:
            continue
        if path.is_dir():
            yield from files(path, ending)
        elif path.name.endswith(ending):
            yield path


def sources() -> list[Path]:
    """Every Python file of the three packages."""
    return [path for package in PACKAGES.values() for path in files(package, ".py")]
