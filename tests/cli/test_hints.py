"""Every command that a message tells to type is one: it exists, and takes what it is given there.

Read out of the strings of the source, docstrings aside. What stands in backticks only names a command.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click

from sharedbook.cli import command
from tests.support.left_out import ROOT

ROOMS = ("src", "plugins", "ldap_gateway")
_TYPED = re.compile(r"\bsharedbook ([a-z][a-z-]*(?: (?! )[^\s`;,()]+)*)")
_NAMED = re.compile(r"`sharedbook ([a-z][a-z -]*[a-z])")
PROSE = re.compile(r"(guards|can|does|erasure|backup$|reads)\b")
"""What follows the name of the program where it is not a command."""


def strings(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of every string; what is filled in is 1: a number, and a name."""
    tree = ast.parse(path.read_text())
    inner = {id(each) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for each in ast.walk(node)}
    documents = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = (each.value if isinstance(each, ast.Constant) else "1" for each in node.values)
            yield node.lineno, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner | documents:
            yield node.lineno, node.value


def said() -> Iterator[tuple[str, str]]:
    """Where a command is told, and its words behind the program's name."""
    for path in sorted(each for room in ROOMS for each in (ROOT / room).rglob("*.py")):
        for line, text in strings(path):
            place = f"{path.relative_to(ROOT)}:{line}"
            yield from ((place, f"`{found}") for found in _NAMED.findall(text))
            plain = re.sub(r"`[^`]*`", "", text)
            yield from ((place, found.rstrip(".")) for found in _TYPED.findall(plain) if not PROSE.match(found))


def parse(words: list[str], *, whole: bool = True) -> None:
    """Takes a command line apart as the program does, and runs nothing. ``whole``: with all that it needs."""
    found: click.Command = command
    context = found.make_context("sharedbook", words)
    while isinstance(found, click.Group):
        name, found, rest = found.resolve_command(context, [*context._protected_args, *context.args])
        assert found is not None
        if not whole and not rest:
            return
        context = found.make_context(name, rest, parent=context)


def refusal(told: str) -> str:
    """Why it is no command; "" for one that is."""
    try:
        parse(shlex.split(told.removeprefix("`")), whole=not told.startswith("`"))
    except click.ClickException as error:
        return error.format_message()
    return ""


def test_what_a_message_tells_to_type_is_a_command() -> None:
    found = sorted(set(said()))
    assert len(found) > 100
    assert [(place, told, why) for place, told in found if (why := refusal(told))] == []


def test_what_is_no_command_is_found() -> None:
    assert "No such command" in refusal("job unddo 1") and "Missing argument" in refusal("contact show")
    assert refusal("`contact show") == refusal("contact show 1") == ""
