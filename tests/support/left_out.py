"""What a run leaves out, in one place for pytest (tests/conftest.py) and the runner (tools/run_tests.py).

A test that cannot run fails. Only SHAREDBOOK_TEST_WITHOUT=name,... leaves something out: a suite (a folder of tests/)
or one of NEEDS. What is ON_REQUEST runs only with SHAREDBOOK_TEST_WITH=name,... The tests over the shared data run
where that folder is. Standard library only.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHARED_DATA = ROOT.parent / "shared" / "data"

NEEDS = {
    "postgres": "a PostgreSQL server's programs (Debian package: postgresql)",
    "ldap-utils": "ldapsearch (Debian package: ldap-utils)",
    "curl": "curl (Debian package: curl)",
    "node": "Node.js and npm (Debian packages: nodejs npm)",
    "slapd": "OpenLDAP's server (Debian package: slapd)",
    "python-ldap": "python-ldap for Debian's own Python (Debian package: python3-ldap)",
    "net-ldap": "Net::LDAP (Debian packages: libnet-ldap-perl libio-socket-ssl-perl)",
    "php-ldap": "PHP's LDAP extension (Debian packages: php-cli php-ldap)",
    "shells": "zsh, fish and tmux, to try them in (Debian packages: zsh fish tmux)",
    "dovecot": "Dovecot's IMAP server (Debian package: dovecot-imapd)",
    "tesseract": "tesseract with English (Debian package: tesseract-ocr)",
    "nginx": "nginx (Debian package: nginx-light)",
    "systemd": "systemd's own check of units (Debian package: systemd)",
    "cadaver": "cadaver (Debian package: cadaver)",
    "thunderbird": "Thunderbird and a display of its own (Debian packages: thunderbird xvfb)",
    "evolution": "Evolution Data Server (Debian package: evolution-data-server, and its gir1.2-ebook-1.2)",
    "kdav": "KDE's KDAV and a compiler (Debian packages: libkf5dav-dev libkf5coreaddons-dev g++ pkg-config)",
    "roundcube": "Roundcube's LDAP code (Debian packages: roundcube-core roundcube-sqlite3 php-net-ldap3 php-ldap)",
    "shared-data": "the client exports beside the project, in ../shared/data",
}
ON_REQUEST = {"evolution", "kdav", "roundcube"}
"""Needs that are too big for every run."""


def suites() -> list[str]:
    """Names of the folders of tests/ that hold tests, in alphabetical order."""
    return sorted({path.relative_to(ROOT / "tests").parts[0] for path in (ROOT / "tests").glob("*/**/test_*.py")})


def left_out(environ: Mapping[str, str] = os.environ) -> set[str]:
    """Names of the suites and needs that this run does without.

    Raises ValueError, with a sentence for the user, if a name is neither a suite nor a need.
    """
    absent = _names(environ, "SHAREDBOOK_TEST_WITHOUT", {*NEEDS, *suites()})
    absent |= ON_REQUEST - _names(environ, "SHAREDBOOK_TEST_WITH", ON_REQUEST)
    return absent if SHARED_DATA.is_dir() else absent | {"shared-data"}


def _names(environ: Mapping[str, str], variable: str, known: set[str]) -> set[str]:
    named = {name.strip() for name in environ.get(variable, "").split(",")} - {""}
    if unknown := named - known:
        raise ValueError(
            f"{variable} names {', '.join(sorted(unknown))}, which is neither a need nor a suite;"
            f" known are: {', '.join(sorted(known))}."
        )
    return named
