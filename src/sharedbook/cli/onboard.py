"""``sharedbook onboard``: what a member types or pastes into each program."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from sharedbook.cli.terminal import json_keys
from sharedbook.cli.terminal.names import GROUP, MEMBER
from sharedbook.cli.terminal.output import Output, clean, json_option
from sharedbook.cli.terminal.qr_code import qr_lines
from sharedbook.cli.terminal.site_context import CLIENT, Site, pass_site
from sharedbook.domain.errors import Unavailable
from sharedbook.formats.programs import apple_profile, phonebooks
from sharedbook.services.members import members, onboarding
from sharedbook.services.members.onboarding import Access


@click.command("onboard")
@click.argument("login", type=MEMBER, metavar="MEMBER")
@click.option(
    "--group", type=GROUP, metavar="GROUP", help="Only this group: its address book, or its contacts on a phone."
)
@click.option(
    "--phone", type=click.Choice(list(phonebooks.VENDORS)), help="Show the LDAP settings to paste into a desk phone."
)
@click.option("--qr", is_flag=True, help="Show a QR code that sets up DAVx5 on Android, except for the password.")
@click.option(
    "--apple",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a configuration profile (.mobileconfig) for iPhone, iPad and Mac; it asks for the password.",
)
@click.option(
    "--app-password",
    "label",
    metavar="LABEL",
    help="Make an app password and show it once: with --phone to read over LDAP, otherwise for everything.",
)
@json_option
@pass_site
def onboard_command(
    site: Site,
    out: Output,
    login: str,
    group: str | None,
    phone: str | None,
    qr: bool,
    apple: Path | None,
    label: str | None,
) -> None:
    """Show what to enter in mail clients, mobiles and desk phones.

    Addresses come from public.carddav_url and public.ldap_url; without these, they are this machine's.

    \b
    Examples:
      sharedbook onboard alice --qr --apple alice.mobileconfig
      sharedbook onboard bob --phone yealink --app-password "Bob's desk"
      sharedbook onboard bob --phone snom --group customers
    """
    found = onboarding.access(site.app, site.actor, CLIENT, login, group=group)
    if apple is not None:
        _write(apple, found)
    secret = _app_password(site, found, label, phone) if label is not None else ""
    directory = dataclasses.replace(found.directory, password=secret)
    block = phonebooks.block(phone, directory) if phone else None
    if out.as_json:
        out.record(_record(found, block, secret))
    elif block is not None:
        click.echo(block)
    else:
        click.echo(clean("\n\n".join(_sections(found, secret, apple))))
    if qr and not out.as_json:
        click.echo(f"\n{found.davx5}\n{qr_lines(found.davx5)}")
    if phone in phonebooks.LDAPS_ONLY and not directory.tls:
        out.note(f"{phone} phones know no StartTLS: set ldaps.listen, or public.ldap_url to an ldaps:// address")
    if secret and block is not None and not out.as_json:
        out.note("The password is in the block and is shown this once; whoever gets the block can read the contacts.")


def _app_password(site: Site, found: Access, label: str, phone: str | None) -> str:
    doors = frozenset({"ldap"}) if phone else members.DOORS
    with site.begin(write=True) as tx:
        return members.app_password_add(tx, found.member.login, label, doors=doors, write=phone is None)


def _write(target: Path, found: Access) -> None:
    name = f"Shared contacts ({found.domain})"
    path = "/" + found.principal.split("/", 3)[3]
    try:
        target.write_bytes(apple_profile.make(found.carddav, path, found.member.login, name))
    except OSError as error:
        raise Unavailable(f"{target} cannot be written: {error.strerror}", hint="check folder and disk") from error


def _record(found: Access, block: str | None, secret: str) -> json_keys.Object:
    directory = found.directory
    return {
        "login": found.member.login,
        "carddav": found.carddav,
        "principal": found.principal,
        "books": [
            {"name": book.name, "slug": book.slug, "url": book.url, "rights": book.rights.words} for book in found.books
        ],
        "davx5": found.davx5,
        "domain": found.domain,
        "dns": list(found.dns),
        "ldap": {
            "url": directory.url,
            "host": directory.host,
            "port": directory.port,
            "security": "ldaps" if directory.tls else "starttls",
            "base": directory.base,
            "bind_dn": directory.bind_dn,
            "number_attributes": list(directory.numbers),
        },
        "phone": block,
        "password": secret or None,
    }


def _sections(found: Access, secret: str, apple: Path | None) -> list[str]:
    """The text, a section a program."""
    login, directory = found.member.login, found.directory
    password = secret or f"(your own: sharedbook member link {login}; for one device: --app-password LABEL)"
    books = [f"  {book.name}: {book.url}" for book in found.books]
    starttls = "LDAPS" if directory.tls else "StartTLS"
    profile = f"send {apple} to the device and open it" if apple else "make a profile with --apple FILE"
    return [
        _section("Login", f"login: {login}", f"password: {password}"),
        _section("CardDAV", f"address: {found.carddav}", f"principal: {found.principal}", "books:", *books),
        _section(
            "Thunderbird",
            "Address Book > New Address Book > Add CardDAV Address Book",
            f"user name {login}, location {found.carddav}; then choose the books",
        ),
        _section(
            "DAVx5 (Android)",
            "scan the code of --qr, or: + > Login with URL and user name",
            f"base URL {found.carddav}, user name {login}; contact groups are per-contact categories",
        ),
        _section(
            "iPhone, iPad, Mac",
            profile,
            f"or: Contacts > Accounts > Add CardDAV Account; server {found.carddav}, user name {login}",
            f"a Mac shows one book of an account: sharedbook member set {login} merged-book=on",
        ),
        _section(
            "Evolution",
            "File > New > Address Book, type CardDAV",
            f"URL {found.carddav}, user {login}, Find Address Books; again for each book",
        ),
        _section(
            "Outlook (classic)",
            "add-in CalDav Synchronizer: a profile Generic CalDAV/CardDAV for each book",
            "or, to complete addresses: an Internet Directory Service (LDAP), as below",
        ),
        _section(
            "LDAP in mail clients (autocomplete)",
            f"host: {directory.host}, port: {directory.port}, {starttls}",
            f"base DN: {directory.base}",
            f"bind DN: {directory.bind_dn}",
        ),
        _section("Desk phones", f"--phone {'|'.join(phonebooks.VENDORS)} prints the block to paste"),
        _section(
            f"DNS records of {found.domain} (once for the site)",
            *(found.dns or ["none: the servers have no name; set public.carddav_url and public.ldap_url"]),
        ),
    ]


def _section(title: str, *lines: str) -> str:
    return "\n".join([title, *(f"  {line}" for line in lines)])
