"""The options of commands that read an existing directory: where it is, who asks, and what for."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from sharedbook.domain.errors import NeedsConfirmation
from sharedbook.services.people.ldap_source import Query, Source

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
PATH = click.Path(path_type=Path, dir_okay=False, exists=True)


def ldap_options(*, required: bool) -> Callable[[Decorated], Decorated]:
    """Adds the options to a command; it hands them on to ``query``."""

    def add(command: Decorated) -> Decorated:
        for option in (
            click.option("--ca", type=PATH, help="The authorities (PEM) to trust for its certificate."),
            click.option("--password-file", type=PATH, help="File with the password of --bind."),
            click.option("--password-stdin", is_flag=True, help="Read the password of --bind from stdin."),
            click.option(
                "--bind", metavar="DN", default="", help="The DN to read the directory as (default: anonymous)."
            ),
            click.option(
                "--filter",
                "filter_",
                metavar="F",
                default="(objectClass=person)",
                help="Only entries that match this filter.",
            ),
            click.option("--base", metavar="DN", default="", help="The DN to search below."),
            click.option(
                "--ldap",
                metavar="URI",
                required=required,
                help="The directory: ldaps://HOST, or ldap://HOST with StartTLS (clear text on this machine only).",
            ),
        ):
            command = option(command)
        return command

    return add


def query(
    ldap: str, base: str, filter_: str, bind: str, password_stdin: bool, password_file: Path | None, ca: Path | None
) -> Query:
    """What the options ask for. Raises NeedsConfirmation without a way to have the password."""
    return Query(Source(ldap, ca), base, filter_, bind, _password(bind, password_stdin, password_file))


def _password(bind: str, from_stdin: bool, file: Path | None) -> str:
    if not bind:
        return ""
    if file is not None:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise NeedsConfirmation(
            f"there is no terminal to ask for the password of {bind}", hint="add --password-stdin or --password-file"
        )
    answer: str = click.prompt(f"Password of {bind}", hide_input=True, err=True)
    return answer
