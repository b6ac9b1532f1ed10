"""What is wrong with one row of a file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row was refused. ``line`` from 1; ``column``: its header, "" for the whole row; ``code`` is stable."""

    line: int
    column: str
    code: str
    message: str
    value: str = ""
