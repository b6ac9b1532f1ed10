"""An erased contact is named in no other card: no member of a group card, no relation, nothing in their past."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sharedbook.app import App
from sharedbook.services.books import cards, groups
from sharedbook.services.contacts import contacts, history, trash
from sharedbook.services.erasing import erasure
from sharedbook.store import revisions
from tests.support.sites import CLIENT, CONSOLE, as_console, card, new_site

ZOE, OTHER = "6f0c1f9e-8ef2-4f5c-9d0a-0c7f1f6b2a11", "0b7a2d84-5f0e-4b3f-8a55-19a0a5c6d9e2"


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[App]:
    made = new_site(tmp_path / "site", database_url)
    yield made
    made.close()


def put(site: App, uid: str, *lines: str) -> int:
    with as_console(site) as tx:
        return cards.put(tx, groups.book(tx, "contacts"), f"{uid}.vcf", card(uid, uid, *lines)).card.contact_id


def text_of(site: App, contact_id: int) -> str:
    with as_console(site) as tx:
        return contacts.get(tx, contact_id).vcard


def test_lines_that_name_it_go_and_no_others(site: App) -> None:
    zoe = put(site, ZOE, "EMAIL:zoe@wyvern.example", "EMAIL:office@wyvern.example")
    put(site, OTHER, "EMAIL:office@wyvern.example")
    kept = ["X-ADDRESSBOOKSERVER-KIND:group", f"X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:{OTHER}"]
    apple = put(site, "apple", *kept, f"X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:{ZOE.upper()}")
    lines = ["MEMBER:mailto:office@wyvern.example", "MEMBER:mailto:Zoe@Wyvern.example?subject=x", f"MEMBER:{ZOE}"]
    mails = put(site, "mails", "KIND:group", *lines)
    friend = put(site, "friend", f"item1.RELATED;TYPE=friend:urn:uuid:{ZOE}", "item1.X-ABLabel:Sister", f"NOTE:{OTHER}")
    untouched = put(site, "untouched", "KIND:group", f"MEMBER:urn:uuid:{OTHER}")
    before = text_of(site, untouched)
    report = erasure.erase(site.site, CONSOLE, CLIENT, [zoe])
    assert text_of(site, apple) == card("apple", "apple", *kept)
    assert text_of(site, mails) == card("mails", "mails", "KIND:group", lines[0])
    assert text_of(site, friend) == card("friend", "friend", f"NOTE:{OTHER}")
    assert text_of(site, untouched) == before
    assert report.certificate is not None
    assert (report.certificate["removed"]["references"], report.residue) == (3, {})


def test_a_group_card_in_the_trash_comes_back_without_it(site: App) -> None:
    zoe, group = put(site, ZOE), put(site, "group", "KIND:group", f"MEMBER:urn:uuid:{ZOE}")
    with as_console(site) as tx:
        contacts.delete(tx, [group])
    erasure.erase(site.site, CONSOLE, CLIENT, [zoe])
    with as_console(site) as tx:
        trash.restore(tx, [group])
    assert text_of(site, group) == card("group", "group", "KIND:group")


def test_the_past_of_a_group_card_forgets_it(site: App) -> None:
    zoe = put(site, ZOE)
    members = [f"MEMBER:urn:uuid:{ZOE}", f"MEMBER:urn:uuid:{OTHER}"]
    group = put(site, "group", "KIND:group", *members)
    put(site, "group", "KIND:group", members[1])
    put(site, "group", "KIND:group", members[1], "NOTE:later")
    erasure.erase(site.site, CONSOLE, CLIENT, [zoe])
    with as_console(site) as tx:
        assert [step.before is None for step in revisions.of_contact(tx.db, group)] == [True, True, False]
        assert len(history.steps(tx, group)) == 3
        assert revisions.holding(tx.db, ZOE) == []


def test_a_folded_line_of_the_past_is_forgotten_too(site: App) -> None:
    """A name may be folded as well as a value (RFC 6350 section 3.2)."""
    zoe, friend = put(site, ZOE), put(site, "friend", f"{'a' * 70}.RELA\r\n TED:urn:uuid:{ZOE}")
    put(site, "friend", "NOTE:later")
    erasure.erase(site.site, CONSOLE, CLIENT, [zoe])
    with as_console(site) as tx:
        assert [step.before for step in revisions.of_contact(tx.db, friend)] == [None, None]
