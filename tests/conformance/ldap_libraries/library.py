"""One round of a small program on an LDAP library through the directory, and what it must have seen.

Each program is in the library's own language, gets a URL, a certificate to trust, DN, password and base, and prints
JSON.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from sharedbook.services.keys import certificate
from tests.conformance.directory import EVERYBODY, Directory, mail
from tests.ldap.served import BASE

SIZE_LIMIT, WRONG_PASSWORD, UNWILLING = 4, 49, 53


def one_round(directory: Directory, folder: Path, interpreter: str, program: str, **otherwise: Any) -> None:
    """Runs a program, and again with a stranger's certificate. ``otherwise``: what this library sees differently."""
    done = _run(directory, directory.certificate, interpreter, program)
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    pages = said.pop("pages")
    assert list(map(len, pages)) == [20, 20, 13]
    assert sorted(address for page in pages for address in page) == sorted(EVERYBODY)
    said["found"].sort()
    expected = {
        "wrong": WRONG_PASSWORD,
        "written": UNWILLING,
        "found": sorted(map(mail, range(4, 14))),
        "limited": SIZE_LIMIT,
        "sorted": EVERYBODY,
        "window": EVERYBODY[17:23],
        "base": BASE,
        "attributes": ["mozillaSecondEmail", "sn"],
        "who": f"dn:{directory.dn}",
        "trusted": [mail(7)],
    }
    assert said == expected | otherwise
    stranger, _key = certificate.self_signed(folder, ["127.0.0.1"])
    refused = _run(directory, stranger, interpreter, program)
    assert refused.returncode != 0 and not refused.stdout, "a stranger's certificate was taken"


def _run(directory: Directory, trust: Path, interpreter: str, program: str) -> subprocess.CompletedProcess[str]:
    script, url = Path(__file__).with_name(program), f"ldap://127.0.0.1:{directory.site.port}"
    return subprocess.run(
        [interpreter, script, url, trust, directory.dn, directory.secret, BASE],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
