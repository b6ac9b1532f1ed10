"""The door of every request, around Radicale's Application: what comes in is checked and put in one form, what goes out
is what DAV clients understand. The same under the plain ``radicale`` command (``patches.py``) and ``sharedbook serve``.
"""

from __future__ import annotations

import gzip
import io
import logging
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from radicale_storage import errors, guards, report
from radicale_storage.errors import TEXT, Refusal, Refused, Response
from radicale_storage.item import STAND_IN
from radicale_storage.limits import Crowd, trusted
from radicale_storage.request import Request, bound
from radicale_storage.site import app
from sharedbook.domain.errors import Forbidden, LoginFailed, NotFound, SharedbookError
from sharedbook.services.subjects import fold_name
from sharedbook.settings import Address

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

logger = logging.getLogger("sharedbook.carddav")

DAV = "1, 3, access-control, addressbook"
METHODS = ("DELETE", "GET", "HEAD", "MKCOL", "MOVE", "OPTIONS", "PROPFIND", "PROPPATCH", "PUT", "REPORT")
XML_METHODS = frozenset({"MKCALENDAR", "MKCOL", "PROPFIND", "PROPPATCH", "REPORT"})
REPORTS = frozenset(
    {
        *report.READERS,
        *("{DAV:}expand-property", "{DAV:}principal-property-search", "{DAV:}principal-search-property-set"),
    }
)
"""What may be asked; to the last three Radicale answers that there is nothing."""

NEEDED_RIGHT = {"PUT": "add", "DELETE": "delete", "MOVE": "delete", "MKCOL": "add", "MKCALENDAR": "add"}
GREETING = b"sharedbook: give this address and your login to a program that knows CardDAV.\n"
"""For a browser at the root, which Radicale would send to its own pages."""

GZIP_FROM = 1024
AGENT_LENGTH = 300
_LOG_IN = LoginFailed("log in with your login and password")
_NO_BODY = frozenset({204, 304})

crowd = Crowd()


def door(inner: Application, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """One request through the door; ``inner`` is Radicale."""
    response = _answer(inner, {name: value for name, value in environ.items() if _is_of_wsgi(name)})
    start_response(f"{response.status} {HTTPStatus(response.status).phrase}", list(response.headers.items()))
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [response.body]


def _is_of_wsgi(name: str) -> bool:
    """Whether a name belongs into environ: servers put their process's environment there too."""
    return name.startswith(("HTTP_", "wsgi.")) or name in _CGI


_CGI = frozenset(
    {
        *("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "CONTENT_TYPE", "CONTENT_LENGTH"),
        *("SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL", "REMOTE_ADDR", "HTTPS", "SSL_PROTOCOL", "SSL_CIPHER"),
    }
)


def _answer(inner: Application, environ: Environ) -> Response:
    request = Request(environ["REQUEST_METHOD"].upper(), agent=environ.get("HTTP_USER_AGENT", "")[:AGENT_LENGTH])
    try:
        _know_peer(environ, request)
        with crowd.one(request.address, app().settings.carddav_connections_per_address), bound(request):
            response = _before_login(environ, request)
            if response is None:
                _receive(environ, request)
                response = _translate(environ, request, _call(inner, environ))
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
    prefix = str(environ.get("HTTP_X_SCRIPT_NAME", environ.get("SCRIPT_NAME", ""))).rstrip("/")
    if path.rstrip("/") == "/.well-known/carddav":
        return Response(301, {"Location": f"{prefix}/", "Content-Type": TEXT}, b"The address books are at /\n")
    if request.method == "OPTIONS":
        return Response(200, {"Allow": ", ".join(METHODS), "DAV": DAV})
    secure = environ["wsgi.url_scheme"] == "https" or Address(request.address, 0).loopback
    if not secure and not app().settings.plain_text_binds:
        raise Refused(403, "passwords are taken over TLS only; use https, or set plain_text_binds")
    guards.body_length(environ, _body_limit(request))
    if guards.credentials(environ) is None:
        raise _LOG_IN
    return None


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
    content_type = environ.get("CONTENT_TYPE", "")
    request.body = guards.as_utf8(guards.read_body(environ, _body_limit(request)), content_type)
    _read_conditions(environ, request)
    if request.method in XML_METHODS:
        request.xml = guards.parse_xml(request.body)
        _check_root(request)
    if request.method == "MOVE":
        environ["HTTP_DESTINATION"] = guards.destination(environ)
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


def _check_root(request: Request) -> None:
    """Raises Refused for XML that says nothing to its method."""
    root = request.xml
    if request.method == "REPORT" and (root is None or root.tag not in REPORTS):
        raise Refused(403, "this report is not known", "D:supported-report")
    if request.method == "REPORT" and root is not None and not all(each.text for each in root.iter(guards.HREF)):
        raise Refused(400, "the XML has an href without an address")
    if request.method == "PROPFIND" and root is not None and (root.tag != "{DAV:}propfind" or len(root) == 0):
        raise Refused(400, "the XML of a PROPFIND is a propfind that asks for prop, allprop or propname")


def _read_conditions(environ: Environ, request: Request) -> None:
    """Conditions on a write are the services' to check, under the lock; Radicale would compare lists as one text."""
    if request.method in ("PUT", "DELETE"):
        if (header := environ.pop("HTTP_IF_MATCH", None)) is not None:
            request.if_match = guards.etags(header)
        request.only_new = environ.pop("HTTP_IF_NONE_MATCH", "").strip() == "*"
    request.overwrite = environ.get("HTTP_OVERWRITE", "T").strip().upper() != "F"


# ---- what goes out


def _call(inner: Application, environ: Environ) -> Response:
    """Radicale's answer, whole."""
    response = Response(500)

    def start_response(status: str, headers: list[tuple[str, str]]) -> None:
        response.status, response.headers = int(status.split(" ", 1)[0]), dict(headers)

    asked = {name: value for name, value in environ.items() if name != "HTTP_ACCEPT_ENCODING"}
    response.body = b"".join(inner(asked, start_response))
    return response


def _translate(environ: Environ, request: Request, response: Response) -> Response:
    """The answer as clients need it: the services' reasons in place of Radicale's, honest ETags, 304."""
    refusal = request.refusal or _refusal(request, response.status)
    if refusal is not None:
        return errors.response(refusal, request.asked())
    if response.status == 302:
        return Response(200, {"Content-Type": TEXT}, GREETING)
    if request.put is not None and request.put.card.vcard.encode() != request.body:
        response.headers.pop("ETag", None)  # RFC 6352 section 6.3.2.3: the client must fetch what was stored
    if request.method in ("GET", "HEAD") and response.headers.get("ETag"):
        known = environ.get("HTTP_IF_NONE_MATCH", "")
        if known and {"*", response.headers["ETag"]} & set(guards.etags(known)):
            return Response(304, {"ETag": response.headers["ETag"]})
    if response.status == 207:
        response.headers["DAV"] = DAV
    return response


def _refusal(request: Request, status: int) -> Refusal | None:
    """What Radicale has refused by itself, in our words."""
    if status == 401:
        return _LOG_IN
    if status == 404:
        return NotFound("")
    if status == 403 and request.method not in ("GET", "HEAD", "PROPFIND", "REPORT"):
        right = NEEDED_RIGHT.get(request.method, "")
        return Forbidden("this may not be changed here", right=right, hint="postmasters change address books")
    return None


def _dress(environ: Environ, response: Response) -> Response:
    """Length and compression. gzip at its fastest: a higher level doubles the time of a large answer."""
    encodings = [word.strip() for word in environ.get("HTTP_ACCEPT_ENCODING", "").split(",")]
    if "gzip" in encodings and len(response.body) >= GZIP_FROM:
        response.body = gzip.compress(response.body, 1, mtime=0)
        response.headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    if response.status in _NO_BODY:
        response.headers.pop("Content-Length", None)
        response.body = b""
    elif environ["REQUEST_METHOD"] != "HEAD" or "Content-Length" not in response.headers:
        response.headers["Content-Length"] = str(len(response.body))
    return response
