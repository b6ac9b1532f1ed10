"""Nothing in the project knows the machine or the package mirror that it was made on."""

from __future__ import annotations

import re

import pytest

from tests.support.left_out import ROOT
from tests.support.tree import files

# put together here, so that this file passes its own test
MACHINE_PATHS = re.compile(rb"(^|[^.a-z0-9_])/(" + rb"work|root" + rb")/", re.MULTILINE)
REGISTRY_ADDRESSES = re.compile(b"index" + b"-url|" + b'"resolv' + b'ed":')


def places(pattern: re.Pattern[bytes]) -> list[str]:
    """`file:line` of every match in the project's files."""
    return [
        f"{path.relative_to(ROOT)}:{number}"
        for path in files()
        for number, line in enumerate(path.read_bytes().splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_file_names_a_machine_path() -> None:
    assert places(MACHINE_PATHS) == []


def test_no_file_names_a_registry() -> None:
    assert places(REGISTRY_ADDRESSES) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [(b"cd /wo" + b"rk/x", True), (b"/ro" + b"ot/x", True), (b"a/wo" + b"rk/x", False), (b"../wo" + b"rk/", False)],
)
def test_the_pattern_finds_absolute_paths_only(text: bytes, found: bool) -> None:
    assert bool(MACHINE_PATHS.search(text)) is found
