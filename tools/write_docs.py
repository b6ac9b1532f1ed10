"""Writes the documents that are made from the code: `make docs`. tests/docs fails when one of them is out of date."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import click

from sharedbook import settings
from sharedbook.cli import command
from sharedbook.cli.terminal import json_keys
from sharedbook.cli.terminal.errors import EXIT_MEANINGS
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
        "A setting `section.name` stands in `sharedbook.toml` as `name` under `[section]`. The file is looked for at\n"
        "`--config`, `$SHAREDBOOK_CONFIG`, `./sharedbook.toml` and `/etc/sharedbook/sharedbook.toml`. A variable of\n"
        "the environment goes before the file. `sharedbook settings` shows each value and where it comes from.",
        "| setting | variable | default | what it does |\n|---|---|---|---|\n" + "\n".join(rows),
    )


def _help(setting: settings.Setting) -> str:
    return f"{setting.help} Choices: {', '.join(setting.choices)}." if setting.choices else setting.help


def errors_document() -> str:
    """Every error code with what it means."""
    rows = sorted({f"| `{each.code}` | {_cell(' '.join((each.__doc__ or '').split()))} |" for each in _errors()})
    return _page(
        "Errors",
        "src/sharedbook/domain/errors.py",
        "Each error has a stable code, says what and where, and names the next step.",
        "| code | meaning |\n|---|---|\n" + "\n".join(rows),
    )


def _errors(parent: type[SharedbookError] = SharedbookError) -> Iterator[type[SharedbookError]]:
    for child in parent.__subclasses__():
        yield child
        yield from _errors(child)


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
        "What `--help` says, for every command; then the exit codes, and the objects of `--json`.",
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
        "The columns of a csv file, and the names that `contact add` and `contact set` take. One that may\n"
        "hold several values is numbered (`email.2`) or typed (`phone.mobile`, `address.work.city`), or both.",
        "| column | several | what it holds | example |\n|---|---|---|---|\n"
        + "\n".join(rows)
        + f"\n\nFiles may have more:\n\n- `{columns.GROUPS.name}`: {columns.GROUPS_HELP}."
        "\n  `Groups` with a capital letter, as other programs write it, holds tags, unless"
        f"\n  `--map` says that it is `groups`.\n- `{columns.REASON_COLUMN}`: why a row was refused; error files have"
        " it, the import ignores it.\n- Fields of the site's own, by name or as `custom:NAME`.\n\n" + _NOTES,
    )


_NOTES = """## Dates

They come in as 1985-04-23 or --04-23, as year, month and day in the way of Korea, China and Japan, or as three numbers
with `/`, `-` or `.` between them. Whether day or month stands first, all dates of a csv file or a sheet tell together:
one value above 12 settles it; else a header that is not English does, such as Geburtstag. `import --dates day-first`
(`month-first`, `year-first`) says it, and then a date that cannot be so is refused. Where nothing says it, the country
of `default_region` decides, and each such date is named; in `contact set`, json and ldif it is refused. Years of two
digits are the latest that have begun; the first one is named.

## Groups

Exports name the groups of each contact (those that you see): csv and xlsx in the column `groups`, json in the list
`groups`, vcf in a line `X-SHAREDBOOK-GROUP` for each, ldif in a value of `sharedbookGroup` for each; tags stay in
`CATEGORIES`. Other programs ignore these. An import without `--group` puts new contacts into the groups that their rows
name; a row without one is refused. `import --group G` puts every row into G, whatever groups the file names, and says
so: a file that was exported from another group goes where you say. A contact that is there stays in its groups, also
with `--duplicates update` or `replace`, and that is said where a row names others: `contact copy` and `contact move`
change them.

## ldif

An export writes the attributes of inetOrgPerson and of Thunderbird's address book, and beside them, in
`sharedbookColumn` (such as `tags=vip`), the cells of what they have no place for or do not tell exactly: tags,
messengers, further addresses, types of numbers. An import reads those back: nothing that a column holds is lost. Where
somebody has changed an attribute in the file, it counts, and the cells of its field do not. A photo that is no JPEG is
in `sharedbookPhoto`."""


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
