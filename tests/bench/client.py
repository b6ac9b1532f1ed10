"""A client that costs next to nothing itself: one socket kept open, bytes out, bytes in, nothing parsed in vain.

Acknowledgements are sent at once (TCP_QUICKACK): a server that writes an answer in two pieces would else wait 40 ms for
them, and the client would measure itself.
"""

from __future__ import annotations

import base64
import select
import socket
import time


class Connection:
    """One keep-alive connection to a server of 127.0.0.1. ``seconds``: how long an answer may take (TimeoutError)."""

    def __init__(self, port: int, login: str, password: str, seconds: float) -> None:
        self._address = ("127.0.0.1", port)
        self.seconds = seconds
        credentials = base64.b64encode(f"{login}:{password}".encode()).decode()
        self._head = f" HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Basic {credentials}\r\n".encode()
        self._socket: socket.socket | None = None
        self._buffer = b""

    def ask(self, method: str, path: str, body: bytes = b"", headers: str = "") -> tuple[float, int, bytes]:
        """Milliseconds, status and body of one request. ``headers``: more lines, each with its CRLF."""
        request = b"%s %s%s%sContent-Length: %d\r\n\r\n%s" % (
            *(method.encode(), path.encode(), self._head, headers.encode(), len(body)),
            body,
        )
        if self._socket is None or select.select([self._socket], [], [], 0)[0]:  # closed while it was idle
            self.close()
            self._connect()
        started = time.perf_counter()
        status, answer, last = self._exchange(request)
        milliseconds = (time.perf_counter() - started) * 1000
        if last:
            self.close()
        return milliseconds, status, answer

    def _connect(self) -> None:
        self._socket = socket.create_connection(self._address, timeout=self.seconds)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""

    def _exchange(self, request: bytes) -> tuple[int, bytes, bool]:
        assert self._socket is not None
        self._socket.settimeout(self.seconds)
        self._socket.sendall(request)
        while b"\r\n\r\n" not in self._buffer:
            self._receive()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        fields = head.lower().split(b"\r\n")
        status = int(head[9:12])
        last = b"connection: close" in fields or head.startswith(b"HTTP/1.0")
        length = next((int(field[15:]) for field in fields if field.startswith(b"content-length:")), None)
        if b"transfer-encoding: chunked" in fields:
            return status, self._chunks(), last
        return status, self._take(length or 0), last

    def _receive(self) -> None:
        assert self._socket is not None
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        piece = self._socket.recv(1 << 20)
        if not piece:
            raise ConnectionError("the server closed the connection")
        self._buffer += piece

    def _take(self, length: int) -> bytes:
        pieces, there = [self._buffer], len(self._buffer)
        while there < length:
            self._buffer = b""
            self._receive()
            pieces.append(self._buffer)
            there += len(self._buffer)
        whole = b"".join(pieces)
        self._buffer = whole[length:]
        return whole[:length]

    def _chunks(self) -> bytes:
        pieces = []
        while True:
            while b"\r\n" not in self._buffer:
                self._receive()
            line, _, self._buffer = self._buffer.partition(b"\r\n")
            size = int(line.partition(b";")[0], 16)
            piece = self._take(size + 2)
            if size == 0:
                return b"".join(pieces)
            pieces.append(piece[:-2])

    def close(self) -> None:
        """Ends the connection; the next request opens another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
