"""The wheel holds the three packages, their data and the entry points; the lock files fit pyproject.toml."""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.left_out import ROOT
from tests.support.tree import MADE_HERE, PACKAGES

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    expected = {
        f"{name}/{path.relative_to(folder).as_posix()}"
        for name, folder in PACKAGES.items()
        for path in folder.rglob("*")
        if path.is_file() and not MADE_HERE & set(path.parts[len(ROOT.parts) :])
    }
    assert {name for name in wheel.namelist() if ".dist-info/" not in name} == expected
    assert {f"{name}/py.typed" for name in PACKAGES} <= expected


def test_the_entry_points_name_what_is_there(wheel: zipfile.ZipFile) -> None:
    name = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    points = configparser.ConfigParser()
    points.read_string(wheel.read(name).decode())
    assert {section: dict(points[section]) for section in points.sections()} == {
        "console_scripts": {"sharedbook": "sharedbook.cli:main"},
        "sharedbook.servers": {"carddav": "radicale_storage.server:main", "ldap": "ldap_gateway.server:main"},
    }


def test_the_wheel_carries_its_licence(wheel: zipfile.ZipFile) -> None:
    assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())


def test_the_version_is_one() -> None:
    assert f'__version__ = "{PROJECT["version"]}"' in (PACKAGES["sharedbook"] / "__init__.py").read_text()


def locked(name: str) -> dict[str, str]:
    lines = [line for line in (ROOT / "requirements" / name).read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line) for line in lines), "only name==version"
    return {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}


def ranged(*extras: str) -> list[Requirement]:
    """The requirements of pyproject.toml with those extras."""
    lists = [PROJECT["dependencies"], *(PROJECT["optional-dependencies"][extra] for extra in extras)]
    requirements = [Requirement(text) for texts in lists for text in texts]
    return [requirement for requirement in requirements if requirement.name != "sharedbook"]


@pytest.mark.parametrize(("file", "extras"), [("run.txt", ["postgres"]), ("test.txt", ["postgres", "test"])])
def test_the_lock_files_satisfy_the_ranges(file: str, extras: list[str]) -> None:
    versions = locked(file)
    for requirement in ranged(*extras):
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), requirement


def test_the_two_lock_files_agree() -> None:
    assert locked("run.txt").items() <= locked("test.txt").items()


def test_the_dead_distribution_that_overwrites_libpass_stays_out() -> None:
    assert "passlib" not in locked("test.txt")


def test_scripts_are_executable() -> None:
    assert all(path.stat().st_mode & 0o111 for path in [Path(ROOT / ".ci/run"), *ROOT.glob("tools/*.sh")])
