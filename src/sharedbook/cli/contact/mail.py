"""``sharedbook contact mail``: the mail exchanged with a contact, out of the site's mailbox."""

from __future__ import annotations

import click

from sharedbook.cli.terminal import json_keys
from sharedbook.cli.terminal.output import Output, json_option
from sharedbook.cli.terminal.site_context import Site, pass_site

COLUMNS = {"When": "at", "": "direction", "Address": "address", "Subject": "subject", "Attachments": "attachments"}


@click.command("mail")
@click.argument("ref")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000), help="Show at most this many.")
@json_option
@pass_site
def mail(site: Site, out: Output, ref: str, limit: int) -> None:
    """List the mail exchanged with a contact, the newest first.

    Shows subjects and names of attachments, never the text. It is read from one mailbox (`imap.server`, off by default)
    and not kept.

    \b
    Examples:  sharedbook contact mail minji@example.com
               sharedbook contact mail 12 --limit 5 --json
    """
    from sharedbook.services.contacts import letters

    with site.begin(write=True) as tx:
        wanted = letters.addresses(tx, ref)
    found = [json_keys.letter(each) for each in letters.read(site.settings, wanted, most=limit)]
    out.rows(found, COLUMNS, empty="No mail was exchanged.")
