"""The end of a file's name says what kind of file a command writes.

A name that says nothing, or another kind, is refused before anything is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sharedbook.domain.errors import InvalidValue


def ending(file: str | Path, known: Sequence[str], otherwise: str = "") -> str:
    """How a file's name ends, in small letters and without the dot: one of ``known``.

    Raises InvalidValue; ``otherwise``: what may be done instead of giving it such a name.
    """
    found = Path(file).suffix.lower().removeprefix(".")
    if found not in known:
        *others, last = (f".{each}" for each in known)
        kinds = f"{', '.join(others)} or {last}" if others else last
        hint = f"let its name end so{otherwise}"
        raise InvalidValue(f"{file} is not the name of a {kinds} file", field="file", hint=hint)
    return found
