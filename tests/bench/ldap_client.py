"""Thunderbird's autocomplete against the LDAP gateway, as it is sent: raw messages on one bound connection."""

from __future__ import annotations

import socket
import statistics
import sys
import time

import ldap3

from sharedbook.app import App
from tests.support.ports import free_port
from tests.support.processes import Server

FILTER = "(|(cn=*{0}*)(mail=*{0}*)(givenName=*{0}*)(sn=*{0}*))"
NEEDLES = ["kim", "mül", "민", "王", "gar", "ako", "p77", "nov", "out", "ri"]
ROUNDS = 20


def autocomplete(app: App, secret: str) -> float:
    """Median milliseconds of one query with a limit of 100, over needles of several scripts."""
    port = free_port()
    settings = {**app.settings.as_environment(), "SHAREDBOOK_LDAP_LISTEN": f"127.0.0.1:{port}"}
    base = app.settings.ldap_base
    with Server([sys.executable, "-m", "ldap_gateway.server"], env=settings) as server:
        server.wait_for_line(f"ldap listening on ldap://127.0.0.1:{port}", timeout=300)
        place = ldap3.Server("127.0.0.1", port, get_info=ldap3.NONE)
        connection = ldap3.Connection(place, f"uid=alice,ou=members,{base}", secret, auto_bind=True)
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        times = []
        for needle in NEEDLES * ROUNDS:
            request = FILTER.format(needle)
            started = time.perf_counter()
            connection.search(base, request, attributes=["cn", "mail"], size_limit=100)
            times.append((time.perf_counter() - started) * 1000)
        connection.unbind()
    return statistics.median(times)
