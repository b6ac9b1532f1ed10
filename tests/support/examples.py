"""The examples in the commands' own help, as a person would type them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click

from sharedbook.cli import command

PATH = tuple[str, ...]
_EXAMPLE = re.compile(r"^(?:\s*Examples?:)?\s*(.*\bsharedbook\b.*)$", re.MULTILINE)


def commands(found: click.Command = command, path: PATH = ()) -> Iterator[tuple[PATH, click.Command]]:
    """Every command and group with its path, the root's is empty."""
    yield path, found
    if isinstance(found, click.Group):
        context = click.Context(found)
        for name in found.list_commands(context):
            child = found.get_command(context, name)
            assert child is not None
            yield from commands(child, (*path, name))


ALL = dict(commands())
LEAVES = [path for path, found in ALL.items() if not isinstance(found, click.Group)]


def examples(path: PATH) -> list[str]:
    """The lines that a command's help shows behind "Examples:"; one that goes on after a backslash is one line."""
    _, _, shown = (ALL[path].help or "").partition("Example")
    return _EXAMPLE.findall(f"Example{shown}".replace("\\\n", " "))


ROOT: PATH = ()
EVERY = [(path, example) for path in (ROOT, *LEAVES) for example in examples(path)]
