"""``sharedbook subject``: all that is held on one person, to report or to erase."""

from __future__ import annotations

from pathlib import Path

import click

from sharedbook.cli.erasing import certificate_option, erase_contacts
from sharedbook.cli.terminal import json_keys
from sharedbook.cli.terminal.confirm import asking
from sharedbook.cli.terminal.file_names import ending
from sharedbook.cli.terminal.output import Output, json_option, many
from sharedbook.cli.terminal.site_context import Site, pass_site
from sharedbook.domain.errors import ContactNotFound
from sharedbook.services.erasing import subject_access
from sharedbook.services.imports import transfer


@click.group("subject")
def subject_command() -> None:
    """Data subjects: report or erase everything held on a person, by mail address."""


@subject_command.command("report")
@click.argument("mail")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@json_option
@pass_site
def report(site: Site, out: Output, mail: str, file: Path) -> None:
    """Write everything held on a person into a zip file.

    That is cards, history, audit, stored import rows, and the person's own account here.

    \b
    Example:  sharedbook subject report minji@example.com report.zip
    """
    ending(file, ["zip"])
    with site.begin() as tx:
        held = subject_access.find(tx, mail)
        if held.empty:
            raise _nothing(mail)
        with transfer.whole_file(file) as target:
            subject_access.report(tx, held, target)
    notes = _notes(held)
    ids = [contact.id for contact in held.contacts]
    out.outcome(json_keys.result("subject report", ids, notes=notes), f"{many(len(ids), 'contact')} in {file}")


@subject_command.command("erase")
@click.argument("mail")
@certificate_option
@asking
@json_option
@pass_site
def erase(site: Site, out: Output, mail: str, certificate: Path | None, dry_run: bool, yes: bool) -> None:
    """Erase everything held on a person, for good.

    This erases the contacts with this mail address, their history, and stored import rows. Old versions of other
    contacts that contain the address are erased too. Where the address is mentioned elsewhere is listed.

    \b
    Examples:
      sharedbook subject erase minji@example.com --dry-run
      sharedbook subject erase minji@example.com --yes --certificate erased.json
    """
    with site.begin() as tx:
        held = subject_access.find(tx, mail)
    if held.empty:
        raise _nothing(mail)
    for note in _notes(held):
        out.note(note)
    erase_contacts(site, out, held.contacts, dry_run=dry_run, yes=yes, certificate=certificate, subject=held.mail)


def _nothing(mail: str) -> ContactNotFound:
    return ContactNotFound(f"nothing is held on {mail}", hint="check the address")


def _notes(held: subject_access.Held) -> list[str]:
    notes = []
    if held.mentions:
        notes.append(f"mentioned in other contacts, which stay: {', '.join(map(str, held.mentions))}")
    notes += [f"address of the member {each.login}: see `sharedbook member delete`" for each in held.members]
    return notes
