"""``sharedbook contact qr``, and how any command shows a QR code in a terminal."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from sharedbook.cli.terminal.file_names import ending
from sharedbook.cli.terminal.output import Output, json_option
from sharedbook.cli.terminal.site_context import Site, pass_site
from sharedbook.formats.programs import qr
from sharedbook.formats.vcards import vcard
from sharedbook.services.contacts import contacts

BLACK_ON_WHITE, PLAIN = "\x1b[40;97m", "\x1b[0m"
"""Light squares are drawn as blocks, dark ones left empty: right for cameras in any terminal."""


def qr_lines(text: str) -> str:
    """A code as lines of text; a terminal is told to draw black on white."""
    lines = qr.blocks(text)
    return "\n".join(f"{BLACK_ON_WHITE}{line}{PLAIN}" for line in lines) if sys.stdout.isatty() else "\n".join(lines)


@click.command("qr")
@click.argument("ref")
@click.option("--output", metavar="FILE", help="Write a picture instead: FILE.png, FILE.svg, or - for SVG on stdout.")
@json_option
@pass_site
def contact_qr(site: Site, out: Output, ref: str, output: str | None) -> None:
    """Show a contact as a QR code for a phone's camera.

    It holds name, numbers, mail addresses, company, title, web pages and addresses, and says what did not fit.

    \b
    Examples:  sharedbook contact qr minji@example.com
               sharedbook contact qr minji@example.com --output minji.png
    """
    kind = _kind(output, out) if output else ""
    with site.begin() as tx:
        found = contacts.resolve(tx, ref)
    small = qr.small_card(vcard.load(found.vcard))
    if output == "-":
        sys.stdout.buffer.write(qr.picture(small.text, kind))
        sys.stdout.buffer.flush()
    elif output:
        Path(output).write_bytes(qr.picture(small.text, kind))
    if out.as_json:
        out.record({"contact": found.id, "text": small.text, "left_out": list(small.left_out)})
    elif output != "-":
        click.echo(f"written to {output}" if output else qr_lines(small.text))
    if small.left_out and not out.as_json:
        out.note(f"not in the code, for want of room: {', '.join(small.left_out)}")


def _kind(output: str, out: Output) -> str:
    """What kind of file is to be written. Raises click.UsageError, InvalidValue."""
    if output == "-" and out.as_json:
        raise click.UsageError("--json and --output - would both write to stdout.")
    return "svg" if output == "-" else ending(output, qr.KINDS, ", or say - for an SVG to stdout")
