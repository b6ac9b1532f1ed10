"""Waiting for what follows within moments, such as the LDAP directory that follows the database."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

SECONDS = 60
"""Only ends what hangs: a busy machine may take long."""
Found = TypeVar("Found")


def eventually(look: Callable[[], Found], wanted: Found) -> None:
    """Looks again and again until what is found is what is wanted.

    Raises AssertionError with the last look when it is not so in time.
    """
    end = time.monotonic() + SECONDS
    while (found := look()) != wanted:
        assert time.monotonic() < end, f"found {found!r}, wanted {wanted!r}"
