"""The story of a refused edit: two clients, one of them read-only, on every door and both databases."""

from __future__ import annotations

import pytest

from sharedbook.domain.errors import Forbidden, NotFound, VersionConflict
from sharedbook.domain.model import PRIVATE, Right
from sharedbook.services.audit import audit_log
from sharedbook.services.contacts import contacts, history
from sharedbook.services.refused import suggestions
from sharedbook.services.refused.suggestions import Open
from tests.carddav.dav import Client
from tests.carddav.served import Book, vcard
from tests.support.sites import as_console, as_member


@pytest.fixture
def bob(book: Book) -> Client:
    """A member who may only read Alice's card ``card.vcf``."""
    assert book.alice.put(book.of_alice("card.vcf"), _card(book, "TITLE:Clerk", "TEL:+1 2")).status == 201
    return book.viewer()


def _card(book: Book, *lines: str) -> str:
    return vcard(f"uid-{book.group.slug}", "Ann Example", *lines)


def _open(book: Book, login: str) -> list[Open]:
    with as_member(book.site.app, login) as tx:
        return [suggestions.get(tx, each.suggestion.id) for each in suggestions.every(tx)]


def test_from_a_refused_edit_to_the_new_card(book: Book, bob: Client) -> None:
    folder = book.path(bob)
    token = bob.sync(folder).token()
    assert bob.put(folder + "card.vcf", _card(book, "TITLE:Chief", "TEL:+1 2")).status == 403
    synced = bob.sync(folder, token, data=True)
    assert "TITLE:Clerk" in synced.cards()[folder + "card.vcf"]
    assert book.alice.put(book.of_alice("card.vcf"), _card(book, "TITLE:Clerk", "TEL:+9 9")).status in (201, 204)

    [found] = _open(book, book.alice.login)
    assert (found.suggestion.member, found.suggestion.client) == (bob.login, "carddav sharedbook-tests/1 test")
    assert [(each.name, each.before, each.after) for each in found.by_field] == [("title", "Clerk", "Chief")]
    with as_member(book.site.app, bob.login, write=True) as tx, pytest.raises(Forbidden):
        suggestions.apply(tx, found.suggestion.id)
    with as_member(book.site.app, book.alice.login, write=True) as tx:
        contact = suggestions.apply(tx, found.suggestion.id)

    for client in (book.alice, bob):
        assert client.get(book.path(client, "card.vcf")).text == _card(book, "TITLE:Chief", "TEL:+9 9")
    assert list(bob.sync(folder, synced.token()).etags()) == [folder + "card.vcf"]
    assert _open(book, book.alice.login) == []
    with as_console(book.site.app) as tx:
        last = history.steps(tx, contact.id)[-1].revision
        actions = [each.action for each in audit_log.entries(tx, contact=contact.id)]
    assert last.actor == book.alice.login
    assert f"suggestion of {bob.login}" in last.client
    assert {"suggestion.keep", "suggestion.apply"} <= set(actions)


def test_the_newest_counts_and_the_stored_card_takes_it_back(book: Book, bob: Client) -> None:
    path = book.path(bob, "card.vcf")
    for title in ("One", "Two"):
        bob.put(path, _card(book, f"TITLE:{title}", "TEL:+1 2"))
    [found] = _open(book, bob.login)
    assert "TITLE:Two" in found.suggestion.wanted
    assert bob.put(path, bob.get(path).body).status == 403
    assert _open(book, bob.login) == []


def test_what_was_changed_in_another_way_needs_force(book: Book, bob: Client) -> None:
    bob.put(book.path(bob, "card.vcf"), _card(book, "TITLE:Chief", "TEL:+1 2"))
    book.alice.put(book.of_alice("card.vcf"), _card(book, "TITLE:Boss", "TEL:+1 2"))
    [found] = _open(book, book.alice.login)
    with as_member(book.site.app, book.alice.login, write=True) as tx:
        with pytest.raises(VersionConflict, match="TITLE"):
            suggestions.apply(tx, found.suggestion.id)
        assert "TITLE:Chief" in suggestions.apply(tx, found.suggestion.id, force=True).vcard


def test_who_sees_them(book: Book, bob: Client) -> None:
    carol = book.viewer()
    bob.put(book.path(bob, "card.vcf"), _card(book, "TITLE:Chief"))
    [found] = _open(book, bob.login)
    assert _open(book, carol.login) == []
    with as_member(book.site.app, carol.login, write=True) as tx, pytest.raises(NotFound):
        suggestions.dismiss(tx, [found.suggestion.id])
    with as_member(book.site.app, bob.login, write=True) as tx:
        suggestions.dismiss(tx, [found.suggestion.id])
    assert _open(book, book.alice.login) == []


def test_what_is_not_kept(book: Book, bob: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    path = book.path(bob, "card.vcf")
    with as_console(book.site.app) as tx:
        before = len(suggestions.every(tx))
        contact = contacts.resolve(tx, f"uid-{book.group.slug}")
    assert bob.put(book.path(bob, "new.vcf"), vcard("new")).status == 403
    assert bob.put(path, vcard("another-uid")).status == 403
    assert bob.put(path, _card(book, f"X-LONG:{'x' * suggestions.MOST_BYTES}")).status == 403
    with as_console(book.site.app) as tx:
        contacts.set_visibility(tx, [contact.id], PRIVATE)
    assert bob.put(path, _card(book, "TITLE:Unseen")).status == 403
    with as_console(book.site.app) as tx:
        assert len(suggestions.every(tx)) == before


def test_a_reading_device_of_one_who_may_edit(book: Book, bob: Client) -> None:
    reader = book.site.member("reader", write=False)
    book.grant(reader, Right.VIEW | Right.EDIT)
    assert reader.put(book.path(reader, "card.vcf"), _card(book, "TITLE:Chief")).status == 403
    [found] = _open(book, reader.login)
    with as_member(book.site.app, reader.login, write=True) as tx:
        assert "TITLE:Chief" in suggestions.apply(tx, found.suggestion.id).vcard


def test_a_converted_card_is_suggested_in_the_stored_version(book: Book, bob: Client) -> None:
    wanted = vcard(f"uid-{book.group.slug}", "Ann Example", "TITLE:Chief", "TEL:+1 2", version="4.0")
    assert bob.put(book.path(bob, "card.vcf"), wanted).status == 403
    book.alice.put(book.of_alice("card.vcf"), _card(book, "TITLE:Clerk", "TEL:+9 9"))
    [found] = _open(book, book.alice.login)
    with as_member(book.site.app, book.alice.login, write=True) as tx:
        assert suggestions.apply(tx, found.suggestion.id).vcard == _card(book, "TITLE:Chief", "TEL:+9 9")
