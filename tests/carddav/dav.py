"""A DAV client that hides nothing: each request as it is said, each answer as it came."""

from __future__ import annotations

import base64
import http.client
import socket
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass

D = "{DAV:}"
CR = "{urn:ietf:params:xml:ns:carddav}"
CS = "{http://calendarserver.org/ns/}"
SECONDS = 60


@dataclass(frozen=True)
class Reply:
    """One answer. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as UTF-8."""
        return self.body.decode()

    @property
    def xml(self) -> ET.Element:
        """The body's root; raises ParseError when it is not well-formed."""
        return ET.fromstring(self.body)

    @property
    def conditions(self) -> list[str]:
        """Names of the elements in D:error, but for the readable line."""
        assert self.xml.tag == f"{D}error", self.text
        return [child.tag for child in self.xml if child.tag != f"{D}responsedescription"]

    @property
    def line(self) -> str:
        """What a person reads of a D:error."""
        return self.xml.findtext(f"{D}responsedescription") or ""

    def found(self) -> dict[str, dict[str, ET.Element]]:
        """Properties with status 200, by href and name; hrefs without any are there too."""
        assert self.status == 207, (self.status, self.text)
        return {_href(each): _properties(each, 200) for each in self.xml.findall(f"{D}response")}

    def missing(self, href: str) -> set[str]:
        """Names of the properties with status 404 of one href."""
        return {
            name for each in self.xml.findall(f"{D}response") if _href(each) == href for name in _properties(each, 404)
        }

    def statuses(self) -> dict[str, int]:
        """Status of the responses without properties, by href."""
        responses = [each for each in self.xml.findall(f"{D}response") if each.find(f"{D}status") is not None]
        return {_href(each): _status(each) for each in responses}

    def etags(self) -> dict[str, str]:
        """ETags by href, of what has one."""
        return {href: props[f"{D}getetag"].text or "" for href, props in self.found().items() if f"{D}getetag" in props}

    def cards(self) -> dict[str, str]:
        """address-data by href, of what has it."""
        name = f"{CR}address-data"
        return {href: props[name].text or "" for href, props in self.found().items() if name in props}

    def token(self) -> str:
        """The sync token of a sync-collection answer."""
        return self.xml.findtext(f"{D}sync-token") or ""


def _href(response: ET.Element) -> str:
    return response.findtext(f"{D}href") or ""


def _status(element: ET.Element) -> int:
    return int((element.findtext(f"{D}status") or "").split(" ")[1])


def _properties(response: ET.Element, status: int) -> dict[str, ET.Element]:
    return {
        prop.tag: prop
        for propstat in response.findall(f"{D}propstat")
        if _status(propstat) == status
        for prop in propstat.findall(f"{D}prop/*")
    }


class Client:
    """A program that logs in as one member on a server of 127.0.0.1."""

    def __init__(self, port: int, login: str = "", password: str = "", agent: str = "sharedbook-tests/1") -> None:
        self.port, self.login, self.password, self.agent = port, login, password, agent

    def request(self, method: str, path: str, body: bytes | str = b"", **headers: str) -> Reply:
        """One request on a connection of its own; ``If_Match`` is the header If-Match."""
        connection = self.connection()
        sent = {"User-Agent": self.agent, **self._authorization()}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body.encode() if isinstance(body, str) else body, sent)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, found, answer.read())
        finally:
            connection.close()

    def connection(self) -> http.client.HTTPConnection:
        """A new one to the server."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)

    def _authorization(self) -> dict[str, str]:
        if not self.login:
            return {}
        return {"Authorization": "Basic " + base64.b64encode(f"{self.login}:{self.password}".encode()).decode()}

    # ---- what clients say

    def get(self, path: str, **headers: str) -> Reply:
        """GET."""
        return self.request("GET", path, **headers)

    def put(self, path: str, card: bytes | str, **headers: str) -> Reply:
        """PUT of a vCard."""
        return self.request("PUT", path, card, **{"Content_Type": "text/vcard; charset=utf-8", **headers})

    def propfind(self, path: str, *names: str, depth: str = "0") -> Reply:
        """PROPFIND of properties in Clark notation; none: an empty body."""
        props = "".join(_element(name) for name in names)
        body = f'<propfind xmlns="DAV:"><prop>{props}</prop></propfind>' if names else ""
        return self.request("PROPFIND", path, body, Depth=depth, Content_Type="application/xml; charset=utf-8")

    def report(self, path: str, body: str, **headers: str) -> Reply:
        """REPORT."""
        return self.request("REPORT", path, body, **{"Content_Type": "application/xml; charset=utf-8", **headers})

    def sync(self, book: str, token: str = "", *, limit: str = "", data: bool = False) -> Reply:
        """sync-collection of ETags, with ``data`` of cards too."""
        more = f"<limit><nresults>{limit}</nresults></limit>" if limit else ""
        inline = _element(f"{CR}address-data") if data else ""
        return self.report(
            book,
            f'<sync-collection xmlns="DAV:"><sync-token>{token}</sync-token><sync-level>1</sync-level>{more}'
            f"<prop><getetag/>{inline}</prop></sync-collection>",
        )

    def multiget(self, book: str, *hrefs: str, version: str = "") -> Reply:
        """addressbook-multiget of ETags and cards."""
        attributes = f' version="{version}" content-type="text/vcard"' if version else ""
        wanted = "".join(f"<D:href>{href}</D:href>" for href in hrefs)
        return self.report(
            book,
            f'<C:addressbook-multiget xmlns:D="DAV:" xmlns:C="{CR[1:-1]}"><D:prop><D:getetag/>'
            f"<C:address-data{attributes}/></D:prop>{wanted}</C:addressbook-multiget>",
        )

    def query(self, book: str, filter_: str, *, limit: str = "") -> Reply:
        """addressbook-query; ``filter_`` is the CR:filter element, written with the prefix C."""
        more = f"<C:limit><C:nresults>{limit}</C:nresults></C:limit>" if limit else ""
        return self.report(
            book,
            f'<C:addressbook-query xmlns:D="DAV:" xmlns:C="{CR[1:-1]}"><D:prop><D:getetag/><C:address-data/></D:prop>'
            f"{filter_}{more}</C:addressbook-query>",
            Depth="1",
        )


def _element(clark: str) -> str:
    namespace, _, name = clark.removeprefix("{").rpartition("}")
    return f'<{name} xmlns="{namespace}"/>'


def raw(port: int, data: bytes, *, end: bool = False) -> bytes:
    """What a server answers to bytes that no HTTP library would send, until it closes or has answered.

    ``end``: the sender says that nothing more comes.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection:
        connection.sendall(data)
        if end:
            connection.shutdown(socket.SHUT_WR)
        answer = bytearray()
        try:
            while piece := connection.recv(65536):
                answer += piece
        except ConnectionResetError:
            pass
        return bytes(answer)


def raw_status(answer: bytes) -> int:
    """Status of a raw answer; 0: the connection was closed without one."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else 0
