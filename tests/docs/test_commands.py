"""Each command says what it does and shows an example that is well formed; the settings are described."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator

import click
import pytest

from sharedbook.cli import COMMANDS, command
from sharedbook.settings import SETTINGS
from tests.support.tree import sources

PATH = tuple[str, ...]
EXAMPLE = re.compile(r"^(?:\s*Examples?:)?\s*((?:\w+=\S+ |\w+ \S+ \| )?sharedbook .*)$", re.MULTILINE)


def commands(found: click.Command = command, path: PATH = ()) -> Iterator[tuple[PATH, click.Command]]:
    yield path, found
    if isinstance(found, click.Group):
        context = click.Context(found)
        for name in found.list_commands(context):
            child = found.get_command(context, name)
            assert child is not None
            yield from commands(child, (*path, name))


ALL = dict(commands())
LEAVES = [path for path, found in ALL.items() if not isinstance(found, click.Group)]


def test_the_list_of_commands_is_whole() -> None:
    assert {path[0] for path in ALL if path} == set(COMMANDS)
    assert len(LEAVES) > 50


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_and_option_has_help(path: PATH) -> None:
    found = ALL[path]
    assert found.help and found.help.strip()[0].isupper()
    for parameter in found.params:
        if isinstance(parameter, click.Option):
            assert parameter.help and parameter.help.endswith((".", ")")), parameter.name


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_takes_json(path: PATH) -> None:
    """But for the servers, the feed, which is JSON anyway, and the script for a shell."""
    without = (("serve",), ("feed",), ("completion",))
    assert path in without or any("--json" in parameter.opts for parameter in ALL[path].params)


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_has_an_example_that_it_understands(path: PATH) -> None:
    examples = EXAMPLE.findall(ALL[path].help or "")
    assert examples, "its help shows no example"
    for example in examples:
        words = shlex.split(example.replace("$PASSWORD", "secret"))
        own = words[len(words) - words[::-1].index("sharedbook") :]
        arguments = own[2:] if own[0] == "--as" else own
        assert tuple(arguments[: len(path)]) == path
        understand(ALL[path], path, arguments[len(path) :])


def understand(found: click.Command, path: PATH, arguments: list[str]) -> None:
    """Parses the arguments as the command would. Raises click.UsageError."""
    with click.Context(found, info_name=path[-1], **found.context_settings) as context:
        parser = found.make_parser(context)
        parser.parse_args(args=list(arguments))


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
