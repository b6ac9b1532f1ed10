"""``sharedbook notice``: what postmasters were told, and whether telling them works."""

from __future__ import annotations

import click

from sharedbook.cli.terminal import json_keys
from sharedbook.cli.terminal.errors import FAILED
from sharedbook.cli.terminal.output import Output, json_option
from sharedbook.cli.terminal.site_context import Site, pass_site
from sharedbook.services.notices import couriers, delivery, notices


@click.group("notice")
def notice_command() -> None:
    """Notices to the postmasters, by mail (mail.server) and webhook (webhook.url)."""


@notice_command.command("list")
@json_option
@pass_site
def list_notices(site: Site, out: Output) -> None:
    """List the latest notices, the newest first.

    \b
    Example:  sharedbook notice list
    """
    with site.begin() as tx:
        records = [json_keys.notice(each) for each in notices.list_notices(tx)]
    columns = {"Notice": "id", "When": "at", "What": "subject", "Mailed": "mailed", "Posted": "posted"}
    out.rows(records, {**columns, "Failed": "error"}, empty="There are no notices.")


@notice_command.command("test")
@json_option
@pass_site
def test(site: Site, out: Output) -> None:
    """Send a test notice now, by mail and webhook if these are set.

    \b
    Example:  sharedbook notice test
    """
    site.refuse_as("notice test")
    found = delivery.test(site.app.site)
    failed = [f"{error}" for error in found.values() if error]
    record = json_keys.result("notice test", [way for way, error in found.items() if not error], notes=failed)
    out.outcome(record, f"sent: {', '.join(record['items']) or 'nowhere'}")
    if failed:
        raise SystemExit(FAILED)


@notice_command.command("key")
@json_option
@pass_site
def key(site: Site, out: Output) -> None:
    """Print the key for checking the webhook's Sharedbook-Signature header.

    The header is the HMAC-SHA256 of the body.

    \b
    Example:  sharedbook notice key
    """
    site.refuse_as("notice key")
    secret = couriers.webhook_key(site.app.site)
    out.done({"key": secret}, secret)
