"""``sharedbook feed``: what changed, for programs, one JSON object a line."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import click

from sharedbook.cli.terminal.site_context import Site, pass_site
from sharedbook.services import feed


@click.command("feed")
@click.option("--since", metavar="T", required=True, help="The seq of an earlier line (0: all), or a time (RFC 3339).")
@pass_site
def feed_command(site: Site, since: str) -> None:
    """Print every change since T, one JSON object a line: seq, at, kind (contact, group, subject, refetch), id.

    It prints ids only. Continue from the seq of the last line. Changes are kept for 30 days; asking for older ones is
    refused.

    \b
    Examples:  sharedbook feed --since 0
               sharedbook feed --since 2026-01-31T00:00:00Z
    """
    page = _page(site, _start(since))
    while page:
        click.echo("\n".join(map(_line, page)))
        page = _page(site, page[-1].seq)


def _page(site: Site, since: int | datetime) -> list[feed.LoggedChange]:
    """In a transaction of its own: none is open while somebody reads what was written."""
    with site.begin() as tx:
        return feed.log(tx, since)


def _line(change: feed.LoggedChange) -> str:
    at = change.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"seq": change.seq, "at": at, "kind": change.kind.value, "id": change.id})


def _start(text: str) -> int | datetime:
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is neither a seq nor a time such as 2026-01-31T00:00:00Z") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
