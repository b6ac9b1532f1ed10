"""A card by href: what a mail client's PUT, DELETE and MOVE do, and what they are refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sharedbook.app import App
from sharedbook.domain.errors import (
    CardErased,
    CardGone,
    ContactNotFound,
    Forbidden,
    HrefTaken,
    InvalidCard,
    QuotaExceeded,
    UidConflict,
    VersionConflict,
)
from sharedbook.domain.model import PRIVATE, Client, Event, Right, Visibility, VisibilityKind
from sharedbook.services.books import cards, groups
from sharedbook.services.books.cards import PutResult
from sharedbook.services.contacts import contacts, trash
from sharedbook.services.erasing import erasure
from sharedbook.services.members import grants, members
from sharedbook.services.people import subjects
from tests.support.owners import set_owner
from tests.support.sites import CLIENT, CONSOLE, as_console, as_member, card, new_site

VIEW = Right.VIEW
ALL = Right.VIEW | Right.ADD | Right.EDIT | Right.DELETE


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[App]:
    made = new_site(tmp_path / "site", database_url, limits_contacts=5)
    with as_console(made) as tx:
        for login in ("alice", "bob", "carol"):
            members.add(tx, login)
        for name in ("Clients", "Partners"):
            groups.add(tx, name)
        grants.grant(tx, "clients", "alice", ALL)
        grants.grant(tx, "clients", "bob", VIEW)
        grants.grant(tx, "partners", "alice", ALL)
    yield made
    made.close()


def put(site: App, login: str, href: str, text: str, slug: str = "clients", **conditions: object) -> PutResult:
    with as_member(site, login, write=True) as tx:
        return cards.put(tx, groups.book(tx, slug), href, text, **conditions)  # type: ignore[arg-type]


def hrefs(site: App, login: str, slug: str = "clients") -> set[str]:
    with as_member(site, login) as tx:
        return {entry.href for entry in cards.listing(tx, groups.book(tx, slug))}


def remove(site: App, login: str, href: str, slug: str = "clients", **conditions: object) -> None:
    with as_member(site, login, write=True) as tx:
        cards.remove(tx, groups.book(tx, slug), href, **conditions)  # type: ignore[arg-type]


def test_the_bytes_come_back_and_the_same_bytes_change_nothing(site: App) -> None:
    text = card("u1", "Ünal Öz", 'X-ODD;P="a,b":kept, as it\\is')
    first = put(site, "alice", "a.vcf", text)
    again = put(site, "alice", "a.vcf", text)
    assert (first.created, first.changed, first.card.vcard) == (True, True, text)
    assert (again.created, again.changed, again.card.etag) == (False, False, first.card.etag)
    with as_console(site) as tx:
        assert [step.event for step in contacts.history(tx, first.card.contact_id)] == [Event.ADDED]


def test_an_edit_keeps_the_text_before_it_and_says_who_and_through_what(site: App) -> None:
    first = put(site, "alice", "a.vcf", card("u1", "One"))
    with site.begin(_viewer(site, "alice"), Client("carddav", "Thunderbird/153", "laptop"), write=True) as tx:
        cards.put(tx, groups.book(tx, "clients"), "a.vcf", card("u1", "Two"), if_match=[first.card.etag])
    with as_console(site) as tx:
        steps = contacts.history(tx, first.card.contact_id)
        contact = contacts.get(tx, first.card.contact_id)
    assert [(step.event, step.before) for step in steps] == [(Event.ADDED, None), (Event.EDITED, card("u1", "One"))]
    assert (steps[1].actor, steps[1].client) == ("alice", "carddav Thunderbird/153 laptop")
    assert (contact.name, contact.version) == ("Two", 2)


def _viewer(site: App, login: str) -> object:
    with as_member(site, login) as tx:
        return tx.viewer


def test_stale_and_missing_etags_are_refused(site: App) -> None:
    first = put(site, "alice", "a.vcf", card("u1", "One"))
    put(site, "alice", "a.vcf", card("u1", "Two"), if_match=["*"])
    with pytest.raises(VersionConflict):
        put(site, "alice", "a.vcf", card("u1", "Three"), if_match=[first.card.etag])
    with pytest.raises(VersionConflict):
        put(site, "alice", "a.vcf", card("u1", "Three"), only_new=True)
    with pytest.raises(VersionConflict):
        put(site, "alice", "new.vcf", card("u2", "New"), if_match=["*"])
    with pytest.raises(VersionConflict):
        remove(site, "alice", "a.vcf", if_match=[first.card.etag])


def test_a_viewer_may_not_write(site: App) -> None:
    put(site, "alice", "a.vcf", card("u1", "One"))
    for attempt in (
        lambda: put(site, "bob", "b.vcf", card("u2", "Two")),
        lambda: put(site, "bob", "a.vcf", card("u1", "Two")),
        lambda: remove(site, "bob", "a.vcf"),
    ):
        with pytest.raises(Forbidden) as refused:
            attempt()
        assert refused.value.group == "clients"
    assert hrefs(site, "bob") == {"a.vcf"}


def test_a_uid_lives_once_in_a_group_and_a_card_keeps_its_own(site: App) -> None:
    put(site, "alice", "a.vcf", card("u1", "One"))
    with pytest.raises(UidConflict) as conflict:
        put(site, "alice", "b.vcf", card("u1", "Two"))
    assert conflict.value.href == "a.vcf"
    with pytest.raises(UidConflict):
        put(site, "alice", "a.vcf", card("u9", "One"))
    assert put(site, "alice", "b.vcf", card("u1", "Other"), slug="partners").created


def test_a_hidden_card_is_not_named_by_a_refusal(site: App) -> None:
    hidden = put(site, "alice", "a.vcf", card("u1", "One"))
    with as_console(site) as tx:
        grants.grant(tx, "clients", "carol", ALL)
        contacts.set_visibility(tx, [hidden.card.contact_id], PRIVATE)
    assert hrefs(site, "carol") == set()
    with pytest.raises(HrefTaken):
        put(site, "carol", "a.vcf", card("u7", "Seven"))
    with pytest.raises(UidConflict) as conflict:
        put(site, "carol", "b.vcf", card("u1", "Seven"))
    assert conflict.value.href is None
    with pytest.raises(ContactNotFound):
        remove(site, "carol", "a.vcf")
    assert hrefs(site, "alice") == {"a.vcf"}, "the owner still sees it"


def test_the_last_delete_trashes_and_a_stale_put_does_not_bring_it_back(site: App) -> None:
    first = put(site, "alice", "a.vcf", card("u1", "One"))
    remove(site, "alice", "a.vcf")
    with pytest.raises(CardGone):
        put(site, "alice", "a.vcf", card("u1", "One"))
    with pytest.raises(CardGone):
        put(site, "alice", "other.vcf", card("u1", "One"))
    with pytest.raises(VersionConflict):
        put(site, "alice", "a.vcf", card("u1", "One"), if_match=[first.card.etag])
    again = put(site, "alice", "a.vcf", card("u1", "One"), only_new=True)
    assert again.card.contact_id != first.card.contact_id
    with as_console(site) as tx, pytest.raises(UidConflict):
        trash.restore(tx, [first.card.contact_id])


def test_restore_gives_the_same_href_uid_and_rights(site: App) -> None:
    first = put(site, "alice", "a.vcf", card("u1", "One"))
    remove(site, "alice", "a.vcf")
    with as_console(site) as tx:
        assert [contact.id for contact in trash.list_trash(tx)] == [first.card.contact_id]
        trash.restore(tx, [first.card.contact_id])
    assert hrefs(site, "bob") == {"a.vcf"}
    assert put(site, "alice", "a.vcf", card("u1", "One")).changed is False


def test_delete_in_one_of_two_groups_leaves_it_in_the_other(site: App) -> None:
    first = put(site, "alice", "a.vcf", card("u1", "One"))
    with as_console(site) as tx:
        contacts.copy(tx, [first.card.contact_id], groups.get(tx, "partners"))
    (other,) = hrefs(site, "alice", "partners")
    put(site, "alice", other, card("u1", "Edited"), slug="partners")
    with as_member(site, "alice") as tx:
        assert "Edited" in cards.get(tx, groups.book(tx, "clients"), "a.vcf").vcard  # type: ignore[union-attr]
    remove(site, "alice", "a.vcf")
    assert hrefs(site, "alice") == set()
    assert hrefs(site, "alice", "partners") == {other}


def test_move_between_books(site: App) -> None:
    first = put(site, "alice", "a.vcf", card("u1", "One"))
    with as_member(site, "alice", write=True) as tx:
        book, target = groups.book(tx, "clients"), groups.book(tx, "partners")
        assert cards.move(tx, book, "a.vcf", target, "b.vcf") is True
    assert hrefs(site, "alice") == set()
    assert hrefs(site, "alice", "partners") == {"b.vcf"}
    put(site, "alice", "c.vcf", card("u2", "Two"))
    with as_member(site, "alice", write=True) as tx:
        book, target = groups.book(tx, "clients"), groups.book(tx, "partners")
        with pytest.raises(VersionConflict):
            cards.move(tx, book, "c.vcf", target, "b.vcf", overwrite=False)
        with pytest.raises(UidConflict):
            cards.move(tx, book, "c.vcf", target, "b.vcf")
    put(site, "alice", "d.vcf", card("u1", "Another One"))
    with as_member(site, "alice", write=True) as tx:
        assert cards.move(tx, groups.book(tx, "clients"), "d.vcf", groups.book(tx, "partners"), "b.vcf") is False
    with as_console(site) as tx:
        assert [contact.id for contact in trash.list_trash(tx)] == [first.card.contact_id]


def test_an_erased_card_never_returns(site: App) -> None:
    first = put(site, "alice", "a.vcf", card("u1", "One"))
    erasure.erase(site.site, CONSOLE, CLIENT, [first.card.contact_id])
    for href, uid in (("a.vcf", "u1"), ("a.vcf", "u2"), ("b.vcf", "u1")):
        with pytest.raises(CardErased):
            put(site, "alice", href, card(uid, "One"))
        with pytest.raises(CardErased):
            put(site, "alice", href, card(uid, "One"), only_new=True)
    assert put(site, "alice", "b.vcf", card("u2", "Two")).created


def test_the_owner_may_edit_and_delete_his_own_in_a_read_only_book(site: App) -> None:
    first = put(site, "alice", "a.vcf", card("u1", "One"))
    with as_console(site) as tx:
        set_owner(tx, [first.card.contact_id], "bob")
    assert put(site, "bob", "a.vcf", card("u1", "Two")).changed
    remove(site, "bob", "a.vcf")
    assert hrefs(site, "alice") == set()


def test_a_listed_card_is_seen_by_those_on_the_list(site: App) -> None:
    first = put(site, "alice", "a.vcf", card("u1", "One"))
    with as_console(site) as tx:
        grants.grant(tx, "clients", "carol", VIEW)
        listed = frozenset({subjects.resolve(tx, "bob").id})
        contacts.set_visibility(tx, [first.card.contact_id], Visibility(VisibilityKind.LISTED, listed))
    assert (hrefs(site, "bob"), hrefs(site, "carol"), hrefs(site, "alice")) == ({"a.vcf"}, set(), {"a.vcf"})
    with as_console(site) as tx:
        contacts.share(tx, [first.card.contact_id], on=False)
    assert hrefs(site, "bob") == set()
    with as_console(site) as tx:
        contacts.share(tx, [first.card.contact_id], on=True)
    assert (hrefs(site, "bob"), hrefs(site, "carol")) == ({"a.vcf"}, set())


def test_the_quota_counts_the_trash_and_refuses_the_next(site: App) -> None:
    for number in range(5):
        put(site, "alice", f"{number}.vcf", card(f"u{number}", "N"))
    remove(site, "alice", "0.vcf")
    with pytest.raises(QuotaExceeded):
        put(site, "alice", "6.vcf", card("u6", "N"))


def test_a_bad_card_changes_nothing(site: App) -> None:
    put(site, "alice", "a.vcf", card("u1", "One"))
    with pytest.raises(InvalidCard):
        put(site, "alice", "a.vcf", "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:u1\r\nno colon\r\nEND:VCARD\r\n")
    with as_member(site, "bob") as tx:
        assert cards.get(tx, groups.book(tx, "clients"), "a.vcf").vcard == card("u1", "One")  # type: ignore[union-attr]
