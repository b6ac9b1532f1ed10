"""Writes the documents that are made from the code: `make docs`. tests/docs fails when one of them is out of date."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import click

from sharedbook import settings
from sharedbook.cli import command
from sharedbook.cli.terminal import json_keys
from sharedbook.cli.terminal.errors import EXIT_CODES, EXIT_MEANINGS
from sharedbook.domain.errors import SharedbookError
from sharedbook.formats.entries import columns

DOCS = Path(__file__).parents[1] / "docs"
MADE = "<!-- Made by `make docs` from {}; do not edit. -->"
WIDTH = 100


def settings_document() -> str:
    """Every setting with its variable, default and help."""
    rows = (
        f"| `{each.name}` | `{each.variable}` | {_code(settings.write(each.default))} | {_cell(_help(each))} |"
        for each in settings.SETTINGS
    )
    return _page(
        "Settings",
        "src/sharedbook/settings/",
        "In `sharedbook.toml`, a setting `section.name` is `name` under `[section]`. The file is the first of\n"
        "`--config`, `$SHAREDBOOK_CONFIG`, `./sharedbook.toml` and `/etc/sharedbook/sharedbook.toml`. A variable in\n"
        "the environment overrides the file. `sharedbook settings` shows each value and where it comes from.",
        "| setting | variable | default | what it does |\n|---|---|---|---|\n" + "\n".join(rows),
    )


def _help(setting: settings.Setting) -> str:
    return f"{setting.help} Choices: {', '.join(setting.choices)}." if setting.choices else setting.help


def errors_document() -> str:
    """Every error code with what it means."""
    rows = sorted({f"| `{each.code}` | {_exit_code(each)} | {_cell(_meaning(each))} |" for each in _errors()})
    return _page(
        "Errors",
        "src/sharedbook/domain/errors.py",
        "Each error says what is wrong and where, and names the next step. Its code is stable; `job errors` shows it.\n"
        "The exit code is that of the command line; [commands.md](commands.md) says at its end what those mean.",
        "| code | exit code | meaning |\n|---|---|---|\n" + "\n".join(rows),
    )


def _errors(parent: type[SharedbookError] = SharedbookError) -> Iterator[type[SharedbookError]]:
    for child in parent.__subclasses__():
        yield child
        yield from _errors(child)


def _meaning(error: type[SharedbookError]) -> str:
    """The first paragraph of its docstring; what follows is for programmers."""
    return " ".join((error.__doc__ or "").partition("\n\n")[0].split())


def _exit_code(error: type[SharedbookError]) -> int:
    return next(EXIT_CODES[each] for each in error.__mro__ if each in EXIT_CODES)


def commands_document() -> str:
    """The help of every command."""
    sections = (f"## `{' '.join(path)}`\n\n```\n{text}\n```" for path, text in _helps(command, ("sharedbook",), None))
    objects = (
        f"### {kind.replace('_', ' ')}\n\n| key | what it holds |\n|---|---|\n"
        + "\n".join(f"| `{key}` | {_cell(text)} |" for key, text in keys.items())
        for kind, keys in json_keys.KEYS.items()
    )
    codes = "\n".join(f"| {code} | {_cell(text)} |" for code, text in EXIT_MEANINGS.items())
    return _page(
        "Commands",
        "src/sharedbook/cli",
        "What `--help` says, for every command. At the end: the exit codes, and the objects of `--json`.",
        "\n\n".join(
            [
                *sections,
                f"## Exit codes\n\n| code | meaning |\n|---|---|\n{codes}",
                "## JSON\n\nWith `--json` stdout holds one object, or for lists one array, and nothing else. Times are"
                " RFC 3339\nin UTC. Keys are stable: new ones may come, none is renamed.",
                *objects,
            ]
        ),
    )


def columns_document() -> str:
    """Every column of import files and of `contact set`."""
    rows = (
        f"| `{each.name}` | {'yes' if each.many else ''} | {_cell(each.help)} | {_cell(each.example)} |"
        for each in columns.FIELDS.values()
    )
    return _page(
        "Columns",
        "src/sharedbook/formats/entries/columns.py",
        "The columns of a csv file, and the names that `contact add` and `contact set` take. A column that may hold\n"
        "several values takes a number (`email.2`), a type (`phone.mobile`, `address.work.city`), or both.",
        "| column | several | what it holds | example |\n|---|---|---|---|\n"
        + "\n".join(rows)
        + f"\n\nFiles may have further columns:\n\n- `{columns.GROUPS.name}`: {columns.GROUPS_HELP}."
        "\n  `Groups` with a capital letter, as other programs write it, holds tags, unless"
        f"\n  `--map` says that it is `groups`.\n- `{columns.REASON_COLUMN}`: why a row was refused; error files have"
        " it, imports ignore it.\n- Custom fields, by name or as `custom:NAME`.\n\n" + _NOTES,
    )


_NOTES = """## Dates

Dates may be written as 1985-04-23 or --04-23, as year, month and day in the way of Korea, China and Japan, or as three
numbers with `/`, `-` or `.` between them. Whether day or month comes first is decided for a whole csv file or sheet:
one value above 12 settles it, or else a header that is not English, such as Geburtstag. `import --dates day-first`
(`month-first`, `year-first`) decides it for you, and dates that do not fit are then refused. If nothing decides it,
the country in `default_region` does, and each such date is listed; `contact set`, json and ldif refuse it instead. A
year of two digits is the latest such year that has begun; the first one in a file is listed.

## Groups

Exports name the groups of each contact (those that you may view): csv and xlsx in the column `groups`, json in the
list `groups`, vcf in lines `X-SHAREDBOOK-GROUP`, ldif in values of `sharedbookGroup`. Tags stay in `CATEGORIES`. Other
programs ignore these.

An import without `--group` puts new contacts into the groups that their rows name; a row that names none is refused.
`import --group G` puts every row into G, whatever groups the file names, and says so. Existing contacts stay in their
groups, even with `--duplicates update` or `replace`; if a row names other groups, the import says so. Use `contact
copy` and `contact move` to change groups.

## ldif

An export writes the attributes of inetOrgPerson and of Thunderbird's address book. What these have no exact place for
(tags, messengers, further addresses, types of numbers) is added as `sharedbookColumn`, such as `tags=vip`. An import
reads those back, so nothing that a column holds is lost. If somebody has edited an attribute in the file, the
attribute wins over the `sharedbookColumn` of that field. A photo that is not a JPEG is in `sharedbookPhoto`."""


def _helps(
    found: click.Command, path: tuple[str, ...], parent: click.Context | None
) -> Iterator[tuple[tuple[str, ...], str]]:
    context = click.Context(found, info_name=path[-1], parent=parent, terminal_width=WIDTH, max_content_width=WIDTH)
    yield path, "\n".join(line.rstrip() for line in found.get_help(context).splitlines())
    if isinstance(found, click.Group):
        for name in found.list_commands(context):
            child = found.get_command(context, name)
            if child is not None and not child.hidden:
                yield from _helps(child, (*path, name), context)


def _page(title: str, source: str, introduction: str, body: str) -> str:
    return f"# {title}\n{MADE.format(source)}\n\n{introduction}\n\n{body}\n"


def _code(text: str) -> str:
    return f"`{text}`" if text else "empty"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


DOCUMENTS: dict[str, Callable[[], str]] = {
    "settings.md": settings_document,
    "errors.md": errors_document,
    "commands.md": commands_document,
    "columns.md": columns_document,
}


def main() -> None:
    """Writes every document."""
    for name, document in DOCUMENTS.items():
        (DOCS / name).write_text(document())


if __name__ == "__main__":
    main()
