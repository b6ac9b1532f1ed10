"""Takes the README's picture: Thunderbird completes a contact of the demo organisation, from a site of its own.

It names the Debian packages that it misses. Everything runs on loopback.

    take_picture.py     writes docs/images/compose.png
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.conformance.thunderbird.demo_site import demo_site  # noqa: E402
from tests.conformance.thunderbird.driver import Thunderbird, mail_account  # noqa: E402
from tests.conformance.thunderbird.expected import member  # noqa: E402

PROGRAMS = ("thunderbird", "Xvfb", "import", "convert")
PICTURE = ROOT / "docs" / "images" / "compose.png"
LOGIN = "dave"
TYPED = "su"
"""Part of names in four scripts."""
AT_LEAST = 3
SUBJECT = "The new catalogue"
BODY = f"<p>Hello,</p>{'<p><br></p>' * 2}<p>which of the samples from the new catalogue may we send you?</p><p>Dave</p>"
"""With a gap, for the list hides it."""


def take(path: Path) -> list[str]:
    """Writes the picture; returns the lines that Thunderbird offers in it."""
    who = member(LOGIN)
    with demo_site() as site:
        directory = site.directory(who)
        with Thunderbird({**mail_account(who.display_name, who.email), **directory.preferences}) as thunderbird:
            thunderbird.remember_password(directory, who.password)
            thunderbird.compose(SUBJECT, BODY)
            offered = thunderbird.complete(TYPED)
            thunderbird.picture(path)
    return offered


def main() -> int:
    """Takes the picture; returns the exit code."""
    if missing := [program for program in PROGRAMS if not shutil.which(program)]:
        packages = "thunderbird xvfb imagemagick fonts-noto-core fonts-noto-cjk"
        print(f"{', '.join(missing)} is missing; run as root: apt install {packages}", file=sys.stderr)
        return 1
    PICTURE.parent.mkdir(exist_ok=True)
    offered = take(PICTURE)
    print("\n".join(offered))
    if len(offered) < AT_LEAST:
        print(f"{TYPED!r} is completed to {len(offered)} contacts only: choose other letters.", file=sys.stderr)
        return 1
    print(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
