"""A whole address book as one file, for GET: read page by page, each page in a transaction of its own.

So neither the book stands in memory, nor does a slow reader hold a snapshot (which would pin the database's log), nor
is he given what he may not see any more.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from radicale_storage.request import Request
from radicale_storage.site import app
from sharedbook.services.books import cards, groups
from sharedbook.services.books.groups import Book
from sharedbook.services.tx import MemberActor

PAGE = 100
"""Cards. Each may have a photo of some hundred kilobytes."""

GZIP = zlib.MAX_WBITS | 16


def pages(request: Request, book: Book) -> Iterator[bytes]:
    """The cards that are there now, by href; one that goes while they are sent is left out.

    Raises SubjectNotFound, LoginFailed, GroupNotFound when the reader or his book goes: the file is cut short.
    """
    assert request.viewer is not None
    with app().begin(request.viewer, request.client) as tx:
        names = sorted(entry.href for entry in cards.listing(tx, book))
    for at in range(0, len(names), PAGE):
        with app().begin(MemberActor(request.viewer.name), request.client) as tx:
            found = cards.get_many(tx, groups.book(tx, book.group.slug), names[at : at + PAGE])
        app().reads.note(request.viewer.member_id, "carddav", book.group.id, len(found))
        texts = [found[name].vcard for name in names[at : at + PAGE] if name in found]
        if request.form is not None:
            texts = [request.form.of(text) for text in texts]
        yield "".join(text if text.endswith("\n") else f"{text}\r\n" for text in texts).encode()


def packed(plain: Iterator[bytes]) -> Iterator[bytes]:
    """The same through gzip, at its fastest."""
    packer = zlib.compressobj(1, wbits=GZIP)
    for page in plain:
        yield packer.compress(page)
    yield packer.flush()
