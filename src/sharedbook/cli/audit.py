"""``sharedbook audit``: who saw, added, changed, exported and erased what; and whether that record is whole."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from sharedbook.cli.terminal import json_keys
from sharedbook.cli.terminal.errors import FAILED
from sharedbook.cli.terminal.output import Output, json_option, many
from sharedbook.cli.terminal.refs import chosen
from sharedbook.cli.terminal.site_context import Site, pass_site
from sharedbook.domain.errors import ContactNotFound
from sharedbook.services.audit import audit_log

TIMES = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S"])


@click.group("audit")
def audit_command() -> None:
    """Who did what, by ids: no value of a contact is ever in it."""


@audit_command.command("list")
@click.option("--contact", "ref", metavar="REF", help="Only about this contact; by its number also after an erasure.")
@click.option("--member", metavar="LOGIN", help="Only by this member, or about him.")
@click.option("--since", type=TIMES, help="Only from this time on (UTC).")
@json_option
@pass_site
def list_rows(site: Site, out: Output, ref: str | None, member: str | None, since: datetime | None) -> None:
    """List the audit, the oldest first.

    \b
    Examples:  sharedbook audit list --since 2026-01-31
               sharedbook audit list --contact 12 --member alice --json
    """
    with site.begin() as tx:
        contact = None if ref is None else _contact_id(site, ref)
        found = audit_log.entries(tx, contact=contact, member=member, since=since and since.replace(tzinfo=UTC))
        records = [json_keys.audit_row(each) for each in found]
    columns = {"Id": "id", "At": "at", "Who": "actor", "Through": "client", "What": "action", "Ids": "ids"}
    out.rows(records, columns, empty="No row of the audit fits.")


def _contact_id(site: Site, ref: str) -> int:
    try:
        with site.begin() as tx:
            return chosen((ref,), None).contacts(tx, in_trash=True)[0].id
    except ContactNotFound:
        if ref.isascii() and ref.isdigit():
            return int(ref)
        raise


@audit_command.command("verify")
@click.option("--head", metavar="HASH", help="A head that was noted earlier: shows that no row was cut off since.")
@json_option
@pass_site
def verify(site: Site, out: Output, head: str | None) -> None:
    """Check the chain of hashes over all rows; exit code 1 when a row was changed, removed or put between.

    It prints the head of the chain. Keep it elsewhere: given as --head later, it shows that no row was cut off.

    \b
    Examples:  sharedbook audit verify
               sharedbook audit verify --head "$HEAD"
    """
    with site.begin() as tx:
        found = audit_log.verify(tx, head)
    notes = [f"head: {found.head}"]
    if found.broken is not None:
        notes.append(f"row {found.broken} is not what was written, or a row before it is missing")
    if not found.holds:
        notes.append("the head that was given is not in the chain: rows were cut off, or changed")
    whole = found.broken is None and found.holds
    said = f"the audit is {'whole' if whole else 'NOT whole'}: {many(found.rows, 'row')} checked"
    out.outcome(json_keys.result("audit verify", [found.rows], notes=notes), said)
    if not whole:
        raise SystemExit(FAILED)
