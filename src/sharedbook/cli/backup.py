"""``sharedbook backup`` and ``restore``."""

from __future__ import annotations

from pathlib import Path

import click

from sharedbook.cli.terminal.confirm import confirm
from sharedbook.cli.terminal.output import Output, json_option, many
from sharedbook.cli.terminal.site_context import CLIENT, Site, pass_site
from sharedbook.services.upkeep import backup


@click.command("backup")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@json_option
@pass_site
def backup_command(site: Site, out: Output, folder: Path) -> None:
    """Write a backup into a new or empty folder, while the servers keep running.

    It holds the database and the ledger of erasures, but not site.key, and cannot be restored without that file: keep a
    copy of it somewhere else.

    \b
    Example:  sharedbook backup backups/2026-01-31
    """
    site.refuse_as("backup")
    count = backup.save(site.app.site, site.actor, CLIENT, folder)
    record = {"folder": str(folder), "contacts": count, "erased_again": None}
    out.done(record, f"backup of {many(count, 'contact')} in {folder}")
    out.note(f"not in it: {site.settings.key_file}; keep a copy in another place, it is needed to restore")


@click.command("restore")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--replace", "replace_present", is_flag=True, help="Replace the existing database.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_site
def restore_command(site: Site, out: Output, folder: Path, replace_present: bool, yes: bool) -> None:
    """Restore a backup, with the servers stopped and site.key in its place.

    What was erased since the backup was made is erased again before anything is served. Mail clients reload their
    books. A backup made on SQLite can be restored into PostgreSQL, and the other way round.

    \b
    Examples:  sharedbook restore backups/2026-01-31
               sharedbook restore --replace --yes backups/2026-01-31
    """
    site.refuse_as("restore")
    if replace_present and not yes:
        confirm(f"Replace {site.settings.shown_database_url()} by the backup in {folder}?")
    found = backup.restore(site.settings, site.actor, CLIENT, folder, replace_present=replace_present)
    record = {"folder": str(folder), "contacts": found.contacts, "erased_again": found.erased_again}
    out.done(record, f"{many(found.contacts, 'contact')} restored from the backup of {found.made}")
    if found.erased_again:
        out.note(f"erased again, from the ledger: {many(found.erased_again, 'contact')}")
    if not found.audit_whole:
        out.note("the audit in this backup is not intact; see: sharedbook audit verify")
