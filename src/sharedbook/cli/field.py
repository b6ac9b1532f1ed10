"""``sharedbook field``: the site's own fields of contacts, which no mail client sees and none can lose."""

from __future__ import annotations

import click

from sharedbook.cli.terminal import json_keys
from sharedbook.cli.terminal.confirm import asking, carry_out
from sharedbook.cli.terminal.output import Output, json_option, many
from sharedbook.cli.terminal.site_context import Site, pass_site
from sharedbook.domain.model import CustomField, FieldKind
from sharedbook.services.contacts import custom_fields
from sharedbook.services.tx import Tx

COLUMNS = {"Name": "name", "In a search": "key", "Kind": "kind", "Several": "several"}


@click.group("field")
def field_command() -> None:
    """Custom fields of contacts: text or links, with one value or up to 10.

    One always exists: Assigned, the member who looks after the contact (see `contact assign`).

    `contact set REF custom:NAME=VALUE` and `import` fill them in. Mail clients and LDAP do not see them.
    """


def _object(found: CustomField) -> json_keys.Object:
    return {"name": found.name, "key": found.key, "kind": str(found.kind), "several": found.several}


@field_command.command("add")
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice([str(FieldKind.TEXT), str(FieldKind.LINK)]),
    default=str(FieldKind.TEXT),
    show_default=True,
    help="Kind of value; a link begins with https:, http: or mailto:.",
)
@click.option("--several", is_flag=True, help="It may have up to 10 values.")
@json_option
@pass_site
def add(site: Site, out: Output, name: str, kind: str, several: bool) -> None:
    """Add a custom field.

    \b
    Examples:  sharedbook field add "Customer no."
               sharedbook field add Links --kind link --several
    """
    with site.begin(write=True) as tx:
        record = _object(custom_fields.add(tx, name, FieldKind(kind), several=several))
    out.done(record, f"custom:{record['name']} added; in a search: {record['key']}:")


@field_command.command("list")
@json_option
@pass_site
def list_(site: Site, out: Output) -> None:
    """List the custom fields.

    \b
    Example:  sharedbook field list
    """
    with site.begin() as tx:
        records = [_object(each) for each in custom_fields.every(tx)]
    out.rows(records, COLUMNS, empty="")


@field_command.command("rename")
@click.argument("field")
@click.argument("name")
@json_option
@pass_site
def rename(site: Site, out: Output, field: str, name: str) -> None:
    """Rename a custom field; its values stay.

    \b
    Example:  sharedbook field rename "Contract no." Contract
    """
    with site.begin(write=True) as tx:
        record = _object(custom_fields.rename(tx, field, name))
    out.done(record, f"now custom:{record['name']}; in a search: {record['key']}:")


@field_command.command("reorder")
@click.argument("fields", metavar="FIELD...", nargs=-1, required=True)
@json_option
@pass_site
def reorder(site: Site, out: Output, fields: tuple[str, ...]) -> None:
    """Put these fields first, in this order.

    The others follow as they were.

    \b
    Example:  sharedbook field reorder Papers "Contract no."
    """
    with site.begin(write=True) as tx:
        records = [_object(each) for each in custom_fields.reorder(tx, fields)]
    out.rows(records, COLUMNS, empty="")


@field_command.command("remove")
@click.argument("field")
@asking
@json_option
@pass_site
def remove(site: Site, out: Output, field: str, dry_run: bool, yes: bool) -> None:
    """Remove a custom field with all its values. This cannot be undone: export the contacts first.

    \b
    Examples:  sharedbook field remove Papers --dry-run
               sharedbook field remove Papers --yes
    """

    def work(tx: Tx) -> json_keys.Object:
        name = custom_fields.get(tx, field).name
        count = custom_fields.remove(tx, name)
        return json_keys.result("remove field", [name], notes=[f"{many(count, 'contact')} with a value"])

    def question(planned: json_keys.Object) -> str:
        return f"{planned['notes'][0]}. Remove the field {planned['items'][0]} with its values?"

    record = carry_out(site, work, question, dry_run=dry_run, yes=yes)
    out.outcome(record, f"field {record['items'][0]} removed")
