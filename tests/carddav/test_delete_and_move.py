"""DELETE and MOVE, and all that members may not do to address books themselves."""

from __future__ import annotations

import pytest

from sharedbook.domain.model import ALL_RIGHTS, Right
from sharedbook.formats.vcards.vcard import load
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts, trash
from sharedbook.services.members import grants
from tests.carddav.dav import CR, Client, D
from tests.carddav.served import Book, vcard
from tests.support.owners import set_owner
from tests.support.sites import as_console


@pytest.fixture
def card(book: Book) -> str:
    """Path of a card in Alice's book."""
    assert book.alice.put(book.of_alice("card.vcf"), vcard(f"uid-{book.group.slug}", "Ann")).status == 201
    return book.of_alice("card.vcf")


def second_book(book: Book, rights: Right = ALL_RIGHTS) -> str:
    """Path of another book of Alice."""
    return f"/{book.alice.login}/{book.site.group(**{book.alice.login: rights}).slug}/"


def move(client: Client, path: str, to: str, **headers: str) -> int:
    return client.request("MOVE", path, Destination=f"http://127.0.0.1:{client.port}{to}", **headers).status


def test_delete_and_its_conditions(book: Book, card: str) -> None:
    etag = book.alice.get(card).headers["etag"]
    assert book.alice.request("DELETE", card, If_Match='"stale"').status == 412
    assert book.alice.request("DELETE", card, If_Match=f'"stale", {etag}').status == 200
    assert book.alice.get(card).status == 404
    assert book.alice.request("DELETE", card).status == 404


def test_conditions_of_who_was_not_to_find_it(book: Book, card: str) -> None:
    etag = book.alice.get(card).headers["etag"]
    for condition in ("*", etag, f'"other", {etag}'):
        assert book.alice.request("DELETE", card, If_None_Match=condition).status == 412
        assert move(book.alice, card, book.of_alice("moved.vcf"), If_None_Match=condition) == 412
    assert move(book.alice, card, book.of_alice("moved.vcf"), If_Match='"stale"') == 412
    assert move(book.alice, card, book.of_alice("moved.vcf"), If_Match=etag) == 201
    assert book.alice.get(book.of_alice("moved.vcf")).status == 200


def test_the_dead_do_not_return_by_themselves(book: Book, card: str) -> None:
    body = book.alice.get(card).text
    book.alice.request("DELETE", card)
    assert book.alice.put(card, body).status == 409
    assert book.alice.put(card, body, If_Match="*").status == 412
    assert book.alice.put(card, body, If_None_Match="*").status == 201


def test_delete_takes_out_of_this_book_only(book: Book, card: str) -> None:
    other = second_book(book)
    with as_console(book.site.app) as tx:
        contact = contacts.resolve(tx, f"uid-{book.group.slug}")
        contacts.copy(tx, [contact.id], groups.get(tx, other.split("/")[2]))
    [copied] = book.alice.sync(other).etags()
    assert book.alice.request("DELETE", card).status == 200
    assert book.alice.get(copied).status == 200
    assert book.alice.request("DELETE", copied).status == 200
    with as_console(book.site.app) as tx:
        assert contact.id in [each.id for each in trash.list_trash(tx)]


def test_an_edit_shows_in_every_book(book: Book, card: str) -> None:
    other = second_book(book)
    with as_console(book.site.app) as tx:
        contact = contacts.resolve(tx, f"uid-{book.group.slug}")
        contacts.copy(tx, [contact.id], groups.get(tx, other.split("/")[2]))
    [copied] = book.alice.sync(other).etags()
    book.alice.put(card, vcard(f"uid-{book.group.slug}", "Edited"))
    assert "FN:Edited" in book.alice.get(copied).text


def test_move_to_another_book(book: Book, card: str) -> None:
    other = second_book(book)
    token = book.alice.sync(book.of_alice()).token()
    body = book.alice.get(card).body
    assert move(book.alice, card, other + "moved.vcf") == 201
    assert book.alice.get(card).status == 404
    assert book.alice.get(other + "moved.vcf").body == body
    assert book.alice.sync(book.of_alice(), token).statuses() == {card: 404}
    assert move(book.alice, other + "moved.vcf", card) == 201


@pytest.mark.parametrize(
    "name",
    ["renamed%20it.vcf", "a%3Bb.vcf", "a%2541.vcf", "x%252Fy", "%252e%252e", "a%3F%23b", "a%0Ab", "%C3%83%C2%A9"],
)
def test_move_to_another_name(book: Book, card: str, name: str) -> None:
    assert move(book.alice, card, book.of_alice(name)) == 201
    assert list(book.alice.propfind(book.of_alice(), f"{D}getetag", depth="1").etags())[1:] == [book.of_alice(name)]
    assert book.alice.get(card).status == 404
    assert move(book.alice, book.of_alice(name), card) == 201


def test_what_stands_at_the_target(book: Book, card: str) -> None:
    other = second_book(book)
    book.alice.put(other + "there.vcf", vcard(f"there-{book.group.slug}", "There"))
    reply = book.alice.request("MOVE", card, Destination=other + "there.vcf")
    assert (reply.status, reply.conditions) == (409, [f"{CR}no-uid-conflict"])
    assert reply.xml.findtext(f".//{D}href") == other + "there.vcf"
    book.alice.put(other + "same.vcf", vcard(f"uid-{book.group.slug}", "There"))
    assert move(book.alice, card, other + "same.vcf", Overwrite="F") == 412
    assert move(book.alice, card, other + "same.vcf") == 204
    assert "FN:Ann" in book.alice.get(other + "same.vcf").text
    with as_console(book.site.app) as tx:
        assert f"uid-{book.group.slug}" in [each.uid for each in trash.list_trash(tx)]


def test_move_over_a_card_that_one_may_not_delete(book: Book, card: str) -> None:
    other = second_book(book)
    book.alice.put(other + "there.vcf", vcard(f"uid-{book.group.slug}", "There"))
    with as_console(book.site.app) as tx:
        both = contacts.with_uids(tx, [f"uid-{book.group.slug}"])
        set_owner(tx, [each.id for each in both], None)
        grants.grant(tx, other.split("/")[2], book.alice.login, Right.VIEW | Right.ADD)
    assert move(book.alice, card, other + "there.vcf") == 403
    assert "FN:There" in book.alice.get(other + "there.vcf").text
    assert book.alice.get(card).status == 200


@pytest.mark.parametrize(
    ("destination", "status"),
    [
        (None, 400),
        ("", 400),
        ("nonsense", 400),
        ("http://elsewhere.example/a/b/c.vcf", 502),
        ("/a%2Fb/c.vcf", 400),
        ("/a/b/c%00.vcf", 400),
        ("/a/b/../../c.vcf", 400),
        ("http://[", 400),
    ],
)
def test_bad_destinations(book: Book, card: str, destination: str | None, status: int) -> None:
    headers = {} if destination is None else {"Destination": destination}
    assert book.alice.request("MOVE", card, **headers).status == status
    assert book.alice.get(card).status == 200


def test_move_needs_rights_on_both_sides(book: Book, card: str) -> None:
    read_only, unknown = second_book(book, Right.VIEW), f"/{book.alice.login}/unknown/"
    reply = book.alice.request("MOVE", card, Destination=read_only + "x.vcf")
    assert (reply.status, reply.conditions) == (403, [f"{D}need-privileges"])
    assert move(book.alice, card, unknown + "x.vcf") in (403, 409)
    assert move(book.alice, card, "/nobody/book/x.vcf") in (403, 409)
    bob = book.viewer(Right.VIEW | Right.ADD)
    own = f"/{bob.login}/{book.site.group(**{bob.login: ALL_RIGHTS}).slug}/"
    assert move(bob, book.path(bob, "card.vcf"), own + "x.vcf") == 403
    assert book.alice.get(card).status == 200


def test_a_uid_conflict_at_the_target(book: Book, card: str) -> None:
    other = second_book(book)
    book.alice.put(other + "same.vcf", vcard(f"uid-{book.group.slug}", "Same UID"))
    reply = book.alice.request("MOVE", card, Destination=other + "x.vcf")
    assert (reply.status, reply.conditions) == (409, [f"{CR}no-uid-conflict"])
    assert reply.xml.findtext(f".//{D}href") == other + "same.vcf"
    assert book.alice.get(card).status == 200


# ---- address books themselves belong to the postmasters


def test_books_cannot_be_changed_from_a_client(book: Book, card: str) -> None:
    home, path = f"/{book.alice.login}/", book.of_alice()
    mkcol = (
        f'<mkcol xmlns="DAV:" xmlns:C="{CR[1:-1]}"><set><prop>'
        "<resourcetype><collection/><C:addressbook/></resourcetype></prop></set></mkcol>"
    )
    patch = '<propertyupdate xmlns="DAV:"><set><prop><displayname>Mine</displayname></prop></set></propertyupdate>'
    for method, target, body in (
        ("DELETE", path, ""),
        ("DELETE", path.rstrip("/"), ""),
        ("DELETE", home, ""),
        ("PUT", path, ""),
        ("PUT", path.rstrip("/"), ""),
        ("PUT", path, vcard("whole") + vcard("book")),
        ("MKCOL", f"{home}new/", mkcol),
        ("PROPPATCH", path, patch),
        ("PROPPATCH", home, patch),
        ("MOVE", path, ""),
    ):
        reply = book.alice.request(method, target, body, Destination="/x/y/")
        assert (reply.status, reply.conditions) == (403, [f"{D}need-privileges"]), (method, target, reply.text)
    assert book.alice.get(card).status == 200
    listed = book.alice.propfind(home, f"{D}displayname", depth="1").found()
    assert set(listed) == {home, path}
    assert listed[path][f"{D}displayname"].text == book.group.name


def test_delete_needs_the_right(book: Book, card: str) -> None:
    bob = book.viewer(Right.VIEW | Right.EDIT)
    reply = bob.request("DELETE", book.path(bob, "card.vcf"))
    assert (reply.status, reply.conditions) == (403, [f"{D}need-privileges"])
    assert reply.xml.findtext(f".//{D}resource/{D}href") == book.path(bob)
    assert book.alice.get(card).status == 200


def test_an_owner_may_in_a_read_only_book(book: Book, card: str) -> None:
    with as_console(book.site.app) as tx:
        contacts.add(tx, book.group, load(vcard("another")))  # the console owns nothing
        grants.grant(tx, book.group.slug, book.alice.login, Right.VIEW)
    if not book.site.plain:
        name = f"{D}current-user-privilege-set"
        told = book.alice.propfind(book.of_alice(), name, depth="1").found() | book.alice.propfind(card, name).found()
        held = {path: {each[0].tag for each in values[name]} for path, values in told.items()}
        assert held.pop(card) == {f"{D}read", f"{D}write-content"}
        assert list(held.values()) == [{f"{D}read"}] * 2, "the book, and a card of nobody"
    assert book.alice.put(card, vcard(f"uid-{book.group.slug}", "Mine")).status == 204
    assert book.alice.put(book.of_alice("new.vcf"), vcard("new")).status == 403
    assert book.alice.request("DELETE", card).status == 200
