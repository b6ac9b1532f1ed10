"""``sharedbook audit``: who saw, added, changed, exported and erased what; and whether that record is whole."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

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
    """The audit: who did what, by ids; it never holds a contact's data."""


@audit_command.command("list")
@click.option(
    "--contact", "ref", metavar="REF", help="Only entries about this contact; after an erasure, give its number."
)
@click.option("--member", metavar="LOGIN", help="Only entries by or about this member.")
@click.option("--since", type=TIMES, help="Only entries from this time on (UTC).")
@json_option
@pass_site
def list_rows(site: Site, out: Output, ref: str | None, member: str | None, since: datetime | None) -> None:
    """List the audit, the oldest entry first.

    \b
    Examples:  sharedbook audit list --since 2026-01-31
               sharedbook audit list --contact 12 --member alice --json
    """
    contact = None if ref is None else _contact_id(site, ref)
    found = _entries(site, contact=contact, member=member, since=since and since.replace(tzinfo=UTC))
    columns = {"Id": "id", "At": "at", "Who": "actor", "Through": "client", "What": "action", "Ids": "ids"}
    out.rows(map(json_keys.audit_row, found), columns, empty="No matching rows in the audit.")


def _entries(site: Site, **wanted: Any) -> Iterator[audit_log.Entry]:
    """Page by page, each in a transaction of its own: none is open while somebody reads what was written."""
    after: int | None = audit_log.START
    while after is not None:
        with site.begin() as tx:
            found, after = audit_log.page(tx, after, **wanted)
        yield from found


def _contact_id(site: Site, ref: str) -> int:
    try:
        with site.begin() as tx:
            return chosen((ref,), None).contacts(tx, in_trash=True)[0].id
    except ContactNotFound:
        if ref.isascii() and ref.isdigit():
            return int(ref)
        raise


@audit_command.command("verify")
@click.option("--head", metavar="HASH", help="A head noted earlier: check that no row was cut off since.")
@json_option
@pass_site
def verify(site: Site, out: Output, head: str | None) -> None:
    """Check that no row of the audit was changed, removed or inserted.

    The rows are chained by hash; exit code 1 if the chain is broken. It prints the head of the chain: keep that
    somewhere else, and give it as --head later to see that no row was cut off the end.

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
    said = f"the audit is {'intact' if whole else 'NOT intact'}: {many(found.rows, 'row')} checked"
    out.outcome(json_keys.result("audit verify", [found.rows], notes=notes), said)
    if not whole:
        raise SystemExit(FAILED)
