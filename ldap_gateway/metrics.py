"""The counters over HTTP, for Prometheus and ``sharedbook doctor``: one answer a connection, on this machine only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from ldap_gateway.listening import open_socket
from sharedbook.settings import Address

REQUEST_SECONDS = 5
REQUEST_BYTES = 8192

Collect = Callable[[], Awaitable[str]]


@asynccontextmanager
async def served(address: Address | None, collect: Collect) -> AsyncIterator[None]:
    """Answers ``GET /metrics``, if there is an address. Raises Unavailable when it cannot be had."""
    if address is None:
        yield
        return

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(REQUEST_SECONDS):
                asked = await reader.readuntil(b"\r\n\r\n")
                writer.write(await _answer(asked, collect))
                await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, sock=open_socket(address), limit=REQUEST_BYTES):
        yield


async def _answer(asked: bytes, collect: Collect) -> bytes:
    if asked.startswith(b"GET /metrics "):
        status, body = "200 OK", (await collect()).encode()
    else:
        status, body = "404 Not Found", b"see /metrics\n"
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode() + body
