"""A served site of its own with the demo organisation, made by the same commands that a newcomer types.

Settings of the shell that runs this do not reach it: every variable is given.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sharedbook.services.demo.people import DemoMember
from sharedbook.settings import Address, Settings
from tests.conformance.thunderbird.driver import Directory
from tests.support.processes import Server

ANY_PORT = Address("127.0.0.1", 0)
SHAREDBOOK = Path(sys.executable).with_name("sharedbook")
SECONDS = 120.0


@dataclass(frozen=True)
class DemoSite:
    """Where a running site listens: `carddav` is `http://host:port`, `ldap` is `ldap://host:port`."""

    carddav: str
    ldap: str
    ldap_base: str

    def directory(self, member: DemoMember) -> Directory:
        """The LDAP directory as this member types it into a mail client."""
        return Directory(self.ldap, self.ldap_base, f"uid={member.login},ou=members,{self.ldap_base}")


@contextmanager
def demo_site() -> Iterator[DemoSite]:
    """A new site on free ports of loopback; gone at the end. Raises AssertionError, with the output, if it fails."""
    with tempfile.TemporaryDirectory(prefix="sharedbook-demo-") as name:
        folder = Path(name)
        settings = Settings(data_dir=folder / "data", carddav_listen=ANY_PORT, ldap_listen=ANY_PORT)
        environment = {**os.environ, **settings.as_environment()}
        for command in ("init", "demo"):
            done = subprocess.run(
                [SHAREDBOOK, command], env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, timeout=SECONDS, check=False,
            )  # fmt: skip
            assert done.returncode == 0, f"sharedbook {command} failed:\n{done.stdout}"
        with Server([SHAREDBOOK, "serve"], env=environment, cwd=folder) as server:
            carddav = server.wait_for_line(r"(http://[^/\s]+)", SECONDS)[1]
            ldap = server.wait_for_line(r"(ldap://[^/\s]+)", SECONDS)[1]
            yield DemoSite(carddav, ldap, settings.ldap_base)
