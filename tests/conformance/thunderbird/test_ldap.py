"""Thunderbird completes addresses over LDAP while its user types, from the contacts that he may see."""

from __future__ import annotations

import pytest

from sharedbook.services.demo.people import DemoMember
from tests.conformance.thunderbird.demo_site import DemoSite
from tests.conformance.thunderbird.driver import Thunderbird, mail_account
from tests.conformance.thunderbird.expected import contacts, member

pytestmark = pytest.mark.needs("thunderbird")


def completed(site: DemoSite, who: DemoMember, text: str) -> set[str]:
    """The lines that a new Thunderbird offers this member for `text`."""
    directory = site.directory(who)
    with Thunderbird({**mail_account(who.display_name, who.email), **directory.preferences}) as thunderbird:
        thunderbird.remember_password(directory, who.password)
        thunderbird.compose("", "")
        return {line.removesuffix(f" — {directory.name}") for line in thunderbird.complete(text)}


def expected(who: DemoMember, text: str) -> set[str]:
    """Every address of the visible contacts whose name or address contains `text`."""
    found = {uid: person for cards in contacts(who).values() for uid, person in cards.items()}
    return {
        f"{person.name} <{address}>"
        for person in found.values()
        if any(text in value.casefold() for value in (person.name, *(address for _, address in person.emails)))
        for _, address in person.emails
    }


def test_the_address_book_window_searches_the_directory(site: DemoSite) -> None:
    """With all the fields that its quick search names, and two words at once."""
    who = member("dave")
    directory = site.directory(who)
    people = {person.name for cards in contacts(who).values() for person in cards.values()}
    with Thunderbird({**mail_account(who.display_name, who.email), **directory.preferences}) as thunderbird:
        thunderbird.remember_password(directory, who.password)
        for words in ("zieli", "김"):
            found = thunderbird.search_directory(words)
            named = {name for name in people if words in name.casefold()}
            assert len(found) == len(set(found)) and named and named <= set(found) <= people, words
        name = sorted(each for each in people if each.isascii() and each.count(" ") == 1)[0]
        assert thunderbird.search_directory(" ".join(reversed(name.casefold().split()))) == [name]
        assert thunderbird.search_directory("nobody at all") == []


@pytest.mark.parametrize(("login", "text"), [("dave", "su"), ("alice", "su"), ("carol", "김"), ("erin", "zieli")])
def test_completes_the_contacts_that_the_member_may_see(site: DemoSite, login: str, text: str) -> None:
    who = member(login)
    assert completed(site, who, text) == expected(who, text) != set()
