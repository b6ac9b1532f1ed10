"""``sharedbook contact``: list and find; one contact in ``one.py``, many in ``many.py``, the past in ``history.py``.

Who lists or finds waits for the answer: what the other commands need is imported only when one of them is called.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from typing import Any

import click

from sharedbook.cli.terminal.contacts_shown import COLUMNS, objects, row
from sharedbook.cli.terminal.minus_words import MinusWords
from sharedbook.cli.terminal.names import GROUP, MEMBER, SUBJECT
from sharedbook.cli.terminal.output import Output, json_option
from sharedbook.cli.terminal.site_context import Site, pass_site
from sharedbook.services.contacts import search

_OTHERS = ("one", "many", "history", "duplicates", "merge")
"""Modules of the other commands, in this package."""


class _Commands(click.Group):
    """Imports a module only when a command other than list and find is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        self._load_others()
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.commands:
            self._load_others()
        return super().get_command(ctx, cmd_name)

    def _load_others(self) -> None:
        for name in _OTHERS:
            importlib.import_module(f"sharedbook.cli.contact.{name}").add_to(self)


@click.group("contact", cls=_Commands)
def contact_command() -> None:
    """Contacts: add, find, change, move, delete, erase.

    A REF is a contact's id, UID or mail address, or its name if no other contact has it. Commands for several contacts
    read REFs from stdin for -, one a line.
    """


def _filters(command: Callable[..., None]) -> Callable[..., None]:
    """What `contact list` and `contact find` take."""
    options = (
        click.argument("query", nargs=-1),
        click.option("--group", type=GROUP, metavar="GROUP", help="Only in this group."),
        click.option("--owner", type=MEMBER, metavar="MEMBER", help="Only those owned by this member."),
        click.option("--assigned", type=MEMBER, metavar="MEMBER", help="Only those assigned to this member."),
        click.option("--viewer", type=SUBJECT, metavar="SUBJECT", help="Only those that this member or team sees."),
        click.option("--tag", help="Only those with this tag."),
        click.option("--company", help="Only those of this company."),
        click.option("--no-owner", is_flag=True, help="Only those without an owner."),
        click.option("--no-viewers", is_flag=True, help="Only those that no member sees."),
        click.option("--trashed", is_flag=True, help="Only those in the trash."),
        click.option("--limit", type=click.IntRange(min=1), help="Show at most this many."),
        json_option,
        pass_site,
    )
    for option in reversed(options):
        command = option(command)
    return command


def _find(site: Site, out: Output, query: tuple[str, ...], limit: int | None, filters: dict[str, Any]) -> None:
    with site.begin() as tx:
        wanted = search.query(tx, " ".join(query))
        found = search.find(tx, search.Search(query=wanted, **filters), limit=limit)
        records = objects(tx, found)
    out.rows(records if out.as_json else [row(each) for each in records], COLUMNS, empty="No contacts found.")
    for word in query if not found else ():
        if re.fullmatch(r"-?\w+=.+", word):
            out.note(f"{word} was searched for literally; a field is written {word.replace('=', ':', 1)}")


@contact_command.command("list", cls=MinusWords)
@_filters
def list_(site: Site, /, out: Output, query: tuple[str, ...], limit: int | None, **filters: Any) -> None:
    """List contacts by name.

    With a QUERY, list only those that match it (see `contact find`).

    \b
    Examples:  sharedbook contact list --group customers
               sharedbook contact list --no-owner --limit 50
               sharedbook contact list --owner bob --company acme --tag vip
               sharedbook contact list --assigned carol --viewer @sales
               sharedbook contact list --trashed
               sharedbook contact list --no-viewers
    """
    _find(site, out, query, limit, filters)


@contact_command.command("find", cls=MinusWords)
@_filters
def find(site: Site, /, out: Output, query: tuple[str, ...], limit: int | None, **filters: Any) -> None:
    """Find contacts.

    QUERY: words that must all be found in name, mail address, phone, company or tags; field:value (field:* for any
    value), "a phrase", -word (not). Write the name of a custom field in lower case, with _ between words. Initials find
    Hangul names, readings find kanji, and a number is found in any form in which it is dialled.

    \b
    Examples:  sharedbook contact find kim company:hanbit -tag:newsletter
               sharedbook contact find '"van der"' --group customers --json
               sharedbook contact find contract_no:2024
    """
    _find(site, out, query, limit, filters)
