"""The reports on principals: RFC 3744 section 9, and expand-property (RFC 3253 section 3.8) on any resource.

Which members there are at all is ``services/people/principals.py``'s to say; whom a member may not know is nowhere
here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from radicale_storage import multistatus, properties, propfind
from radicale_storage.errors import NAMESPACES, XML, Refused, Response
from radicale_storage.multistatus import Layout, Value
from radicale_storage.properties import CS, DAV, Wanted
from radicale_storage.request import Request
from radicale_storage.storage import login_of
from sharedbook.domain.errors import NotFound
from sharedbook.domain.folding import unicode_casemap
from sharedbook.domain.model import Member
from sharedbook.services.books import groups
from sharedbook.services.people import principals

SEARCHED: Mapping[str, tuple[str, Callable[[Member], str]]] = {
    f"{DAV}displayname": ("Name", lambda member: member.display_name or member.login),
    f"{CS}email-address-set": ("Mail address", lambda member: member.email),
}
"""Properties that can be searched, what they are called for people, and the member's value."""

EXPANSIONS = 100
"""Properties in one expand-property: each may cost a statement."""

EXPAND = f"{DAV}expand-property"
Segments = tuple[str, ...]


def answer(request: Request) -> Response:
    """The answer to one of ``READERS``. Raises NotFound, Refused."""
    root = request.xml
    assert root is not None
    if root.tag != EXPAND and request.depth != "0":
        raise Refused(400, "reports on principals are for Depth: 0 (RFC 3744 section 9)")
    propfind.resource(request, request.segments)  # whose reports they are must be there
    return READERS[root.tag](request, root)


def _multistatus(responses: Sequence[str]) -> Response:
    return Response(207, {"Content-Type": "text/xml; charset=utf-8"}, multistatus.document(responses))


def _write(request: Request, wanted: Wanted, segments: Segments, known: Mapping[str, Value], row: object) -> str:
    return Layout(*wanted.of(known)).write(_target(request, segments), row)


def _target(request: Request, segments: Segments) -> str:
    path = multistatus.path(request.prefix, *segments)
    return path.rstrip("/") if len(segments) > 2 else path


def _asked(request: Request, root: Element) -> Wanted:
    """The properties of each response; none at all when the body names none (section 9.4)."""
    return properties.wanted(root, request.preferences) if root.find(f"{DAV}prop") is not None else Wanted([])


# ---- who


def _search_properties(request: Request, root: Element) -> Response:
    """principal-search-property-set, section 9.5."""
    parts = [
        f"<D:principal-search-property><D:prop>{multistatus.empty(name)}</D:prop>"
        f'<D:description xml:lang="en">{label}</D:description></D:principal-search-property>'
        for name, (label, _) in SEARCHED.items()
    ]
    spaces = f'{NAMESPACES} xmlns:CS="{CS[1:-1]}"'
    name = "D:principal-search-property-set"
    body = f'<?xml version="1.0" encoding="utf-8"?>\n<{name} {spaces}>{"".join(parts)}</{name}>'
    return Response(200, {"Content-Type": XML}, body.encode())


def _search(request: Request, root: Element) -> Response:
    """principal-property-search, section 9.4; ``test="anyof"`` is what Apple's programs ask for."""
    everywhere = root.find(f"{DAV}apply-to-principal-collection-set") is not None
    if not everywhere and len(request.segments) > 1:
        return _multistatus([])
    tests = [
        (SEARCHED.get(prop.tag), unicode_casemap(search.findtext(f"{DAV}match") or ""))
        for search in root.findall(f"{DAV}property-search")
        for prop in search.findall(f"{DAV}prop/*")
    ]
    combine = any if root.get("test") == "anyof" else all
    wanted = _asked(request, root)
    found = [
        member
        for member in (principals.known(request.tx) if tests else [])
        if combine(searched is not None and text in unicode_casemap(searched[1](member)) for searched, text in tests)
    ]
    return _multistatus(
        [_write(request, wanted, (member.login,), *propfind.principal(request, member)) for member in found]
    )


def _match(request: Request, root: Element) -> Response:
    """principal-match, section 9.3: the resources here that are the viewer himself, or whose property names him."""
    wanted, own = _asked(request, root), (login_of(request),)
    if root.find(f"{DAV}self") is not None:
        here = request.segments in ((), own)
        return _multistatus([_write(request, wanted, own, *propfind.resource(request, own))] if here else [])
    names = [prop.tag for prop in root.findall(f"{DAV}principal-property/*")]
    himself = multistatus.href(multistatus.path(request.prefix, *own))
    resources = ((segments, *propfind.resource(request, segments)) for segments in _below(request))
    return _multistatus(
        [
            _write(request, wanted, segments, known, row)
            for segments, known, row in resources
            if any(_value(known[name], row) == himself for name in names if name in known)
        ]
    )


def _below(request: Request) -> Iterator[Segments]:
    """The resources of the viewer's at and below the request's path, without cards: all of these say the same."""
    login = login_of(request)
    every: list[Segments] = [(login,), *((login, book.group.slug) for book in groups.books(request.tx))]
    return (segments for segments in every if segments[: len(request.segments)] == request.segments)


def _value(value: Value, row: object) -> str:
    return value if isinstance(value, str) else value(row)


# ---- expand-property

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_HREF = re.compile(r"<D:href>(.*?)</D:href>")


def _expand(request: Request, root: Element) -> Response:
    """RFC 3253 section 3.8: in place of an href in a property, the properties of the resource that it names."""
    if sum(1 for _ in root.iter(f"{DAV}property")) > EXPANSIONS:
        raise Refused(507, f"more than {EXPANSIONS} properties to expand", "D:number-of-matches-within-limits")
    return _multistatus([_expanded(request, request.segments, root)])


def _expanded(request: Request, segments: Segments, parent: Element) -> str:
    known, row = propfind.resource(request, segments)
    values, names = dict(known), []
    for element in parent.findall(f"{DAV}property"):
        if not _NAME.fullmatch(element.get("name", "")):
            raise Refused(400, "a property to expand has no name that XML can have")
        name = f"{{{element.get('namespace', 'DAV:')}}}{element.get('name')}"
        names.append(name)
        if len(element) and name in known:
            values[name] = _HREF.sub(_replacer(request, element), _value(known[name], row))
    wanted = Wanted(list(dict.fromkeys(names)), minimal=properties.MINIMAL in request.preferences)
    return Layout(*wanted.of(values)).write(_target(request, segments), row)


def _replacer(request: Request, element: Element) -> Callable[[re.Match[str]], str]:
    def expanded(found: re.Match[str]) -> str:
        path = found[1].removeprefix(request.prefix)
        if not path.startswith("/"):
            return found[0]
        try:
            return _expanded(request, tuple(unquote(part) for part in path.split("/") if part), element)
        except NotFound:
            return found[0]

    return expanded


READERS: Mapping[str, Callable[[Request, Element], Response]] = {
    f"{DAV}principal-search-property-set": _search_properties,
    f"{DAV}principal-property-search": _search,
    f"{DAV}principal-match": _match,
    EXPAND: _expand,
}
