"""In which form cards are asked for: another version, some properties only. None is the stored card, byte for byte.

That a card asked for without a version is the stored one, 3.0 or 4.0, is a deviation from RFC 6352 section 10.4, whose
default 3.0 would damage the 4.0 cards of clients that ask for none. The ETag is always that of the stored card.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from radicale_storage.errors import Refused
from radicale_storage.filters import CARDDAV
from sharedbook.formats.vcards.vcard import VERSIONS
from sharedbook.formats.versions import convert
from sharedbook.formats.versions.partial import partial

ADDRESS_DATA = f"{CARDDAV}address-data"
MEDIA_TYPE = "text/vcard"


@dataclass(frozen=True, slots=True)
class Form:
    """A version (None: the stored one), and upper-case names of properties (None: all; False: without their value)."""

    version: str | None = None
    names: Mapping[str, bool] | None = None

    def of(self, text: str) -> str:
        """A stored card's text in this form."""
        if self.version is not None:
            text = convert.converted(text, self.version)
        return text if self.names is None else partial(text, self.names)


def of_report(root: Element) -> Form | None:
    """The form that a REPORT asks for. Raises Refused for one that cards are not kept in (RFC 6352 section 8.6)."""
    element = root.find(f"{{DAV:}}prop/{ADDRESS_DATA}")
    if element is None:
        return None
    kind, version = element.get("content-type", MEDIA_TYPE), element.get("version")
    if kind.strip().lower() != MEDIA_TYPE or version not in (None, *VERSIONS):
        raise Refused(403, "cards are text/vcard, version 3.0 or 4.0", "CR:supported-address-data")
    names = {}
    for child in element.findall(f"{CARDDAV}prop"):
        name = child.get("name", "").strip().upper()
        if not name:
            raise Refused(400, "a prop of address-data has no name")
        names[name] = child.get("novalue", "no") != "yes"
    if element.find(f"{CARDDAV}allprop") is not None:
        names = {}
    return Form(version, names or None) if version or names else None


def of_accept(header: str) -> Form | None:
    """The form that the Accept of a GET asks for. Raises Refused when none of its vCards can be had (section 5.1.1.1).

    Other media types are passed over: a client that says no more than ``text/html`` is given the card all the same.
    """
    refused = False
    for kind, version in _ranges(header):
        if kind in ("*/*", "text/*") or (kind == MEDIA_TYPE and not version):
            return None
        if kind == MEDIA_TYPE and version in VERSIONS:
            return Form(version)
        refused = refused or kind == MEDIA_TYPE
    if refused:
        raise Refused(406, "cards are text/vcard, version 3.0 or 4.0", "CR:supported-address-data-conversion")
    return None


def _ranges(header: str) -> Iterator[tuple[str, str]]:
    """Media types of an Accept header (RFC 9110 section 12.5.1) with their version, the most wanted first."""
    found = []
    for text in header.split(","):
        kind, *rest = (part.strip().lower() for part in text.split(";"))
        params = dict(part.replace('"', "").split("=", 1) for part in rest if "=" in part)
        try:
            wanted = float(params.get("q", "1"))
        except ValueError:
            wanted = 0.0
        if wanted > 0:
            found.append((-wanted, kind, params.get("version", "")))
    return ((kind, version) for _, kind, version in sorted(found, key=lambda each: each[0]))
