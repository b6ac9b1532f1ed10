"""Passwords: asked for twice on a terminal, read from stdin, or made here and printed once. Never an argument."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from sharedbook.domain.errors import NeedsConfirmation

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Letters and digits that cannot be taken for one another."""

GROUPS, GROUP_LENGTH = 4, 5


def password_options(command: Decorated) -> Decorated:
    """Adds --password-stdin and --generate; the command gets them as ``from_stdin`` and ``generate``."""
    command = click.option("--generate", is_flag=True, help="Generate a password and print it once.")(command)
    return click.option("--password-stdin", "from_stdin", is_flag=True, help="Read the password from stdin.")(command)


def generated() -> str:
    """A new password, of some 99 bits, that can be read out and typed on a phone."""
    words = ("".join(secrets.choice(ALPHABET) for _ in range(GROUP_LENGTH)) for _ in range(GROUPS))
    return "-".join(words)


def obtain(login: str, *, from_stdin: bool, generate: bool) -> str | None:
    """The password as the options say; None when there is neither an option nor a terminal to ask on."""
    if from_stdin and generate:
        raise click.UsageError("--password-stdin and --generate exclude each other.")
    if generate:
        return generated()
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        return None
    answer: str = click.prompt(f"Password for {login}", hide_input=True, confirmation_prompt=True, err=True)
    return answer


def require(login: str, *, from_stdin: bool, generate: bool) -> str:
    """As ``obtain``; raises NeedsConfirmation when there is no way to have a password."""
    password = obtain(login, from_stdin=from_stdin, generate=generate)
    if password is None:
        raise NeedsConfirmation(
            f"there is no terminal to ask for the password of {login}", hint="add --generate or --password-stdin"
        )
    return password
