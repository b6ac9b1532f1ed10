"""A served directory for LDAP programs: one group of people whose order is known, one member who may view it."""

from __future__ import annotations

import base64
import os
import random
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sharedbook.domain.model import Group, Right
from sharedbook.formats.vcards import vcard
from sharedbook.services.contacts import contacts
from sharedbook.services.members import grants
from tests.ldap.served import BASE, Site, serve
from tests.support.authority import Authority
from tests.support.eventually import eventually
from tests.support.sites import as_console, new_site

COUNT = 53
_SEARCH = ("-o", "ldif-wrap=no")

Entry = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Done:
    """How a program of ldap-utils ended. ``pages``: how many search results it got."""

    code: int
    output: str
    errors: str

    @property
    def entries(self) -> list[Entry]:
        """The entries of unwrapped LDIF (RFC 2849)."""
        blocks = re.split(r"\n\n+", self.output)
        return [_attributes(block) for block in blocks if re.search("^dn:", block, re.MULTILINE)]

    @property
    def mails(self) -> list[str]:
        """The mail addresses, in the order of the answer."""
        return [entry["mail"][0] for entry in self.entries]

    @property
    def pages(self) -> int:
        """How many results there were: one for each page."""
        return len(re.findall("^result: 0 ", self.output, re.MULTILINE))


def _attributes(block: str) -> Entry:
    entry: dict[str, list[str]] = {}
    for name, encoded, value in re.findall(r"^([^:#\s]+):(:?) (.*)$", block, re.MULTILINE):
        entry.setdefault(name, []).append(base64.b64decode(value).decode() if encoded else value)
    return entry


@dataclass(frozen=True)
class Directory:
    """The running site and its reader."""

    site: Site
    authority: Authority
    group: Group
    login: str
    secret: str

    @property
    def dn(self) -> str:
        """What the reader binds with."""
        return f"uid={self.login},ou=members,{BASE}"

    @property
    def certificate(self) -> Path:
        """The server's own certificate: it is self-signed, a client has to be told to trust it."""
        return self.site.app.settings.data_dir / "tls.crt"

    def run(self, program: str, *arguments: str, url: str = "", trust: Path | None = None) -> Done:
        """Runs a program of ldap-utils as the reader. ``trust``: a certificate to trust instead of the server's own."""
        return self.run_as((self.dn, self.secret), program, *arguments, url=url, trust=trust)

    def run_with(self, certificate: tuple[Path, Path], program: str, *arguments: str, tls: bool = True) -> Done:
        """Runs it with the login that a client's certificate proves, over TLS from the first octet or StartTLS."""
        port = self.site.tls_port if tls else self.site.port
        url = f"ldap{'s' if tls else ''}://127.0.0.1:{port}"
        cert, key = map(str, certificate)
        return _run(
            [program, "-Y", "EXTERNAL", "-H", url, *arguments],
            LDAPTLS_CACERT=str(self.certificate), LDAPTLS_CERT=cert, LDAPTLS_KEY=key,
        )  # fmt: skip

    def run_as(
        self, who: tuple[str, str] | None, program: str, *arguments: str, url: str = "", trust: Path | None = None
    ) -> Done:
        """Runs it with this DN and password, or as nobody."""
        bind = ["-D", who[0], "-w", who[1]] if who else []
        return _run(
            [program, "-x", "-H", url or f"ldap://127.0.0.1:{self.site.port}", *bind, *arguments],
            LDAPTLS_CACERT=str(trust or self.certificate),
        )

    def search(self, *arguments: str, base: str = BASE, url: str = "", trust: Path | None = None) -> Done:
        """Runs ldapsearch below a base."""
        return self.run("ldapsearch", *_SEARCH, "-b", base, *arguments, url=url, trust=trust)

    def search_as_nobody(self, *arguments: str, base: str = BASE) -> Done:
        """Runs ldapsearch without a login."""
        return self.run_as(None, "ldapsearch", *_SEARCH, "-b", base, *arguments)


def _run(command: Sequence[str], **environment: str) -> Done:
    done = subprocess.run(
        command, env={**os.environ, "LDAPCONF": "/dev/null", **environment},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)


def mail(number: int) -> str:
    """Address of a person; by family name they are in the order of their numbers, whatever the case."""
    return f"person{number}@example.com"


EVERYBODY = [mail(number) for number in range(COUNT)]


def person(group: Group, number: int, *lines: str) -> vcard.Card:
    """The card of a person."""
    family, given = f"{'nN'[number % 2]}ame{number:02}", f"Given{COUNT - number:02}"
    lines = (
        "BEGIN:VCARD", "VERSION:3.0", f"UID:{group.slug}-{number}", f"FN:{given} {family}", f"N:{family};{given};;;",
        f"EMAIL:{mail(number)}", f"TEL;TYPE=CELL:+1 415 555 01{number:02}", *lines, "END:VCARD", "",
    )  # fmt: skip
    return vcard.parse("\r\n".join(lines))


@contextmanager
def serve_directory(folder: Path) -> Iterator[Directory]:
    """The directory, served; beside what its reader sees it holds as much that he may not see."""
    app = new_site(folder / "site")
    authority = Authority(folder)
    with serve(app, SHAREDBOOK_LDAP_CLIENT_CA=str(authority.pem), SHAREDBOOK_LDAP_CLIENT_NAME="cn") as site:
        login, secret = site.member()
        group, hidden = site.group(), site.group()
        numbers = list(range(COUNT))
        random.Random(7).shuffle(numbers)
        with as_console(app) as tx:
            grants.grant(tx, group.slug, login, Right.VIEW)
            for number in numbers:
                for each in (group, hidden):
                    contacts.add(tx, each, person(each, number))
        running = Directory(site, authority, group, login, secret)
        eventually(lambda: sorted(running.search("(mail=*)", "mail").mails), sorted(EVERYBODY))
        yield running
    app.close()
