"""``sharedbook init``, ``settings``, ``migrate``: the site itself."""

from __future__ import annotations

import sys
import textwrap

import click

from sharedbook import app, settings
from sharedbook.cli.terminal import json_keys
from sharedbook.cli.terminal.output import Output, json_option
from sharedbook.cli.terminal.site_context import Site, pass_site
from sharedbook.services.members import members
from sharedbook.services.writing import records

REINDEX_BATCH = 200
"""Contacts that one transaction reads anew: it holds the write lock for less than half a second."""


@click.command("init")
@click.option(
    "--new-key", is_flag=True, help="The site.key is lost: make a new one. App passwords and old backups stop working."
)
@json_option
@pass_site
def init_command(site: Site, out: Output, *, new_key: bool) -> None:
    """Create the database and the data folder. What exists already is left unchanged.

    On a terminal it asks for the first postmaster, unless there is one.

    \b
    Examples:  sharedbook init
               sharedbook init --new-key
    """
    site.refuse_as("init")
    opened = site.create(new_key=new_key)
    with site.begin() as tx:
        known = members.list_members(tx)
    out.outcome(
        json_keys.result("init", [str(opened.settings.data_dir)]),
        f"the site is in {opened.settings.data_dir}",
    )
    if any(member.postmaster for member in known):
        return
    if not out.as_json and sys.stdin.isatty():
        _first_postmaster(site)
    else:
        out.note("There is no postmaster yet; next: sharedbook member add LOGIN --postmaster --generate")


def _first_postmaster(site: Site) -> None:
    login = click.prompt("Login of the first postmaster (empty: later)", default="", show_default=False, err=True)
    if not login:
        return
    password = click.prompt(f"Password for {login}", hide_input=True, confirmation_prompt=True, err=True)
    with site.begin(write=True) as tx:
        found = members.add(tx, login, postmaster=True, password=password)
    click.echo(f"member {found.login} added")


@click.command("migrate")
@json_option
@pass_site
def migrate_command(site: Site, out: Output) -> None:
    """Update the database to the schema of this version of sharedbook.

    \b
    Example:  sharedbook migrate
    """
    site.refuse_as("migrate")
    version = app.migrate(site.settings)
    out.outcome(json_keys.result("migrate", [version]), f"the database has the schema {version}")


@click.command("reindex")
@json_option
@pass_site
def reindex_command(site: Site, out: Output) -> None:
    """Rebuild what searches find, and the names in lists, from every contact's card.

    Needed after a change of default_region, or when a new version of sharedbook reads more from a card.

    \b
    Example:  sharedbook reindex
    """
    site.refuse_as("reindex")
    with site.begin(write=True) as tx:
        records.mark_all_for_reindex(tx)
    total = 0
    while True:
        with site.begin(write=True) as tx:
            done = records.reindex(tx, REINDEX_BATCH)
        if not done:
            break
        total += done
        if sys.stderr.isatty():
            click.echo(f"\r{total} contacts", nl=False, err=True)
    if total and sys.stderr.isatty():
        click.echo(err=True)
    out.outcome(json_keys.result("reindex", []) | {"count": total}, f"{total} contacts reindexed")


@click.command("settings")
@json_option
@pass_site
def settings_command(site: Site, out: Output) -> None:
    """Show every setting: its value, where the value comes from, and what it does.

    \b
    Examples:  sharedbook settings
               sharedbook --config test.toml settings
    """
    records = [_record(site, setting) for setting in settings.SETTINGS]
    if site.settings.config:
        out.note(f"settings file: {site.settings.config}")
    if out.as_json:
        out.rows(records, {}, empty="")
        return
    for record in records:
        origin = (
            record["source"] if record["source"] == "default" else f"{record['source']}; default {record['default']}"
        )
        click.echo(f"{record['name']} = {record['value'] or '(empty)'}  ({origin})")
        click.echo(textwrap.indent(textwrap.fill(record["help"], 74), "    "))


def _record(site: Site, setting: settings.Setting) -> json_keys.Object:
    return {
        "name": setting.name,
        "variable": setting.variable,
        "value": site.settings.shown(setting),
        "default": settings.write(setting.default),
        "source": site.settings.source(setting),
        "help": setting.help,
    }
