"""A refused write: that member's clients fetch the card again; nobody else's copy, ETag, ctag or token moves."""

from __future__ import annotations

from itertools import pairwise

import pytest

from sharedbook.domain.model import PRIVATE, Right
from sharedbook.services.books import refetch
from sharedbook.services.contacts import contacts, trash
from sharedbook.services.tx import MemberActor
from tests.carddav.dav import CS, Client, D
from tests.carddav.served import SERVED, Book, vcard
from tests.support.sites import CLIENT, as_console


@pytest.fixture
def bob(book: Book) -> Client:
    """A member who may only read Alice's card ``card.vcf``."""
    assert book.alice.put(book.of_alice("card.vcf"), _card(book, "Ann")).status == 201
    return book.viewer()


def _card(book: Book, name: str) -> str:
    return vcard(f"uid-{book.group.slug}", name)


def _poll(client: Client, path: str) -> tuple[str, str]:
    """ctag and sync token of a book."""
    [found] = client.propfind(path, f"{CS}getctag", f"{D}sync-token").found().values()
    return found[f"{CS}getctag"].text or "", found[f"{D}sync-token"].text or ""


def _etags(client: Client, path: str, name: str) -> set[str]:
    """The ETag of a card in every way that a client can ask for it."""
    card, book = path + name, path
    return {
        client.get(card).headers["etag"],
        client.propfind(card, f"{D}getetag").etags()[card],
        client.propfind(book, f"{D}getetag", depth="1").etags()[card],
        client.propfind(book, f"{D}getetag", f"{D}getcontentlength", depth="1").etags()[card],
        client.multiget(book, card).etags()[card],
        client.query(book, "<C:filter/>").etags()[card],
        client.sync(book).etags()[card],
        client.sync(book, data=True).etags()[card],
    }


def test_a_refused_edit_is_fetched_again(book: Book, bob: Client) -> None:
    folder = book.path(bob)
    before, alices = bob.sync(folder), _poll(book.alice, book.of_alice())
    polled = _poll(bob, folder)
    [etag] = _etags(bob, folder, "card.vcf")
    assert bob.put(folder + "card.vcf", _card(book, "Bob's")).status == 403

    assert all(old != new for old, new in zip(polled, _poll(bob, folder), strict=True))
    [again] = _etags(bob, folder, "card.vcf")
    assert again != etag
    synced = bob.sync(folder, before.token(), data=True)
    assert synced.etags() == {folder + "card.vcf": again}
    assert "FN:Ann" in synced.cards()[folder + "card.vcf"]
    assert bob.sync(folder, synced.token()).found() == {}
    assert _poll(book.alice, book.of_alice()) == alices
    assert _etags(book.alice, book.of_alice(), "card.vcf") == {etag}


def test_each_refusal_is_another_etag(book: Book, bob: Client) -> None:
    path = book.path(bob, "card.vcf")
    found = [bob.get(path).headers["etag"]]
    for name in ("one", "two"):
        assert bob.put(path, _card(book, name)).status == 403
        found.append(bob.get(path).headers["etag"])
        assert bob.get(path, If_None_Match=found[-1]).status == 304
        assert bob.get(path, If_None_Match=found[-2]).status == 200
    assert len(set(found)) == 3


def test_every_etag_of_the_card_may_edit_it(book: Book, bob: Client) -> None:
    path = book.path(bob, "card.vcf")
    plain = bob.get(path).headers["etag"]
    bob.put(path, _card(book, "refused"))
    marked = bob.get(path).headers["etag"]
    book.grant(bob, Right.VIEW | Right.EDIT | Right.DELETE)
    assert bob.put(path, _card(book, "first"), If_Match='"stale"').status == 412
    answer = bob.put(path, _card(book, "first"), If_Match=marked)
    assert answer.status in (201, 204)
    assert bob.get(path).headers["etag"] == answer.headers["etag"]
    assert bob.put(path, _card(book, "Ann"), If_Match=plain).status == 412
    assert bob.put(path, _card(book, "Ann"), If_Match=answer.headers["etag"]).status in (201, 204)
    assert bob.get(path).headers["etag"] == marked, "a copy under the plain ETag may still be the refused one"
    assert bob.request("DELETE", path, If_Match=plain).status == 200


def test_a_refused_new_card_is_gone_at_the_next_sync(book: Book, bob: Client) -> None:
    folder, token = book.path(bob), bob.sync(book.path(bob)).token()
    assert bob.put(folder + "new.vcf", vcard("new", "New"), If_None_Match="*").status == 403
    synced = bob.sync(folder, token)
    assert (synced.found().keys(), synced.statuses()) == ({folder + "new.vcf"}, {folder + "new.vcf": 404})
    assert bob.sync(folder, synced.token()).statuses() == {}
    assert bob.sync(folder).statuses() == {}
    assert book.alice.sync(book.of_alice()).statuses() == {}


def test_a_refused_delete_gives_the_card_back(book: Book, bob: Client) -> None:
    folder, token = book.path(bob), bob.sync(book.path(bob)).token()
    assert bob.request("DELETE", folder + "card.vcf").status == 403
    assert list(bob.sync(folder, token).etags()) == [folder + "card.vcf"]


def test_a_refused_move_gives_back_one_and_takes_the_other(book: Book, bob: Client) -> None:
    folder = book.path(bob)
    target = f"/{bob.login}/{book.site.group(**{bob.login: Right.VIEW}).slug}/"
    tokens = [bob.sync(each).token() for each in (folder, target)]
    moved = bob.request("MOVE", folder + "card.vcf", Destination=f"http://127.0.0.1:{bob.port}{target}to%20me.vcf")
    assert moved.status == 403
    assert list(bob.sync(folder, tokens[0]).etags()) == [folder + "card.vcf"]
    assert bob.sync(target, tokens[1]).statuses() == {target + "to%20me.vcf": 404}


@SERVED
def test_pages_of_a_limit_hold_what_is_fetched_again(book: Book, bob: Client) -> None:
    folder, token = book.path(bob), bob.sync(book.path(bob)).token()
    for number in range(4):
        book.alice.put(book.of_alice(f"{number}.vcf"), vcard(f"{number}-{book.group.slug}"))
    bob.put(folder + "card.vcf", _card(book, "refused"))
    bob.put(folder + "new.vcf", vcard("new"))
    held: set[str] = {folder + "new.vcf"}
    tokens = [token]
    while len(tokens) < 10:
        page = bob.sync(folder, tokens[-1], limit="2")
        held = (held | page.etags().keys()) - {href for href, status in page.statuses().items() if status == 404}
        tokens.append(page.token())
        if 507 not in page.statuses().values():
            break
    assert held == {folder + name for name in ("card.vcf", *(f"{number}.vcf" for number in range(4)))}
    assert all(one != other for one, other in pairwise(tokens))


def test_an_older_copy_is_replaced_when_the_card_is_what_it_was_then(book: Book, bob: Client) -> None:
    """Bob's program edits a copy that is behind, and the later edit of it is undone: the stored ETag is that copy's."""
    folder = book.path(bob)
    before = bob.sync(folder)
    book.alice.put(book.of_alice("card.vcf"), _card(book, "Changed"))
    assert bob.put(folder + "card.vcf", _card(book, "refused")).status == 403
    book.alice.put(book.of_alice("card.vcf"), _card(book, "Ann"))
    again = bob.sync(folder, before.token()).etags()
    assert again.keys() == {folder + "card.vcf"}
    assert again != before.etags()


def test_a_copy_refused_while_the_card_was_in_the_trash_is_replaced(book: Book, bob: Client) -> None:
    folder = book.path(bob)
    before = bob.sync(folder)
    with as_console(book.site.app) as tx:
        number = contacts.resolve(tx, f"uid-{book.group.slug}").id
    assert book.alice.request("DELETE", book.of_alice("card.vcf")).status == 200
    assert bob.put(folder + "card.vcf", _card(book, "refused")).status == 403
    with as_console(book.site.app) as tx:
        trash.restore(tx, [number])
    again = bob.sync(folder, before.token()).etags()
    assert again.keys() == {folder + "card.vcf"}
    assert again != before.etags()


def test_a_hidden_card_is_told_as_none(book: Book, bob: Client) -> None:
    with as_console(book.site.app) as tx:
        contacts.set_visibility(tx, [contacts.resolve(tx, f"uid-{book.group.slug}").id], PRIVATE)
    folder, token = book.path(bob), bob.sync(book.path(bob)).token()
    assert bob.put(folder + "card.vcf", vcard("mine")).status == 403
    synced = bob.sync(folder, token)
    assert (synced.etags(), synced.statuses()) == ({}, {folder + "card.vcf": 404})


def test_invented_names_are_bounded(book: Book, bob: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refetch, "UNKNOWN_HREFS", 3)
    folder, token = book.path(bob), bob.sync(book.path(bob)).token()
    bob.put(folder + "card.vcf", _card(book, "refused"))
    with book.site.app.begin(MemberActor(bob.login), CLIENT) as tx:
        viewer = tx.viewer
    for number in range(5):
        refetch.ask(book.site.app, viewer, CLIENT, [(book.group.slug, f"{number}.vcf")])
    synced = bob.sync(folder, token)
    assert synced.statuses() == {f"{folder}{number}.vcf": 404 for number in (2, 3, 4)}
    assert list(synced.etags()) == [folder + "card.vcf"]


def test_another_members_address_tells_nothing(book: Book, bob: Client) -> None:
    polled = _poll(bob, book.path(bob))
    for path in (book.of_alice("card.vcf"), book.path(bob)):
        assert bob.put(path, _card(book, "refused")).status in (403, 404, 405, 409)
    assert _poll(bob, book.path(bob)) == polled
