"""Free ports on loopback. Prefer port 0 where the server tells which one it got; this is for those that cannot."""

from __future__ import annotations

import secrets
import socket
from contextlib import ExitStack, suppress

_NOBODYS = range(15_000, 32_000)
"""Systems give none of these to a client by itself: such a one would take a port before its server does."""


def free_ports(count: int) -> list[int]:
    """`count` different TCP ports of 127.0.0.1 that nobody listened on a moment ago."""
    found: list[int] = []
    with ExitStack() as held:
        while len(found) < count:
            each = held.enter_context(socket.socket())
            with suppress(OSError):
                each.bind(("127.0.0.1", secrets.choice(_NOBODYS)))
                found.append(each.getsockname()[1])
    return found


def free_port() -> int:
    """One TCP port of 127.0.0.1 that nobody listened on a moment ago."""
    return free_ports(1)[0]
