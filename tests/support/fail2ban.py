"""What fail2ban makes of a log with the filter that deploy/ ships."""

from __future__ import annotations

import configparser
import re

from tests.support.left_out import ROOT


def offenders(log: str) -> list[str]:
    """The address of each line that counts against it."""
    filter_ = configparser.ConfigParser(interpolation=None)
    filter_.read(ROOT / "deploy" / "fail2ban-filter.conf")
    patterns = filter_["Definition"]["failregex"].splitlines()
    found = [re.compile(pattern.replace("<HOST>", r"(?P<host>[\d.]+|[\da-f:]+)")) for pattern in patterns]
    lines = (search for line in log.splitlines() for search in [pattern.match(line) for pattern in found] if search)
    return [line["host"] for line in lines]
