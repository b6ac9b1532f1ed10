"""Which process runs a job, and whether it still does: told by the system on the same machine, elsewhere by the beat.

A name is the machine's boot, the process's namespace, number and start: none of them comes again.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

SILENCE = timedelta(seconds=60)
"""A runner of another machine that was not heard of for so long is gone; it writes at least every few seconds."""


@cache
def _machine() -> str:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot} {Path('/proc/self/ns/pid').readlink()}"


def me() -> str:
    """The name of this process."""
    return f"{_machine()} {os.getpid()} {_start_of(os.getpid())}"


def alive(name: str, beat: datetime, now: datetime) -> bool:
    """Whether the process of this name, heard of last at ``beat``, still runs."""
    machine, pid, start = name.rsplit(" ", 2)
    return _start_of(int(pid)) == start if machine == _machine() else now - beat < SILENCE


def _start_of(pid: int) -> str | None:
    """When a process began, in ticks since the boot; None for one that is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]
