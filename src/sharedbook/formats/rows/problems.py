"""What is wrong with one row of a file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row was refused. ``line`` from 1; ``column``: its header, "" for the whole row; ``code`` is stable.

    A lone surrogate of the file, which no database takes, becomes "?".
    """

    line: int
    column: str
    code: str
    message: str
    value: str = ""

    def __post_init__(self) -> None:
        for name in ("column", "message", "value"):
            text = getattr(self, name)
            if not text.isascii():
                object.__setattr__(self, name, text.encode(errors="replace").decode())
