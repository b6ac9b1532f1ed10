"""Erasing contacts from the command line: shown, confirmed by a typed name, done, and told what was proved.

``contact erase`` and ``trash empty`` end here; ``sharedbook erase resume`` ends what a reader held up.
"""

from __future__ import annotations

from collections.abc import Sequence

import click

from sharedbook.cli import json_keys
from sharedbook.cli.confirm import confirm_by_name
from sharedbook.cli.errors import FAILED
from sharedbook.cli.output import Output, json_option, many
from sharedbook.cli.site_context import CLIENT, Site, pass_site
from sharedbook.domain.errors import ErasurePending
from sharedbook.domain.model import Contact
from sharedbook.services import erasure

PENDING = ErasurePending(
    "the contacts are gone, but a program that was reading still holds their old pages",
    hint="let it end (or restart it), then run: sharedbook erase resume",
)


def erase_contacts(site: Site, out: Output, found: Sequence[Contact], *, dry_run: bool, yes: bool) -> None:
    """Erases contacts once confirmed. Raises ErasurePending while a reader holds the file; exits 1 if pieces stay."""
    ids = [contact.id for contact in found]
    what = found[0].name if len(found) == 1 else many(len(found), "contact")
    if dry_run or not found:
        notes = [f"{contact.id} {contact.name}" for contact in found]
        out.outcome(json_keys.result("erase", ids, dry_run=dry_run, notes=notes), f"erase {what}")
        return
    lines = [f"  {contact.id} {contact.name}" for contact in found[:20]]
    question = "\n".join([*lines, f"Erase {what} for good? Neither trash nor undo brings them back."])
    confirm_by_name(question, what, yes=yes)
    _tell(out, erasure.erase(site.app.site, site.actor, CLIENT, ids))


def _tell(out: Output, report: erasure.Report) -> None:
    record = json_keys.erasure(report)
    out.done(record, "\n".join([f"erased: {many(len(report.contacts), 'contact')}", *_lines(report)]))
    if not report.clean:
        raise PENDING
    if report.residue:
        raise SystemExit(FAILED)


def _lines(report: erasure.Report) -> list[str]:
    lines = []
    if report.books:
        lines.append(f"  books that clients fetch anew once: {', '.join(report.books)}")
    if report.job_rows:
        lines.append(f"  rows of import jobs removed with them: {report.job_rows}")
    lines += [f"  pieces of them are still in {each.path}: {each.pieces}" for each in report.residue]
    if report.clean and report.scanned and not report.residue:
        lines.append(f"  no piece of them is left in {', '.join(report.scanned)}")
    lines.append("  out of reach: copies in mail clients and in backups")
    return lines


@click.group("erase")
def erase_command() -> None:
    """Erasures that a reader held up."""


@erase_command.command("resume")
@json_option
@pass_site
def resume(site: Site, out: Output) -> None:
    """End an erasure that was pending: rewrite the database without the old pages.

    \b
    Example:  sharedbook erase resume
    """
    site.refuse_as("erase resume")
    if not erasure.resume(site.app.site):
        raise PENDING
    out.outcome(json_keys.result("erase resume", []), "no erasure is pending")
