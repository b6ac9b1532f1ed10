"""Free ports on loopback. Prefer port 0 where the server tells which one it got; this is for those that cannot.

A port is chosen some time before its server listens, so nobody else may come by it: no client, to which systems give
ports of a range of their own, and no other process of tests, each of which claims whole blocks of ports for its life.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_FIRST, _END, _BLOCK = 15_000, 65_536, 100
_OF_CLIENTS = Path("/proc/sys/net/ipv4/ip_local_port_range")
_claims: list[socket.socket] = []


def free_ports(count: int) -> list[int]:
    """`count` different TCP ports of 127.0.0.1 that nobody listens on, and that no other process of tests will get."""
    return [next(_ports) for _ in range(count)]


def free_port() -> int:
    """One TCP port of 127.0.0.1, as `free_ports` gives them."""
    return free_ports(1)[0]


def blocks_beside(first: int, last: int) -> list[range]:
    """All blocks without a port from `first` to `last`, which are those of clients; simply all where none is left."""
    blocks = [range(at, at + _BLOCK) for at in range(_FIRST, _END - _BLOCK, _BLOCK)]
    return [block for block in blocks if block.stop <= first or block.start > last] or blocks


def _free() -> Iterator[int]:
    first, last = map(int, _OF_CLIENTS.read_text().split())
    blocks = blocks_beside(first, last)
    for block in random.SystemRandom().sample(blocks, len(blocks)):
        if _claim(block):
            yield from filter(_nobody_listens, block)
    raise AssertionError("every free port was given once")


def _claim(block: range) -> bool:
    """Whether no other process has this block; an abstract address is free again when its process ends."""
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0sharedbook tests {block.start}")
    except OSError:
        claim.close()
        return False
    _claims.append(claim)
    return True


def _nobody_listens(port: int) -> bool:
    with suppress(OSError), socket.socket() as probe:
        probe.bind(("127.0.0.1", port))
        return True
    return False


_ports = _free()
