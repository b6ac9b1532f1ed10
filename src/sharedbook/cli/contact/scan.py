"""``sharedbook contact scan``: a photographed business card, shown as a draft, and added when it is right."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from sharedbook.cli.terminal import json_keys
from sharedbook.cli.terminal.contacts_shown import objects
from sharedbook.cli.terminal.names import GROUP
from sharedbook.cli.terminal.output import Output, json_option
from sharedbook.cli.terminal.site_context import Site, pass_site
from sharedbook.domain.errors import InvalidValue
from sharedbook.formats.entries import column_edits
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts


@click.command("scan")
@click.argument("picture", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--add", "group", type=GROUP, metavar="GROUP", help="Add the contact to this group.")
@click.option("--set", "given", multiple=True, metavar="K=V", help="Correct a column; K= empties it.")
@click.option("--languages", default="eng", show_default=True, help="Languages of the text, as tesseract names them.")
@json_option
@pass_site
def scan(site: Site, out: Output, picture: Path, group: str | None, given: tuple[str, ...], languages: str) -> None:
    """Read a photographed business card (JPEG, PNG or GIF).

    If the card has a QR code with the contact, that is used as it is. Otherwise the text is recognised (this needs the
    Debian package tesseract-ocr, for Korean also tesseract-ocr-kor, and so on), and each column shows how sure it is,
    in percent. Without --add nothing is stored.

    \b
    Examples:  sharedbook contact scan card.jpg
               sharedbook contact scan card.jpg --add customers --set title=Head
               sharedbook contact scan card.jpg --languages eng+kor
    """
    from sharedbook.formats.files import business_card

    settings = site.settings
    limits = settings.limits()
    if picture.stat().st_size > limits.photo_bytes:
        raise InvalidValue(
            f"{picture} is larger than {limits.photo_bytes} bytes", field="picture", hint="make it smaller"
        )
    read = business_card.read(picture.read_bytes(), region=settings.default_region, languages=languages, limits=limits)
    changes = [column_edits.parse(text) for text in given]
    found = business_card.corrected(read.found, changes)
    if read.card is None:
        card = column_edits.new_card({each.column: each.value for each in found}, limits)
    else:
        card = column_edits.apply(read.card, changes, limits=limits)
        found = business_card.of_card(card)
    record = None
    if group is not None:
        with site.begin(write=True) as tx:
            record = objects(tx, [contacts.add(tx, groups.get(tx, group), card)])[0]
    rows = [dataclasses.asdict(each) for each in found]
    if out.as_json:
        out.record(json_keys.scan(rows, exact=read.card is not None, contact=record))
        return
    out.rows(rows, {"Column": "column", "Value": "value", "Sure": "confidence"}, empty="")
    if record is not None:
        out.note(f"contact {record['id']} added to {group}: {record['name']}")
