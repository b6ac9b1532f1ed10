"""A fresh site as an organisation runs it: the command line, `sharedbook serve`, and members at their mail clients.

Members and groups are set up through services; all else is done and looked at through the three doors.
"""

from __future__ import annotations

import base64
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

import ldap3
import pytest

from sharedbook import cli
from sharedbook.domain.model import ALL_RIGHTS
from sharedbook.services.books import groups
from sharedbook.services.members import grants, members
from tests.carddav.dav import Client, D
from tests.support.ports import free_ports
from tests.support.processes import Server
from tests.support.sites import as_console, new_site

SHAREDBOOK = Path(sys.executable).with_name("sharedbook")
BASE = "ou=contacts,dc=example,dc=com"
NUMBERS = count(1)

Entry = Mapping[str, Sequence[str]]
"""One LDAP entry: attribute -> values."""


class Office:
    """A site that is served. Use it as a context manager; ``url`` "" is SQLite in the folder."""

    def __init__(self, folder: Path, url: str = "") -> None:
        self.carddav, self.ldap = free_ports(2)
        self.app = new_site(folder, url, ldap_base=BASE)
        self._environment = {
            **self.app.settings.as_environment(),
            "SHAREDBOOK_CARDDAV_LISTEN": f"127.0.0.1:{self.carddav}",
            "SHAREDBOOK_LDAP_LISTEN": f"127.0.0.1:{self.ldap}",
        }
        self._server = Server([SHAREDBOOK, "serve"], env=self._environment)

    def __enter__(self) -> Office:
        self._server.__enter__()
        self._server.wait_for_line(f"carddav listening on http://127.0.0.1:{self.carddav}")
        self._server.wait_for_line(f"ldap listening on ldap://127.0.0.1:{self.ldap}")
        return self

    def __exit__(self, *_error: object) -> None:
        self.app.close()
        code = self._server.stop()
        assert (code, "Traceback" in self._server.output) == (0, False), self._server.output

    def run(self, *arguments: str | Path, code: int = 0) -> str:
        """What the command line prints, run in this process; its exit code must be ``code``."""
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
        with patch.dict(os.environ, self._environment), redirect_stdout(out), redirect_stderr(err):
            with pytest.raises(SystemExit) as ended:
                cli.main([str(each) for each in arguments])
            out.flush()
            err.flush()
        printed, told = (each.buffer.getvalue().decode() for each in (out, err))
        said = f"sharedbook {' '.join(map(str, arguments))}: exit code {ended.value.code}\n{printed}\n{told}"
        assert ended.value.code == code, said
        return printed

    def json(self, *arguments: str | Path, code: int = 0) -> Any:
        """What the command line answers to --json."""
        return json.loads(self.run(*arguments, "--json", code=code))

    def member(self) -> Member:
        """A new member, who sees nothing yet."""
        with as_console(self.app) as tx:
            login = members.add(tx, f"member{next(NUMBERS)}").login
            secret = members.app_password_add(tx, login, "test", doors=frozenset({"carddav", "ldap"}), write=True)
        return Member(self, login, secret, Client(self.carddav, login, secret))


@dataclass(frozen=True)
class Member:
    """A member with one password for both doors. What it sees is what the test shares with it, and nothing else."""

    office: Office
    login: str
    secret: str
    dav: Client

    def new_group(self) -> str:
        """Slug of a new group in which this member may do everything."""
        with as_console(self.office.app) as tx:
            slug = groups.add(tx, f"Group {next(NUMBERS)}").slug
            grants.grant(tx, slug, self.login, ALL_RIGHTS)
        return slug

    def book(self, group: str, href: str = "") -> str:
        """Path of a group, or of a card in it."""
        return f"/{self.login}/{group}/{href}"

    def etags(self, group: str) -> dict[str, str]:
        """ETag of each card by its path."""
        found = self.dav.propfind(self.book(group), f"{D}getetag", depth="1").etags()
        return {path: etag for path, etag in found.items() if path != self.book(group)}

    # ---- LDAP

    @property
    def dn(self) -> str:
        """What the member binds with."""
        return f"uid={self.login},ou=members,{BASE}"

    def connect(self) -> ldap3.Connection:
        """A bound connection."""
        server = ldap3.Server("127.0.0.1", self.office.ldap, get_info=ldap3.NONE)
        return ldap3.Connection(server, self.dn, self.secret, auto_bind=True, auto_range=False)

    def search(self, filter_: str, group: str = "") -> list[Entry]:
        """The contacts that a filter finds: all that the member may see, or those of one group."""
        with self.connect() as connection:
            connection.search(group_dn(group), filter_, attributes=["*", "entryUUID"])
            assert connection.result["result"] == 0, connection.result
            return [found["attributes"] for found in connection.response or () if "attributes" in found]

    def ldapsearch(self, filter_: str, *attributes: str) -> list[Entry]:
        """The same, by the program ``ldapsearch``."""
        done = subprocess.run(
            ["ldapsearch", "-x", "-LLL", "-o", "ldif-wrap=no", "-H", f"ldap://127.0.0.1:{self.office.ldap}",
             "-D", self.dn, "-w", self.secret, "-b", BASE, filter_, *attributes],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return [ldif_entry(block) for block in done.stdout.split("\n\n") if block]


def group_dn(group: str) -> str:
    """Search base of a group, or of everything."""
    return f"ou={group},ou=groups,{BASE}" if group else BASE


def ldif_entry(block: str) -> Entry:
    """Attributes of an unwrapped LDIF record (RFC 2849)."""
    entry: dict[str, list[str]] = {}
    for name, encoded, value in re.findall(r"^([^:]+):(:?) (.*)$", block, re.MULTILINE):
        entry.setdefault(name, []).append(base64.b64decode(value).decode() if encoded else value)
    return entry
