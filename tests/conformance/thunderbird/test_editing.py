"""A book in Thunderbird and on the server stay the same, whichever side is changed."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from sharedbook.domain.model import ALL_RIGHTS, Right
from tests.carddav.dav import Client
from tests.carddav.served import Book, vcard
from tests.conformance.clients import BY_SERVE
from tests.conformance.thunderbird.address_book import AddressBook
from tests.conformance.thunderbird.driver import Thunderbird
from tests.conformance.thunderbird.marionette import ScriptFailed
from tests.support.eventually import eventually

pytestmark = [pytest.mark.needs("thunderbird"), BY_SERVE]

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
"""A PNG of one pixel, in base64."""


@pytest.fixture(scope="module")
def thunderbird() -> Iterator[Thunderbird]:
    with Thunderbird({}) as running:
        yield running


def opened(thunderbird: Thunderbird, book: Book, client: Client) -> AddressBook:
    """A member's one book, from nothing but the server's name."""
    url = f"http://127.0.0.1:{book.site.port}/.well-known/carddav"
    return AddressBook(thunderbird, url, client.login, client.password)


def server(book: Book) -> dict[str, str]:
    """FN of each UID on the server."""
    cards = [text.splitlines() for text in book.alice.sync(book.of_alice(), data=True).cards().values()]
    return {_value(card, "UID"): _value(card, "FN") for card in cards}


def _value(card: list[str], name: str) -> str:
    return next(line.partition(":")[2] for line in card if line.startswith(f"{name}:"))


def test_both_ways(thunderbird: Thunderbird, book: Book) -> None:
    for uid in ("ann", "bob"):
        book.alice.put(book.of_alice(f"{uid}.vcf"), vcard(uid, uid.title(), "X-OWN:a comma\\, and ünïcode"))
    here = opened(thunderbird, book, book.alice)
    assert (here.name, here.read_only, here.names()) == (book.group.name, False, {"ann": "Ann", "bob": "Bob"})

    here.add(vcard("zoe", "Zoé 김", version="4.0"))
    here.edit_and_wait("ann", "Ann Edited")
    assert server(book) == {"ann": "Ann Edited", "bob": "Bob", "zoe": "Zoé 김"} == here.names()
    assert "X-OWN:a comma\\, and ünïcode" in book.alice.get(book.of_alice("ann.vcf")).text
    here.delete("zoe")
    eventually(lambda: server(book), {"ann": "Ann Edited", "bob": "Bob"})

    book.alice.put(book.of_alice("ann.vcf"), vcard("ann", "Edited There"))
    book.alice.put(book.of_alice("new.vcf"), vcard("new", "Made There"))
    book.alice.request("DELETE", book.of_alice("bob.vcf"))
    here.sync()
    assert here.names() == {"ann": "Edited There", "new": "Made There"} == server(book)


def test_a_photo_both_ways(thunderbird: Thunderbird, book: Book) -> None:
    book.alice.put(book.of_alice("ann.vcf"), vcard("ann", "Ann", f"PHOTO;ENCODING=b;TYPE=PNG:{PIXEL}"))
    here = opened(thunderbird, book, book.alice)
    assert base64.b64decode(here.photo("ann").partition("base64,")[2]) == base64.b64decode(PIXEL)
    here.edit_and_wait("ann", "Ann Edited")
    here.add(vcard("zoe", "Zoe", f"PHOTO;VALUE=URI:data:image/png;base64,{PIXEL}", version="4.0"))
    for href in book.alice.sync(book.of_alice()).etags():
        assert PIXEL in book.alice.get(href).text.replace("\r\n ", "")
    assert here.photo("zoe") == f"data:image/png;base64,{PIXEL}"


@pytest.mark.parametrize("token", ["http://sabre.io/ns/sync/5", "no URI"])
@pytest.mark.parametrize("rights", [ALL_RIGHTS, Right.VIEW])
def test_recovery_from_a_foreign_token(thunderbird: Thunderbird, book: Book, token: str, rights: Right) -> None:
    for uid in ("ann", "bob", "carl"):
        book.alice.put(book.of_alice(f"{uid}.vcf"), vcard(uid, uid.title()))
    client = book.viewer(rights)
    here = opened(thunderbird, book, client)
    here.token = token
    book.alice.put(book.of_alice("ann.vcf"), vcard("ann", "Edited There"))
    book.alice.put(book.of_alice("new.vcf"), vcard("new", "Made There"))
    book.alice.request("DELETE", book.of_alice("bob.vcf"))
    here.sync()
    assert here.names() == {"ann": "Edited There", "carl": "Carl", "new": "Made There"}
    assert here.token == client.sync(book.path(client)).token()


def test_a_read_only_book(thunderbird: Thunderbird, book: Book) -> None:
    book.alice.put(book.of_alice("ann.vcf"), vcard("ann", "Ann"))
    here = opened(thunderbird, book, book.viewer(Right.VIEW))
    assert (here.read_only, here.names()) == (True, {"ann": "Ann"})
    with pytest.raises(ScriptFailed, match="read-only"):
        here.edit("ann", "Mine")
    book.alice.put(book.of_alice("ann.vcf"), vcard("ann", "Edited There"))
    book.alice.put(book.of_alice("new.vcf"), vcard("new", "Made There"))
    here.sync()
    assert here.names() == {"ann": "Edited There", "new": "Made There"}
    book.alice.request("DELETE", book.of_alice("ann.vcf"))
    here.sync()
    assert here.names() == {"new": "Made There"}


def test_a_refused_edit_and_a_refused_deletion_are_undone(thunderbird: Thunderbird, book: Book) -> None:
    for uid in ("ann", "bob"):
        book.alice.put(book.of_alice(f"{uid}.vcf"), vcard(uid, uid.title()))
    client = book.viewer(ALL_RIGHTS)
    here = opened(thunderbird, book, client)
    assert not here.read_only
    book.grant(client, Right.VIEW)
    here.edit("ann", "Mine")
    here.delete("bob")
    assert here.names() == {"ann": "Mine"}

    def after_sync() -> dict[str, str]:
        here.sync()
        return here.names()

    eventually(after_sync, {"ann": "Ann", "bob": "Bob"})
    assert server(book) == {"ann": "Ann", "bob": "Bob"}
