"""An OpenLDAP server of the test's own: what an organisation has already. In a temporary folder, on loopback."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ldap3

from sharedbook.services.keys import certificate
from tests.support.ports import free_ports
from tests.support.processes import Server

BASE = "dc=corp,dc=example"
PEOPLE = f"ou=people,{BASE}"
ROOT, ROOT_PASSWORD = f"cn=root,{BASE}", "root-password"
CONFIG = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/slapd.pid
TLSCertificateFile {cert}
TLSCertificateKeyFile {key}
access to attrs=userPassword by anonymous auth by * none
access to * by users read by * none
database mdb
suffix "{base}"
rootdn "{root}"
rootpw {password}
directory {folder}/data
"""


def _program(name: str) -> str:
    path = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))
    assert path, f"{name} is missing: apt install slapd"
    return path


class Slapd:
    """A folder with a directory, served at the same ports each time it is started."""

    def __init__(self, folder: Path) -> None:
        (folder / "data").mkdir(parents=True)
        self.ca, key = certificate.self_signed(folder, ["127.0.0.1"])
        self.port, self.tls_port = free_ports(2)
        self._config = folder / "slapd.conf"
        self._config.write_text(
            CONFIG.format(folder=folder, cert=self.ca, key=key, base=BASE, root=ROOT, password=ROOT_PASSWORD)
        )
        units = (
            f"dn: {BASE}\nobjectClass: domain\ndc: corp\n\ndn: {PEOPLE}\nobjectClass: organizationalUnit\nou: people\n"
        )
        subprocess.run(
            [_program("slapadd"), "-q", "-f", self._config],
            input=f"{units}ou: people\n",
            text=True,
            check=True,
            capture_output=True,
        )

    @property
    def uri(self) -> str:
        """Clear text, on this machine."""
        return f"ldap://127.0.0.1:{self.port}"

    @property
    def ldaps(self) -> str:
        """With TLS, by a certificate that only ``ca`` knows."""
        return f"ldaps://127.0.0.1:{self.tls_port}"

    @contextmanager
    def served(self) -> Iterator[None]:
        """Runs slapd."""
        command = [_program("slapd"), "-f", str(self._config), "-h", f"{self.uri}/ {self.ldaps}/", "-d", "0"]
        with Server(command) as server:
            server.wait_for_port(self.port)
            server.wait_for_port(self.tls_port)
            yield

    @contextmanager
    def as_root(self) -> Iterator[ldap3.Connection]:
        """A connection that may change everything; what is refused raises."""
        server = ldap3.Server(self.uri, get_info=ldap3.NONE)
        with ldap3.Connection(server, ROOT, ROOT_PASSWORD, auto_bind=True, raise_exceptions=True) as connection:
            yield connection

    def add(self, uid: str, **attributes: object) -> str:
        """A person; returns the DN. The password is the uid with ``-secret`` behind."""
        dn = f"uid={uid},{PEOPLE}"
        values = {"uid": uid, "cn": uid.title(), "sn": uid.title(), "userPassword": f"{uid}-secret", **attributes}
        with self.as_root() as connection:
            connection.add(dn, ["inetOrgPerson"], {name: value for name, value in values.items() if value is not None})
        return dn

    def change(self, uid: str, **attributes: str) -> None:
        """Other values of a person's attributes; "" takes one away."""
        changes = {name: [(ldap3.MODIFY_REPLACE, [value] if value else [])] for name, value in attributes.items()}
        with self.as_root() as connection:
            connection.modify(f"uid={uid},{PEOPLE}", changes)

    def delete(self, uid: str) -> None:
        """A person leaves."""
        with self.as_root() as connection:
            connection.delete(f"uid={uid},{PEOPLE}")
