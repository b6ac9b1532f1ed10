"""tools/python_env.sh: what a machine can lack is one sentence that says what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.left_out import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with what the script reads."""
    folder = tmp_path / "checkout"
    for name in ("tools/python_env.sh", "requirements/run.txt", "pyproject.toml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
        (folder / name).parent.chmod(0o755)  # another user reads it, whatever the umask
        (folder / name).chmod(0o644)
    return folder


def sentence(checkout: Path, python: Path | str, user: int | None = None) -> str:
    """The one line that the script fails with."""
    done = subprocess.run(
        ["sh", "tools/python_env.sh", "run"], cwd=checkout, env={"PATH": os.environ["PATH"], "PYTHON": str(python)},
        user=user, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("sharedbook: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


def fake_python(folder: Path, body: str) -> Path:
    program = folder / "python"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    return program


def test_a_python_too_old(checkout: Path, tmp_path: Path) -> None:
    old = fake_python(tmp_path, 'case "$1" in --version) echo Python 3.9.2 ;; *) exit 1 ;; esac')
    assert "Python 3.11 or newer is needed, and" in (told := sentence(checkout, old))
    assert "is Python 3.9.2" in told
    assert "apt install python3" in told


def test_no_python(checkout: Path) -> None:
    assert "nowhere/python here is missing" in sentence(checkout, "/nowhere/python")


def test_no_venv_module(checkout: Path, tmp_path: Path) -> None:
    without_venv = fake_python(tmp_path, f'case "$2" in *ensurepip*) exit 1 ;; *) exec {sys.executable} "$@" ;; esac')
    assert "apt install python3-venv" in sentence(checkout, without_venv)
    assert not (checkout / ".venv").exists()


def test_a_read_only_folder(tmp_path_factory: pytest.TempPathFactory, checkout: Path) -> None:
    as_root = os.geteuid() == 0
    for folder in [checkout, *checkout.parents]:
        if as_root and folder.is_relative_to(tmp_path_factory.getbasetemp().parent):
            folder.chmod(0o755)
    checkout.chmod(0o555)
    try:
        nobody = 65534 if as_root else None
        assert "read-only" in sentence(checkout, sys.executable, user=nobody)
    finally:
        checkout.chmod(0o755)
