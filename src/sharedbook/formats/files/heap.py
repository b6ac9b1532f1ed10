"""What a large text took goes back to the system once it is gone.

The C library of most systems keeps it: up to twice the largest text that was ever freed, and that for each thread.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Of mallopt(3)."""

_LARGE = 4 * 1024 * 1024


def give_back() -> None:
    """From now on, for the whole process, where its C library can do so."""
    with suppress(AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(_MMAP_THRESHOLD, _LARGE)
        library.mallopt(_TRIM_THRESHOLD, 2 * _LARGE)
