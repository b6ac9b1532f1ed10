"""``sharedbook contact``: one contact at a time: add, show, set, unset, photo."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from sharedbook.cli.contact.mail import mail
from sharedbook.cli.contact.scan import scan
from sharedbook.cli.terminal import json_keys
from sharedbook.cli.terminal.contacts_shown import detail, lines, objects
from sharedbook.cli.terminal.minus_words import MinusWords
from sharedbook.cli.terminal.names import GROUP
from sharedbook.cli.terminal.output import Output, json_option
from sharedbook.cli.terminal.qr_code import contact_qr
from sharedbook.cli.terminal.site_context import Site, pass_site
from sharedbook.domain.errors import InvalidValue, NotFound
from sharedbook.domain.model import Contact
from sharedbook.formats.entries import column_edits, columns
from sharedbook.formats.entries.custom_values import PREFIX
from sharedbook.formats.vcards import photo_reduction, vcard
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts, custom_fields, mentions
from sharedbook.services.tx import Tx
from sharedbook.services.writing import photos

REPORTS_TO = "reports_to"


def add_to(group: click.Group) -> None:
    """Adds the commands of this file to ``sharedbook contact``."""
    for each in (add, show, set_, unset, photo, contact_qr, mail, scan):
        group.add_command(each)


@click.command("add")
@click.argument("words", metavar="[K=V]...", nargs=-1)
@click.option("--group", type=GROUP, metavar="GROUP", help="The group it goes into (default: the default group).")
@click.option("--name", help="The full name, as it is shown.")
@click.option("--email", "emails", multiple=True, help="A mail address; may be repeated.")
@click.option("--phone", "phones", multiple=True, help="A phone number; may be repeated.")
@click.option("--field", "fields", multiple=True, metavar="K=V", help="The same as K=V.")
@json_option
@pass_site
def add(
    site: Site,
    out: Output,
    words: tuple[str, ...],
    group: str | None,
    name: str | None,
    emails: tuple[str, ...],
    phones: tuple[str, ...],
    fields: tuple[str, ...],
) -> None:
    """Add a contact. K is a column of `sharedbook template`, such as first_name, phone.mobile, address.work.city.

    custom:NAME is a custom field (see `field`).

    \b
    Examples:
      sharedbook contact add --name "Ann Lee" --email ann@example.com
      sharedbook contact add last_name=Lee tags="vip;press" --field company=Acme \\
        --phone 02-123-4567 --group press
    """
    fields += words
    values = {"name": name} if name else {}
    for column, given in (("email", emails), ("phone", phones)):
        values |= {column if place == 1 else f"{column}.{place}": text for place, text in enumerate(given, 1)}
    values |= dict(_field(text) for text in fields if not text.startswith(PREFIX))
    custom = [custom_fields.parse(text) for text in fields if text.startswith(PREFIX)]
    with site.begin(write=True) as tx:
        home = groups.get(tx, group) if group else groups.default(tx)
        if superior := values.get(REPORTS_TO):
            values[REPORTS_TO] = mentions.superior_uid(tx, superior)
        card = column_edits.new_card(values, tx.site.limits)
        found = contacts.add(tx, home, card)
        custom_fields.give(tx, found.id, custom_fields.changed(tx, found.id, custom))
        record = objects(tx, [found])[0]
    out.done(record, f"contact {record['id']} added to {home.slug}: {record['name']}")


def _field(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidValue(f"{text!r} is not K=V", field=name, hint="write such as: company=Acme")
    return columns.column(name).name, value


@click.command("show")
@click.argument("ref")
@json_option
@pass_site
def show(site: Site, out: Output, ref: str) -> None:
    """Show a contact with all its columns.

    \b
    Example:  sharedbook contact show minji@example.com
    """
    with site.begin() as tx:
        record = detail(tx, contacts.resolve(tx, ref))
    out.record(record if out.as_json else lines(record))


@click.command("set", cls=MinusWords)
@click.argument("ref")
@click.argument("changes", metavar="K=V...", nargs=-1, required=True)
@click.option("--if-version", type=int, metavar="N", help="Only if the contact still has this version.")
@json_option
@pass_site
def set_(site: Site, out: Output, ref: str, changes: tuple[str, ...], if_version: int | None) -> None:
    """Change columns of a contact.

    The rest of its card stays as it is. K=V sets, K= empties, K+=V adds a value, K-=V takes one away. K is a column of
    `sharedbook template`; email.2 is the second address, phone.mobile the first mobile number, custom:NAME a custom
    field (see `field`). reports_to=REF names the contact that this one reports to.

    \b
    Examples:  sharedbook contact set minji@example.com title=Director tags+=vip
               sharedbook contact set 12 email-=old@example.com --if-version 3
               sharedbook contact set minji@example.com reports_to=ada@example.com
               sharedbook contact set 12 "custom:Contract no.=2024-117"
    """
    wanted = [column_edits.parse(change) for change in changes if not change.startswith(PREFIX)]
    custom = [custom_fields.parse(change) for change in changes if change.startswith(PREFIX)]
    _edit(site, out, ref, wanted, custom, if_version)


def _edit(
    site: Site,
    out: Output,
    ref: str,
    wanted: list[column_edits.Change],
    custom: list[custom_fields.Change],
    if_version: int | None,
) -> None:
    with site.begin(write=True) as tx:
        found = contacts.resolve(tx, ref)
        named = [_named(tx, found, change) for change in wanted]
        card = column_edits.apply(vcard.load(found.vcard), named, limits=tx.site.limits)
        contacts.replace(tx, found.id, card, if_version=if_version)
        if custom:
            custom_fields.write(tx, found.id, custom_fields.changed(tx, found.id, custom))
        record = detail(tx, contacts.get(tx, found.id))
    _done(out, found, record)


def _named(tx: Tx, found: Contact, change: column_edits.Change) -> column_edits.Change:
    """The change; a superior, which people name by any REF, by its UID."""
    if change.column.field != REPORTS_TO or not change.text:
        return change
    return dataclasses.replace(change, text=mentions.superior_uid(tx, change.text, found.id))


def _done(out: Output, before: Contact, record: json_keys.Object) -> None:
    verb = "unchanged" if record["version"] == before.version else "changed"
    out.done(record, f"contact {record['id']} {verb}: {record['name']} (version {record['version']})")


@click.command("unset")
@click.argument("ref")
@click.argument("fields", metavar="FIELD...", nargs=-1, required=True)
@click.option("--if-version", type=int, metavar="N", help="Only if the contact still has this version.")
@json_option
@pass_site
def unset(site: Site, out: Output, ref: str, fields: tuple[str, ...], if_version: int | None) -> None:
    """Empty columns of a contact.

    The rest of its card stays as it is. A FIELD is a column as `contact show` names it: email empties all addresses,
    email.2 the second one, phone.mobile the mobile numbers, custom:NAME a custom field.

    \b
    Examples:  sharedbook contact unset minji@example.com title phone.mobile
               sharedbook contact unset 12 email.2 --if-version 3
    """
    wanted = [column_edits.emptied(field) for field in fields if not field.startswith(PREFIX)]
    custom = [custom_fields.emptied(field) for field in fields if field.startswith(PREFIX)]
    _edit(site, out, ref, wanted, custom, if_version)


@click.command("photo")
@click.argument("ref")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--remove", is_flag=True, help="Remove the photo.")
@click.option(
    "--save", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write the photo into a file."
)
@json_option
@pass_site
def photo(site: Site, out: Output, ref: str, file: Path | None, remove: bool, save: Path | None) -> None:
    """Set, save or remove a contact's photo.

    FILE is a JPEG, PNG or GIF picture of at most `limits.photo_bytes`. Above `limits.served_photo_bytes`, mail clients
    get a smaller copy; --save writes the original.

    \b
    Examples:  sharedbook contact photo minji@example.com minji.jpg
               sharedbook contact photo minji@example.com --save minji.jpg
               sharedbook contact photo minji@example.com --remove
    """
    if sum(map(bool, (file, remove, save))) != 1:
        raise click.UsageError("One of FILE, --remove and --save FILE.")
    if save:
        _save_photo(site, out, ref, save)
        return
    with site.begin() as tx:
        found = contacts.resolve(tx, ref)
        limits = tx.site.limits
    data = _head(file, limits.card_bytes + 1) if file else None
    card = photo_reduction.fit(column_edits.photo(vcard.load(found.vcard), data, limits), limits)
    with site.begin(write=True) as tx:
        record = detail(tx, contacts.replace(tx, found.id, card, if_version=found.version))
    _done(out, found, record)


def _head(file: Path, most: int) -> bytes:
    with file.open("rb") as source:
        return source.read(most)


def _save_photo(site: Site, out: Output, ref: str, target: Path) -> None:
    with site.begin() as tx:
        found = contacts.resolve(tx, ref)
        picture = photos.picture(tx, found)
    if picture is None:
        raise NotFound(
            f"contact {found.id} has no photo in its card", hint="a photo that is only a link is not fetched"
        )
    kind, data = picture
    target.write_bytes(data)
    out.outcome(
        json_keys.result("photo", [found.id], notes=[f"{kind}, {len(data)} bytes"]), f"photo written to {target}"
    )
