"""What goes to stdout: tables and sentences for people, or with --json one object or array and nothing else.

Both are made of the same objects (``json_keys.py``). Names come from many hands: control characters are shown as
U+FFFD, so that none can steer the terminal, and a wide character counts two columns (rich).
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice, zip_longest
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from rich.console import Console

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
Row = Mapping[str, Any]

PAGE = 1000
"""Rows of a long list that are printed at once."""

_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class Output:
    """How one call of a command answers; ``as_json`` is its --json."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def rows(self, rows: Iterable[Row], columns: Mapping[str, str], *, empty: str) -> None:
        """A list: an array, or a table of ``columns`` (heading -> key); ``empty`` is said when there is no row.

        Of what is no sequence only ``PAGE`` rows are in memory, in a table of their own.
        """
        if self.as_json:
            _print_array(_pages(rows))
            return
        said = False
        for page in _pages(rows):
            _print_table(list(columns), [[cell(row[key]) for key in columns.values()] for row in page])
            said = True
        if not said:
            click.echo(empty, err=True)

    def record(self, record: Row) -> None:
        """One object: as it is, or a line for each key that has a value."""
        if self.as_json:
            _print_json(record)
        else:
            texts = [[key, cell(value)] for key, value in record.items()]
            _print_table([], [line for line in texts if line[1]])

    def done(self, record: Row, sentence: str) -> None:
        """The outcome of a change: the object, or a sentence."""
        if self.as_json:
            _print_json(record)
        else:
            click.echo(clean(sentence))

    def outcome(self, record: Row, sentence: str) -> None:
        """The ``result`` object of a change that may have been a dry run, or a sentence and its notes."""
        if self.as_json:
            _print_json(record)
            return
        click.echo(clean(f"Dry run, nothing is changed: {sentence}" if record["dry_run"] else sentence))
        for note in record["notes"]:
            click.echo(clean(f"  {note}"))

    def note(self, sentence: str) -> None:
        """Something worth knowing beside the answer; on stderr, so that it is never taken for the answer."""
        click.echo(clean(sentence), err=True)


def json_option(command: Decorated) -> Decorated:
    """Adds --json to a command; it gets an ``Output`` as ``out``."""
    return click.option(
        "--json",
        "out",
        is_flag=True,
        callback=lambda _ctx, _param, value: Output(as_json=value),
        help="Answer with JSON.",
    )(command)


def many(count: int, thing: str) -> str:
    """``1 contact``, ``2 contacts``."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def rfc3339(at: datetime | None) -> str | None:
    """A time as JSON has it: RFC 3339 in UTC, to the second."""
    return None if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def clean(text: str) -> str:
    """Text that cannot steer a terminal: controls and direction overrides become U+FFFD, line ends stay."""
    return _STEERING.sub("\ufffd", text)


def cell(value: Any) -> str:
    """A JSON value in words."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case {"kind": "listed", "subjects": subjects}:
            return ", ".join(subjects)
        case {"kind": kind, "subjects": _}:
            return str(kind)
        case {"value": inner, "type": kind}:
            return f"{inner} ({kind})" if kind else str(inner)
        case dict():
            return ", ".join(f"{key.replace('_', ' ')}: {count}" for key, count in value.items() if count)
        case list() | tuple():
            return ", ".join(cell(each) for each in value)
    return str(value)


def _pages(rows: Iterable[Row]) -> Iterator[Sequence[Row]]:
    """A sequence as it is, anything else ``PAGE`` rows at a time; no page is empty."""
    if isinstance(rows, Sequence):
        yield from filter(None, [rows])
        return
    left = iter(rows)
    while page := list(islice(left, PAGE)):
        yield page


def _print_json(value: object) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def _print_array(pages: Iterable[Sequence[Row]]) -> None:
    """The array of all pages, as ``_print_json`` would print it."""
    between = "["
    for page in pages:
        click.echo(between + json.dumps(page, ensure_ascii=False, indent=2)[1:-2], nl=False)
        between = ","
    click.echo("\n]" if between == "," else "[]")


def _print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Without headings the first column takes their place."""
    if not sys.stdout.isatty():
        _print_columns([headings, *rows] if headings else rows)
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=bool(headings), header_style="bold")
    for heading in headings or ("", ""):
        table.add_column(Text(heading), overflow="fold", style="" if headings or table.columns else "bold")
    for row in rows:
        table.add_row(*(Text(clean(text)) for text in row))
    _console().print(table)


def _print_columns(rows: Sequence[Sequence[str]]) -> None:
    """For a file or a program: every value whole, in columns; a line end goes on in its column."""
    from rich.cells import cell_len

    cells = [[clean(text).expandtabs().split("\n") for text in row] for row in rows]
    widths = [max(cell_len(line) for lines in column for line in lines) for column in zip(*cells, strict=True)]
    lines = []
    for line in (line for row in cells for line in zip_longest(*row, fillvalue="")):
        padded = [text + " " * (width - cell_len(text)) for text, width in zip(line, widths, strict=True)]
        lines.append("  ".join(padded).rstrip())
    click.echo("\n".join(lines))


def _console(*, stderr: bool = False) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int | None], None]]:
    """Yields a function to call with (done, total or None); a bar on a terminal's stderr once a second has passed."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=_console(stderr=True),
        transient=True,
    )
    task = bar.add_task(label, total=None)
    begun = time.monotonic()
    shown = False

    def update(done: int, total: int | None) -> None:
        nonlocal shown
        if not shown and sys.stderr.isatty() and time.monotonic() - begun > 1:
            bar.start()
            shown = True
        bar.update(task, completed=done, total=total)

    try:
        yield update
    finally:
        if shown:
            bar.stop()
