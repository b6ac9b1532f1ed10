"""Thunderbird finds the address books of a member by itself and reads what he may see, no more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.thunderbird.demo_site import DemoSite
from tests.conformance.thunderbird.driver import Thunderbird
from tests.conformance.thunderbird.expected import WRITE, contacts, member, rights
from tests.conformance.thunderbird.marionette import ScriptFailed

pytestmark = pytest.mark.needs("thunderbird")
WELL_KNOWN = "/.well-known/carddav"


@pytest.fixture
def thunderbird() -> Iterator[Thunderbird]:
    with Thunderbird({}) as running:
        yield running


@pytest.mark.parametrize("login", ["carol", "dave"])
def test_first_sync_brings_what_the_member_may_see(site: DemoSite, thunderbird: Thunderbird, login: str) -> None:
    who = member(login)
    books = thunderbird.add_books(site.carddav + WELL_KNOWN, who.login, who.password)
    expected = {name: {uid: each.name for uid, each in cards.items()} for name, cards in contacts(who).items()}
    assert {book.name: book.cards for book in books} == expected
    assert {book.name: book.read_only for book in books} == {
        name: not right & WRITE for name, right in rights(who).items()
    }


def test_discovery_keeps_the_order_of_the_groups(site: DemoSite, thunderbird: Thunderbird) -> None:
    alice = member("alice")
    found = thunderbird.find_books(site.carddav + WELL_KNOWN, alice.login, alice.password)
    assert list(found) == list(rights(alice))


def test_discovery_with_a_wrong_password_says_so(site: DemoSite, thunderbird: Thunderbird) -> None:
    with pytest.raises(ScriptFailed, match="Authorization failure"):
        thunderbird.find_books(site.carddav + WELL_KNOWN, "dave", "wrong")
