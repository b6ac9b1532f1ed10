"""A setting that nobody reads would promise something and do nothing."""

from __future__ import annotations

import re
from pathlib import Path

from sharedbook.settings import SETTINGS

ROOT = Path(__file__).parents[2]
BY_NAME = "limits_"
"""Settings of this kind are read together, by ``Settings.limits``."""


def test_every_setting_is_read_somewhere() -> None:
    files = {path for folder in ("src", "plugins", "ldap_gateway") for path in (ROOT / folder).rglob("*.py")}
    files -= set((ROOT / "src/sharedbook/settings").iterdir())
    words = {word for path in files for word in re.findall(r"\w+", path.read_text())}
    unread = [each.name for each in SETTINGS if each.attribute not in words and not each.attribute.startswith(BY_NAME)]
    assert unread == []
