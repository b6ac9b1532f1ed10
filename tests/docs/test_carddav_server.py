"""docs/carddav-server.md gives the configuration of Radicale that the tests run with, and names tests that exist."""

from __future__ import annotations

import re
from configparser import ConfigParser
from pathlib import Path

from tests.carddav.served import PLAIN

PAGE = Path(__file__).parents[2] / "docs" / "carddav-server.md"


def read(text: str) -> dict[str, dict[str, str]]:
    parser = ConfigParser()
    parser.read_string(text)
    return {section: dict(parser[section]) for section in parser.sections()}


def test_the_configuration_is_the_tested_one() -> None:
    tested = read(PLAIN.format(port=0))
    del tested["server"]["hosts"]
    assert read(PAGE.read_text().split("```ini")[1].split("```")[0]) == tested


def test_every_test_that_is_named_exists() -> None:
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", PAGE.read_text())
    assert len(named) > 40
    folder = PAGE.parents[1] / "tests" / "carddav"
    missing = [(file, name) for file, name in named if f"def {name}(" not in (folder / file).read_text()]
    assert missing == []
