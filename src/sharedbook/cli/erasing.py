"""Erasing contacts from the command line: shown, confirmed by a typed name, done, and told what was proved.

``contact erase`` and ``trash empty`` end here; ``sharedbook erase`` is for what was erased before.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from sharedbook.cli.terminal import json_keys
from sharedbook.cli.terminal.confirm import confirm_by_name
from sharedbook.cli.terminal.errors import FAILED
from sharedbook.cli.terminal.output import Output, json_option, many
from sharedbook.cli.terminal.site_context import CLIENT, Site, pass_site
from sharedbook.domain.errors import ErasurePending, Unavailable
from sharedbook.domain.model import Contact
from sharedbook.services.erasing import erasure
from sharedbook.services.keys import attest

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
NEW_FILE = click.Path(path_type=Path, dir_okay=False)


def certificate_option(command: Decorated) -> Decorated:
    """Adds --certificate; the command gets it as ``certificate``."""
    return click.option(
        "--certificate", type=NEW_FILE, metavar="F", help="Write the signed certificate into this file."
    )(command)


def erase_contacts(
    site: Site,
    out: Output,
    found: Sequence[Contact],
    *,
    certificate: Path | None,
    dry_run: bool,
    yes: bool,
    subject: str = "",
) -> None:
    """Erases contacts, with what was merged into them, once confirmed.

    Raises as ``confirm_by_name`` and ``tell``, and Unavailable where there can be no certificate: none is erased then.
    ``subject``: the mail address of a person, who is forgotten in what is kept elsewhere, too.
    """
    if not dry_run and (found or subject):
        if certificate and not os.access(certificate if certificate.exists() else certificate.parent, os.W_OK):
            raise Unavailable(f"{certificate} cannot be written", hint="nothing was erased; check folder and disk")
        ids = confirm_erasure(site, found, yes=yes, subject=subject)
        tell(out, erasure.erase(site.app.site, site.actor, CLIENT, ids, subject=subject), certificate)
        return
    found, left = _with_merged(site, found)
    ids, notes = [contact.id for contact in found], [*(f"{contact.id} {contact.name}" for contact in found), *left]
    said = f"erase {_what(found, subject)}" if found or subject else "there is nothing to erase"
    out.outcome(json_keys.result("erase", ids, dry_run=dry_run, notes=notes), said)


def confirm_erasure(site: Site, found: Sequence[Contact], *, yes: bool, subject: str = "") -> list[int]:
    """The ids of what is to be erased, with what was merged into it, once the name was typed back.

    Raises as ``confirm_by_name``.
    """
    found, left = _with_merged(site, found)
    what = _what(found, subject)
    lines = [*(f"  {contact.id} {contact.name}" for contact in found[:20]), *(f"  {each}" for each in left[:20])]
    question = "\n".join([*lines, f"Erase {what} for good? Neither trash nor undo brings them back."])
    confirm_by_name(question, what, yes=yes)
    return [contact.id for contact in found]


def _with_merged(site: Site, found: Sequence[Contact]) -> tuple[list[Contact], list[str]]:
    """Contacts with what was merged into them, and what their erasure leaves."""
    with site.begin() as tx:
        every = erasure.with_merged(tx, [contact.id for contact in found])
        return every, erasure.left_elsewhere(tx, every)


def _what(found: Sequence[Contact], subject: str) -> str:
    return subject or (found[0].name if len(found) == 1 else many(len(found), "contact"))


def tell(out: Output, report: erasure.Report, certificate: Path | None = None) -> None:
    """Says what was erased. Raises ErasurePending while a reader holds the file; exits 1 if pieces stay."""
    out.done(json_keys.erased(report), "\n".join([f"erased: {many(len(report.contacts), 'contact')}", *_lines(report)]))
    if certificate and report.certificate:
        certificate.write_text(attest.text_of(report.certificate), encoding="utf-8")
    if not report.clean:
        raise ErasurePending(
            "the contacts are gone, but a program that was reading still holds their old pages",
            hint="let it end (or restart it), then run: sharedbook erase resume",
        )
    if report.residue:
        raise SystemExit(FAILED)


def _lines(report: erasure.Report) -> list[str]:
    lines = []
    if report.books:
        lines.append(f"  books that clients reload, unless already told of the deletion: {', '.join(report.books)}")
    if report.job_rows:
        lines.append(f"  rows of import jobs removed with them: {report.job_rows}")
    lines += [f"  pieces of them are still in {file}: {pieces}" for file, pieces in report.residue.items()]
    if report.clean and report.scanned and not report.residue:
        lines.append(f"  no piece of them found in {', '.join(report.scanned)}")
    if report.certificate:
        lines += [f"  out of reach: {each}" for each in report.certificate["out_of_reach"]]
    return lines


@click.group("erase")
def erase_command() -> None:
    """Erasures: list them, finish pending ones, verify a certificate."""


@erase_command.command("list")
@json_option
@pass_site
def list_erasures(site: Site, out: Output) -> None:
    """List the erasures, the oldest first.

    \b
    Example:  sharedbook erase list
    """
    with site.begin() as tx:
        records = [json_keys.erasure(each) for each in erasure.list_erasures(tx)]
    columns = {"Erasure": "id", "When": "at", "Who": "actor", "Contacts": "contacts", "Pending": "pending"}
    out.rows(records, columns, empty="Nothing has been erased.")


@erase_command.command("resume")
@click.option(
    "--lost", is_flag=True, help="Also finish erasures begun on a machine whose data folder is lost, without a scan."
)
@json_option
@pass_site
def resume(site: Site, out: Output, *, lost: bool) -> None:
    """Finish pending erasures, which a reader held up.

    It rewrites the database without the old pages, scans the files and signs the certificates (`sharedbook erase list
    --json` shows them). Entries missing from the ledger of erasures are restored from the database where possible.

    \b
    Examples:  sharedbook erase resume
               sharedbook erase resume --lost
    """
    site.refuse_as("erase resume")
    ended = erasure.resume(site.app.site, lost=lost)
    listed = erasure.list_again(site.app.site, erasure.ledger_path(site.app.site))
    left = [document["erasure"] for document in ended if document["scan"] and document["scan"]["found"]]
    notes = [f"pieces of erasure {each} are still there: see its certificate" for each in left]
    notes += [f"put into the ledger again: {many(listed, 'contact')}"] if listed else []
    with site.begin() as tx:
        elsewhere = erasure.pending(tx)
    record = json_keys.result("erase resume", [document["erasure"] for document in ended], notes=notes)
    out.outcome(record, f"{many(len(ended), 'erasure')} completed" + ("" if elsewhere else "; none is pending"))
    if elsewhere:
        raise ErasurePending(
            "an erasure was begun on another machine, which keeps what is to be looked for",
            hint="run there: sharedbook erase resume; if its data folder is lost: sharedbook erase resume --lost",
        )
    if left:
        raise SystemExit(FAILED)


@erase_command.command("verify")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@json_option
@pass_site
def verify(site: Site, out: Output, file: Path) -> None:
    """Verify a certificate of erasure.

    It checks that this site signed it, that nobody changed it, and that nothing in it came back.

    \b
    Example:  sharedbook erase verify certificate.json
    """
    with site.begin() as tx:
        document = erasure.verify(tx, file.read_bytes(), file.name)
    again = document["in_database_again"]
    what = f"{many(document['contacts'], 'contact')}, {document['erased']}"
    said = [f"{file.name} was signed by this site and is unchanged: {what}"]
    if document["scan"] is None:
        said.append("  the files were not scanned: what to look for was lost")
    elif document["scan"]["found"]:
        said.append(f"  the scan found pieces of them in {', '.join(document['scan']['found'])}")
    if again:
        said.append(f"  in the database again: {', '.join(map(str, again))}")
    out.done(document, "\n".join(said))
    if again:
        raise SystemExit(FAILED)
