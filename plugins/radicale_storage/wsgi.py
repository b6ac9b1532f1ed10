"""The door of every request, around Radicale's Application: what comes in is checked and put in one form, what goes out
is what DAV clients understand. The same under the plain ``radicale`` command (``patches.py``) and ``sharedbook serve``.
"""

from __future__ import annotations

import gzip
import io
import logging
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any
from urllib.parse import quote
from xml.etree.ElementTree import Element

from radicale_storage import address_data, errors, guards, password_page, principal_reports, report, whole
from radicale_storage.errors import TEXT, Refusal, Refused, Response
from radicale_storage.item import STAND_IN, TARGET
from radicale_storage.limits import Crowd, trusted
from radicale_storage.request import Request, bound
from radicale_storage.rights import CARD_METHODS, CARD_SEGMENTS
from radicale_storage.site import app
from sharedbook.domain.errors import DeletionHeld, Forbidden, LoginFailed, NotFound, SharedbookError
from sharedbook.services.books import breaker, refetch
from sharedbook.services.books.cards import PutResult
from sharedbook.services.books.groups import Book
from sharedbook.services.people.subjects import fold_name
from sharedbook.services.refused import suggestions
from sharedbook.settings import Address

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]
Inner = Callable[[Environ, "Request"], Response]

logger = logging.getLogger("sharedbook.carddav")

DAV = "1, 3, access-control, addressbook"
_READING = ("GET", "HEAD", "OPTIONS", "PROPFIND", "REPORT")
ALLOW = (
    _READING,
    (*_READING, "DELETE", "PROPPATCH"),
    (*_READING, "DELETE", "MKCOL", "MOVE", "PROPPATCH", "PUT"),
    (*_READING, "DELETE", "MOVE", "PROPPATCH", "PUT"),
)
"""Methods of the root, a member, an address book, a card; any other is 405. What members may not do is 403: clients
take an address book without PUT for one that nobody can write to. A COPY (RFC 4918 section 9.8) would make a second
contact that no edit of the first one reaches; sharedbook copies by showing one contact in two groups."""

ASKED = frozenset({"{DAV:}prop", "{DAV:}allprop", "{DAV:}propname"})
"""Children of a propfind, of which it has one; others mean nothing to us (RFC 4918 section 17)."""

XML_METHODS = frozenset({"MKCOL", "PROPFIND", "PROPPATCH", "REPORT"})
REPORTS = frozenset({*report.READERS, *principal_reports.READERS})
"""What may be asked; to those on principals Radicale answers that there is nothing, or that it does not know them."""

NEEDED_RIGHT = {"PUT": "add", "DELETE": "delete", "MKCOL": "add", "PROPPATCH": "describe"}
GREETING = b"sharedbook: give this address and your login to a program that knows CardDAV.\n"
"""For a browser at a folder, where Radicale has pages of its own, or nothing."""

GZIP_FROM = 1024
AGENT_LENGTH = 300
_LOG_IN = LoginFailed("log in with your login and password")
_NO_BODY = frozenset({204, 304})

crowd = Crowd()


def door(inner: Inner, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """One request through the door; ``inner`` is Radicale (``ask``), or answers in its place."""
    response = _answer(inner, {name: value for name, value in environ.items() if _is_of_wsgi(name)})
    start_response(f"{response.status} {HTTPStatus(response.status).phrase}", list(response.headers.items()))
    if environ["REQUEST_METHOD"] == "HEAD":
        return []
    return [response.body] if response.pages is None else response.pages


def _is_of_wsgi(name: str) -> bool:
    """Whether a name belongs into environ: servers put their process's environment there too."""
    return name.startswith(("HTTP_", "wsgi.")) or name in _CGI


_CGI = frozenset(
    {
        *("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "CONTENT_TYPE", "CONTENT_LENGTH"),
        *("SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL", "REMOTE_ADDR", "HTTPS", "SSL_PROTOCOL", "SSL_CIPHER"),
    }
)


def _answer(inner: Inner, environ: Environ) -> Response:
    request = Request(environ["REQUEST_METHOD"].upper(), agent=environ.get("HTTP_USER_AGENT", "")[:AGENT_LENGTH])
    try:
        _know_peer(environ, request)
        with crowd.one(request.address, app().settings.carddav_connections_per_address), bound(request):
            response = _before_login(environ, request)
            if response is None:
                _receive(environ, request)
                response = inner(environ, request)
                _hold_back(request)
                _undo(request)
                response = _translate(environ, request, response)
    except (Refused, SharedbookError) as error:
        response = errors.response(error, request.asked())
    except Exception:
        logger.exception("%s was not answered", request.method)
        response = Response(500, {"Content-Type": TEXT}, b"Something went wrong here; the server's log says what.\n")
    return _dress(environ, response)


# ---- what comes in


def _know_peer(environ: Environ, request: Request) -> None:
    """Who is at the other end: of a trusted proxy its word is taken, of others the headers go."""
    request.address = environ.get("REMOTE_ADDR", "")
    if trusted(request.address, app().settings.trusted_proxies):
        request.address = environ.get("HTTP_X_FORWARDED_FOR", request.address).rpartition(",")[2].strip()
        environ["wsgi.url_scheme"] = environ.get("HTTP_X_FORWARDED_PROTO", environ["wsgi.url_scheme"])
        return
    for name in [name for name in environ if name.startswith(guards.IDENTITY_HEADERS)]:
        del environ[name]


def _before_login(environ: Environ, request: Request) -> Response | None:
    """What is answered to anyone: discovery, capabilities, and that a login is wanted."""
    guards.check_headers(environ)
    path = environ.get("PATH_INFO", "")
    request.prefix = str(environ.get("HTTP_X_SCRIPT_NAME", environ.get("SCRIPT_NAME", ""))).rstrip("/")
    request.depth = environ.get("HTTP_DEPTH", "0")
    if path.rstrip("/") == "/.well-known/carddav":
        return Response(301, {"Location": f"{request.prefix}/", "Content-Type": TEXT}, b"The address books are at /\n")
    if request.method == "OPTIONS":
        return Response(200, {"Allow": _allowed(guards.path_segments(path)), "DAV": DAV})
    secure = environ["wsgi.url_scheme"] == "https" or Address(request.address, 0).loopback
    if not secure and not app().settings.plain_text_binds:
        raise Refused(403, "passwords are accepted over TLS only; use https, or set plain_text_binds")
    guards.body_length(environ, _body_limit(request))
    if password_page.is_here(path):
        return password_page.answer(environ, request.method)
    found = guards.credentials(environ)
    if found is None:
        raise _LOG_IN
    request.credentials = found
    return None


def _allowed(segments: tuple[str, ...]) -> str:
    """The methods of whatever may be at this path, as the header has them."""
    return ", ".join(sorted(ALLOW[len(segments)]))


def _body_limit(request: Request) -> int:
    """Bytes of a body. A card may be a little over the site's limit, for the services to say so."""
    return app().settings.limits_card_bytes + guards.SPARE_BYTES if request.method == "PUT" else guards.XML_BYTES


def _receive(environ: Environ, request: Request) -> None:
    """Reads the request whole, and writes back into environ what Radicale may trust."""
    path = environ.get("PATH_INFO", "")
    segments = guards.path_segments(path)
    if segments and segments[0].startswith("."):
        raise NotFound("Radicale's own pages, which know nothing of members and groups")
    request.segments = (fold_name(segments[0]), *segments[1:]) if segments else ()
    if request.method not in ALLOW[len(segments)]:
        raise Refused(405, f"{request.method} is not supported here", Allow=_allowed(segments))
    content_type = environ.get("CONTENT_TYPE", "")
    if request.method == "PUT":
        guards.check_media_type(content_type)
        guards.check_whole(environ)
    request.body = guards.as_utf8(guards.read_body(environ, _body_limit(request)), content_type)
    _read_conditions(environ, request)
    if request.method in ("GET", "HEAD"):
        request.form = address_data.of_accept(environ.get("HTTP_ACCEPT", ""))
    if request.method in XML_METHODS:
        request.xml = guards.parse_xml(request.body)
        _check_root(request)
    if request.method == "MOVE":
        _read_destination(environ, request)
    slash = "/" if path.endswith("/") and request.segments else ""
    body = STAND_IN if request.method == "PUT" else request.body
    environ |= {
        "PATH_INFO": "/" + "/".join(request.segments) + slash,
        "QUERY_STRING": "",
        "HTTP_AUTHORIZATION": "Basic " + environ["HTTP_AUTHORIZATION"].partition(" ")[2].strip(),
        "HTTP_OVERWRITE": "T" if request.overwrite else "F",
        "CONTENT_TYPE": content_type.partition(";")[0],
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }


def _read_destination(environ: Environ, request: Request) -> None:
    """Raises Refused 403 when a card is moved to where it is (RFC 4918 section 9.9.4).

    Radicale would decode the card's new name twice, and cut it: it gets a stand-in.
    """
    login, *names = guards.destination(environ, request.prefix) or ("",)
    request.destination = (fold_name(login), *names)
    if request.destination == request.segments:
        raise Refused(403, "source and Destination of a MOVE are the same")
    known = (*request.destination[:-1], TARGET) if len(request.destination) == CARD_SEGMENTS else request.destination
    environ["HTTP_DESTINATION"] = quote(f"{request.prefix}/{'/'.join(known)}")


def _check_root(request: Request) -> None:
    """Raises Refused for XML that says nothing to its method."""
    root = request.xml
    if request.method == "REPORT" and (root is None or root.tag not in REPORTS):
        raise Refused(403, "this report is not known", "D:supported-report")
    if request.method == "REPORT" and root is not None and not all(each.text for each in root.iter(guards.HREF)):
        raise Refused(400, "the XML has an href without an address")
    if request.method == "PROPFIND":
        _check_propfind(root, request.depth)
    if request.method == "REPORT" and root is not None:
        request.form = address_data.of_report(root)


def _check_propfind(root: Element | None, depth: str) -> None:
    """RFC 4918 sections 9.1 and 14.20. Raises Refused."""
    if root is not None and (root.tag != "{DAV:}propfind" or sum(child.tag in ASKED for child in root) != 1):
        raise Refused(400, "the XML of a PROPFIND is a propfind that asks for one of prop, allprop, propname")
    if depth.strip().lower() == "infinity":
        raise Refused(403, "ask for each folder with Depth: 1", "D:propfind-finite-depth")


def _read_conditions(environ: Environ, request: Request) -> None:
    """Conditions on a write are the services' to check, under the lock; Radicale would compare lists as one text."""
    if request.method in CARD_METHODS:
        if (header := environ.pop("HTTP_IF_MATCH", None)) is not None:
            request.if_match = guards.etags(header)
        if header := environ.pop("HTTP_IF_NONE_MATCH", ""):
            tags = guards.etags(header)
            request.only_new = request.method == "PUT" and tags == ("*",)
            request.unless = () if request.only_new else tags
    request.preferences = guards.preferences(environ)
    request.overwrite = environ.get("HTTP_OVERWRITE", "T").strip().upper() != "F"


# ---- what goes out


def ask(radicale: Application, environ: Environ) -> Response:
    """Radicale's answer, whole."""
    response = Response(500)

    def start_response(status: str, headers: list[tuple[str, str]]) -> None:
        response.status, response.headers = int(status.split(" ", 1)[0]), dict(headers)

    asked = {name: value for name, value in environ.items() if name != "HTTP_ACCEPT_ENCODING"}
    response.body = b"".join(radicale(asked, start_response))
    return response


def _hold_back(request: Request) -> None:
    """Keeps it when the breaker has refused a deletion, now that the request's transaction has ended."""
    refused = request.refusal
    if isinstance(refused, DeletionHeld) and not refused.known and request.viewer is not None:
        breaker.hold(app(), request.viewer, request.client, refused)


def _undo(request: Request) -> None:
    """A write that is forbidden leaves the client with what is not stored: it fetches again, an edit is kept."""
    viewer, forbidden = request.viewer, isinstance(request.refusal, Forbidden | DeletionHeld)
    if viewer is None or not forbidden or request.method not in CARD_METHODS:
        return
    paths = [request.segments]
    if request.method == "MOVE":
        paths.append(request.destination)
    own = [path for path in paths if len(path) == CARD_SEGMENTS and path[0] == viewer.name]
    places = [(slug, href) for _, slug, href in own]
    if request.method == "PUT":
        for slug, href in places:
            suggestions.keep(app(), viewer, request.client, slug, href, request.body)
    refetch.ask(app(), viewer, request.client, places)


def _translate(environ: Environ, request: Request, response: Response) -> Response:
    """The answer as clients need it: the services' reasons in place of Radicale's, honest ETags, 304."""
    refusal = request.refusal or _refusal(request, response.status)
    if refusal is not None:
        return errors.response(refusal, request.asked())
    if request.put is not None:
        return _put(request, request.put, response)
    if request.method in ("GET", "HEAD"):
        return _got(environ, request, response)
    if response.status == 207:
        response.headers["DAV"] = DAV
    return response


def _got(environ: Environ, request: Request, response: Response) -> Response:
    """What was read: nothing to whom has it already; with its version to whom asked for one."""
    if response.status in (302, 403) and len(request.segments) < 2:
        return Response(200, {"Content-Type": TEXT}, GREETING)
    etag, known = response.headers.get("ETag"), environ.get("HTTP_IF_NONE_MATCH", "")
    if etag and known and {"*", etag} & set(guards.etags(known)):
        return Response(304, {"ETag": etag})
    if response.status == 200 and request.form is not None:
        response.headers["Content-Type"] = f"{address_data.MEDIA_TYPE}; charset=utf-8; version={request.form.version}"
        response.headers["Vary"] = "Accept"
    if request.whole is not None:
        response.pages = _sent(request, request.whole)
    return response


def _sent(request: Request, book: Book) -> Iterator[bytes]:
    """A whole book; as long as its reader takes, it is one of his requests at the same time."""
    with crowd.one(request.address):
        yield from whole.pages(request, book)


REPRESENTATION = "return=representation"


def _put(request: Request, put: PutResult, response: Response) -> Response:
    """The answer to a card that was stored; with the card itself for who prefers that (RFC 7240 section 4.2).

    A merged book gives a new card a name of its own, and tells it (RFC 9110 section 10.2.2).
    """
    stored, place = put.card.vcard.encode(), quote(request.asked().parent + put.card.href)
    if put.card.href != request.segments[-1]:
        response.headers["Location"] = place
    if REPRESENTATION not in request.preferences:
        if stored != request.body:
            response.headers.pop("ETag", None)  # RFC 6352 section 6.3.2.3: the client must fetch what was stored
        return response
    headers = {
        "Content-Type": "text/vcard; charset=utf-8",
        "Content-Location": place,
        "ETag": put.card.etag,
        "Preference-Applied": REPRESENTATION,
    }
    return Response(201 if put.created else 200, response.headers | headers, stored)


def _refusal(request: Request, status: int) -> Refusal | None:
    """What Radicale has refused by itself, in our words."""
    if status == 401:
        return _LOG_IN
    if status == 404:
        return NotFound("")
    if status == 409:
        return Refused(409, "you have no address book at this address")
    if status == 403 and request.method not in _READING:
        right = NEEDED_RIGHT.get(request.method) or ("add" if len(request.segments) == len(ALLOW) - 1 else "delete")
        return Forbidden("this may not be changed here", right=right, hint="postmasters change address books")
    return None


def _dress(environ: Environ, response: Response) -> Response:
    """Length and compression. gzip at its fastest: a higher level doubles the time of a large answer."""
    encodings = [word.strip() for word in environ.get("HTTP_ACCEPT_ENCODING", "").split(",")]
    if "gzip" in encodings and (response.pages is not None or len(response.body) >= GZIP_FROM):
        if response.pages is None:
            response.body = gzip.compress(response.body, 1, mtime=0)
        else:
            response.pages = whole.packed(response.pages)
        response.headers |= {"Content-Encoding": "gzip"}
        response.headers["Vary"] = ", ".join(filter(None, [response.headers.get("Vary"), "Accept-Encoding"]))
    if response.pages is not None:
        response.headers.pop("Content-Length", None)
    elif response.status in _NO_BODY:
        response.headers.pop("Content-Length", None)
        response.body = b""
    elif environ["REQUEST_METHOD"] != "HEAD" or "Content-Length" not in response.headers:
        response.headers["Content-Length"] = str(len(response.body))
    return response
