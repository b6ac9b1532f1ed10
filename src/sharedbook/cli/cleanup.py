"""``sharedbook cleanup``: contacts that nobody sees, that nobody owns, or that lie in the trash, all at once."""

from __future__ import annotations

import click

from sharedbook.cli.erasing import confirm_erasure, erase_contacts, tell
from sharedbook.cli.terminal.as_job import How, Task, as_job, carry_out, in_background
from sharedbook.cli.terminal.names import GROUP
from sharedbook.cli.terminal.output import Output, json_option
from sharedbook.cli.terminal.site_context import CLIENT, Site, pass_site
from sharedbook.services.erasing import cleanup, erasure
from sharedbook.services.erasing.cleanup import Wanted
from sharedbook.services.jobs.actions import Cleanup
from sharedbook.services.tx import Tx


@click.command("cleanup")
@click.option("--no-viewers", is_flag=True, help="Contacts that no member sees.")
@click.option("--no-owner", is_flag=True, help="Contacts without an owner.")
@click.option("--trashed", is_flag=True, help="Contacts in the trash.")
@click.option("--group", type=GROUP, metavar="GROUP", help="Only contacts in this group.")
@click.option(
    "--older-than",
    type=click.IntRange(min=0),
    metavar="DAYS",
    help="Only contacts not changed for this long; with --trashed, deleted this long ago.",
)
@click.option(
    "--to",
    type=click.Choice(["trash", "erase"]),
    required=True,
    help="Put them into the trash, or erase them for good.",
)
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
    """Clean up contacts that match all of the given filters. Postmasters are notified, with the way to undo it.

    In the background, --to erase works in batches, each with its own certificate (`erase list`). A contact that no
    longer matches the filters when its turn comes is left alone and listed.

    \b
    Examples:
      sharedbook cleanup --no-viewers --older-than 365 --to trash --dry-run
      sharedbook cleanup --no-owner --group customers --to trash
      sharedbook cleanup --trashed --older-than 30 --to erase
      sharedbook cleanup --trashed --to erase --background --yes
    """
    if not (no_viewers or no_owner or trashed):
        raise click.UsageError("Say what to clean up: --no-viewers, --no-owner or --trashed.")
    _refuse(site, trashed, to)
    wanted = Wanted(no_viewers, no_owner, trashed, group, older_than)

    def task_of(tx: Tx) -> Task:
        found = cleanup.find(tx, wanted)
        return Task(Cleanup(), [each.id for each in found], [f"{each.id} {each.name}" for each in found])

    if to == "trash":
        carry_out(site, out, "clean up", task_of, how, ask=True)
        return
    with site.begin() as tx:
        found = cleanup.find(tx, wanted)
    if how.background and found and not how.dry_run:
        confirm_erasure(site, found, yes=how.yes)
        label = "clean up: erase"
        with site.begin(write=True) as tx:
            job = cleanup.add_erasing(tx, wanted, [each.id for each in found], label)
        in_background(site, out, label, job.id)
        return
    if how.dry_run or not found:
        erase_contacts(site, out, found, certificate=None, dry_run=how.dry_run, yes=how.yes)
        return
    report = erasure.erase(site.app.site, site.actor, CLIENT, confirm_erasure(site, found, yes=how.yes))
    with site.begin(write=True) as tx:
        cleanup.tell_erased(tx, len(report.contacts))
    tell(out, report)


def _refuse(site: Site, trashed: bool, to: str) -> None:
    """Raises click.UsageError for what cannot be done so."""
    if trashed and to == "trash":
        raise click.UsageError("What lies in the trash can only go --to erase.")
    if site.settings.deletion == "immediate" and to == "trash":
        raise click.UsageError("This site has no trash (setting deletion): they can only go --to erase.")
