"""PROPPATCH (RFC 4918 section 9.2): postmasters name and describe the groups that they view. All of it or nothing.

No other property can be set: the rest is protected, and clients' own properties are not kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from radicale_storage import multistatus, properties, propfind
from radicale_storage.errors import Refused, Response
from radicale_storage.filters import CARDDAV
from radicale_storage.multistatus import OK
from radicale_storage.properties import DAV
from radicale_storage.request import Request
from radicale_storage.storage import find_book, login_of
from sharedbook.domain.errors import Conflict, Invalid
from sharedbook.services.books import groups
from sharedbook.services.tx import Tx

SETTERS: Mapping[str, Callable[[Tx, str, str], object]] = {
    f"{DAV}displayname": groups.rename,
    f"{CARDDAV}addressbook-description": groups.describe,
}
"""What takes the group's slug and the new text."""

_PROTECTED = (
    "<D:status>HTTP/1.1 403 Forbidden</D:status><D:error><D:cannot-modify-protected-property/></D:error>"
    "<D:responsedescription>only the name and the description of an address book are set here</D:responsedescription>"
)
_FAILED_DEPENDENCY = "<D:status>HTTP/1.1 424 Failed Dependency</D:status>"
_CONFLICT = "<D:status>HTTP/1.1 409 Conflict</D:status><D:responsedescription>{}</D:responsedescription>"


def answer(request: Request) -> Response:
    """The multistatus; 403 and 404 where the door says why. Raises Forbidden, Refused 400."""
    wanted = _wanted(request.xml)
    if len(request.segments) != 2 or request.segments[0] != login_of(request):
        return Response(403)
    book = find_book(request, request.segments[1])
    if book is None:
        return Response(404)
    groups.require_describe(request.tx, book.group)
    known = propfind.resource(request, request.segments)[0]
    names = list(dict.fromkeys(name for name, _ in wanted))
    wanted = [(name, text) for name, text in wanted if text is not None or name in known]  # others are not there anyway
    refused = {name: _PROTECTED for name, _ in wanted if name not in SETTERS}
    if not refused:
        refused = _apply(request.tx, book.group.slug, wanted)
    if not refused and properties.MINIMAL in request.preferences:
        return Response(200, {"Preference-Applied": properties.MINIMAL})
    statuses = {name: refused.get(name, _FAILED_DEPENDENCY if refused else OK) for name in names}
    target = multistatus.path(request.prefix, *request.segments)
    return Response(207, {"Content-Type": "text/xml; charset=utf-8"}, _document(target, statuses))


def _wanted(root: Element | None) -> list[tuple[str, str | None]]:
    """Property and new text, in order; None for one that is removed. Raises Refused 400."""
    if root is None or root.tag != f"{DAV}propertyupdate":
        raise Refused(400, "the XML of a PROPPATCH is a propertyupdate")
    wanted = [
        (prop.tag, "".join(prop.itertext()) if change.tag == f"{DAV}set" else None)
        for change in root
        if change.tag in (f"{DAV}set", f"{DAV}remove")
        for prop in change.findall(f"{DAV}prop/*")
    ]
    if not wanted:
        raise Refused(400, "the propertyupdate sets and removes nothing")
    return wanted


def _apply(tx: Tx, slug: str, wanted: Iterable[tuple[str, str | None]]) -> dict[str, str]:
    """Sets all; when one cannot be, nothing is set, and it is given back with its status."""
    name = ""
    try:
        with tx.savepoint():
            for name, text in wanted:
                SETTERS[name](tx, slug, text or "")
    except (Conflict, Invalid) as error:
        return {name: _CONFLICT.format(escape(str(error)))}
    return {}


def _document(target: str, statuses: Mapping[str, str]) -> bytes:
    propstats = "".join(
        f"<D:propstat><D:prop>{multistatus.empty(name)}</D:prop>{status}</D:propstat>"
        for name, status in statuses.items()
    )
    return multistatus.document([f"<D:response><D:href>{target}</D:href>{propstats}</D:response>"])
