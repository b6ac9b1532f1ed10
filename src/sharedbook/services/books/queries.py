"""Cards of one book that match a query, for clients that ask the server to search (RFC 6352 section 8.6)."""

from __future__ import annotations

from sharedbook.domain.model import Card
from sharedbook.domain.query import Query
from sharedbook.services.books import cards
from sharedbook.services.books.groups import Book
from sharedbook.services.tx import Tx


def in_book(tx: Tx, book: Book, query: Query, limit: int | None = None, *, only: str | None = None) -> list[Card]:
    """The cards of a book that match, by href; none of a book that is shown empty. Raises InvalidQuery.

    ``only``: the href of the one card that is asked about.
    """
    hrefs = [href for href in book.shelf.search(tx, query, limit) if only in (None, href)]
    found = cards.get_many(tx, book, hrefs)
    return [found[href] for href in hrefs]
