"""Questions on a terminal: yes and no, a name typed back, a password typed twice, Ctrl-C."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine, Terminal

Open = Callable[..., Terminal]


@pytest.fixture
def two(sharedbook: CommandLine) -> CommandLine:
    """Two contacts."""
    for name in ("Minji Kim", "Ada Lovelace"):
        sharedbook("contact", "add", "--name", name)
    return sharedbook


@pytest.mark.parametrize(("answer", "code", "left"), [("y", 0, 0), ("n", 1, 2), ("", 1, 2)])
def test_a_wide_change_is_asked_for(two: CommandLine, terminal: Open, answer: str, code: int, left: int) -> None:
    asked = terminal("contact", "delete", "1", "2")
    asked.until("Continue? [y/N]")
    assert "Minji Kim" in asked.shown and "2 contacts" in asked.shown
    asked.type(answer)
    assert asked.end() == code
    assert len(two.json("contact", "list")) == left


@pytest.mark.parametrize(("typed", "code", "left"), [("Minji Kim", 0, 1), ("minji", 1, 2), ("y", 1, 2)])
def test_erasing_wants_the_name(two: CommandLine, terminal: Open, typed: str, code: int, left: int) -> None:
    asked = terminal("contact", "erase", "1")
    asked.until("to continue: ")
    asked.type(typed)
    assert asked.end() == code
    assert len(two.json("contact", "list")) == left


def test_ctrl_c_changes_nothing(two: CommandLine, terminal: Open) -> None:
    asked = terminal("contact", "delete", "1", "2")
    asked.until("Continue? [y/N]")
    asked.type("\x03")
    assert asked.end() == 1
    assert "Traceback" not in asked.shown and len(two.json("contact", "list")) == 2


def test_init_asks_for_the_first_postmaster(bare: CommandLine, data_dir: Path, terminal: Open) -> None:
    asked = terminal("init")
    asked.until("Login of the first postmaster")
    asked.type("alice")
    asked.until("Password for alice: ")
    asked.type("a long password")
    asked.until("Repeat for confirmation: ")
    asked.type("a long password")
    assert asked.end() == 0
    assert "a long password" not in asked.shown
    (alice,) = bare.json("member", "list")
    assert alice["login"] == "alice" and alice["postmaster"]
    again = terminal("init")
    assert again.end() == 0 and "postmaster" not in again.shown


def test_a_password_is_typed_twice_and_never_shown(two: CommandLine, terminal: Open) -> None:
    asked = terminal("member", "add", "bob")
    asked.until("Password for bob: ")
    asked.type("one password")
    asked.until("Repeat for confirmation: ")
    asked.type("another password")
    asked.until("do not match")
    for prompt in ("Password for bob: ", "Repeat for confirmation: "):
        asked.until(prompt)
        asked.type("one password")
    assert asked.end() == 0
    assert "one password" not in asked.shown
