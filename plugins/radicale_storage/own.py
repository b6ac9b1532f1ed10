"""The methods that ``sharedbook serve`` answers without Radicale: one snapshot from the login to the last row.

Each does what Radicale would have done with the plugin (``tests/carddav`` asks both), in a fraction of its time.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from radicale_storage import auth, principal_reports, properties, propfind, proppatch, report, wsgi
from radicale_storage.errors import Response
from radicale_storage.item import http_date
from radicale_storage.request import Request
from radicale_storage.rights import CARD_SEGMENTS
from radicale_storage.site import app
from radicale_storage.storage import NotDone, find_book, login_of, put_card, refusing, remove_card, transaction, using
from sharedbook.domain.access import Viewer
from sharedbook.domain.model import Client, Right
from sharedbook.services.books import cards, groups
from sharedbook.services.books.groups import Book
from sharedbook.services.tx import Service

CARD = "text/vcard; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Method:
    """How to answer, inside the request's transaction."""

    answer: Callable[[Request], Response]
    write: bool = False


def find(request: Request) -> Method | None:
    """What answers this request; None: Radicale does."""
    if request.method == "REPORT" and request.xml is not None and request.xml.tag in principal_reports.READERS:
        return Method(principal_reports.answer)
    if request.method in _OF_CARDS and len(request.segments) != CARD_SEGMENTS:
        return None
    return _EVERYWHERE.get(request.method) or _OF_CARDS.get(request.method)


def answer(method: Method, request: Request) -> Response:
    """Logs in and answers; the door finds words for what is refused. Raises what the services refuse a reader.

    A write has no savepoint: refused, its whole transaction is rolled back, and SQLite need not copy each page aside.
    """
    with app().begin(Service("login"), Client("carddav")) as tx:
        known = auth.recognize(request, tx)
        if known and not method.write:
            tx.act_as(known, request.client)
            with using(request, tx):
                return method.answer(request)
    if not known:
        auth.log_in(request, *request.credentials)
    try:
        with refusing(), transaction(request, write=method.write):
            return method.answer(request)
    except NotDone:
        return Response(403)  # the door says why


POLL = b'<propfind xmlns="DAV:"><prop><getctag xmlns="http://calendarserver.org/ns/"/><sync-token/></prop></propfind>'
WARM_ROUNDS = 20
"""Python runs code at its full speed after some rounds only."""
NOBODY = b"nobody:" + 32 * b"a"
"""Login and password; this has the form of an app password."""


def warm() -> None:
    """Polls and reads through the door, for nobody: the first requests of a worker would take several times as long."""
    with app().begin(Service("login"), Client("carddav")) as tx:
        group = groups.default(tx)
    nobody = Viewer(None, "nobody", rights={group.id: Right.VIEW})

    def inner(_: wsgi.Environ, request: Request) -> Response:
        method = find(request)
        assert method is not None
        with app().begin(Service("login"), Client("carddav")) as tx:
            auth.recognize(request, tx)
            request.viewer = nobody
            tx.act_as(nobody, request.client)
            with using(request, tx):
                return method.answer(request)

    for _ in range(WARM_ROUNDS):
        for method, name, body in (("PROPFIND", "", POLL), ("GET", "none.vcf", b"")):
            environ = {
                "REQUEST_METHOD": method,
                "PATH_INFO": f"/nobody/{group.slug}/{name}",
                "REMOTE_ADDR": "127.0.0.1",
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_AUTHORIZATION": "Basic " + base64.b64encode(NOBODY).decode(),
                "wsgi.input": io.BytesIO(body),
                "wsgi.url_scheme": "http",
            }
            wsgi.door(inner, environ, lambda *_: None)


def _propfind(request: Request) -> Response:
    return _multistatus(request, propfind.answer(request), propfind.NO_ROOT)


def _report(request: Request) -> Response:
    return _multistatus(request, report.answer(request))


def _multistatus(request: Request, body: bytes, *known: str) -> Response:
    """With the header that tells which preferences were followed (RFC 7240 section 3)."""
    headers = {"Content-Type": "text/xml; charset=utf-8"}
    if followed := request.preferences & {properties.MINIMAL, *known}:
        headers["Preference-Applied"] = ", ".join(sorted(followed))
    return Response(207, headers, body)


def _get(request: Request) -> Response:
    book, href = _target(request)
    card = cards.get(request.tx, book, href) if book else None
    if book is None or card is None:
        return Response(404)
    request.read[book.group.id] += 1
    headers = {"Content-Type": CARD, "Last-Modified": http_date(card.modified), "ETag": card.etag}
    return Response(200, headers, request.text_of(card).encode())


def _put(request: Request) -> Response:
    book, href = _target(request)
    if book is None:
        return Response(409 if _is_own(request) else 403)
    result = put_card(request, book, href)
    return Response(201 if result.created else 204, {"ETag": result.card.etag})


def _delete(request: Request) -> Response:
    book, href = _target(request)
    if book is None:
        return Response(404 if _is_own(request) else 403)
    remove_card(request, book, href)
    return Response(200)


def _target(request: Request) -> tuple[Book | None, str]:
    """The member's book that the path names, if he has it, and the card's name."""
    _, slug, href = request.segments
    return find_book(request, slug) if _is_own(request) else None, href


def _is_own(request: Request) -> bool:
    return request.segments[0] == login_of(request)


_EVERYWHERE: Mapping[str, Method] = {
    "PROPFIND": Method(_propfind),
    "PROPPATCH": Method(proppatch.answer, write=True),
    "REPORT": Method(_report),
}
_OF_CARDS: Mapping[str, Method] = {
    "GET": Method(_get),
    "HEAD": Method(_get),
    "PUT": Method(_put, write=True),
    "DELETE": Method(_delete, write=True),
}
