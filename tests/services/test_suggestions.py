"""How long suggestions and refetches are kept, how many, and that they go with what they are about."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta

import pytest
from sqlalchemy import Table, func, select, update

from sharedbook.app import App
from sharedbook.domain.errors import NotFound, Protected
from sharedbook.domain.model import Client, Right, Visibility, VisibilityKind
from sharedbook.services.books import cards, groups, refetch, sync
from sharedbook.services.contacts import contacts
from sharedbook.services.erasing import erasure, subject_access
from sharedbook.services.members import grants, members
from sharedbook.services.refused import suggestions
from sharedbook.services.upkeep import housekeeping
from sharedbook.store.schema import refetches
from sharedbook.store.schema import suggestions as table
from tests.support.sites import CLIENT, CONSOLE, as_console, as_member, card, new_site

PHONE = Client("carddav", "Phone/1", "bob's phone")
MAIL = "zoltan@wyvern.example"
CARDS = 3


@pytest.fixture
def site(app: App) -> App:
    """Contacts 1 to 3 in clients, of alice; bob may read them."""
    with as_console(app) as tx:
        groups.add(tx, "Clients")
        for login, right in (("alice", Right.VIEW | Right.ADD | Right.EDIT), ("bob", Right.VIEW)):
            members.add(tx, login)
            grants.grant(tx, "clients", login, right)
    for number in range(1, CARDS + 1):
        with as_member(app, "alice", write=True) as tx:
            cards.put(tx, groups.book(tx, "clients"), f"{number}.vcf", card(f"u-{number}", f"Name {number}"))
    return app


def refused(site: App, number: int, *lines: str) -> None:
    """What the door does when an edit of bob is refused."""
    with as_member(site, "bob") as tx:
        viewer = tx.viewer
    text = card(f"u-{number}", f"Name {number}", *lines).encode()
    suggestions.keep(site, viewer, PHONE, "clients", f"{number}.vcf", text)
    refetch.ask(site, viewer, PHONE, [("clients", f"{number}.vcf")])


def wanted(site: App) -> list[tuple[int, str]]:
    """Contact and login of each open suggestion."""
    with as_console(site, write=False) as tx:
        return [(each.contact.id, each.suggestion.member) for each in suggestions.every(tx)]


def age(site: App, rows: Table, days: int) -> None:
    with as_console(site) as tx:
        tx.db.execute(update(rows).values(at=tx.now - timedelta(days=days)))


def count(site: App, rows: Table) -> int:
    with as_console(site, write=False) as tx:
        return int(tx.db.execute(select(func.count()).select_from(rows)).scalar_one())


def test_suggestions_go_with_the_history(site: App) -> None:
    refused(site, 1, "TITLE:Chief")
    age(site, table, site.settings.history_days - 1)
    assert housekeeping.run(site.site).suggestions == 0
    age(site, table, site.settings.history_days + 1)
    assert housekeeping.run(site.site).suggestions == 1
    assert wanted(site) == []


def test_a_member_has_so_many(site: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suggestions, "MOST_OF_MEMBER", 2)
    for number in (1, 2, 3):
        refused(site, number, "TITLE:Chief")
    assert wanted(site) == [(2, "bob"), (3, "bob")]


def test_refetches_go_with_the_tombstones_and_the_old_token_still_counts(site: App) -> None:
    refused(site, 1, "TITLE:Chief")
    with as_member(site, "bob") as tx:
        state = sync.state(tx, groups.book(tx, "clients"))
    age(site, refetches, site.settings.tombstone_days - 1)
    assert housekeeping.run(site.site).refetches == 0
    age(site, refetches, site.settings.tombstone_days + 1)
    assert housekeeping.run(site.site).refetches == 1
    with as_member(site, "bob") as tx:
        book = groups.book(tx, "clients")
        now = sync.changes(tx, book, state.token)
        assert (now.changed, now.removed) == ([], [])
        assert all("-" not in entry.etag for entry in cards.listing(tx, book))
    with as_member(site, "alice", write=True) as tx:
        cards.put(tx, groups.book(tx, "clients"), "2.vcf", card("u-2", "Changed"))
    with as_member(site, "bob") as tx:
        book = groups.book(tx, "clients")
        for token in (state.token, now.token):
            assert [entry.href for entry in sync.changes(tx, book, token).changed] == ["2.vcf"]


def test_one_in_the_trash_waits(site: App) -> None:
    refused(site, 1, "TITLE:Chief")
    with as_console(site) as tx:
        contacts.delete(tx, [1])
        [found] = suggestions.every(tx)
        with pytest.raises(Protected):
            suggestions.apply(tx, found.suggestion.id)
    with as_member(site, "alice") as tx:
        assert suggestions.every(tx) == []


def test_who_sees_the_contact_no_more_is_shown_nothing_of_it(site: App) -> None:
    refused(site, 1, "TITLE:Chief")
    refused(site, 2, "TITLE:Chief")
    with as_console(site) as tx:
        contacts.set_visibility(tx, [1], Visibility(VisibilityKind.PRIVATE))
        contacts.delete(tx, [2])
    with as_member(site, "bob", write=True) as tx:
        assert suggestions.every(tx) == []
        for suggestion_id in (1, 2):
            with pytest.raises(NotFound):
                suggestions.get(tx, suggestion_id)
            with pytest.raises(NotFound):
                suggestions.dismiss(tx, [suggestion_id])
    assert wanted(site) == [(1, "bob"), (2, "bob")]


def test_an_erasure_takes_them(site: App) -> None:
    refused(site, 1, f"EMAIL:{MAIL}", "NOTE:Mézeskalács 918 2736")
    refused(site, 2, "TITLE:Chief")
    report = erasure.erase(site.site, CONSOLE, CLIENT, [1])
    assert (report.clean, report.residue) == (True, {})
    assert report.certificate is not None and report.certificate["removed"]["suggestions"] == 1
    assert wanted(site) == [(2, "bob")]
    assert count(site, refetches) == 1


def test_an_erasure_takes_those_that_name_the_contact(site: App) -> None:
    refused(site, 2, "X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:u-1")
    refused(site, 3, "X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:u-2")
    erasure.erase(site.site, CONSOLE, CLIENT, [1])
    assert wanted(site) == [(3, "bob")]


def test_what_is_held_on_a_person(site: App) -> None:
    refused(site, 2, f"NOTE:ask {MAIL}")
    target = io.BytesIO()
    with as_console(site, write=False) as tx:
        subject_access.report(tx, subject_access.find(tx, MAIL), target)
    with zipfile.ZipFile(target) as file:
        assert MAIL in file.read("suggestions/contact-2-1.vcf").decode()
    report = erasure.erase(site.site, CONSOLE, CLIENT, [3], subject=MAIL)
    assert (report.clean, report.residue) == (True, {})
    assert wanted(site) == []


def test_what_is_wished_for_a_person_is_told_once(site: App) -> None:
    with as_member(site, "alice", write=True) as tx:
        cards.put(tx, groups.book(tx, "clients"), "2.vcf", card("u-2", "Name 2", f"EMAIL:{MAIL}"))
    refused(site, 2, f"EMAIL:{MAIL}", "TITLE:Chief")
    refused(site, 1, f"NOTE:ask {MAIL}")
    with as_console(site, write=False) as tx:
        assert [each.contact_id for each in subject_access.find(tx, MAIL).suggestions] == [2, 1]


def test_no_piece_is_left_in_a_file(tmp_path_factory: pytest.TempPathFactory) -> None:
    made = new_site(tmp_path_factory.mktemp("erased") / "site")
    with as_console(made) as tx:
        groups.add(tx, "Clients")
        members.add(tx, "bob")
        grants.grant(tx, "clients", "bob", Right.VIEW)
    with as_console(made) as tx:
        cards.put(tx, groups.book(tx, "clients"), "1.vcf", card("u-1", "Name 1"))
    refused(made, 1, "NOTE:Quixotic Zugzwang")
    files = [path for path in made.settings.data_dir.rglob("*") if path.is_file()]
    assert any(b"Quixotic Zugzwang" in path.read_bytes() for path in files)
    erasure.erase(made.site, CONSOLE, CLIENT, [1])
    assert not any(b"Zugzwang" in path.read_bytes() for path in files if path.exists())
    made.close()
