"""Who may be one and the same: suggested with reasons, never by a name alone, never again once found to be two."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest

from sharedbook.app import App
from sharedbook.domain.errors import ContactNotFound, Forbidden
from sharedbook.domain.model import PRIVATE, Right
from sharedbook.formats.vcards import likeness, phones, vcard
from sharedbook.services.audit import audit_log
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts
from sharedbook.services.erasing import erasure
from sharedbook.services.members import grants
from sharedbook.services.merging import duplicates
from sharedbook.services.merging.duplicates import Confidence, Suggestion
from sharedbook.store.schema import distinct_pairs
from tests.services.people import add_members
from tests.support.sites import CLIENT, CONSOLE, as_console, as_member, card, new_site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[App]:
    made = new_site(tmp_path / "site", default_region="KR")
    yield made
    made.close()


@pytest.fixture
def on_both(tmp_path: Path, database_url: str) -> Iterator[App]:
    """The same on either database, for the tests that run every statement."""
    made = new_site(tmp_path / "both", database_url, default_region="KR")
    yield made
    made.close()


def add(site: App, *people: tuple[str, ...], group: str = "contacts") -> list[int]:
    """Contacts of (name, lines...), each with a UID of its own."""
    with as_console(site) as tx:
        home = groups.get(tx, group)
        return [
            contacts.add(tx, home, vcard.parse(card(f"{group}-{number}-{name}", name, *lines))).id
            for number, (name, *lines) in enumerate(people)
        ]


def suggested(site: App) -> list[Suggestion]:
    with as_console(site, write=False) as tx:
        return duplicates.find(tx)


def told(site: App) -> list[tuple[tuple[int, ...], str, list[str]]]:
    return [
        (each.contacts, each.confidence.name.lower(), [f"{reason.shared} {reason.value}" for reason in each.reasons])
        for each in suggested(site)
    ]


def test_reasons_and_how_sure_they_are(on_both: App) -> None:
    site = on_both
    add(
        site,
        ("Minji Kim", "EMAIL:minji@example.com"),
        ("KIM, Min-ji", "EMAIL:Minji@Example.com"),
        ("J. Smith", "TEL:+82 10-1111-2222"),
        ("John Smith", "TEL:010 1111 2222"),
        ("Front desk", "EMAIL:office@example.com"),
        ("Ada Lovelace", "EMAIL:office@example.com"),
        ("Minji Kim", "TEL:+82 10-9999-0000"),
        ("Ada Lovelace", "TEL:+82 10-9999-0000"),
        ("홍길동", "TEL:02-123-4567"),
        ("홍 길동", "TEL:+82 2 123 4567", "EMAIL:hong@example.com"),
        ("홍길동", "EMAIL:hong@example.com"),
        ("Minji Kim", "KIND:group", "EMAIL:minji@example.com"),
    )
    assert told(site) == [
        ((1, 2), "certain", ["mail minji@example.com"]),
        ((9, 10, 11), "likely", ["mail hong@example.com", "phone +8221234567"]),
        ((3, 4), "likely", ["phone +821011112222"]),
        ((5, 6), "possible", ["mail office@example.com"]),
    ]


def test_a_mailbox_of_many_tells_nothing_but_for_those_alike(site: App) -> None:
    people = [(f"Name{letter} Family{letter}", "EMAIL:info@example.com") for letter in "abcdef"]
    add(site, *people, ("Familyc Namec", "EMAIL:info@example.com"))
    assert told(site) == [((3, 7), "certain", ["mail info@example.com"])]


def test_the_national_form_of_two_countries_is_no_shared_number(site: App) -> None:
    add(site, ("Minji Kim", "TEL:+82 2 312 3456"), ("Minji Kim", "TEL:+81 2 312 3456"))
    assert told(site) == []


def test_the_same_card_in_two_groups(site: App) -> None:
    with as_console(site) as tx:
        other = groups.add(tx, "Other")
        same = vcard.parse(card("same", "Minji Kim"))
        contacts.add(tx, groups.default(tx), same)
        contacts.add(tx, other, same)
    assert told(site) == [((1, 2), "certain", ["uid same"])]


def test_only_among_what_the_viewer_sees(site: App) -> None:
    mail = "EMAIL:m@example.com"
    with as_console(site) as tx:
        groups.add(tx, "Other")
    first, second, third = add(site, ("Minji Kim", mail), ("Minji Kim", mail), ("Minji Kim", mail))
    (fourth,) = add(site, ("Minji Kim", mail), group="other")
    add_members(site, "bob")
    with as_console(site) as tx:
        grants.grant(tx, "contacts", "bob", Right.VIEW)
        contacts.delete(tx, [third])
        assert [each.contacts for each in duplicates.find(tx)] == [(first, second, fourth)]
        assert [each.contacts for each in duplicates.find(tx, "contacts")] == [(first, second)]
        assert duplicates.find(tx, limit=0) == []
    with as_member(site, "bob") as tx:
        assert [each.contacts for each in duplicates.find(tx)] == [(first, second)]
    with as_console(site) as tx:
        contacts.set_visibility(tx, [second], PRIVATE)
    with as_member(site, "bob") as tx:
        assert duplicates.find(tx) == []


def test_what_was_found_to_be_two(on_both: App) -> None:
    site = on_both
    mail = "EMAIL:m@example.com"
    one, two, three = add(site, ("Minji Kim", mail), ("Minji Kim", mail), ("Minji Kim", mail))
    with as_console(site) as tx:
        assert duplicates.mark_distinct(tx, [two, one]) == [(one, two)]
        assert duplicates.mark_distinct(tx, [one, two]) == []
        (left,) = duplicates.find(tx)
        assert (left.contacts, left.confidence) == ((one, two, three), Confidence.POSSIBLE)
        assert {reason.pair for reason in left.reasons} == {(one, three), (two, three)}
        assert duplicates.mark_distinct(tx, [one, two, three]) == [(one, three), (two, three)]
        assert duplicates.find(tx) == []
        assert [(low.id, high.id) for low, high in duplicates.list_distinct(tx)] == [(1, 2), (1, 3), (2, 3)]
        assert duplicates.unmark_distinct(tx, [one, three]) == [(one, three)]
        assert [each.contacts for each in duplicates.find(tx)] == [(one, three)]
        with pytest.raises(ContactNotFound):
            duplicates.mark_distinct(tx, [one, 99])
    add_members(site, "bob")
    with as_console(site) as tx:
        grants.grant(tx, "contacts", "bob", Right.VIEW)
        contacts.set_visibility(tx, [one], PRIVATE)
        marked = [each.ids["contacts"] for each in audit_log.entries(tx) if each.action == "contact.distinct"]
        assert marked == [[one, two], [], [one, two, three]]
    with as_member(site, "bob", write=True) as tx:
        assert [(low.id, high.id) for low, high in duplicates.list_distinct(tx)] == [(two, three)]
        with pytest.raises(Forbidden):
            duplicates.mark_distinct(tx, [two, three])
    erasure.erase(site.site, CONSOLE, CLIENT, [two])
    with as_console(site, write=False) as tx:
        assert duplicates.list_distinct(tx) == []
        assert tx.db.execute(distinct_pairs.select()).all() == []


def test_the_same_as_looking_at_every_pair(site: App) -> None:
    """An oracle that compares everybody with everybody."""
    chance = random.Random(5)
    given, family = ["Min", "Minji", "M.", "Jae", "J", "민지"], ["Kim", "Park", "Kim Lee", "김"]
    people = []
    for _ in range(150):
        name = f"{chance.choice(given)} {chance.choice(family)}"
        mails = [f"EMAIL:{chance.randrange(40)}@example.com" for _ in range(chance.randrange(3))]
        numbers = [f"TEL:{chance.choice(['+82 10', '010'])} 1234 {chance.randrange(5000, 5040)}"]
        people.append((name, *mails, *numbers[: chance.randrange(2)]))
    ids = add(site, *people)
    wanted = set()
    for (low, one), (high, other) in combinations(zip(ids, people, strict=True), 2):
        how = likeness.like(one[0], other[0])
        shared = {line for line in one[1:] if line.startswith("EMAIL")} & {*other[1:]}
        few = [line for line in shared if sum(line in each for each in people) <= duplicates.MOST]
        numbers_of = ({phones.keys(line[4:], "KR").e164 for line in each if line[:3] == "TEL"} for each in (one, other))
        if (how and shared) or few or (how and set.intersection(*numbers_of)):
            wanted.add((low, high))
    found = {reason.pair for each in suggested(site) for reason in each.reasons}
    assert found == wanted and len(wanted) > 50
