"""The postmaster's tool. Each command parses, calls one service, prints; nothing is decided here.

A command's module is imported when the command is called, so that help and completion stay quick: this file, and what
it imports, stay with click and the standard library.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from sharedbook import __version__
from sharedbook.cli.terminal.errors import ReaderGone, report
from sharedbook.cli.terminal.names import MEMBER

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("site", "Create the database; ask for the first postmaster."),
    "demo": ("demo", "Fill the site with a demo organisation."),
    "serve": ("serve", "Serve the contacts over CardDAV and LDAP."),
    "settings": ("site", "Show every setting: value, default, source, help."),
    "doctor": ("doctor", "Check the site; each failed check names the next step."),
    "migrate": ("site", "Update the database to this version's schema."),
    "backup": ("backup", "Write a backup while the servers keep running."),
    "restore": ("backup", "Restore a backup."),
    "reindex": ("site", "Rebuild the search index from the cards."),
    "group": ("group", "Shared contact groups: each is one address book."),
    "field": ("field", "Custom fields of contacts, beside the card."),
    "contact": ("contact.contact", "Contacts: add, find, change, move, delete, erase."),
    "member": ("member", "Members: the people who log in."),
    "onboard": ("onboard", "What to enter in a member's mail clients and phones."),
    "team": ("team", "Teams: several members under one name."),
    "grant": ("grant", "Rights of members and teams on groups."),
    "suggestion": ("suggestion", "Refused edits: list, show, apply, dismiss."),
    "trash": ("trash", "Deleted contacts: list, restore, empty."),
    "cleanup": ("cleanup", "Clean up contacts without viewers or owner, or in the trash."),
    "erase": ("erasing", "Erasures: list, finish pending ones, verify certificates."),
    "subject": ("subject", "Report or erase everything held on a person."),
    "audit": ("audit", "The audit: who saw, changed, exported and erased what."),
    "hold": ("hold", "Mail clients that deleted too much: let them, or restore."),
    "notice": ("notice", "Notices to the postmasters, by mail and webhook."),
    "import": ("transfer", "Import contacts from a file or a directory."),
    "export": ("transfer", "Export contacts to a file."),
    "template": ("transfer", "Write an empty import file to fill in."),
    "feed": ("feed", "Changes, for programs."),
    "job": ("job", "Jobs: watch, cancel, resume and undo bulk actions."),
    "plan": ("plan", "Plan the changes that make a group match a YAML file."),
    "apply": ("job", "Do exactly what a dry run has shown."),
    "completion": ("completion", "Tab completion for bash, zsh and fish."),
}
"""Command -> its module in this package, and its line in the help. The module's function has the command's name."""


@contextmanager
def _told_of_a_reader_gone() -> Iterator[None]:
    """Raises ReaderGone for an error that click would end the program for, as failed."""
    try:
        yield
    except BrokenPipeError:
        raise ReaderGone from None


class _Commands(click.Group):
    """Finds a command in its module only when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _help = COMMANDS[cmd_name]
        found = getattr(importlib.import_module(f"sharedbook.cli.{module}"), f"{cmd_name}_command")
        assert isinstance(found, click.Command)
        return found

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        with _told_of_a_reader_gone():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with _told_of_a_reader_gone():
            return super().invoke(ctx)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        named = [CompletionItem(name, help=line) for name, (_, line) in COMMANDS.items() if name.startswith(incomplete)]
        return [*named, *click.Command.shell_complete(self, ctx, incomplete)]

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        import difflib

        if args[0] not in COMMANDS and (near := difflib.get_close_matches(args[0], COMMANDS, n=1)):
            raise click.UsageError(f"There is no command {args[0]!r}. Did you mean {near[0]!r}?", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_module, line) in COMMANDS.items()])


@click.command(cls=_Commands, context_settings={"max_content_width": 100})
@click.option(
    "--as", "login", type=MEMBER, metavar="LOGIN", help="Act with this member's rights instead of a postmaster's."
)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The settings file (default: $SHAREDBOOK_CONFIG, ./sharedbook.toml, /etc/sharedbook/sharedbook.toml).",
)
@click.version_option(__version__, prog_name="sharedbook", message="%(prog)s %(version)s")
@click.pass_context
def command(ctx: click.Context, login: str | None, config: Path | None) -> None:
    """Keep an organisation's shared contacts.

    \b
    First steps:  sharedbook init
                  sharedbook member add alice --postmaster --generate
                  sharedbook group add "Customers"
                  sharedbook grant add customers everyone view
                  sharedbook serve

    \b
    Examples:  sharedbook --as bob contact list
               sharedbook --config test.toml settings
               sharedbook --version

    Each command takes --help, and --json for programs. Exit codes: 0 done, 1 failed, 2 usage, 3 done in part, 4 not
    found, 5 refused by a rule.
    """
    from sharedbook.cli.terminal.site_context import Site

    ctx.obj = ctx.with_resource(Site(login=login, config=config))


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits with its code; never shows a traceback."""
    try:
        code = command.main(args=arguments, prog_name="sharedbook", standalone_mode=False)
        sys.stdout.flush()
    except Exception as error:
        code = report(error)
    sys.exit(code if isinstance(code, int) else 0)
