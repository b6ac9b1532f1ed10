"""``sharedbook contact``: one contact at a time. What concerns many at once is in ``contact_many.py``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from sharedbook.cli import contact_many, json_keys
from sharedbook.cli.contacts_shown import COLUMNS, columns_of, detail, lines, objects, row
from sharedbook.cli.output import Output, json_option
from sharedbook.cli.site_context import Site, pass_site
from sharedbook.domain.errors import InvalidValue
from sharedbook.formats import column_edits, columns, entries, entry_cards, vcard
from sharedbook.services import contacts, groups, querylang, search
from sharedbook.services.tx import Tx


@click.group("contact")
def contact_command() -> None:
    """Contacts: add, find, change, move, delete, erase.

    A REF is a contact's id, UID, mail address, or its name if only one has it; - reads refs from stdin.
    """


contact_many.add_to(contact_command)


@contact_command.command("add")
@click.option("--group", metavar="GROUP", help="The group it goes into (default: the default group).")
@click.option("--name", help="The whole name as it is shown.")
@click.option("--email", "emails", multiple=True, help="A mail address; may be repeated.")
@click.option("--phone", "phones", multiple=True, help="A phone number; may be repeated.")
@click.option("--field", "fields", multiple=True, metavar="K=V", help="Any other column, such as company=Acme.")
@json_option
@pass_site
def add(
    site: Site,
    out: Output,
    group: str | None,
    name: str | None,
    emails: tuple[str, ...],
    phones: tuple[str, ...],
    fields: tuple[str, ...],
) -> None:
    """Add a contact. K is a column of `sharedbook template`, such as first_name, phone.mobile, address.work.city.

    \b
    Examples:  sharedbook contact add --name "Minji Kim" --email minji@example.com --group customers
               sharedbook contact add --field last_name=Kim --field first_name=Minji --field tags="vip;press"
    """
    values = {"name": name} if name else {}
    for column, given in (("email", emails), ("phone", phones)):
        values |= {column if place == 1 else f"{column}.{place}": text for place, text in enumerate(given, 1)}
    values |= dict(_field(text) for text in fields)
    with site.begin(write=True) as tx:
        home = groups.get(tx, group) if group else groups.default(tx)
        found = contacts.add(tx, home, _new_card(tx, values))
        record = objects(tx, [found])[0]
    out.done(record, f"contact {record['id']} added to {home.slug}: {record['name']}")


def _field(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidValue(f"{text!r} is not K=V", field=name, hint="write such as: --field company=Acme")
    return columns.column(name).name, value


def _new_card(tx: Tx, values: dict[str, str]) -> vcard.Card:
    limits = tx.site.limits
    found = entries.of_columns(values, region=tx.site.settings.default_region, limits=limits)
    if isinstance(found, list):
        raise InvalidValue("; ".join(problem.message for problem in found), field=found[0].column or None)
    return vcard.parse(entry_cards.build(found), limits)


@contact_command.command("show")
@click.argument("ref")
@json_option
@pass_site
def show(site: Site, out: Output, ref: str) -> None:
    """Show one contact with all its columns.

    \b
    Example:  sharedbook contact show minji@example.com
    """
    with site.begin() as tx:
        record = detail(tx, contacts.resolve(tx, ref))
    out.record(record if out.as_json else lines(record))


def _filters(command: Callable[..., None]) -> Callable[..., None]:
    """What `contact list` and `contact find` take."""
    options = (
        click.argument("query", nargs=-1),
        click.option("--group", metavar="GROUP", help="In this group."),
        click.option("--owner", metavar="MEMBER", help="Owned by this member."),
        click.option("--viewer", metavar="SUBJECT", help="Seen by this member or team."),
        click.option("--tag", help="With this tag."),
        click.option("--company", help="Of this company."),
        click.option("--no-owner", is_flag=True, help="Without an owner."),
        click.option("--no-viewers", is_flag=True, help="Seen by no member."),
        click.option("--trashed", is_flag=True, help="In the trash, instead of the others."),
        click.option("--limit", type=click.IntRange(min=1), help="At most so many."),
        json_option,
        pass_site,
    )
    for option in reversed(options):
        command = option(command)
    return command


def _find(site: Site, out: Output, query: tuple[str, ...], limit: int | None, filters: dict[str, Any]) -> None:
    with site.begin() as tx:
        wanted = querylang.parse(" ".join(query), tx.site.settings.default_region)
        found = search.find(tx, search.Search(query=wanted, **filters), limit=limit)
        records = objects(tx, found)
    out.rows(records if out.as_json else [row(each) for each in records], COLUMNS, empty="No contact is found.")


@contact_command.command("list", context_settings={"ignore_unknown_options": True})
@_filters
def list_(site: Site, /, out: Output, query: tuple[str, ...], limit: int | None, **filters: Any) -> None:
    """List contacts by name; with a QUERY as `contact find` has it, those that match.

    \b
    Examples:  sharedbook contact list --group customers
               sharedbook contact list --no-owner
    """
    _find(site, out, query, limit, filters)


@contact_command.command("find", context_settings={"ignore_unknown_options": True})
@_filters
def find(site: Site, /, out: Output, query: tuple[str, ...], limit: int | None, **filters: Any) -> None:
    """Find contacts.

    QUERY: words that must all be found in name, mail, phone, company or tag; field:value (field:* for any value),
    "a phrase", -word (not). Initials find Hangul names, readings find kanji, any dialled form finds a number.

    \b
    Examples:  sharedbook contact find kim company:hanbit -tag:newsletter
               sharedbook contact find '"van der"' --group customers --json
    """
    _find(site, out, query, limit, filters)


@contact_command.command("set", context_settings={"ignore_unknown_options": True})
@click.argument("ref")
@click.argument("changes", metavar="K=V...", nargs=-1, required=True)
@click.option("--if-version", type=int, metavar="N", help="Only when the contact still has this version.")
@json_option
@pass_site
def set_(site: Site, out: Output, ref: str, changes: tuple[str, ...], if_version: int | None) -> None:
    """Change single columns; the rest of the card stays as it is.

    K=V sets, K= empties, K+=V adds a value, K-=V takes one away. K is a column of `sharedbook template`; email.2 is the
    second address, phone.mobile the first mobile number.

    \b
    Examples:  sharedbook contact set minji@example.com title="Head of Sales" tags+=vip
               sharedbook contact set 12 email-=old@example.com --if-version 3
    """
    wanted = [column_edits.parse(change) for change in changes]
    with site.begin(write=True) as tx:
        found = contacts.resolve(tx, ref)
        card = column_edits.apply(
            vcard.load(found.vcard), wanted, region=tx.site.settings.default_region, limits=tx.site.limits
        )
        changed = contacts.replace(tx, found.id, card, if_version=if_version)
        record = detail(tx, changed)
    verb = "unchanged" if changed.version == found.version else "changed"
    out.done(record, f"contact {record['id']} {verb}: {record['name']} (version {record['version']})")


@contact_command.command("history")
@click.argument("ref")
@click.option("--initial", is_flag=True, help="Show the details with which it was added, instead of the list.")
@json_option
@pass_site
def history(site: Site, out: Output, ref: str, initial: bool) -> None:
    """List what happened to a contact, the oldest first: when, what, who, and through which program.

    \b
    Examples:  sharedbook contact history minji@example.com
               sharedbook contact history 12 --initial
    """
    with site.begin() as tx:
        found = contacts.resolve(tx, ref)
        revisions = contacts.history(tx, found.id)
    if initial:
        first = next((each.before for each in revisions if each.before is not None), found.vcard)
        fields = columns_of(first)
        out.record({"id": found.id, "fields": fields} if out.as_json else fields)
        return
    names = {"When": "at", "What": "event", "Who": "actor", "Through": "client"}
    out.rows([json_keys.revision(each) for each in revisions], names, empty="Nothing is remembered.")
