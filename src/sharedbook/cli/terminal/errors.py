"""The one place where an error becomes an exit code and a sentence on stderr: what, where, and the next step.

0 done, 1 failed, 2 usage, 3 done in part, 4 not found, 5 refused by a rule or by the present state.
"""

from __future__ import annotations

import errno
import os
import sys

import click

from sharedbook.cli.terminal.output import clean
from sharedbook.domain import errors

DONE, FAILED, USAGE, IN_PART, NOT_FOUND, REFUSED = range(6)

EXIT_MEANINGS = {
    DONE: "done",
    FAILED: "failed; what was not done is left undone",
    USAGE: "usage: what was given cannot be right, or a question could not be asked without a terminal",
    IN_PART: "done in part: rows were refused, or an erasure is pending",
    NOT_FOUND: "not found, for this actor",
    REFUSED: "refused by a rule, a missing right, or the present state",
}

EXIT_CODES: dict[type[Exception], int] = {
    errors.ErasurePending: IN_PART,
    errors.NotFound: NOT_FOUND,
    errors.Forbidden: REFUSED,
    errors.LoginFailed: REFUSED,
    errors.Conflict: REFUSED,
    errors.InvalidFile: FAILED,
    errors.Invalid: USAGE,
    errors.Unavailable: FAILED,
    errors.SharedbookError: FAILED,
}
"""Error class -> exit code; the nearest class in an error's line of ancestors counts."""


class ReaderGone(Exception):
    """The reader of the output (head, a pager) has what it wanted."""


def exit_code(error: errors.SharedbookError) -> int:
    """The exit code of a domain error."""
    return next(EXIT_CODES[kind] for kind in type(error).__mro__ if kind in EXIT_CODES)


def next_step(hint: str) -> str:
    """A hint as it stands behind "next: "."""
    return hint.removeprefix("run: ").removeprefix("see: ")


def report(error: Exception) -> int:
    """Says on stderr what went wrong and what to do next; returns the exit code."""
    match error:
        case errors.SharedbookError():
            click.echo(clean(f"sharedbook: {error.message}"), err=True)
            if hint := error.hint or (_CORRECT if isinstance(error, errors.InvalidValue) else None):
                click.echo(clean(f"  next: {next_step(hint)}"), err=True)
            return exit_code(error)
        case click.ClickException():
            error.show()
            return error.exit_code
        case click.Abort():
            click.echo("sharedbook: stopped; what was not yet done is left undone", err=True)
            return FAILED
        case BrokenPipeError() | ReaderGone():
            # keep the interpreter from complaining when it flushes
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return DONE
        case UnicodeEncodeError():
            click.echo("sharedbook: an argument is not UTF-8 text", err=True)
            click.echo("  next: use a terminal with UTF-8, such as with LANG=C.UTF-8", err=True)
            return USAGE
        case OSError():
            click.echo(f"sharedbook: {_of_system(error)}", err=True)
            click.echo(f"  next: {_STEPS.get(error.errno or 0, 'sharedbook doctor')}", err=True)
            return FAILED
    click.echo(f"sharedbook: internal error, {type(error).__name__}: {error}", err=True)
    click.echo("  next: run `sharedbook doctor`; if it finds nothing, report this with the command you gave", err=True)
    return FAILED


_CORRECT = "correct it and try again; nothing was changed"
"""The next step after a value that says itself what is wrong with it."""

_STEPS = {
    errno.EACCES: "let this user read and write there, or run the command as the user whom the servers run as",
    errno.EROFS: "choose a place that can be written, such as with SHAREDBOOK_DATA_DIR",
    errno.ENOSPC: "free some space, then run the command again",
    errno.ENOENT: "check the path: its folder must be there",
}


def _of_system(error: OSError) -> str:
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename else reason
