"""PROPPATCH: postmasters name and describe the groups that they view; all of it or nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sharedbook.domain.model import Right
from sharedbook.services.members import members
from tests.carddav.dav import CR, CS, Client, D, Reply
from tests.carddav.served import SERVED, Book
from tests.support.sites import as_console

pytestmark = SERVED
NAME, DESCRIPTION = f"{D}displayname", f"{CR}addressbook-description"


@pytest.fixture
def carol(book: Book) -> Iterator[Client]:
    """A postmaster who only views the book."""
    client = book.viewer(Right.VIEW)
    with as_console(book.site.app) as tx:
        members.change(tx, client.login, postmaster=True)
    yield client


def patch(client: Client, path: str, inner: str, **headers: str) -> Reply:
    body = f'<D:propertyupdate xmlns:D="DAV:" xmlns:C="{CR[1:-1]}">{inner}</D:propertyupdate>'
    return client.request("PROPPATCH", path, body, **headers)


def set_(inner: str) -> str:
    return f"<D:set><D:prop>{inner}</D:prop></D:set>"


def statuses(reply: Reply) -> dict[str, int]:
    """Status of each property."""
    assert reply.status == 207, reply.text
    return {
        prop.tag: int((propstat.findtext(f"{D}status") or "").split(" ")[1])
        for propstat in reply.xml.iter(f"{D}propstat")
        for prop in propstat.findall(f"{D}prop/*")
    }


def told(book: Book) -> tuple[str | None, str | None]:
    """Name and description as Alice has them."""
    found = book.alice.propfind(book.of_alice(), NAME, DESCRIPTION).found()[book.of_alice()]
    return found[NAME].text, found[DESCRIPTION].text


def test_name_and_description(book: Book, carol: Client) -> None:
    path, name = book.path(carol), f"Kunden & Söhne {book.group.slug}"
    before = book.alice.propfind(book.of_alice(), f"{CS}getctag").found()[book.of_alice()][f"{CS}getctag"].text
    escaped = name.replace("&", "&amp;")
    inner = f"<D:displayname>{escaped}</D:displayname><C:addressbook-description>All</C:addressbook-description>"
    assert statuses(patch(carol, path, set_(inner))) == {NAME: 200, DESCRIPTION: 200}
    assert told(book) == (name, "All")
    after = book.alice.propfind(book.of_alice(), f"{CS}getctag").found()[book.of_alice()][f"{CS}getctag"].text
    assert after != before
    removed = patch(carol, path, "<D:remove><D:prop><C:addressbook-description/></D:prop></D:remove>")
    assert statuses(removed) == {DESCRIPTION: 200}
    assert told(book) == (name, None)


def test_all_or_nothing(book: Book, carol: Client) -> None:
    path, before = book.path(carol), told(book)
    described = "<C:addressbook-description>New</C:addressbook-description>"
    for inner, status in (
        ("<D:getetag>x</D:getetag>", 403),
        ('<X:colour xmlns:X="urn:x">red</X:colour>', 403),
        ("<D:displayname/>", 409),
        (f"<D:displayname>{'x' * 101}</D:displayname>", 409),
    ):
        found = statuses(patch(carol, path, set_(described + inner)))
        assert sorted(found.values()) == [status, 424] and found[DESCRIPTION] == 424
        assert told(book) == before
    taken = f"<D:displayname>{book.site.group().name}</D:displayname>"
    assert statuses(patch(carol, path, set_(taken))) == {NAME: 409}


def test_what_is_not_there_is_removed_already(book: Book, carol: Client) -> None:
    path, remove = book.path(carol), "<D:remove><D:prop>{}</D:prop></D:remove>"
    assert statuses(patch(carol, path, remove.format('<X:colour xmlns:X="urn:x"/>'))) == {"{urn:x}colour": 200}
    assert statuses(patch(carol, path, remove.format("<D:getetag/>"))) == {f"{D}getetag": 403}
    assert statuses(patch(carol, path, set_('<X:colour xmlns:X="urn:x"/>'))) == {"{urn:x}colour": 403}


def test_minimal(book: Book, carol: Client) -> None:
    named = set_(f"<D:displayname>Minimal {book.group.slug}</D:displayname>")
    reply = patch(carol, book.path(carol), named, Prefer="return=minimal")
    assert (reply.status, reply.body, reply.headers["preference-applied"]) == (200, b"", "return=minimal")
    assert told(book)[0] == f"Minimal {book.group.slug}"
    failed = patch(carol, book.path(carol), set_("<D:getetag/>"), Prefer="return=minimal")
    assert statuses(failed) == {f"{D}getetag": 403}


def test_who_may_not(book: Book, carol: Client) -> None:
    before, named = told(book), set_("<D:displayname>Mine</D:displayname>")
    unviewed = book.site.group().slug
    for client, path, status in (
        (book.alice, book.of_alice(), 403),
        (book.viewer(Right.VIEW | Right.EDIT), None, 403),
        (carol, f"/{carol.login}/", 403),
        (carol, book.path(carol, "card.vcf"), 403),
        (carol, f"/{carol.login}/{unviewed}/", 404),
        (carol, book.of_alice(), 403),
    ):
        assert patch(client, path or book.path(client), named).status == status
    assert told(book) == before


def test_bodies_that_say_nothing(book: Book, carol: Client) -> None:
    for body in ("", "<x/>", '<propertyupdate xmlns="DAV:"/>', '<propertyupdate xmlns="DAV:"><set/></propertyupdate>'):
        assert carol.request("PROPPATCH", book.path(carol), body).status == 400
