"""Evolution Data Server, GNOME's address book, keeps a book in step, both ways; its daemons have a bus of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from sharedbook.domain.model import Right
from tests.carddav.dav import Client
from tests.carddav.served import Book, vcard
from tests.conformance.clients import BY_SERVE
from tests.conformance.gnome import gnome
from tests.conformance.lines import LineClient

pytestmark = [pytest.mark.needs("evolution"), BY_SERVE]

PROGRAM = Path(__file__).with_name("evolution_client.py")
Account = Callable[[Client], LineClient]


@pytest.fixture
def account(book: Book) -> Iterator[Account]:
    """Sets up a member's account for the book; each account's daemons end with the test."""
    with ExitStack() as started:

        def start(client: Client) -> LineClient:
            place = (str(book.site.port), client.login, client.password, book.path(client))
            return started.enter_context(gnome(PROGRAM, *place))

        yield start


def test_discovery(book: Book, account: Account) -> None:
    answer = account(book.alice).ask("discover")
    assert answer == {"books": {book.group.name: f"http://127.0.0.1:{book.site.port}{book.of_alice()}"}}
    wrong = Client(book.site.port, book.viewer().login, "wrong")
    assert "401" in account(wrong).ask("discover")["error"]


def names(book: Book) -> list[str]:
    """FN of each card that the server has, sorted."""
    texts = [book.alice.get(href).text for href in book.alice.sync(book.of_alice()).etags()]
    return sorted(line[3:] for text in texts for line in text.splitlines() if line.startswith("FN:"))


def test_both_ways(book: Book, account: Account) -> None:
    for uid in ("ann", "bob"):
        book.alice.put(book.of_alice(f"{uid}.vcf"), vcard(uid, uid.title(), "NOTE:a comma\\, and ünïcode"))
    gnome = account(book.alice)
    gnome.ask("open")
    here = {"cards": {"ann": "Ann", "bob": "Bob"}, "read_only": False}
    assert gnome.ask("refresh", until=here) == here
    assert "NOTE:a comma\\, and ünïcode" in gnome.ask("card", uid="ann")["text"]

    zoe = gnome.ask("add", card=vcard("", "Zoé 김").replace("UID:\r\n", ""))["uid"]
    assert names(book) == ["Ann", "Bob", "Zoé 김"]
    gnome.ask("rename", uid="ann", name="Ann Edited")
    assert names(book) == ["Ann Edited", "Bob", "Zoé 김"]
    assert "NOTE:a comma\\, and ünïcode" in book.alice.get(book.of_alice("ann.vcf")).text

    book.alice.put(book.of_alice("bob.vcf"), vcard("bob", "Bob Edited There"))
    book.alice.put(book.of_alice("new.vcf"), vcard("new", "Made There"))
    book.alice.request("DELETE", book.of_alice("ann.vcf"))
    there = {"cards": {"bob": "Bob Edited There", "new": "Made There", zoe: "Zoé 김"}, "read_only": False}
    assert gnome.ask("refresh", until=there) == there
    assert gnome.ask("delete", uid=zoe) == {}
    assert names(book) == ["Bob Edited There", "Made There"]


def test_a_read_only_book(book: Book, account: Account) -> None:
    book.alice.put(book.of_alice("ann.vcf"), vcard("ann", "Ann"))
    gnome = account(book.viewer(Right.VIEW))
    gnome.ask("open")
    here = {"cards": {"ann": "Ann"}, "read_only": True}
    assert gnome.ask("refresh", until=here) == here
    for request in ({"do": "rename", "uid": "ann", "name": "Mine"}, {"do": "delete", "uid": "ann"}):
        assert gnome.ask(**request)["error"]
    assert gnome.ask("add", card=vcard("new", "New"))["error"]
    assert names(book) == ["Ann"]
