"""What is refused names the privilege that is missing, and where (RFC 3744 section 7.1.1); methods are as announced."""

from __future__ import annotations

import re

import pytest

from sharedbook.domain.model import ALL_RIGHTS, Right, Visibility, VisibilityKind
from sharedbook.services.contacts import contacts
from sharedbook.services.members import grants
from tests.carddav.dav import CR, Client, D, Reply
from tests.carddav.served import Book, vcard
from tests.support.owners import set_owner
from tests.support.sites import as_console

MKCOL = (
    f'<mkcol xmlns="DAV:" xmlns:C="{CR[1:-1]}"><set><prop>'
    "<resourcetype><collection/><C:addressbook/></resourcetype></prop></set></mkcol>"
)
PATCH = '<propertyupdate xmlns="DAV:"><set><prop><displayname>Mine</displayname></prop></set></propertyupdate>'


@pytest.fixture
def card(book: Book) -> str:
    """Path of a card in Alice's book."""
    assert book.alice.put(book.of_alice("card.vcf"), vcard(f"uid-{book.group.slug}", "Ann")).status == 201
    return book.of_alice("card.vcf")


def second_book(book: Book, client: Client, rights: Right) -> str:
    """Path of another book of a member."""
    return f"/{client.login}/{book.site.group(**{client.login: rights}).slug}/"


def needed(reply: Reply) -> tuple[str, str]:
    """Resource and privilege of a D:need-privileges."""
    assert (reply.status, reply.conditions) == (403, [f"{D}need-privileges"]), reply.text
    [resource] = reply.xml.findall(f"{D}need-privileges/{D}resource")
    [privilege] = resource.findall(f"{D}privilege/*")
    return resource.findtext(f"{D}href") or "", privilege.tag.removeprefix(D)


def test_each_method_names_its_privilege(book: Book, card: str) -> None:
    bob = book.viewer(Right.VIEW)
    mine, there = book.path(bob), book.path(bob, "card.vcf")
    own = second_book(book, bob, ALL_RIGHTS)
    uid = f"uid-{book.group.slug}"
    assert needed(bob.put(mine + "new.vcf", vcard("new"))) == (mine, "bind")
    assert needed(bob.put(there, vcard(uid, "Edited"))) == (there, "write-content")
    assert needed(bob.request("DELETE", there)) == (mine, "unbind")
    assert needed(bob.request("PROPPATCH", there, PATCH)) == (there, "write-properties")
    assert needed(bob.request("PROPPATCH", mine, PATCH)) == (mine, "write-properties")
    assert needed(bob.request("PROPPATCH", f"/{bob.login}/", PATCH)) == (f"/{bob.login}/", "write-properties")
    assert needed(bob.request("MOVE", there, Destination=own + "x.vcf")) == (mine, "unbind")
    assert needed(bob.request("MKCOL", f"/{bob.login}/new/", MKCOL)) == (f"/{bob.login}/", "bind")
    assert needed(bob.request("MKCOL", f"/{bob.login}/new/")) == (f"/{bob.login}/", "bind")
    assert needed(bob.request("DELETE", mine)) == (f"/{bob.login}/", "unbind")
    assert needed(bob.request("MOVE", mine, Destination=own)) == (f"/{bob.login}/", "unbind")


def test_a_move_names_the_side_that_is_missing(book: Book, card: str) -> None:
    read_only = second_book(book, book.alice, Right.VIEW | Right.EDIT)
    assert needed(book.alice.request("MOVE", card, Destination=read_only + "x.vcf")) == (read_only, "bind")
    adding = second_book(book, book.alice, ALL_RIGHTS)
    uid = f"uid-{book.group.slug}"
    book.alice.put(adding + "there.vcf", vcard(uid))
    with as_console(book.site.app) as tx:
        set_owner(tx, [each.id for each in contacts.with_uids(tx, [uid])], None)
        grants.grant(tx, adding.split("/")[2], book.alice.login, Right.VIEW | Right.ADD)
    assert needed(book.alice.request("MOVE", card, Destination=adding + "there.vcf")) == (adding, "unbind")


def test_a_hidden_card_is_refused_like_one_that_is_not_there(book: Book, card: str) -> None:
    bob, eve = book.viewer(Right.VIEW | Right.EDIT), book.viewer(ALL_RIGHTS)
    with as_console(book.site.app) as tx:
        hidden = contacts.resolve(tx, f"uid-{book.group.slug}").id
        contacts.set_visibility(tx, [hidden], Visibility(VisibilityKind.PRIVATE))
    for client, path in ((bob, book.path(bob)), (eve, book.path(eve))):
        hidden_reply, unknown = (client.request("DELETE", path + name) for name in ("card.vcf", "none.vcf"))
        assert (hidden_reply.status, hidden_reply.body) == (unknown.status, unknown.body)
    assert needed(bob.put(book.path(bob, "card.vcf"), vcard("other"))) == (book.path(bob), "bind")
    taken = eve.put(book.path(eve, "card.vcf"), vcard("other"))
    assert taken.status == 409 and f"uid-{book.group.slug}" not in taken.text and "alice" not in taken.text


def test_the_owner_may_where_others_may_not(book: Book, card: str) -> None:
    with as_console(book.site.app) as tx:
        grants.grant(tx, book.group.slug, book.alice.login, Right.VIEW)
    bob = book.viewer(Right.VIEW)
    edited = vcard(f"uid-{book.group.slug}", "Edited")
    assert needed(bob.put(book.path(bob, "card.vcf"), edited)) == (book.path(bob, "card.vcf"), "write-content")
    assert book.alice.put(card, edited).status == 204
    assert book.alice.request("DELETE", card).status == 200


# ---- MOVE, RFC 4918 section 9.9.4


@pytest.mark.parametrize(
    ("to", "status"),
    [
        ("/{login}/{book}/card.vcf", 403),  # to itself
        ("/{login}/{book}/", 403),
        ("/{login}/", 403),
        ("/", 403),
        ("/{login}/loose.vcf", 403),
        ("/nobody/{book}/x.vcf", 403),
        ("/{login}/unknown/x.vcf", 409),
        ("http://elsewhere.example/{login}/{book}/x.vcf", 502),
    ],
)
def test_where_a_card_cannot_go(book: Book, card: str, to: str, status: int) -> None:
    target = to.format(login=book.alice.login, book=book.group.slug)
    reply = book.alice.request("MOVE", card, Destination=target)
    assert (reply.status, reply.headers["content-type"][:4] in ("text", "appl")) == (status, True)
    assert book.alice.get(card).status == 200


def test_a_card_that_is_not_there_cannot_be_moved(book: Book) -> None:
    reply = book.alice.request("MOVE", book.of_alice("none.vcf"), Destination=book.of_alice("x.vcf"))
    assert reply.status == 404


# ---- methods

METHODS = (
    *("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "MOVE", "COPY", "MKCOL", "MKCALENDAR", "PROPFIND", "PROPPATCH"),
    *("REPORT", "POST", "PATCH", "LOCK", "UNLOCK", "ACL", "TRACE", "BREW"),
)


def test_allow_is_the_truth(book: Book, card: str) -> None:
    home = f"/{book.alice.login}/"
    for path in ("/", home, book.of_alice(), card):
        options = Client(book.site.port).request("OPTIONS", path)
        allowed = set(options.headers["allow"].split(", "))
        assert options.headers["dav"] == "1, 3, access-control, addressbook"
        for method in METHODS:
            reply = book.alice.request(method, path, PATCH if method == "PROPPATCH" else "", If_Match='"none"')
            assert (reply.status != 405) == (method in allowed), (method, path)
            assert reply.status != 405 or set(reply.headers["allow"].split(", ")) == allowed
    assert book.alice.get(card).status == 200


def test_a_folder_answers_a_browser(book: Book) -> None:
    home = f"/{book.alice.login}/"
    for path in ("/", home, home.rstrip("/")):
        reply = book.alice.get(path)
        assert (reply.status, reply.headers["content-type"]) == (200, "text/plain; charset=utf-8")
        assert len(reply.text.splitlines()) == 1
    for path in ("/nobody/", f"{home}nobook/"):
        assert book.alice.get(path).status == 404


def test_what_has_no_address_book_around_it(book: Book) -> None:
    reply = book.alice.put(f"/{book.alice.login}/unknown/x.vcf", vcard("x"))
    assert (reply.status, "address book" in reply.text) == (409, True)
    loose = book.alice.put(f"/{book.alice.login}/loose.vcf", vcard("x"))
    assert needed(loose) == (f"/{book.alice.login}/", "bind")


def test_the_log_names_no_card_and_no_login(book: Book, card: str) -> None:
    bob = book.viewer(Right.VIEW)
    assert bob.put(book.path(bob, "Zoltan-Quixote.vcf"), vcard("zoltan", "Zoltan Quixote")).status == 403
    assert bob.put(book.path(bob, "Zoltan-Quixote.vcf"), "NO COLON Zoltan").status == 403
    assert bob.request("MOVE", card, Destination=book.path(bob, "Zoltan-Quixote.vcf")).status in (403, 404)
    assert bob.report(book.path(bob), "<Zoltan").status == 400
    assert Client(book.site.port, "zoltan", "quixote wyvern").get("/").status == 401
    assert book.site.server.wait_for_line("login refused")
    assert not re.search("zoltan|quixote|wyvern", book.site.server.output, re.IGNORECASE)
