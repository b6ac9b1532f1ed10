"""Asking before what is wide or cannot be undone: --dry-run shows it, --yes skips the question, no terminal refuses."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from sharedbook.cli.terminal.output import clean
from sharedbook.cli.terminal.site_context import Site
from sharedbook.domain.errors import NeedsConfirmation

if TYPE_CHECKING:
    from sharedbook.services.tx import Tx

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def asking(command: Decorated) -> Decorated:
    """Adds --dry-run and --yes to a command; it gets them as ``dry_run`` and ``yes``."""
    command = click.option("--yes", is_flag=True, help="Do not ask.")(command)
    return click.option("--dry-run", is_flag=True, help="Show what would be done, without doing it.")(command)


def carry_out(
    site: Site,
    work: Callable[[Tx], dict[str, Any]],
    question: Callable[[dict[str, Any]], str | None],
    *,
    dry_run: bool,
    yes: bool,
) -> dict[str, Any]:
    """Does ``work`` in one transaction and returns its ``result`` object (json_keys).

    Unless ``yes``, it is rehearsed first: a dry run ends there, else ``question`` makes of the rehearsal what to ask
    (None: nothing, for what is narrow and can be undone). Raises what the work raises, and what ``confirm`` raises.
    """
    if dry_run or not yes:
        with site.rehearse() as tx:
            planned = work(tx)
        if dry_run:
            return {**planned, "dry_run": True}
        if asked := question(planned):
            confirm(asked)
    with site.begin(write=True) as tx:
        return work(tx)


def confirm(question: str) -> None:
    """Returns when it may go on. Raises NeedsConfirmation without a terminal, click.Abort when the answer is no."""
    _require_terminal(question)
    click.confirm(clean(question), abort=True, err=True)


def confirm_by_name(question: str, name: str, *, yes: bool) -> None:
    """As ``confirm``, for what can never be undone: the name has to be typed back."""
    if yes:
        return
    _require_terminal(question)
    click.echo(clean(question), err=True)
    if click.prompt(clean(f"Type {name!r} to continue"), err=True, default="", show_default=False).strip() != name:
        click.echo("The name does not match.", err=True)
        raise click.Abort


def _require_terminal(question: str) -> None:
    if not sys.stdin.isatty():
        asked = question.splitlines()[-1]
        raise NeedsConfirmation(
            f"{asked} There is no terminal to ask on.", hint="add --yes, or --dry-run to look first"
        )
