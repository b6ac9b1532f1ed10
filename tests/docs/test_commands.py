"""Each command says what it does and shows examples, of every option too; the settings are described."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import click
import pytest

from sharedbook.cli import COMMANDS, command
from sharedbook.settings import SETTINGS
from tests.support.examples import ALL, EVERY, LEAVES, PATH, ROOT, examples
from tests.support.tree import sources


def test_the_list_of_commands_is_whole() -> None:
    assert {path[0] for path in ALL if path} == set(COMMANDS)
    assert len(LEAVES) > 50


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_and_option_has_help(path: PATH) -> None:
    found = ALL[path]
    assert found.help and found.help.strip()[0].isupper()
    for parameter in found.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert parameter.help and parameter.help.endswith((".", ")")), parameter.name


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_help_fits_into_80_columns(path: PATH) -> None:
    context = click.Context(ALL[path], info_name=" ".join(("sharedbook", *path)), terminal_width=80)
    assert [line for line in ALL[path].get_help(context).splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_takes_json(path: PATH) -> None:
    """But for the servers, the feed, which is JSON anyway, and the script for a shell."""
    without = (("serve",), ("feed",), ("completion",))
    assert path in without or any("--json" in parameter.opts for parameter in ALL[path].params)


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_has_an_example_that_it_understands(path: PATH) -> None:
    """tests/cli/test_examples.py runs them."""
    assert examples(path), "its help shows no example"


def test_every_option_is_in_an_example() -> None:
    """Options that commands share, by name and help (`--dry-run`), are in an example of one of them."""
    every = [(path, option) for path in (ROOT, *LEAVES) for option in options(path)]
    used = {
        (option.opts[0], option.help)
        for path, example in EVERY
        for option in options(path)
        if {*option.opts, *option.secondary_opts} & set(re.split(r"[\s=]", example))
    }
    missing = [(*path, option.opts[0]) for path, option in every if (option.opts[0], option.help) not in used]
    assert missing == []


def options(path: PATH) -> list[click.Option]:
    return [each for each in ALL[path].params if isinstance(each, click.Option) and not each.hidden]


def test_every_setting_is_described() -> None:
    for each in SETTINGS:
        assert each.help[0].isupper() and each.help.endswith((".", ")"))


def sentences() -> Iterator[tuple[str, str]]:
    """Where and what, for every text in the code that tells a person to run a command."""
    for path in sources():
        tree = ast.parse(path.read_text())
        comments = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in comments:
                for found in re.findall(r"(?:run|see|try|next|`)[: ]*`?(sharedbook [a-z -]+)", node.value):
                    yield f"{path.name}:{node.lineno}", found


def test_every_command_that_a_hint_names_exists() -> None:
    wrong = []
    for where, sentence in sentences():
        words = sentence.split()[1:]
        found: click.Command = command
        while words and isinstance(found, click.Group):
            child = found.get_command(click.Context(found), words.pop(0))
            if child is None:
                wrong.append(f"{where}: {sentence}")
                break
            found = child
    assert not wrong and len(list(sentences())) > 30
