"""Our own PROPFIND (RFC 4918 section 9.1), at depth 0 and 1: one statement for the books, one for a book's listing.

As stock Radicale, any depth but 0 is 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from radicale_storage import multistatus, properties
from radicale_storage.multistatus import Layout, Value
from radicale_storage.properties import BookRow, PrincipalRow, Wanted
from radicale_storage.request import Request
from radicale_storage.storage import find_book, login_of
from sharedbook.domain.errors import NotFound
from sharedbook.domain.model import Member
from sharedbook.services.books import cards, groups, sync
from sharedbook.services.books.groups import Book
from sharedbook.services.people import principals

Pieces = Sequence[str | bytes]
"""Of a multistatus: the collection itself is the first."""

NO_ROOT = "depth-noroot"
"""The preference for the members of a collection without the collection itself (RFC 8144 section 4)."""


def answer(request: Request) -> bytes:
    """The multistatus for the request's path. Raises NotFound."""
    wanted, deep = properties.wanted(request.xml, request.preferences), request.depth != "0"
    responses: Pieces
    match request.segments:
        case ():
            responses = _root(request, wanted, deep=deep)
        case (login,) if login == login_of(request):
            responses = _home(request, wanted, deep=deep)
        case (login,):
            known, row = resource(request, (login,))
            responses = [Layout(*wanted.of(known)).write(multistatus.path(request.prefix, login), row)]
        case (login, slug) if login == login_of(request):
            responses = _book(request, wanted, slug, deep=deep)
        case (login, slug, name) if login == login_of(request):
            responses = _card(request, wanted, slug, name)
        case _:
            raise NotFound("no such path")
    return multistatus.document(responses[1:] if deep and NO_ROOT in request.preferences else responses)


def _root(request: Request, wanted: Wanted, *, deep: bool) -> Pieces:
    layout = Layout(*wanted.of(properties.root(request.prefix, login_of(request))))
    root = layout.write(multistatus.path(request.prefix), None)
    return [root, *(_home(request, wanted, deep=False) if deep else [])]


def _home(request: Request, wanted: Wanted, *, deep: bool) -> Pieces:
    login = login_of(request)
    layout = Layout(*wanted.of(properties.home(request.prefix, login)))
    home = layout.write(multistatus.path(request.prefix, login), _principal_row(request, login))
    return [home, *(_books(request, wanted, groups.books(request.tx)) if deep else [])]


def _books(request: Request, wanted: Wanted, books: list[Book]) -> Pieces:
    login = login_of(request)
    layout = Layout(*wanted.of(properties.book(request.prefix, login, request.tx.site.settings.limits_card_bytes)))
    return [
        layout.write(
            multistatus.path(request.prefix, login, book.group.slug), BookRow(book, sync.state(request.tx, book))
        )
        for book in books
    ]


def _book(request: Request, wanted: Wanted, slug: str, *, deep: bool) -> Pieces:
    book = _found(request, slug)
    responses = _books(request, wanted, [book])
    if not deep:
        return responses
    rows = cards.listing(request.tx, book) if wanted.only_listed() else list(cards.all_cards(request.tx, book))
    folder = multistatus.path(request.prefix, login_of(request), slug)
    return [*responses, *_card_layout(request, wanted, book).write_names(folder, rows)]


def _card(request: Request, wanted: Wanted, slug: str, name: str) -> Pieces:
    book = _found(request, slug)
    card = cards.get(request.tx, book, name)
    if card is None:
        raise NotFound("no such card")
    folder = multistatus.path(request.prefix, login_of(request), slug)
    return _card_layout(request, wanted, book).write_names(folder, [card])


def _card_layout(request: Request, wanted: Wanted, book: Book) -> Layout:
    return Layout(*wanted.of(_of_cards(request, book)))


def _of_cards(request: Request, book: Book) -> Mapping[str, Value]:
    """The properties of a book's cards; whose they are is asked only for the privileges, and once."""
    return properties.card(request.prefix, login_of(request), book.rights, cache(lambda: cards.owned(request.tx, book)))


def resource(request: Request, segments: tuple[str, ...]) -> tuple[Mapping[str, Value], Any]:
    """The properties of the one resource at a path, and the row that their values are made of. Raises NotFound."""
    prefix, viewer = request.prefix, login_of(request)
    if not segments:
        return properties.root(prefix, viewer), None
    if segments == (viewer,):
        return properties.home(prefix, viewer), _principal_row(request, viewer)
    if len(segments) == 1:
        return principal(request, principals.find(request.tx, segments[0]))
    if segments[0] != viewer:
        raise NotFound("no such path")
    book = _found(request, segments[1])
    if len(segments) == 2:
        known = properties.book(prefix, viewer, request.tx.site.settings.limits_card_bytes)
        return known, BookRow(book, sync.state(request.tx, book))
    card = cards.get(request.tx, book, segments[2])
    if card is None:
        raise NotFound("no such card")
    return _of_cards(request, book), card


def principal(request: Request, member: Member) -> tuple[Mapping[str, Value], PrincipalRow]:
    """The properties of a member, and their row."""
    viewer = login_of(request)
    if member.login == viewer:
        return properties.home(request.prefix, viewer), PrincipalRow(lambda: member)
    return properties.principal(request.prefix, viewer, member.login), PrincipalRow(lambda: member)


def _principal_row(request: Request, login: str) -> PrincipalRow:
    return PrincipalRow(lambda: principals.find(request.tx, login))


def _found(request: Request, slug: str) -> Book:
    book = find_book(request, slug)
    if book is None:
        raise NotFound("no such address book")
    return book
