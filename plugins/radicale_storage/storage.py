"""Radicale's storage over the services: a member's principal holds one collection for each group that he may view.

Radicale's lock is one transaction; its writes run in savepoints, as Radicale catches ValueError inside the lock and
would commit what was half written. Every method that would read a whole collection in the base class is overridden.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, overload
from xml.etree.ElementTree import Element

from radicale import types
from radicale.config import Configuration
from radicale.item import Item
from radicale.storage import BaseCollection, BaseStorage

from radicale_storage import filters
from radicale_storage.errors import Refused
from radicale_storage.item import TARGET, CardItem, http_date
from radicale_storage.request import Request, current
from radicale_storage.site import app
from sharedbook.domain.errors import GroupNotFound, SharedbookError
from sharedbook.services.books import cards, groups, queries, sync
from sharedbook.services.books.cards import PutResult
from sharedbook.services.books.groups import Book
from sharedbook.services.tx import Tx


class NotDone(ValueError, PermissionError):
    """What Radicale takes for a refusal, everywhere without a traceback; the door answers with the real reason."""

    def __init__(self) -> None:
        super().__init__("[Errno 13] refused")


@contextmanager
def refusing() -> Iterator[None]:
    """Turns what the services refuse into what Radicale understands, and keeps it for the answer."""
    try:
        yield
    except (SharedbookError, Refused) as error:
        current().refuse(error)
        raise NotDone from error


@contextmanager
def writing() -> Iterator[Request]:
    """The request, inside a savepoint of its transaction."""
    request = current()
    with refusing(), request.tx.savepoint():
        yield request


@contextmanager
def transaction(request: Request, *, write: bool) -> Iterator[None]:
    """A transaction of the member who has logged in, committed at the end. A card is made ready before the lock."""
    assert request.viewer is not None
    if write and request.method == "PUT":
        request.card = cards.prepared(app().site, request.body)
    with app().begin(request.viewer, request.client, write=write) as tx, using(request, tx):
        yield


@contextmanager
def using(request: Request, tx: Tx) -> Iterator[None]:
    """Makes a transaction the request's. At the end it is committed and closed, and what was read is counted."""
    request.open_tx = tx
    try:
        yield
        tx.commit()
    finally:
        request.open_tx = None
        tx.close()
    for group_id, count in request.read.items():
        app().reads.note(tx.viewer.member_id, "carddav", group_id, count)


def put_card(request: Request, book: Book, href: str) -> PutResult:
    """Stores the body of the request."""
    cards.refuse_known(request.tx, book, href, request.unless)
    request.put = cards.put(
        request.tx,
        book,
        href,
        request.card or request.body,
        if_match=request.if_match,
        only_new=request.only_new,
    )
    return request.put


def remove_card(request: Request, book: Book, href: str) -> None:
    """Takes a card out of its book."""
    cards.refuse_known(request.tx, book, href, request.unless)
    cards.remove(request.tx, book, href, if_match=request.if_match)


class Folder(BaseCollection):
    """A collection that holds collections and no cards: the root, and each member's principal."""

    def __init__(self, path: str, display_name: str) -> None:
        self._path = path
        self._meta = {"D:displayname": display_name}

    @property
    def path(self) -> str:
        """Without outer slashes."""
        return self._path

    @property
    def etag(self) -> str:
        """Nothing in it changes for a client."""
        return f'"{self._path}"'

    @property
    def tag(self) -> str:
        """Neither address book nor calendar."""
        return ""

    @property
    def last_modified(self) -> str:
        """Unknown."""
        return ""

    @overload
    def get_meta(self, key: None = None) -> Mapping[str, str]: ...
    @overload
    def get_meta(self, key: str) -> str | None: ...
    def get_meta(self, key: str | None = None) -> Mapping[str, str] | str | None:
        """Its properties by Radicale's names, or one of them."""
        return self._meta if key is None else self._meta.get(key)

    def set_meta(self, props: Mapping[str, str]) -> None:
        """Members change no properties (rights.py refuses before)."""
        raise NotDone

    def sync(self, old_token: str = "") -> tuple[str, Iterable[str]]:
        """There is nothing to synchronise."""
        raise NotDone

    def get_multi(self, hrefs: Iterable[str]) -> Iterable[tuple[str, Item | None]]:
        """No cards."""
        return [(href, None) for href in hrefs]

    def get_all(self) -> Iterable[Item]:
        """No cards."""
        return []

    def get_filtered(self, filters: Iterable[Element]) -> Iterable[tuple[Item, bool]]:
        """No cards."""
        return []

    def has_uid(self, uid: str) -> bool:
        """No cards."""
        return False

    def upload(self, href: str, item: Item) -> tuple[Item, Item | None]:
        """Cards go into books."""
        raise NotDone

    def delete(self, href: str | None = None) -> None:
        """Postmasters delete members and groups, on the command line."""
        raise NotDone

    def serialize(self, vcf_to_ics: bool = False, ShareActions: dict[str, Any] = {}) -> str:  # noqa: B006 - as the base
        """No cards."""
        return ""


def _count(request: Request, book: Book, cards: int) -> None:
    """Counts cards for the audit, if the request gives them away."""
    asks = request.xml is not None and request.xml.find(f".//{filters.CARDDAV}address-data") is not None
    if request.method == "GET" or asks:
        request.read[book.group.id] += cards


class BookCollection(Folder):
    """One group as one member has it. What PROPFIND reads after the lock is released is read when it is made."""

    def __init__(self, login: str, book: Book) -> None:
        super().__init__(f"{login}/{book.group.slug}", book.group.name)
        self.book = book
        self._state = sync.state(current().tx, book)
        self._meta |= {"tag": "VADDRESSBOOK", "CR:addressbook-description": book.group.description}

    @property
    def etag(self) -> str:
        """The ctag, which moves with whatever this member's view of the book moves."""
        return f'"{self._state.ctag}"'

    @property
    def tag(self) -> str:
        """An address book."""
        return "VADDRESSBOOK"

    @property
    def last_modified(self) -> str:
        """HTTP date of the last change in the group."""
        return http_date(self.book.group.modified)

    def sync(self, old_token: str = "") -> tuple[str, Iterable[str]]:
        """The new token and the hrefs that changed or went; for no token, as polls ask, the listing is lazy."""
        if not old_token:
            return self._state.token, self._hrefs()
        with refusing():
            result = sync.changes(current().tx, self.book, old_token)
        return result.token, [entry.href for entry in result.changed] + result.removed

    def _hrefs(self) -> Iterator[str]:
        yield from (entry.href for entry in cards.listing(current().tx, self.book))

    def get_multi(self, hrefs: Iterable[str]) -> Iterable[tuple[str, Item | None]]:
        """The items at these hrefs, None where there is none that the member sees."""
        wanted = list(dict.fromkeys(hrefs))
        found = cards.get_many(current().tx, self.book, wanted)
        _count(current(), self.book, len(found))
        for href in wanted:
            yield href, CardItem(self, found[href]) if href in found else None

    def get_all(self) -> Iterable[Item]:
        """Every item that the member sees; nothing once the lock is released (a count that no client asks for)."""
        request = current()
        if request.open_tx is not None:
            yield from (CardItem(self, card) for card in cards.all_cards(request.tx, self.book))

    def get_filtered(self, filters_: Iterable[Element]) -> Iterable[tuple[Item, bool]]:
        """The items that all filters let through, found by the query algebra: Radicale need not test them again."""
        with refusing():
            query = filters.translate_all(filters_)
            found = queries.in_book(current().tx, self.book, query)
        _count(current(), self.book, len(found))
        yield from ((CardItem(self, card), True) for card in found)

    def has_uid(self, uid: str) -> bool:
        """Whether the member sees a card with this UID."""
        return cards.has_uid(current().tx, self.book, uid) is not None

    def upload(self, href: str, item: Item) -> tuple[Item, Item | None]:
        """Stores the body of the request; ``item`` is the stand-in that Radicale has parsed."""
        with writing() as request:
            return CardItem(self, put_card(request, self.book, href).card), None

    def delete(self, href: str | None = None) -> None:
        """Takes a card out of this book. Books are deleted by postmasters only."""
        if href is None:
            raise NotDone
        with writing() as request:
            remove_card(request, self.book, href)

    def serialize(self, vcf_to_ics: bool = False, ShareActions: dict[str, Any] = {}) -> str:  # noqa: B006 - as the base
        """For GET the door sends all cards (whole.py); PROPFIND's getcontentlength must not read the book."""
        if current().method in ("GET", "HEAD"):
            current().whole = self.book
        return ""


class Storage(BaseStorage):
    """What ``[storage] type = radicale_storage`` loads. Raises at start when the site is not there."""

    _is_collision_free = True
    _supports_unicode = True
    _supports_trailing_whitespace = True
    _supports_problematic_chars = True

    def __init__(self, configuration: Configuration) -> None:
        super().__init__(configuration)
        app()

    @types.contextmanager
    def acquire_lock(self, mode: str, user: str = "", *args: Any, **kwargs: Any) -> Iterator[None]:
        """One transaction, committed when Radicale leaves the lock."""
        request = current()
        if request.viewer is None:
            yield
            return
        with refusing(), transaction(request, write=mode == "w"):
            yield

    def discover(
        self,
        path: str,
        depth: str = "0",
        child_context_manager: Callable[[str, str | None], AbstractContextManager[None]] | None = None,
        user_groups: set[str] = set(),  # noqa: B006 - the signature of the base class; never changed
    ) -> Iterable[types.CollectionOrItem]:
        """The object at a path and, unless depth is 0, its children. Lazy: the principal itself costs no statement."""
        request = current()
        segments = tuple(segment for segment in path.split("/") if segment)
        if request.viewer is None or (segments and segments[0] != request.viewer.name):
            return
        login, deep = request.viewer.name, depth != "0"
        match segments:
            case ():
                yield Folder("", "sharedbook")
                if deep:
                    yield Folder(login, login)
            case (_,):
                yield Folder(login, login)
                if deep:
                    yield from (BookCollection(login, book) for book in _books(request))
            case (_, slug):
                yield from self._discover_book(request, slug, deep=deep)
            case (_, slug, href):
                yield from self._discover_card(request, slug, request.destination[-1] if href == TARGET else href)

    def _discover_book(self, request: Request, slug: str, *, deep: bool) -> Iterator[types.CollectionOrItem]:
        if (book := find_book(request, slug)) is None:
            return
        collection = BookCollection(login_of(request), book)
        yield collection
        if deep:
            yield from collection.get_all()

    def _discover_card(self, request: Request, slug: str, href: str) -> Iterator[types.CollectionOrItem]:
        if (book := find_book(request, slug)) is None:
            return
        card = cards.get(request.tx, book, href)
        if card is not None:
            _count(request, book, 1)
            yield CardItem(BookCollection(login_of(request), book), card)

    def move(self, item: Item, to_collection: BaseCollection, to_href: str) -> None:
        """MOVE of a card, into another book or to another name; ``to_href`` is ``TARGET``."""
        source = item.collection
        if not isinstance(source, BookCollection) or not isinstance(to_collection, BookCollection) or not item.href:
            raise NotDone
        with writing() as request:
            cards.refuse_known(request.tx, source.book, item.href, request.unless)
            cards.move(
                request.tx,
                source.book,
                item.href,
                to_collection.book,
                request.destination[-1],
                if_match=request.if_match,
                overwrite=request.overwrite,
            )

    def create_collection(
        self, href: str, items: Iterable[Item] | None = None, props: Mapping[str, str] | None = None
    ) -> tuple[BaseCollection, dict[str, Item], list[str]]:
        """Postmasters make groups, on the command line."""
        raise NotDone

    def verify(self) -> bool:
        """The site could be opened; ``sharedbook doctor`` looks deeper."""
        return True


def login_of(request: Request) -> str:
    """The folded login of the member, "" for nobody."""
    return request.viewer.name if request.viewer else ""


def find_book(request: Request, slug: str) -> Book | None:
    """One of the member's books, read once a request; None when he has none of that name."""
    if slug not in request.books:
        try:
            request.books[slug] = groups.book(request.tx, slug)
        except GroupNotFound:
            return None
    return request.books[slug]


def _books(request: Request) -> list[Book]:
    found = groups.books(request.tx)
    request.books |= {book.group.slug: book for book in found}
    return found
