"""``sharedbook team``: some members under one name, called ``@name`` in grants and visibility."""

from __future__ import annotations

import click

from sharedbook.cli.terminal import json_keys
from sharedbook.cli.terminal.confirm import asking, carry_out
from sharedbook.cli.terminal.names import MEMBER, TEAM
from sharedbook.cli.terminal.output import Output, json_option
from sharedbook.cli.terminal.site_context import Site, pass_site
from sharedbook.services.people import teams
from sharedbook.services.tx import Tx


@click.group("team")
def team_command() -> None:
    """Teams: several members under one name, written @name in grants and visibility."""


def _team(tx: Tx, name: str) -> json_keys.Object:
    return json_keys.team(next(info for info in teams.list_teams(tx) if info.team.name == name))


def _plain(name: str) -> str:
    return name.removeprefix("@")


@team_command.command("add")
@click.argument("name")
@json_option
@pass_site
def add(site: Site, out: Output, name: str) -> None:
    """Add a team.

    \b
    Example:  sharedbook team add support
    """
    with site.begin(write=True) as tx:
        record = _team(tx, teams.add(tx, _plain(name)).name)
    out.done(record, f"team @{record['name']} added")


@team_command.command("list")
@json_option
@pass_site
def list_teams(site: Site, out: Output) -> None:
    """List the teams and their members.

    \b
    Example:  sharedbook team list
    """
    with site.begin() as tx:
        records = [json_keys.team(info) for info in teams.list_teams(tx)]
    out.rows(records, {"Team": "name", "Members": "members"}, empty="There are no teams yet.")


@team_command.command("join")
@click.argument("team", type=TEAM)
@click.argument("members", type=MEMBER, metavar="MEMBER...", nargs=-1, required=True)
@json_option
@pass_site
def join(site: Site, out: Output, team: str, members: tuple[str, ...]) -> None:
    """Add members to a team; they get its rights at once.

    \b
    Example:  sharedbook team join sales alice bob
    """
    with site.begin(write=True) as tx:
        teams.join(tx, _plain(team), *members)
        record = _team(tx, _plain(team))
    out.done(record, f"@{record['name']}: {', '.join(record['members'])}")


@team_command.command("leave")
@click.argument("team", type=TEAM)
@click.argument("members", type=MEMBER, metavar="MEMBER...", nargs=-1, required=True)
@json_option
@pass_site
def leave(site: Site, out: Output, team: str, members: tuple[str, ...]) -> None:
    """Remove members from a team; they lose its rights at once.

    \b
    Example:  sharedbook team leave sales bob
    """
    with site.begin(write=True) as tx:
        teams.leave(tx, _plain(team), *members)
        record = _team(tx, _plain(team))
    out.done(record, f"@{record['name']}: {', '.join(record['members']) or 'nobody'}")


@team_command.command("delete")
@click.argument("team", type=TEAM)
@asking
@json_option
@pass_site
def delete(site: Site, out: Output, team: str, dry_run: bool, yes: bool) -> None:
    """Delete a team; its grants and its place on visibility lists go with it.

    \b
    Example:  sharedbook team delete sales --yes
    """

    def work(tx: Tx) -> json_keys.Object:
        name = _plain(team)
        teams.delete(tx, name)
        return json_keys.result("delete team", [name])

    record = carry_out(
        site,
        work,
        lambda _planned: f"Delete the team @{_plain(team)}, its grants and its place on visibility lists?",
        dry_run=dry_run,
        yes=yes,
    )
    out.outcome(record, f"team @{record['items'][0]} deleted")
