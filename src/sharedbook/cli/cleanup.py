"""``sharedbook cleanup``: contacts that nobody sees, that nobody owns, or that lie in the trash, all at once."""

from __future__ import annotations

from datetime import timedelta

import click

from sharedbook.cli.erasing import erase_contacts
from sharedbook.cli.terminal.as_job import How, Task, as_job, carry_out
from sharedbook.cli.terminal.names import GROUP
from sharedbook.cli.terminal.output import Output, json_option, many
from sharedbook.cli.terminal.site_context import Site, pass_site
from sharedbook.domain import access
from sharedbook.domain.model import Contact
from sharedbook.services.contacts import search
from sharedbook.services.jobs.actions import Cleanup
from sharedbook.services.notices import notices
from sharedbook.services.tx import Tx


@click.command("cleanup")
@click.option("--no-viewers", is_flag=True, help="Those that no member sees.")
@click.option("--no-owner", is_flag=True, help="Those without an owner.")
@click.option("--trashed", is_flag=True, help="Those in the trash.")
@click.option("--group", type=GROUP, metavar="GROUP", help="Only those of this group.")
@click.option(
    "--older-than",
    type=click.IntRange(min=0),
    metavar="DAYS",
    help="Only those that were not changed for so long; with --trashed, that were deleted before.",
)
@click.option("--to", type=click.Choice(["trash", "erase"]), required=True, help="Into the trash, or erased for good.")
@as_job
@json_option
@pass_site
def cleanup_command(
    site: Site,
    out: Output,
    no_viewers: bool,
    no_owner: bool,
    trashed: bool,
    group: str | None,
    older_than: int | None,
    to: str,
    how: How,
) -> None:
    """Clean up contacts: all that every one of the filters names. The postmasters are told, with the way to undo it.

    \b
    Examples:
      sharedbook cleanup --no-viewers --older-than 365 --to trash --dry-run
      sharedbook cleanup --no-owner --group customers --to trash
      sharedbook cleanup --trashed --older-than 30 --to erase
    """
    if not (no_viewers or no_owner or trashed):
        raise click.UsageError("Say what to clean up: --no-viewers, --no-owner or --trashed.")
    _refuse(site, trashed, to, how)
    wanted = search.Search(group=group, no_viewers=no_viewers, no_owner=no_owner, trashed=trashed)

    def found_in(tx: Tx) -> list[Contact]:
        access.require_manage(tx.viewer, "clean up")
        return [each for each in search.find(tx, wanted) if older_than is None or _age(tx, each).days >= older_than]

    def task_of(tx: Tx) -> Task:
        found = found_in(tx)
        return Task(Cleanup(), [each.id for each in found], [f"{each.id} {each.name}" for each in found])

    if to == "trash":
        carry_out(site, out, "clean up", task_of, how, ask=True)
        return
    with site.begin() as tx:
        found = found_in(tx)
    erase_contacts(site, out, found, certificate=None, dry_run=how.dry_run, yes=how.yes)
    if found and not how.dry_run:
        with site.begin(write=True) as tx:
            _tell_erased(tx, len(found))


def _refuse(site: Site, trashed: bool, to: str, how: How) -> None:
    """Raises click.UsageError for what cannot be done so."""
    if trashed and to == "trash":
        raise click.UsageError("What lies in the trash can only go --to erase.")
    if site.settings.deletion == "immediate" and to == "trash":
        raise click.UsageError("This site has no trash (setting deletion): they can only go --to erase.")
    if how.background and to == "erase":
        raise click.UsageError("An erasure says what it proved: it is not done in the background.")


def _age(tx: Tx, contact: Contact) -> timedelta:
    return tx.now - (contact.trashed_at or contact.modified)


def _tell_erased(tx: Tx, count: int) -> None:
    notices.add(
        tx,
        "cleanup.erased",
        f"clean-up: {many(count, 'contact')} erased",
        f"{tx.viewer.name} erased {many(count, 'contact')} for good. The certificate:\n\n  sharedbook erase list\n",
    )
