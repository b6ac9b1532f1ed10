"""What mail clients ask, over one keep-alive connection, and how long the answer takes."""

from __future__ import annotations

import base64
import http.client
import socket
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable

SECONDS = 900
XML = "application/xml; charset=utf-8"
SYNC = (
    '<sync-collection xmlns="DAV:"><sync-token>{token}</sync-token><sync-level>1</sync-level>'
    "<prop><getetag/></prop></sync-collection>"
)
POLL = '<propfind xmlns="DAV:"><prop><getctag xmlns="http://calendarserver.org/ns/"/><sync-token/></prop></propfind>'
MULTIGET = (
    '<C:addressbook-multiget xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav"><prop><getetag/><C:address-data/>'
    "</prop>{hrefs}</C:addressbook-multiget>"
)
QUERY = (
    '<C:addressbook-query xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav">'
    '<prop><getetag/><C:address-data/></prop><C:filter><C:prop-filter name="EMAIL">'
    '<C:text-match match-type="contains">{needle}</C:text-match></C:prop-filter></C:filter></C:addressbook-query>'
)


class Asker:
    """A client of the book ``/alice/bench/`` on a server of 127.0.0.1. Times are in milliseconds."""

    def __init__(self, port: int, secret: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        self._headers = {"Authorization": "Basic " + base64.b64encode(f"alice:{secret}".encode()).decode()}
        self._number = 0
        self.token = ""
        self.hrefs: list[str] = []

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> tuple[float, int, bytes]:
        """Milliseconds, status and body of one request; one that closed meanwhile is connected to anew."""
        sent = {
            **self._headers,
            "Content-Type": XML,
            **{name.replace("_", "-"): text for name, text in headers.items()},
        }
        try:
            return self._ask(method, path, body.encode(), sent)
        except (ConnectionError, http.client.RemoteDisconnected):
            self._connection.close()
            return self._ask(method, path, body.encode(), sent)

    def _ask(self, method: str, path: str, body: bytes, sent: dict[str, str]) -> tuple[float, int, bytes]:
        if self._connection.sock is None:
            self._connection.connect()
            self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        started = time.perf_counter()
        self._connection.request(method, path, body, sent)
        answer = self._connection.getresponse()
        data = answer.read()
        return (time.perf_counter() - started) * 1000, answer.status, data

    def _expect(self, reply: tuple[float, int, bytes], *statuses: int) -> float:
        milliseconds, status, data = reply
        if status not in statuses:
            raise RuntimeError(f"the server answered {status}: {data[:300]!r}")
        return milliseconds

    def prepare(self) -> float:
        """The first full listing: remembers token and hrefs. Returns its time."""
        milliseconds, status, data = self.ask("REPORT", "/alice/bench/", SYNC.format(token=""), Depth="1")
        self._expect((milliseconds, status, data), 207)
        root = ElementTree.fromstring(data)
        self.token = root.findtext("{DAV:}sync-token") or ""
        self.hrefs = [found.text or "" for found in root.iter("{DAV:}href")]
        return milliseconds

    def poll(self) -> float:
        """ctag and sync token of the book."""
        return self._expect(self.ask("PROPFIND", "/alice/bench/", POLL, Depth="0"), 207)

    def sync_nothing(self) -> float:
        """A sync that finds nothing new."""
        return self._expect(self.ask("REPORT", "/alice/bench/", SYNC.format(token=self.token), Depth="1"), 207)

    def sync_one(self) -> float:
        """A sync after one change (made outside the time)."""
        self.put()
        milliseconds, status, data = self.ask("REPORT", "/alice/bench/", SYNC.format(token=self.token), Depth="1")
        self.token = ElementTree.fromstring(data).findtext("{DAV:}sync-token") or ""
        return self._expect((milliseconds, status, data), 207)

    def multiget(self) -> float:
        """A hundred cards."""
        start = self._number * 97 % max(len(self.hrefs) - 100, 1)
        wanted = "".join(f"<href>{href}</href>" for href in self.hrefs[start : start + 100])
        self._number += 1
        return self._expect(self.ask("REPORT", "/alice/bench/", MULTIGET.format(hrefs=wanted), Depth="1"), 207)

    def query(self) -> float:
        """One mail address among all."""
        return self._expect(self.ask("REPORT", "/alice/bench/", QUERY.format(needle="p77@"), Depth="1"), 207)

    def get(self) -> float:
        """One card."""
        self._number += 1
        return self._expect(self.ask("GET", self.hrefs[self._number * 31 % len(self.hrefs)]), 200)

    def put(self) -> float:
        """A new card."""
        self._number += 1
        uid = f"put-{self._number}-{id(self)}"
        card = f"BEGIN:VCARD\r\nVERSION:3.0\r\nUID:{uid}\r\nFN:New One\r\nN:One;New;;;\r\nEND:VCARD\r\n"
        reply = self.ask("PUT", f"/alice/bench/{uid}.vcf", card, Content_Type="text/vcard")
        milliseconds = self._expect(reply, 201, 204)
        if self.token == "":
            self.prepare()
        return milliseconds

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()


MEASURES: dict[str, Callable[[Asker], float]] = {
    "poll (ctag + token)": Asker.poll,
    "sync, nothing new": Asker.sync_nothing,
    "sync after one change": Asker.sync_one,
    "multiget of 100": Asker.multiget,
    "query on EMAIL, one hit": Asker.query,
    "GET card": Asker.get,
    "PUT new": Asker.put,
}
"""Row of the table -> one measurement in milliseconds."""
