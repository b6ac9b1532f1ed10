"""The one table from what is refused to what a client understands: HTTP status, precondition element, one line.

Domain errors come from the services; ``Refused`` is for what only HTTP, XML or DAV knows. Nothing else here makes a
status out of an error. RFC 4918 section 16, RFC 3744 section 7.1.1, RFC 6352 section 6.3.2.1, RFC 6578 section 3.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote
from xml.sax.saxutils import escape

from sharedbook.domain import errors as domain
from sharedbook.domain.errors import SharedbookError

NAMESPACES = 'xmlns:D="DAV:" xmlns:CR="urn:ietf:params:xml:ns:carddav" xmlns:SB="urn:sharedbook"'
XML = "application/xml; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
BUSY_SECONDS = 5


class Refused(Exception):
    """What HTTP, XML or DAV forbids. ``condition``: the precondition's element, such as ``CR:supported-collation``."""

    def __init__(self, status: int, message: str, condition: str = "", **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.condition = condition
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


Refusal = SharedbookError | Refused


@dataclass(slots=True)
class Response:
    """What goes back to the client. ``status`` is the code; header names are as Radicale writes them.

    ``pages``: a body that is made while it is sent, in place of ``body``.
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    pages: Iterator[bytes] | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What an answer to an error needs to know of the request: its decoded path, and that of the collection around it.

    ``target``: the collection around the Destination of a MOVE; "" for any other method.
    """

    path: str = "/"
    parent: str = "/"
    target: str = ""
    agent: str = ""
    conditional: bool = False


TABLE: Mapping[type[SharedbookError], tuple[int, str]] = {
    SharedbookError: (500, ""),
    domain.NotFound: (404, ""),
    domain.Forbidden: (403, "D:need-privileges"),
    domain.LoginFailed: (401, ""),
    domain.Throttled: (429, ""),
    domain.Conflict: (409, ""),
    domain.VersionConflict: (412, ""),
    domain.UidConflict: (409, "CR:no-uid-conflict"),
    domain.DeletionHeld: (403, "SB:deletion-held"),  # not need-privileges: no right is missing
    domain.QuotaExceeded: (507, "D:quota-not-exceeded"),
    domain.Invalid: (400, ""),
    domain.InvalidQuery: (403, "CR:supported-filter"),
    domain.InvalidCard: (403, "CR:valid-address-data"),
    domain.UnsupportedCard: (403, "CR:supported-address-data"),
    domain.CardTooLarge: (403, "CR:max-resource-size"),
    domain.InvalidToken: (403, "D:valid-sync-token"),
    domain.Unavailable: (503, ""),
}
"""The nearest class of an error's ancestors decides."""

PRIVILEGES = {
    "view": "read",
    "add": "bind",
    "edit": "write-content",
    "delete": "unbind",
    "describe": "write-properties",
}
"""Rights as RFC 3744 names them; any other needs ``write``."""

NOT_FOUND = "There is nothing at this address."
"""The same words for what does not exist and for what this member may not know of."""


def response(error: Refusal, asked: Asked) -> Response:
    """The answer to an error."""
    if isinstance(error, Refused):
        return _write(error.status, error.condition, f"<{error.condition}/>", error.message, error.headers)
    status, condition = next(TABLE[kind] for kind in type(error).__mro__ if kind in TABLE)
    if isinstance(error, domain.NotFound):
        return _write(status, "", "", NOT_FOUND)
    if isinstance(error, domain.HrefTaken) and asked.conditional:
        status = 412
    if isinstance(error, domain.InvalidToken) and "Thunderbird" in asked.agent:
        status = 400  # Thunderbird starts afresh on 400, but not on 403 (Outlook's synchronizer: the other way round)
    return _write(status, condition, _element(error, condition, asked), str(error), _headers(error))


def _element(error: SharedbookError, condition: str, asked: Asked) -> str:
    if isinstance(error, domain.Forbidden):
        return _need_privilege(error, asked)
    if isinstance(error, domain.UidConflict) and error.href:
        return (
            f"<{condition}><D:href>{escape(quote((asked.target or asked.parent) + error.href))}</D:href></{condition}>"
        )
    return f"<{condition}/>"


def _need_privilege(error: domain.Forbidden, asked: Asked) -> str:
    """The element of RFC 3744 section 7.1.1. What binds and unbinds is the collection around the card."""
    privilege, path = PRIVILEGES.get(error.right or "", "write"), asked.path
    if privilege in ("bind", "unbind"):
        at_target = asked.target and (privilege == "bind" or asked.target.endswith(f"/{error.group}/"))
        path = asked.target if at_target else asked.parent
    return (
        f"<D:need-privileges><D:resource><D:href>{escape(quote(path))}</D:href>"
        f"<D:privilege><D:{privilege}/></D:privilege></D:resource></D:need-privileges>"
    )


def _headers(error: SharedbookError) -> Mapping[str, str]:
    if isinstance(error, domain.LoginFailed):
        return {"WWW-Authenticate": 'Basic realm="sharedbook", charset="UTF-8"'}
    if isinstance(error, domain.Throttled):
        return {"Retry-After": str(error.retry_after)}
    if isinstance(error, domain.Unavailable):
        return {"Retry-After": str(BUSY_SECONDS)}
    return {}


def _write(status: int, condition: str, element: str, message: str, headers: Mapping[str, str] = {}) -> Response:
    if not condition:
        return Response(status, {"Content-Type": TEXT, **headers}, f"{message}\n".encode())
    line = f"<D:responsedescription>{escape(message)}</D:responsedescription>"
    body = f'<?xml version="1.0" encoding="utf-8"?>\n<D:error {NAMESPACES}>{element}{line}</D:error>'
    return Response(status, {"Content-Type": XML, **headers}, body.encode(errors="replace"))
