"""What a member types into his programs: addresses, books, DNS records, the directory. Nothing here is a secret."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urlsplit

from sharedbook.domain.errors import GroupNotFound, Unavailable
from sharedbook.domain.model import Client, Member, Right
from sharedbook.formats.programs.phonebooks import Directory
from sharedbook.services.books import groups
from sharedbook.services.members import members
from sharedbook.services.tx import Actor, App, MemberActor
from sharedbook.settings import Address, Settings

DAV_PORTS = {"https": 443, "http": 80}
LDAP_PORTS = {"ldaps": 636, "ldap": 389}


@dataclass(frozen=True, slots=True)
class BookAddress:
    """One address book of a member."""

    slug: str
    name: str
    url: str
    rights: Right


@dataclass(frozen=True, slots=True)
class Access:
    """How a member reaches his contacts.

    ``carddav``: the address to type in; ``principal``: where it leads. ``dns``: records of the zone ``domain`` that let
    programs find it by the mail address alone (RFC 6764). ``davx5`` opens DAVx5 with address and login filled in.
    """

    member: Member
    carddav: str
    principal: str
    davx5: str
    books: tuple[BookAddress, ...]
    domain: str
    dns: tuple[str, ...]
    directory: Directory


def access(app: App, actor: Actor, client: Client, login: str, *, group: str | None = None) -> Access:
    """How a member reaches what he may view; with ``group`` (a slug or name) that group's book and people only.

    Raises SubjectNotFound, Forbidden (another's), LoginFailed (disabled), GroupNotFound (one that he may not view),
    Unavailable (no server).
    """
    settings = app.site.settings
    with app.begin(actor, client) as tx:
        member = members.get(tx, login)
        wanted = groups.get(tx, group) if group is not None else None
    with app.begin(MemberActor(member.login), client) as tx:
        if wanted is not None and not tx.viewer.views(wanted.id):
            raise GroupNotFound(f"{member.login} may not view {wanted.slug}", hint="see: sharedbook grant list")
        books = [each for each in groups.books(tx) if each.shown]
    base = carddav_url(settings)
    url = urlsplit(base)
    principal = f"{base}{quote(member.login)}/"
    shown = [each for each in books if wanted is None or each.merged or each.group.id == wanted.id]
    domain = _domain(member, url)
    directory = _directory(settings, member, None if wanted is None else wanted.slug)
    return Access(
        member=member,
        carddav=base,
        principal=principal,
        davx5=f"{'davx5' if url.scheme == 'https' else 'carddav'}://{quote(member.login, safe='')}@{base.split('://')[1]}",
        books=tuple(
            BookAddress(each.group.slug, each.group.name, f"{principal}{quote(each.group.slug)}/", each.rights)
            for each in shown
        ),
        domain=domain,
        dns=_records(domain, url, directory),
        directory=directory,
    )


def carddav_url(settings: Settings) -> str:
    """Where CardDAV is, with a slash at its end. Raises Unavailable (no server)."""
    listeners = [("https", settings.carddav_tls_listen), ("http", settings.carddav_listen)]
    return _address("public.carddav_url", settings.public_carddav_url, listeners).geturl().rstrip("/") + "/"


def _address(name: str, value: str, listeners: Sequence[tuple[str, Address | None]]) -> SplitResult:
    """The address that the site gives out; without the setting, that of its own listener, the encrypted one first."""
    if value:
        return urlsplit(value)
    for scheme, listener in listeners:
        if listener is not None:
            host = socket.getfqdn() if listener.host in ("0.0.0.0", "::") else listener.host
            return urlsplit(f"{scheme}://{Address(host, listener.port)}/")
    raise Unavailable("no server has an address to listen at", hint=f"set {name}, or where to listen")


def _directory(settings: Settings, member: Member, slug: str | None) -> Directory:
    url = _address(
        "public.ldap_url",
        settings.public_ldap_url,
        [("ldaps", settings.ldaps_listen), ("ldap", settings.ldap_listen)],
    )
    base = settings.ldap_base
    home = ("homePhone",) if "home-phone" in settings.ldap_attributes else ()
    return Directory(
        host=url.hostname or "",
        port=url.port or LDAP_PORTS[url.scheme],
        tls=url.scheme == "ldaps",
        base=base if slug is None else f"ou={slug},ou=groups,{base}",
        bind_dn=f"uid={member.login},ou=members,{base}",
        numbers=("telephoneNumber", "mobile", *home),
    )


def _domain(member: Member, url: SplitResult) -> str:
    """The zone that mail programs ask: of the member's mail address, else the one that the server's name is in."""
    if member.email:
        return member.email.rpartition("@")[2]
    host = url.hostname or ""
    return host.partition(".")[2] if host.count(".") > 1 and not _is_number(host) else host


def _is_number(host: str) -> bool:
    """Whether a host is an IP address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _records(domain: str, url: SplitResult, directory: Directory) -> tuple[str, ...]:
    """RFC 6764 sections 3 and 4 for CardDAV, RFC 2782 for LDAP; none where a server has no name, as SRV wants."""
    if _is_number(url.hostname or "") or _is_number(directory.host):
        return ()
    service = "_carddavs._tcp" if url.scheme == "https" else "_carddav._tcp"
    ldap = "_ldaps._tcp" if directory.tls else "_ldap._tcp"
    path = url.path.rstrip("/") + "/"
    return (
        f"{service}.{domain}. 3600 IN SRV 0 1 {url.port or DAV_PORTS[url.scheme]} {url.hostname}.",
        f'{service}.{domain}. 3600 IN TXT "path={path}"',
        f"{ldap}.{domain}. 3600 IN SRV 0 1 {directory.port} {directory.host}.",
    )
