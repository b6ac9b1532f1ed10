"""Multistatus (RFC 4918 section 13) written as text: a template for each kind of resource, filled once a row.

Status lines and prefixes are literal, as some clients compare text: 200 first, then 404.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

PREFIXES = {
    "DAV:": "D",
    "urn:ietf:params:xml:ns:carddav": "CR",
    "http://calendarserver.org/ns/": "CS",
    "http://www.w3.org/XML/1998/namespace": "xml",  # always declared, and never under another prefix
}
HEAD = (
    '<?xml version="1.0" encoding="utf-8"?>\n<D:multistatus xmlns:D="DAV:" xmlns:CR="urn:ietf:params:xml:ns:carddav"'
    ' xmlns:CS="http://calendarserver.org/ns/">'
)
OK = "<D:status>HTTP/1.1 200 OK</D:status>"
NOT_FOUND = "<D:status>HTTP/1.1 404 Not Found</D:status>"
CUT_SHORT = (
    "<D:status>HTTP/1.1 507 Insufficient Storage</D:status><D:error><D:number-of-matches-within-limits/></D:error>"
)

AT_ONCE = 500
"""Rows written in one piece, in memory that is used again for the next one: a book's worth would be fetched anew."""

Value = str | Callable[[Any], str]
"""What stands inside a property's element: the same for all rows, or made of the row. Either is XML already."""

_WRITTEN = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\r", "&#13;"))
_SAFE = re.compile(r"[A-Za-z0-9._~-]+")


def text(value: str) -> str:
    """Text as XML has it. CR is written as a reference, since parsers turn a bare one into LF."""
    for each, written in _WRITTEN:
        if each in value:  # to look is much cheaper than to replace nothing
            value = value.replace(each, written)
    return value


def name_in_path(name: str) -> str:
    """One name as it stands in every href."""
    return name if _SAFE.fullmatch(name) else quote(name, safe="")


def path(prefix: str, *segments: str) -> str:
    """The href of a collection; ``prefix`` comes from the proxy."""
    return quote(prefix) + "/" + "".join(f"{name_in_path(segment)}/" for segment in segments)


def href(target: str) -> str:
    """An element that names another resource by its path."""
    return f"<D:href>{text(target)}</D:href>"


def _tags(tag: str) -> tuple[str, str]:
    """Start and end of an element, from its name in Clark notation."""
    namespace, _, name = tag.removeprefix("{").rpartition("}")
    if namespace in PREFIXES:
        return f"<{PREFIXES[namespace]}:{name}>", f"</{PREFIXES[namespace]}:{name}>"
    if not namespace:
        return f'<{name} xmlns="">', f"</{name}>"
    return f"<X:{name} xmlns:X={quoteattr(namespace)}>", f"</X:{name}>"


def empty(tag: str) -> str:
    """An element without content, from its name in Clark notation."""
    return "".join(_tags(tag))


class Layout:
    """How one kind of resource answers for the properties asked: known ones under 200, the rest under 404."""

    def __init__(self, known: Mapping[str, Value], asked: Sequence[str]) -> None:
        self._values: list[Callable[[Any], str]] = []
        found = "".join(self._property(tag, known[tag]) for tag in asked if tag in known)
        missing = "".join("".join(_tags(tag)) for tag in asked if tag not in known).replace("%", "%%")
        parts = [f"<D:propstat><D:prop>{found}</D:prop>{OK}</D:propstat>"] if found or not missing else []
        if missing:
            parts.append(f"<D:propstat><D:prop>{missing}</D:prop>{NOT_FOUND}</D:propstat>")
        self._template = f"<D:response><D:href>%s</D:href>{''.join(parts)}</D:response>"

    def _property(self, tag: str, value: Value) -> str:
        start, end = (part.replace("%", "%%") for part in _tags(tag))
        if isinstance(value, str):
            return start + value.replace("%", "%%") + end
        self._values.append(value)
        return f"{start}%s{end}"

    def write(self, target: str, row: Any) -> str:
        """One response. ``target`` is an href's text, quoted already."""
        return self._template % (target, *[value(row) for value in self._values])

    def write_names(self, folder: str, rows: Sequence[Any]) -> list[bytes]:
        """One response for each row, named by its ``href`` in the folder; some of them in each piece."""
        template = self._template.replace("%s", folder.replace("%", "%%") + "%s", 1)
        return [self._written(template, rows[at : at + AT_ONCE]) for at in range(0, len(rows), AT_ONCE)]

    def _written(self, template: str, rows: Sequence[Any]) -> bytes:
        """Column by column: no step of Python a row."""
        names = [row.href for row in rows]
        if not _SAFE.fullmatch("".join(names)):
            names = list(map(name_in_path, names))
        return _joined(map(template.__mod__, zip(names, *[map(value, rows) for value in self._values], strict=True)))


def _joined(texts: Iterable[str]) -> bytes:
    # Encoded one by one: one emoji in a text makes all of it four bytes a character.
    return b"".join(map(str.encode, texts))


def status(target: str, what: str = NOT_FOUND) -> str:
    """A response that has no properties."""
    return f"<D:response><D:href>{target}</D:href>{what}</D:response>"


def document(*responses: Iterable[str | bytes], after: str = "") -> bytes:
    """The whole body; ``after`` stands behind the responses."""
    parts = chain([HEAD], *responses, [after, "</D:multistatus>"])
    return b"".join(part if isinstance(part, bytes) else part.encode() for part in parts)
