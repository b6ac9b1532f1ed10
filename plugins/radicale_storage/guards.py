"""What may come in at all. Every check here is cheap, comes before Radicale sees a byte, and answers in one sentence.

Radicale 3.9 crashes, hangs or answers 500 to much of this; ``patches.py`` puts the checks before plain Radicale too.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from radicale_storage.errors import Refused

HEADER_BYTES = 64 * 1024
HEADERS = 200
NAME_BYTES = 255
DEPTH = 32
ELEMENTS = 10_000
HREFS = 10_000
XML_BYTES = 4 * 1024 * 1024
"""Of a body that is no card: twice what HREFS long names take."""

SPARE_BYTES = 1024 * 1024

CHARSETS = frozenset({"utf-8", "ascii", "iso8859-1"})
"""Charsets of bodies, as ``codecs`` names them."""

VCARD_TYPES = frozenset({"text/vcard", "text/x-vcard", "text/directory"})
VAGUE_TYPES = frozenset({"", "text/plain", "application/octet-stream", "application/x-www-form-urlencoded"})
"""What programs call a body whose type they do not know, as curl does."""

IDENTITY_HEADERS = ("HTTP_X_SCRIPT_NAME", "HTTP_X_REMOTE_USER", "HTTP_X_REMOTE_ADDR", "HTTP_X_FORWARDED")
"""Headers that only a trusted proxy may set (the last is a prefix of several)."""

HREF = "{DAV:}href"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_CHARSET = re.compile(r'charset="?([^";\s]+)', re.IGNORECASE)
_DIGITS = re.compile(r"[0-9]{1,15}")

Environ = Mapping[str, Any]


def check_headers(environ: Environ) -> None:
    """Raises Refused 431 for more headers than any client sends."""
    headers = [(name, str(value)) for name, value in environ.items() if name.startswith("HTTP_")]
    if len(headers) > HEADERS or sum(len(name) + len(value) for name, value in headers) > HEADER_BYTES:
        raise Refused(431, "the request has too many headers, or too long ones")


def body_length(environ: Environ, limit: int) -> int | None:
    """The announced length of the body in bytes, None for a chunked one. Raises Refused 400, 413."""
    text = environ.get("CONTENT_LENGTH") or ""
    chunked = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
    if chunked and text:
        raise Refused(400, "the request has both a length and chunks")
    if text and not _DIGITS.fullmatch(text):
        raise Refused(400, "Content-Length is not one whole number")
    if int(text or 0) > limit:
        raise Refused(413, f"the body is larger than {limit} bytes")
    return None if chunked else int(text or 0)


def read_body(environ: Environ, limit: int) -> bytes:
    """The whole body as sent. Raises Refused 400 (shorter than announced), 411, 413."""
    length = body_length(environ, limit)
    stream = environ["wsgi.input"]
    if length == 0:
        return b""
    if length is None and not environ.get("wsgi.input_terminated"):
        raise Refused(411, "this server wants the length of the body, not chunks")
    body = bytes(stream.read(limit + 1 if length is None else length))
    if len(body) > limit:
        raise Refused(413, f"the body is larger than {limit} bytes")
    if length is not None and len(body) < length:
        raise Refused(400, f"the body ended after {len(body)} of {length} bytes")
    return body


def check_media_type(content_type: str) -> None:
    """Raises Refused 403 when a PUT calls its body something else than a vCard (RFC 6352 section 6.3.2.1)."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in VCARD_TYPES | VAGUE_TYPES:
        raise Refused(403, f"a card is text/vcard, not {kind[:40]}", "CR:supported-address-data")


def check_whole(environ: Environ) -> None:
    """Raises Refused 400 when a PUT says that its body is a part (RFC 9110 section 14.5), 415 when it is packed."""
    if environ.get("HTTP_CONTENT_RANGE"):
        raise Refused(400, "a card is sent whole, without Content-Range")
    if environ.get("HTTP_CONTENT_ENCODING", "identity").strip().lower() not in ("", "identity"):
        raise Refused(415, "a card is sent as it is, without Content-Encoding", Accept_Encoding="identity")


def as_utf8(body: bytes, content_type: str) -> bytes:
    """The body in UTF-8, from the charset of Content-Type. Raises Refused 415 for any but UTF-8, ASCII, Latin-1."""
    found = _CHARSET.search(content_type)
    if not found:
        return body
    try:
        charset = codecs.lookup(found[1]).name
    except (LookupError, ValueError):
        charset = ""
    if charset not in CHARSETS:
        raise Refused(415, f"the charset {found[1][:40]} is not taken; send UTF-8")
    return body.decode(charset).encode() if charset == "iso8859-1" else body


def path_segments(path: str) -> tuple[str, ...]:
    """The segments of a WSGI path (latin-1 or text). Raises Refused 400 for names that no card can have."""
    try:
        text = path.encode("latin-1").decode()
    except UnicodeError:
        text = path
    if _CONTROL.search(text.replace("\n", "")):  # vdirsyncer names cards after UIDs, in which some clients write %0A
        raise Refused(400, "the address holds a character that no name can have")
    segments = [segment for segment in text.split("/") if segment]
    if any(segment in (".", "..") for segment in segments):
        raise Refused(400, "the address goes up with dots")
    if any(len(segment.encode()) > NAME_BYTES for segment in segments):
        raise Refused(400, f"a name in the address is longer than {NAME_BYTES} bytes")
    if len(segments) > 3:
        raise Refused(400, "an address has at most three names: member, address book, card")
    return tuple(segments)


def destination(environ: Environ, prefix: str) -> tuple[str, ...]:
    """The decoded segments of MOVE's Destination, behind the proxy's prefix. Raises Refused 400, 502."""
    text = environ.get("HTTP_DESTINATION", "")
    try:
        target = urlsplit(text)
    except ValueError:
        raise Refused(400, "Destination is not an address") from None
    if not text or not target.path.startswith("/"):
        raise Refused(400, "MOVE needs a Destination")
    if target.netloc and _plain(target.netloc) != _plain(environ.get("HTTP_HOST", "")):
        raise Refused(502, "a card cannot be moved to another server")
    path = unquote(target.path, "latin-1")  # as WSGI has paths
    if not path.startswith(f"{prefix}/"):
        raise Refused(502, "a card cannot be moved out of this server's addresses")
    if "%2f" in target.path.lower():
        raise Refused(400, "Destination holds a character that no name can have")
    return path_segments(path.removeprefix(prefix))


def _plain(netloc: str) -> str:
    return re.sub(r":(80|443)$", "", netloc.rpartition("@")[2].lower())


def credentials(environ: Environ) -> tuple[str, str] | None:
    """Login and password of HTTP Basic (RFC 7617, UTF-8), None when they are missing or malformed."""
    scheme, _, encoded = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        login, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeError):
        return None
    if not colon or not login or not password or _CONTROL.search(login):
        return None
    return login, password


def etags(header: str) -> tuple[str, ...]:
    """The entity tags of If-Match or If-None-Match, in order; ``*`` is one. Weak ones lose their mark."""
    return ("*",) if header.strip() == "*" else tuple(re.findall(r'"[^"]*"', header)) or (header.strip(),)


def preferences(environ: Environ) -> frozenset[str]:
    """What Prefer asks for (RFC 7240), in lower case and without parameters; ``Brief: t`` is its older form."""
    parts = (part.partition(";")[0] for part in environ.get("HTTP_PREFER", "").lower().split(","))
    asked = {re.sub(r'[\s"]', "", part) for part in parts}
    if environ.get("HTTP_BRIEF", "").strip().lower() == "t":
        asked.add("return=minimal")
    return frozenset(asked)


# ---- XML


class _Builder(ET.TreeBuilder):
    """Builds the tree while it counts: what is too deep, too long or has a DTD is refused before it is built."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = self._elements = self._hrefs = 0

    def start(self, tag: str, attrs: dict[str, str]) -> ET.Element:
        self._depth += 1
        if self._depth > DEPTH:
            raise Refused(400, f"the XML is nested deeper than {DEPTH} elements")
        if tag == HREF:
            self._hrefs += 1
        else:
            self._elements += 1
        if self._hrefs > HREFS:
            raise Refused(507, f"more than {HREFS} cards in one request", "D:number-of-matches-within-limits")
        if self._elements > ELEMENTS:
            raise Refused(400, f"the XML has more than {ELEMENTS} elements")
        return super().start(tag, attrs)

    def end(self, tag: str) -> ET.Element:
        self._depth -= 1
        return super().end(tag)

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        """Entities can only be declared in a DTD, and DAV has none (RFC 4918 section 20.6)."""
        raise Refused(400, "the XML has a DTD")


def parse_xml(body: bytes) -> ET.Element | None:
    """The root of an XML body, None for an empty one. Raises Refused 400, 507."""
    if not body.strip():
        return None
    parser = ET.XMLParser(target=_Builder())
    try:
        parser.feed(body)
        root = parser.close()
    except (ET.ParseError, LookupError, ValueError) as error:
        raise Refused(400, f"this is not XML: {error}") from None
    assert isinstance(root, ET.Element)
    return root
