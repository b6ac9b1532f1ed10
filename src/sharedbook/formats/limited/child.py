"""Programs of our own that read what strangers send with C libraries: each in a process that may crash or be ended.

They are the files ``*_child.py`` beside this one. They limit their own memory and processor time; here stands how long
each may take.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import IO


def run(
    program: str, *arguments: str, seconds: int, source: bytes | IO[bytes], target: IO[bytes] | None = None
) -> bytes | None:
    """Runs ``program`` with ``source`` as stdin; None if it failed or took too long.

    Returns what it wrote, or b"" if that went to the file ``target``.
    """
    command = [sys.executable, "-I", str(Path(__file__).with_name(program)), *arguments]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE if isinstance(source, bytes) else source,
        stdout=target or subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={},
    ) as process:
        try:
            output, _ = process.communicate(source if isinstance(source, bytes) else None, timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            return None
    return None if process.returncode else output or b""
