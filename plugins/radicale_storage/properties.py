"""Every property that our own PROPFIND and REPORT know, by kind of resource: the one list of them.

Names are in Clark notation; values are XML. What is not here is 404.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from xml.etree.ElementTree import Element

from radicale_storage.address_data import ADDRESS_DATA, Form
from radicale_storage.filters import CARDDAV, COLLATIONS
from radicale_storage.item import http_date
from radicale_storage.multistatus import Value, href, path, text
from sharedbook.domain.model import WRITE_RIGHTS, Member, Right
from sharedbook.formats.vcards.vcard import VERSIONS
from sharedbook.services.books.groups import Book
from sharedbook.services.books.sync import BookState

DAV = "{DAV:}"
CS = "{http://calendarserver.org/ns/}"

CARD: Mapping[str, Value] = {
    f"{DAV}getetag": attrgetter("etag"),
    f"{DAV}getcontenttype": "text/vcard; charset=utf-8",
    f"{DAV}resourcetype": "",
    f"{DAV}getcontentlength": lambda card: str(card.size),
    f"{DAV}getlastmodified": lambda card: http_date(card.modified),
}
REPORTED: Mapping[str, Value] = {**CARD, ADDRESS_DATA: lambda card: text(card.vcard)}
"""What a card has in a REPORT: its text too, which is no property (RFC 6352 section 10.4)."""


def reported(form: Form | None) -> Mapping[str, Value]:
    """``REPORTED`` with the text in the form asked for."""
    return REPORTED if form is None else {**REPORTED, ADDRESS_DATA: lambda card: text(form.of(card.vcard))}


_LISTED = frozenset({f"{DAV}getetag", f"{DAV}getcontenttype", f"{DAV}resourcetype"})

EXPAND = "D:expand-property"
CARD_REPORTS = ("CR:addressbook-multiget", "CR:addressbook-query", EXPAND)
BOOK_REPORTS = ("D:sync-collection", *CARD_REPORTS)
PRINCIPAL_REPORTS = (
    *("D:principal-match", "D:principal-property-search", "D:principal-search-property-set"),
    EXPAND,
)
_NOT_IN_ALLPROP = frozenset(
    DAV + name
    for name in (
        *("supported-report-set", "current-user-privilege-set", "principal-collection-set"),
        *("alternate-URI-set", "group-membership"),
    )
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a body asks for: these names, or (``names`` None) all; ``values`` False: only their names.

    ``minimal``: what is not there is left out instead of answered by 404 (RFC 8144 section 2.1).
    """

    names: Sequence[str] | None = None
    values: bool = True
    minimal: bool = False

    def of(self, known: Mapping[str, Value]) -> tuple[Mapping[str, Value], Sequence[str]]:
        """The properties and the names to lay out for one kind of resource."""
        if self.names is not None:
            return known, [name for name in self.names if name in known] if self.minimal else self.names
        if self.values:
            return known, [name for name in known if name.startswith(DAV) and name not in _NOT_IN_ALLPROP]
        return dict.fromkeys(known, ""), list(known)

    def only_listed(self) -> bool:
        """Whether a listing of names and ETags is enough to answer for cards."""
        return self.names is not None and not (set(self.names) & REPORTED.keys() - _LISTED)


MINIMAL = "return=minimal"


def wanted(root: Element | None, preferences: Collection[str] = ()) -> Wanted:
    """What the child of a PROPFIND or REPORT asks for; none is allprop (RFC 4918 section 9.1)."""
    if root is None or root.find(f"{DAV}prop") is None:
        return Wanted(values=root is None or root.find(f"{DAV}propname") is None)
    prop = root.find(f"{DAV}prop")
    names = [] if prop is None else list(dict.fromkeys(child.tag for child in prop))
    return Wanted(names, minimal=MINIMAL in preferences)


# ---- kinds of resources


def common(prefix: str, login: str) -> dict[str, Value]:
    """What every resource has, for a member."""
    principal = href(path(prefix, login))
    return {
        f"{DAV}current-user-principal": principal,
        f"{DAV}principal-collection-set": href(path(prefix)),
        f"{DAV}owner": principal,
    }


def root(prefix: str, login: str) -> dict[str, Value]:
    """The collection that holds the member's principal."""
    return {
        **common(prefix, login),
        f"{DAV}displayname": "sharedbook",
        f"{DAV}resourcetype": "<D:collection/>",
        f"{DAV}current-user-privilege-set": privileges(Right.VIEW),
        f"{DAV}supported-report-set": _reports(PRINCIPAL_REPORTS),
    }


class PrincipalRow:
    """A member as a principal; his row is read when a property of it is asked for, as a poll asks for none."""

    def __init__(self, load: Callable[[], Member]) -> None:
        self._load = load

    @cached_property
    def member(self) -> Member:
        """The member."""
        return self._load()


def principal(prefix: str, viewer: str, login: str) -> dict[str, Value]:
    """A member as a principal (RFC 3744 section 4), for ``viewer``; its row is a ``PrincipalRow``.

    Teams are no principals, so nobody has a group-membership; no card is a member's own, so there is no
    principal-address.
    """
    own = href(path(prefix, login))
    return {
        **root(prefix, viewer),
        f"{DAV}displayname": lambda row: text(row.member.display_name or row.member.login),
        f"{DAV}resourcetype": "<D:principal/>",
        f"{DAV}owner": own,
        f"{DAV}principal-URL": own,
        f"{DAV}alternate-URI-set": lambda row: href(f"mailto:{row.member.email}") if row.member.email else "",
        f"{DAV}group-membership": "",
        f"{CS}email-address-set": lambda row: (
            f"<CS:email-address>{text(row.member.email)}</CS:email-address>" if row.member.email else ""
        ),
    }


def home(prefix: str, login: str) -> dict[str, Value]:
    """The member's own principal, which is his address book home."""
    return {
        **principal(prefix, login, login),
        f"{DAV}resourcetype": "<D:principal/><D:collection/>",
        f"{CARDDAV}addressbook-home-set": href(path(prefix, login)),
    }


@dataclass(frozen=True, slots=True)
class BookRow:
    """A book and its state, as a PROPFIND lists it."""

    book: Book
    state: BookState


def book(prefix: str, login: str, card_bytes: int) -> dict[str, Value]:
    """An address book; its rows are ``BookRow``."""
    return {
        **common(prefix, login),
        f"{DAV}displayname": lambda row: text(row.book.group.name),
        f"{DAV}resourcetype": "<D:collection/><CR:addressbook/>",
        f"{DAV}sync-token": lambda row: text(row.state.token),
        f"{DAV}getetag": lambda row: f'"{row.state.ctag}"',
        f"{DAV}getlastmodified": lambda row: http_date(row.book.group.modified),
        f"{DAV}getcontenttype": "text/vcard; charset=utf-8",
        f"{DAV}current-user-privilege-set": lambda row: privileges(row.book.rights),
        f"{DAV}supported-report-set": _reports(BOOK_REPORTS),
        f"{CS}getctag": lambda row: f'"{row.state.ctag}"',
        f"{CARDDAV}addressbook-description": lambda row: text(row.book.group.description),
        f"{CARDDAV}max-resource-size": str(card_bytes),
        f"{CARDDAV}supported-address-data": "".join(
            f'<CR:address-data-type content-type="text/vcard" version="{version}"/>' for version in VERSIONS
        ),
        f"{CARDDAV}supported-collation-set": "".join(
            f"<CR:supported-collation>{name}</CR:supported-collation>" for name in COLLATIONS if name.startswith("i;")
        ),
    }


def card(prefix: str, login: str, rights: Right, owned: Callable[[], Collection[str]]) -> dict[str, Value]:
    """A card of a book on which these rights are held; its rows are ``Card``, or ``Entry`` for what a listing has.

    ``owned``: the names of those that he may edit whatever his rights.
    """
    return {
        **common(prefix, login),
        **CARD,
        f"{DAV}current-user-privilege-set": lambda row: privileges(
            rights | Right.EDIT if row.href in owned() else rights
        ),
        f"{DAV}supported-report-set": _reports(CARD_REPORTS),
    }


def _reports(names: Sequence[str]) -> str:
    return "".join(f"<D:supported-report><D:report><{name}/></D:report></D:supported-report>" for name in names)


_PRIVILEGES = ((Right.ADD, "bind"), (Right.EDIT, "write-content"), (Right.DELETE, "unbind"))


def privileges(rights: Right) -> str:
    """RFC 3744 section 5.4. ``write`` only with all three: clients open a book for writing when they find it."""
    names = ["read", *(name for right, name in _PRIVILEGES if rights & right)]
    if rights & WRITE_RIGHTS == WRITE_RIGHTS:
        names.append("write")
    return "".join(f"<D:privilege><D:{name}/></D:privilege>" for name in names)
