"""``sharedbook suggestion``: edits that mail clients made and might not, for who may."""

from __future__ import annotations

import click

from sharedbook.cli.contact.history import difference_line
from sharedbook.cli.terminal import json_keys
from sharedbook.cli.terminal.contacts_shown import detail
from sharedbook.cli.terminal.output import Output, json_option, many
from sharedbook.cli.terminal.site_context import Site, pass_site
from sharedbook.services.refused import suggestions


@click.group("suggestion")
def suggestion_command() -> None:
    """Suggestions: refused edits of contacts that a member may only read.

    The latest one of each member for each contact is kept for `history_days` days. Whoever may edit the contact
    decides; --as LOGIN lists the suggestions that this member may decide on, and their own.
    """


@suggestion_command.command("list")
@json_option
@pass_site
def list_suggestions(site: Site, out: Output) -> None:
    """List the open suggestions, the oldest first.

    \b
    Examples:  sharedbook suggestion list
               sharedbook --as alice suggestion list
    """
    with site.begin() as tx:
        records = [json_keys.suggestion(each) for each in suggestions.every(tx)]
    columns = {"Id": "id", "Contact": "contact", "Name": "name", "By": "by", "When": "at", "Through": "client"}
    out.rows(records, columns, empty="There are no suggestions.")


@suggestion_command.command("show")
@click.argument("suggestion", type=int)
@json_option
@pass_site
def show(site: Site, out: Output, suggestion: int) -> None:
    """Show what a suggestion would change in the contact now.

    \b
    Example:  sharedbook suggestion show 3
    """
    with site.begin() as tx:
        found = suggestions.get(tx, suggestion)
        record = json_keys.suggestion_detail(found)
    changes = "\n".join(map(difference_line, found.by_field)) or "(nothing)"
    conflicts = ", ".join(record["conflicts"]) or None
    shown = {**json_keys.suggestion(found), "changes": changes, "changed in another way since": conflicts}
    out.record(record if out.as_json else shown)


@suggestion_command.command("apply")
@click.argument("suggestion", type=int)
@click.option("--force", is_flag=True, help="Apply it even if the contact has been changed in another way since.")
@json_option
@pass_site
def apply(site: Site, out: Output, suggestion: int, force: bool) -> None:
    """Apply a suggestion to the contact as it is now.

    Only what the member changed is changed. The contact's history names both who applied it and whose suggestion it
    was.

    \b
    Examples:  sharedbook suggestion apply 3
               sharedbook suggestion apply 4 --force
    """
    with site.begin(write=True) as tx:
        record = detail(tx, suggestions.apply(tx, suggestion, force=force))
    out.done(record, f"applied to contact {record['id']}: {record['name']} (version {record['version']})")


@suggestion_command.command("dismiss")
@click.argument("numbers", metavar="SUGGESTION...", type=int, nargs=-1, required=True)
@json_option
@pass_site
def dismiss(site: Site, out: Output, numbers: tuple[int, ...]) -> None:
    """Dismiss suggestions; the contacts stay as they are.

    \b
    Example:  sharedbook suggestion dismiss 3 4
    """
    with site.begin(write=True) as tx:
        gone = suggestions.dismiss(tx, numbers)
    record = json_keys.result("dismiss", [each.suggestion.id for each in gone])
    out.outcome(record, f"dismiss: {many(len(gone), 'suggestion')}")
