"""The methods that ``sharedbook serve`` answers without Radicale: one snapshot from the login to the last row.

Each does what Radicale would have done with the plugin (``tests/carddav`` asks both), in a fraction of its time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from radicale_storage import auth, principal_reports, properties, propfind, proppatch, report
from radicale_storage.errors import Response
from radicale_storage.item import http_date
from radicale_storage.request import Request
from radicale_storage.rights import CARD_SEGMENTS
from radicale_storage.site import app
from radicale_storage.storage import NotDone, find_book, login_of, put_card, remove_card, transaction, using
from sharedbook.domain.access import Viewer
from sharedbook.domain.model import Client, Right
from sharedbook.services import cards, groups, sync
from sharedbook.services.groups import Book
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
    """Logs in and answers; the door finds words for what is refused. Raises what the services refuse a reader."""
    with app().begin(Service("login"), Client("carddav")) as tx:
        known = auth.recognize(request, tx)
        if known and not method.write:
            tx.act_as(known, request.client)
            with using(request, tx):
                return method.answer(request)
    if not known:
        auth.log_in(request, *request.credentials)
    with transaction(request, write=method.write):
        try:
            return method.answer(request)
        except NotDone:
            return Response(403)  # the door says why


def warm() -> None:
    """Asks what polls and GETs ask, of the default group and for nobody: opens the database, compiles the statements.

    Else the first request of each worker would take 20 times as long as the next.
    """
    request = Request("GET", credentials=("nobody", "nothing"))
    with app().begin(Service("login"), Client("carddav")) as tx:
        auth.recognize(request, tx)
        group = groups.default(tx)
        tx.act_as(Viewer(None, "nobody", rights={group.id: Right.VIEW}), request.client)
        book = groups.book(tx, group.slug)
        sync.state(tx, book)
        cards.get_many(tx, book, [""])


def _propfind(request: Request) -> Response:
    return _multistatus(request, propfind.answer(request, request.prefix, request.depth), propfind.NO_ROOT)


def _report(request: Request) -> Response:
    return _multistatus(request, report.answer(request, request.prefix))


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
