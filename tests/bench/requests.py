"""What mail clients ask of a book, the same of every server, and how long the answer takes (milliseconds)."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from functools import cache
from itertools import islice

from tests.bench.book import people
from tests.bench.client import Connection
from tests.bench.peers import Running

XML = "Content-Type: application/xml; charset=utf-8\r\n"
VCARD = "Content-Type: text/vcard; charset=utf-8\r\n"
SYNC = (
    '<sync-collection xmlns="DAV:"><sync-token>{}</sync-token><sync-level>1</sync-level><prop><getetag/></prop>'
    "</sync-collection>"
)
POLL = b'<propfind xmlns="DAV:"><prop><getctag xmlns="http://calendarserver.org/ns/"/><sync-token/></prop></propfind>'
HOME = (
    b'<propfind xmlns="DAV:"><prop><resourcetype/><displayname/><getctag xmlns="http://calendarserver.org/ns/"/>'
    b"<sync-token/></prop></propfind>"
)
MULTIGET = (
    '<C:addressbook-multiget xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav"><prop><getetag/><C:address-data/>'
    "</prop>{}</C:addressbook-multiget>"
)
QUERY = (
    '<C:addressbook-query xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav">'
    '<prop><getetag/><C:address-data/></prop><C:filter><C:prop-filter name="EMAIL">'
    '<C:text-match collation="i;unicode-casemap" match-type="{}">{}</C:text-match></C:prop-filter></C:filter>'
    "</C:addressbook-query>"
)
ONE_IN = 100
"""Cards of one multiget."""

SOUGHT = 77
"""Number of the one whom queries find."""


class Asker:
    """A mail client of a server's book, with one connection. ``seconds``: how long one answer may take."""

    def __init__(self, running: Running, seconds: float) -> None:
        self.running = running
        self._connection: Connection = running.connection(seconds)
        self._number = 0
        self.token = ""
        self.hrefs: list[str] = []

    def patience(self, seconds: float) -> None:
        """How long the next answers may take."""
        self._connection.seconds = seconds

    def _ask(
        self, statuses: tuple[int, ...], method: str, path: str, body: bytes | str = b"", headers: str = ""
    ) -> tuple[float, bytes]:
        sent = body.encode() if isinstance(body, str) else body
        try:
            milliseconds, status, data = self._connection.ask(method, path, sent, headers)
        except BaseException:
            self._connection.close()
            raise
        if status not in statuses:
            raise RuntimeError(f"{self.running.name} answered {status} to {method}: {data[:300]!r}")
        return milliseconds, data

    def _report(self, body: str, depth: int = 1) -> tuple[float, bytes]:
        return self._ask((207,), "REPORT", self.running.book, body, f"Depth: {depth}\r\n{XML}")

    def first(self) -> float:
        """A sync with an empty token: remembers token and hrefs."""
        milliseconds, data = self._report(SYNC.format(""))
        self.token = _token(data)
        self.hrefs = [found.decode() for found in re.findall(rb"href>([^<]+\.vcf)<", data)]
        return milliseconds

    def poll(self) -> float:
        """ctag and sync token of the book."""
        return self._ask((207,), "PROPFIND", self.running.book, POLL, f"Depth: 0\r\n{XML}")[0]

    def home(self) -> float:
        """The books of the member."""
        return self._ask((207,), "PROPFIND", self.running.home, HOME, f"Depth: 1\r\n{XML}")[0]

    def sync_nothing(self) -> float:
        """A sync that finds nothing new."""
        return self._report(SYNC.format(self.token))[0]

    def sync_one(self) -> float:
        """A sync after one change (made outside the time)."""
        self.put()
        milliseconds, data = self._report(SYNC.format(self.token))
        self.token = _token(data)
        return milliseconds

    def multiget(self) -> float:
        """A hundred cards."""
        self._number += 1
        start = self._number * 97 % max(len(self.hrefs) - ONE_IN, 1)
        return self._cards(self.hrefs[start : start + ONE_IN])

    def _cards(self, hrefs: list[str]) -> float:
        milliseconds, data = self._report(MULTIGET.format("".join(f"<href>{href}</href>" for href in hrefs)))
        if data.count(b"BEGIN:VCARD") != len(hrefs):
            raise RuntimeError(f"{self.running.name} gave {data.count(b'BEGIN:VCARD')} of {len(hrefs)} cards")
        return milliseconds

    def whole(self) -> float:
        """All that a new client fetches: the list, then every card."""
        milliseconds = self.first()
        for at in range(0, len(self.hrefs), ONE_IN):
            milliseconds += self._cards(self.hrefs[at : at + ONE_IN])
        return milliseconds

    def equals(self) -> float:
        """One mail address, whole."""
        return self._found(QUERY.format("equals", _address()))

    def contains(self) -> float:
        """A part of one mail address."""
        return self._found(QUERY.format("contains", _address().partition("@")[0][2:] + "@"))

    def _found(self, query: str) -> float:
        milliseconds, data = self._report(query)
        if data.count(b"BEGIN:VCARD") != 1:
            raise RuntimeError(f"{self.running.name} found {data.count(b'BEGIN:VCARD')} cards, not one")
        return milliseconds

    def get(self) -> float:
        """One card."""
        self._number += 1
        return self._ask((200,), "GET", self.hrefs[self._number * 31 % len(self.hrefs)])[0]

    def put(self) -> float:
        """A new card."""
        uid = f"put-{uuid.uuid4()}"
        card = (
            f"BEGIN:VCARD\r\nVERSION:3.0\r\nUID:{uid}\r\nFN:New One\r\nN:One;New;;;\r\nORG:Bench\r\n"
            f"EMAIL;TYPE=WORK:{uid}@bench.example\r\nTEL;TYPE=CELL:+82 10-1234-5678\r\nEND:VCARD\r\n"
        )
        return self._ask((201, 204), "PUT", f"{self.running.book}{uid}.vcf", card, VCARD)[0]

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()


def _token(data: bytes) -> str:
    found = re.search(rb"sync-token>([^<]+)<", data)
    if found is None:
        raise RuntimeError("a sync was answered without a token")
    return found[1].decode()


@cache
def _address() -> str:
    """The mail address of the one who is sought."""
    _, text = next(islice(people(SOUGHT + 1), SOUGHT, None))
    found = re.search(r"EMAIL;TYPE=WORK:(.*)\r", text)
    assert found
    return found[1]


Measure = Callable[[Asker], float]
