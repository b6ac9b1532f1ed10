"""An OpenLDAP server of our own, in a folder of its own, with the entries that our gateway answers."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ldap_gateway import schema
from tests.ldap.wiring import Answer
from tests.support.ports import free_port
from tests.support.processes import Server

MISSING = "slapd is not installed: run `apt install slapd`, then this again"
INDEXED = (
    "cn sn givenName displayName mail mozillaSecondEmail mozillaNickname o ou title telephoneNumber mobile description"
    " mozillaWorkUrl mozillaHomeUrl"
)
CONFIG = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
{definitions}
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload sssvlv
pidfile {folder}/slapd.pid
loglevel none
sizelimit unlimited
timelimit unlimited
{tuning}
require bind
access to dn.subtree="ou=members,{base}" by anonymous auth by * none
access to * by users read by * none
database mdb
suffix "{base}"
rootdn "cn=root,{base}"
directory {folder}/data
maxsize 4294967296
index objectClass eq
index uid eq
index {indexed} eq,pres,sub
overlay sssvlv
"""
AS_INDEXED_BY_DEFAULT = ""
TUNED = "index_substr_any_len 3"


def find(name: str) -> str:
    """The path of one of its programs. Raises SystemExit with what to do when there is none."""
    path = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))
    if path is None:
        raise SystemExit(MISSING)
    return path


def _definitions() -> str:
    """Our attributes and classes that OpenLDAP does not know, as our own subschema describes them."""
    said = schema.subschema()
    attributes = [f"attributetype {each}" for each in said["attributeTypes"] if _own(each)]
    classes = [
        f"objectclass {each}"
        for each in said["objectClasses"]
        if "'mozillaAbPersonAlpha'" in each or "'sharedbookPerson'" in each
    ]
    return "\n".join(attributes + classes)


def _own(definition: str) -> bool:
    return definition.startswith(("( 1.3.6.1.4.1.13769.", "( 2.25.")) and "namingContext" not in definition


def _lines(dn: str, attributes: Mapping[str, Iterable[bytes]]) -> Iterator[str]:
    yield f"dn:: {base64.b64encode(dn.encode()).decode()}"
    for name, values in attributes.items():
        for value in values:
            yield f"{name}:: {base64.b64encode(value).decode()}"
    yield ""


def write_ldif(path: Path, base: str, login: str, password: str, entries: Iterable[Answer]) -> None:
    """The base, a member who may bind, and the entries, as LDIF (RFC 2849)."""
    salt = os.urandom(8)
    hashed = b"{SSHA}" + base64.b64encode(hashlib.sha1(password.encode() + salt).digest() + salt)
    unit = {"objectClass": [b"organizationalUnit"]}
    member = {"objectClass": [b"account", b"simpleSecurityObject"], "uid": [login.encode()], "userPassword": [hashed]}
    with path.open("w") as file:
        for dn, attributes in (
            (base, {**unit, "ou": [b"contacts"]}),
            (f"ou=members,{base}", {**unit, "ou": [b"members"]}),
            (f"uid={login},ou=members,{base}", member),
            *((entry.dn, entry.attributes) for entry in entries),
        ):
            file.write("\n".join(_lines(dn, attributes)) + "\n")


def serve(folder: Path, base: str, ldif: Path, tuning: str) -> tuple[Server, int]:
    """Loads a folder with slapadd, and starts slapd on it: with access rules, its log of requests in a file."""
    (folder / "data").mkdir(parents=True)
    config = folder / "slapd.conf"
    config.write_text(
        CONFIG.format(definitions=_definitions(), folder=folder, base=base, tuning=tuning, indexed=_comma(INDEXED))
    )
    loaded = subprocess.run(
        [find("slapadd"), "-q", "-f", config, "-l", ldif], capture_output=True, text=True, check=False
    )
    if loaded.returncode:
        raise RuntimeError(f"slapadd failed:\n{loaded.stdout}{loaded.stderr}")
    port = free_port()
    command = [find("slapd"), "-f", str(config), "-h", f"ldap://127.0.0.1:{port}/", "-d", "stats"]
    server = logged(command, folder / "log")
    server.wait_for_port(port)
    return server, port


def _comma(words: str) -> str:
    return words.replace(" ", ",")


def logged(command: list[str], log: Path, env: Mapping[str, str] = {}) -> Server:
    """A server whose output goes to a file, so that this process does not spend its time reading it.

    It holds the pipe as descriptor 3, by which its end is noticed.
    """
    return Server(["sh", "-c", 'log=$1; shift; exec "$@" 3>&1 >"$log" 2>&1', "sh", log, *command], env=env)
