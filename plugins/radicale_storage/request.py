"""One request's state, bound to its thread from the first byte to the last: Radicale hands on neither body nor viewer.

The door (``wsgi.py``) makes it, ``auth.py`` puts the viewer in, ``storage.py`` the transaction and what was refused.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from radicale_storage.address_data import Form
from radicale_storage.errors import Asked, Refusal
from sharedbook.domain import model
from sharedbook.domain.access import Viewer
from sharedbook.domain.errors import Unavailable
from sharedbook.domain.model import Client
from sharedbook.formats.vcards.vcard import Card
from sharedbook.services.books.cards import PutResult
from sharedbook.services.books.groups import Book
from sharedbook.services.tx import Tx

PRODUCT_LENGTH = 80


@dataclass(slots=True)
class Request:
    """What is known of a request, and what was done about it.

    ``segments``: the decoded path; the first is folded as a login. ``prefix``: what a proxy puts before every path.
    ``destination``: the segments of a MOVE's Destination. ``body``: as sent; ``xml``: its root element, if it is XML.
    ``credentials``: login and password. ``preferences``: of the header Prefer, such as ``return=minimal``.
    ``if_match``: the ETags of If-Match, None without that header; ``only_new``: ``If-None-Match: *``; ``unless``: the
    ETags of any other If-None-Match.
    ``form``: the form in which cards are asked for, None for the stored one.
    ``books``: those read so far, by slug. ``card``: of a PUT, what was made of the body before the lock was taken;
    ``put``: what became of it. ``whole``: the book that a GET wants as one file.
    ``read``: how many cards were given away, by group id, for the audit. ``refusal``: why it was refused.
    """

    method: str
    segments: tuple[str, ...] = ()
    prefix: str = ""
    destination: tuple[str, ...] = ()
    body: bytes = b""
    xml: ET.Element | None = None
    credentials: tuple[str, str] = ("", "")
    depth: str = "0"
    if_match: tuple[str, ...] | None = None
    only_new: bool = False
    unless: tuple[str, ...] = ()
    form: Form | None = None
    overwrite: bool = True
    preferences: frozenset[str] = frozenset()
    agent: str = ""
    address: str = ""
    viewer: Viewer | None = None
    app_password: str = ""
    books: dict[str, Book] = field(default_factory=dict)
    read: Counter[int] = field(default_factory=Counter)
    refusal: Refusal | None = None
    card: Card | None = None
    put: PutResult | None = None
    whole: Book | None = None
    open_tx: Tx | None = None

    @property
    def tx(self) -> Tx:
        """The transaction of the lock that Radicale holds. Raises Unavailable outside of it."""
        if self.open_tx is None:
            raise Unavailable("the storage is read outside of its lock")
        return self.open_tx

    @property
    def client(self) -> Client:
        """Through what the member acts, for history and audit."""
        return Client("carddav", product(self.agent), self.app_password)

    def text_of(self, card: model.Card) -> str:
        """The text of a card in the form asked for."""
        return card.vcard if self.form is None else self.form.of(card.vcard)

    def refuse(self, error: Refusal) -> None:
        """Keeps the first error: the answer is made of it, whatever Radicale makes of the exception."""
        self.refusal = self.refusal or error

    def asked(self) -> Asked:
        """What an answer to an error needs to know."""
        return Asked(
            path=self._folder(self.segments).rstrip("/") if len(self.segments) > 2 else self._folder(self.segments),
            parent=self._folder(self.segments[:-1]),
            target=self._folder(self.destination[:-1]) if self.destination else "",
            agent=self.agent,
            conditional=self.only_new or self.if_match is not None,
        )

    def _folder(self, segments: tuple[str, ...]) -> str:
        return f"{self.prefix}/" + "".join(f"{segment}/" for segment in segments)


_current: ContextVar[Request] = ContextVar("request")


def current() -> Request:
    """The request of this thread; an empty one outside of any (``radicale --verify-storage``)."""
    return _current.get(_NONE)


_NONE = Request("")


@contextmanager
def bound(request: Request) -> Iterator[Request]:
    """Makes it the current one."""
    token = _current.set(request)
    try:
        yield request
    finally:
        _current.reset(token)


_COMMENT = re.compile(r"\([^)]*\)")
_PRODUCT = re.compile(r"[^\s()/;]+/[^\s()/;]+")


def product(agent: str) -> str:
    """The program that a User-Agent names: its last product when it poses as Mozilla, else its first."""
    products = _PRODUCT.findall(_COMMENT.sub("", agent))
    if not products:
        return agent[:PRODUCT_LENGTH]
    return str(products[-1 if agent.startswith("Mozilla/") else 0])[:PRODUCT_LENGTH]
