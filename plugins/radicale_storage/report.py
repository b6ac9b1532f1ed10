"""Our own REPORT: sync-collection (RFC 6578), addressbook-multiget and addressbook-query (RFC 6352 section 8)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import unquote, urlsplit
from xml.etree.ElementTree import Element

from radicale_storage import filters, multistatus, properties
from radicale_storage.errors import Refused
from radicale_storage.filters import CARDDAV
from radicale_storage.multistatus import CUT_SHORT, Layout
from radicale_storage.properties import DAV
from radicale_storage.request import Request
from radicale_storage.storage import find_book, login_of
from sharedbook.domain.errors import NotFound
from sharedbook.domain.model import WRITE_RIGHTS, Card
from sharedbook.services.books import cards, queries, sync
from sharedbook.services.books.cards import HREF, Entry
from sharedbook.services.books.groups import Book


class _Reader:
    """One REPORT on one book, or on one card of it. ``folder`` is the book's href."""

    def __init__(self, request: Request, root: Element, book: Book) -> None:
        self.request, self.root, self.book = request, root, book
        self.folder = multistatus.path(request.prefix, login_of(request), book.group.slug)
        self.wanted = properties.wanted(root, request.preferences)

    def _card(self) -> str | None:
        """The name of the card that the report is on, None on a book. Raises NotFound when it is not there."""
        name = next(iter(self.request.segments[2:]), None)
        if name is not None and cards.get(self.request.tx, self.book, name) is None:
            raise NotFound("no such card")
        return name

    def _write(self, rows: Sequence[Card | Entry]) -> list[bytes]:
        if not self.wanted.only_listed():
            self.request.read[self.book.group.id] += len(rows)
        return Layout(*self.wanted.of(properties.reported(self.request.form))).write_names(self.folder, rows)

    def multiget(self) -> bytes:
        """The cards at the hrefs given, 404 for each that is not there."""
        names: dict[str, None] = {}
        strange: list[str] = []
        for element in self.root.findall(f"{DAV}href"):
            name = self._name(element.text or "")
            if name is None:
                strange.append(multistatus.text((element.text or "").strip()))
            else:
                names[name] = None
        found = cards.get_many(self.request.tx, self.book, list(names))
        gone = [self.folder + multistatus.name_in_path(name) for name in names if name not in found]
        rows = [found[name] for name in names if name in found]
        return multistatus.document(self._write(rows), map(multistatus.status, gone + strange))

    def _name(self, target: str) -> str | None:
        """The name of a card in this book, from an absolute path or URL; None for any other."""
        target, folder = target.strip(), self.folder
        if not target.startswith(folder) or "%" in target or "?" in target or "#" in target:
            # An absolute URL, or a path that is not written as we write it.
            try:
                target, folder = unquote(urlsplit(target).path), unquote(folder)
            except ValueError:
                return None
        name = target.removeprefix(folder)
        return name if target.startswith(folder) and HREF.fullmatch(name) else None

    def query(self) -> bytes:
        """The cards that the filter lets through; behind a limit, an entry that says there are more."""
        limit = _limit(self.root, CARDDAV)
        query = filters.translate(self.root.find(f"{CARDDAV}filter"))
        if (name := self._card()) is not None:
            return multistatus.document(self._write(queries.in_book(self.request.tx, self.book, query, only=name)))
        found = queries.in_book(self.request.tx, self.book, query, limit=None if limit is None else limit + 1)
        return multistatus.document(self._write(found[:limit]), self._more(limit is not None and len(found) > limit))

    def _more(self, more: bool) -> list[str]:
        """The entry that says there are more."""
        return [multistatus.status(self.folder, CUT_SHORT)] if more else []

    def sync(self) -> bytes:
        """What changed and what went since the token, and the new token. Raises Refused 403 on a card."""
        if self._card() is not None:
            raise Refused(403, "a card has no members to synchronize", "D:supported-report")
        token = (self.root.findtext(f"{DAV}sync-token") or "").strip()
        # Thunderbird 153 cannot fetch a read-only book anew: its own lock stops it
        forgive = "Thunderbird" in self.request.agent and not self.book.rights & WRITE_RIGHTS
        result = sync.changes(self.request.tx, self.book, token, _limit(self.root, DAV), forgive=forgive)
        gone = [multistatus.status(self.folder + multistatus.name_in_path(name)) for name in result.removed]
        return multistatus.document(
            self._write(self._changed(result.changed)),
            gone,
            self._more(result.more),
            after=f"<D:sync-token>{multistatus.text(result.token)}</D:sync-token>",
        )

    def _changed(self, entries: list[Entry]) -> Sequence[Card | Entry]:
        if self.wanted.only_listed():
            return entries
        found = cards.get_many(self.request.tx, self.book, [entry.href for entry in entries])
        return [found[entry.href] for entry in entries]


READERS: dict[str, Callable[[_Reader], bytes]] = {
    f"{DAV}sync-collection": _Reader.sync,
    f"{CARDDAV}addressbook-multiget": _Reader.multiget,
    f"{CARDDAV}addressbook-query": _Reader.query,
}


def answer(request: Request) -> bytes:
    """The multistatus of one of ``READERS``. Raises NotFound, InvalidToken, InvalidQuery, Refused."""
    root = request.xml
    if root is None or len(request.segments) < 2:
        raise Refused(403, "this report is for address books", "D:supported-report")
    login, slug = request.segments[:2]
    book = find_book(request, slug) if login == login_of(request) else None
    if book is None:
        raise NotFound("no such address book")
    return READERS[root.tag](_Reader(request, root, book))


def _limit(root: Element, namespace: str) -> int | None:
    """The number of results asked for at most. Raises Refused 400 when it is none."""
    element = root.find(f"{namespace}limit/{namespace}nresults")
    if element is None:
        return None
    text = (element.text or "").strip()
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) == 0:
        raise Refused(400, "nresults is a whole number from 1")
    return int(text)
