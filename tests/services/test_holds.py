"""Holds: bringing back what a client took, around what others have done since; and how long holds are kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from sharedbook.app import App
from sharedbook.domain.errors import Conflict, HoldNotFound
from sharedbook.domain.model import ALL_RIGHTS, Client, HoldState
from sharedbook.services.books import cards, groups
from sharedbook.services.contacts import contacts, trash
from sharedbook.services.erasing import erasure
from sharedbook.services.members import grants, members
from sharedbook.services.refused import holds
from sharedbook.services.tx import MemberActor
from sharedbook.services.upkeep import housekeeping
from sharedbook.store import holds as rows
from sharedbook.store.schema import holds as hold_rows
from sharedbook.store.schema import removals
from tests.services.breaking import (
    BOTH,
    HOUR,
    NOW,
    Program,
    discard,
    fill,
    hrefs,
    listed,
    opened,
    places,
    prepared,
    release,
)
from tests.support.sites import CLIENT, CONSOLE, as_console, as_member, card, delete_group, new_site


@pytest.fixture(scope="module")
def mold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a closed site that tests get copies of."""
    folder = tmp_path_factory.mktemp("mold") / "site"
    prepared(folder).close()
    return folder


@pytest.fixture
def site(request: pytest.FixtureRequest, tmp_path: Path, mold: Path) -> Iterator[App]:
    """Members alice and bob with all rights on the groups clients, of 100 cards, and partners, of none."""
    yield from opened(request, tmp_path / "site", mold)


def test_a_hold_has_what_was_counted_for_its_client_and_no_more(site: App) -> None:
    with as_console(site) as tx:
        bob, clients = members.get(tx, "bob").id, groups.get(tx, "clients").id
        one, other = (rows.Counted(clients, bob, client) for client in ("one", "other"))
        first, second = (rows.add(tx.db, one, tx.now, taken=1, size=100) for _ in range(2))
        recent, old = tx.now - HOUR / 2, tx.now - 2 * HOUR
        taken = ((one, recent, 1, first), (one, old, 2, None), (one, recent, 3, None), (other, recent, 4, None))
        for counted, at, contact_id, hold_id in taken:
            rows.add_removal(tx.db, counted, at=at, contact_id=contact_id, name="", size=100, hold_id=hold_id)
        assert rows.taken(tx.db, one, tx.now - HOUR) == (1, 100)
        rows.claim(tx.db, one, tx.now - HOUR, second)
        held = [rows.removals_of(tx.db, hold_id) for hold_id in (first, second)]
        assert [[each.contact_id for each in some] for some in held] == [[1], [3]]
        assert rows.removals_of(tx.db, second, held[1][0].id) == []
        took = [rows.took(tx.db, one, *which) for which in ((1, recent), (2, old), (4, recent), (1, old), (5, recent))]
        assert took == [True, True, False, False, False]


# ---- discard


def test_discard_brings_back_all_as_it_was(site: App) -> None:
    before = places(site)
    Program(site).delete(*range(25))
    done = discard(site, 1)
    assert (len(done.restored), done.notes, done.held.hold.state) == (20, [], HoldState.DISCARDED)
    assert places(site) == before
    assert Program(site).delete(*range(25)) == 20  # it may delete again, and is counted anew


@BOTH
def test_discard_brings_back_what_lives_on_elsewhere_and_what_was_moved(site: App) -> None:
    with as_console(site) as tx:
        contacts.copy(tx, range(1, 11), groups.get(tx, "partners"))
    before = places(site)
    program = Program(site)
    assert program.delete(*range(10)) == 10
    assert program.move(*range(10, 20), to="partners") == 10
    assert program.delete(20) == 0
    done = discard(site, 1)
    assert (sorted(done.restored), done.notes) == (list(range(1, 21)), [])
    assert places(site) == before


def test_what_the_same_client_deleted_elsewhere_since_comes_back_with_it(site: App) -> None:
    with as_console(site) as tx:
        contacts.copy(tx, [1], groups.get(tx, "partners"))
    before = places(site)
    program = Program(site)
    program.delete(*range(21))
    with site.begin(program.viewer, program.client, write=True) as tx:
        book = groups.book(tx, "partners")
        cards.remove(tx, book, cards.listing(tx, book)[0].href)
    done = discard(site, 1)
    assert (len(done.restored), done.notes) == (20, [])
    assert places(site) == before


def test_a_move_to_where_the_contact_was_already_takes_it_out_there_no_more(site: App) -> None:
    with as_console(site) as tx:
        contacts.copy(tx, range(1, 21), groups.get(tx, "partners"))
    before = places(site)
    with as_member(site, "alice") as tx:
        other = {entry.href for entry in cards.listing(tx, groups.book(tx, "partners"))}
    program = Program(site)
    program.delete(*range(21))
    assert discard(site, 1).notes == []
    assert places(site) == before and hrefs(site, "partners") == other


def test_a_card_that_was_moved_about_comes_back_under_its_last_name(site: App) -> None:
    program = Program(site)
    program.move(0, to="partners")
    program.move("moved-0", to="clients", slug="partners", name="back")
    with as_console(site) as tx:
        contacts.copy(tx, [1], groups.get(tx, "partners"))
    before = places(site)
    program.delete("back-moved-0", *range(1, 21))
    assert discard(site, 1).notes == []
    assert places(site) == before


def test_discard_after_a_release_brings_back_what_went_meanwhile_too(site: App) -> None:
    before = places(site)
    program = Program(site)
    program.delete(*range(21))
    release(site, 1)
    program.delete(*range(20, 50))
    assert len(discard(site, 1).restored) == 50
    assert places(site) == before


@BOTH
def test_what_others_have_done_since_stands(site: App) -> None:
    fill(site, 1, "partners")
    program = Program(site)
    program.delete(*range(6))
    with as_console(site) as tx:
        contacts.copy(tx, [7, 8, 9], groups.get(tx, "partners"))  # the clients 6.vcf, 7.vcf and 8.vcf
    program.delete(*range(6, 21))
    with as_console(site) as tx:
        trash.restore(tx, [1])  # is back
        trash.restore(tx, [2])
        contacts.delete(tx, [2])  # deleted by the postmaster
    with as_member(site, "bob", write=True) as tx:
        book = groups.book(tx, "clients")
        cards.put(tx, book, "another.vcf", card("clients-3", "Made anew"), only_new=True)  # the UID of contact 4
        cards.put(tx, book, "4.vcf", card("other-uid", "Takes its name"), only_new=True)  # the name of contact 5
        cards.put(tx, book, "made.vcf", card("clients-8", "Made anew"), only_new=True)  # the UID of contact 9
        cards.put(tx, book, "6.vcf", card("another-uid", "Takes its name"), only_new=True)  # the name of contact 7
    with as_console(site) as tx:
        contacts.delete(tx, [8])
    erasure.erase(site.site, CONSOLE, CLIENT, [3])
    done = discard(site, 1)
    assert sorted(done.restored) == [5, 6, 7, *range(10, 21)]
    assert sorted(done.notes) == [
        "contact 1: it was back already",
        "contact 2: others have put it into the trash since",
        "contact 3: it was deleted for good",
        "contact 4: clients already holds a card with this UID",
        "contact 5: another card has its name; it got a new one",
        "contact 7: another card has its name; it got a new one",
        "contact 8: others have put it into the trash since",
        "contact 9: clients already holds a card with this UID",
    ]
    with as_member(site, "bob") as tx:
        book = groups.book(tx, "clients")
        served = {each.uid: each.href for each in cards.all_cards(tx, book)}
    assert served["clients-5"] == "5.vcf" and served["clients-9"] == "9.vcf"
    assert {served["clients-4"], served["clients-6"]}.isdisjoint({"4.vcf", "6.vcf"})


def test_the_group_is_gone(site: App) -> None:
    with as_console(site) as tx:
        contacts.copy(tx, [1], groups.get(tx, "partners"))
    Program(site).delete(*range(21))
    with as_console(site) as tx:
        delete_group(tx, "clients", contacts_to="trash")
    done = discard(site, 1)
    assert "contact 1: its group is gone" in done.notes
    assert "contact 2: its group is gone; it is in contacts now" in done.notes
    assert (len(done.restored), done.held.group) == (19, "")


def test_where_deletion_is_immediate_nothing_can_come_back(tmp_path: Path) -> None:
    site = new_site(tmp_path, deletion="immediate", hold_minimum=2)
    with as_console(site) as tx:
        members.add(tx, "alice")
        groups.add(tx, "clients")
        grants.grant(tx, "clients", "alice", ALL_RIGHTS)
    fill(site, 10)
    assert Program(site).delete(0, 1, 2) == 2
    done = discard(site, 1)
    assert (done.restored, done.notes) == ([], [f"contact {each}: it was deleted for good" for each in (2, 1)])
    site.close()


def test_a_dry_run_changes_nothing(site: App) -> None:
    Program(site).delete(*range(21))
    before = places(site)
    assert len(holds.discard(site, CONSOLE, CLIENT, 1, rehearse=True).restored) == 20
    assert places(site) == before and listed(site)[0].hold.state is HoldState.HELD


def test_only_postmasters_decide_and_only_once(site: App) -> None:
    Program(site).delete(*range(21))
    for decide in (holds.release, holds.show):
        with pytest.raises(HoldNotFound), as_console(site) as tx:
            decide(tx, 7)
        with pytest.raises(Exception, match="alice may not"), as_member(site, "alice", write=True) as tx:
            decide(tx, 1)
    with pytest.raises(HoldNotFound):
        discard(site, 7)
    with pytest.raises(Exception, match="alice may not"):
        holds.discard(site, MemberActor("alice"), CLIENT, 1)
    discard(site, 1)
    with pytest.raises(Conflict, match="was discarded"):
        discard(site, 1)
    with pytest.raises(Conflict, match="was discarded"), as_console(site) as tx:
        holds.release(tx, 1)


def test_many_cards_come_back_in_batches(site: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two of them others write, and the client is held back, released or not."""
    before, seen = places(site), list[HoldState]()
    Program(site).delete(*range(25))
    release(site, 1)
    monkeypatch.setattr(holds, "BATCH", 8)
    monkeypatch.setattr(site.site.database, "make_way", lambda held: seen.append(listed(site)[0].hold.state))
    planned = holds.discard(site, CONSOLE, CLIENT, 1, rehearse=True)
    assert seen == [HoldState.RELEASED] * 2
    done = discard(site, 1)
    assert planned.restored == done.restored and len(done.restored) == 20 and done.notes == []
    assert (seen[2:], done.held.hold.state, places(site)) == ([HoldState.HELD] * 2, HoldState.DISCARDED, before)


# ---- time


@BOTH
def test_housekeeping_keeps_what_still_matters(site: App) -> None:
    Program(site, after=-2 * HOUR).delete(*range(20))
    Program(site, "bob", after=-70 * 24 * HOUR).delete(*range(20, 41))
    Program(site, client=Client("carddav", "Laptop/1.0"), after=-70 * 24 * HOUR).delete(*range(40, 61))
    release(site, 2, NOW - 70 * 24 * HOUR)
    assert housekeeping.run(site.site).removals == 20 + 1
    assert [held.hold.id for held in listed(site)] == [1]
    with as_console(site, write=False) as tx:
        assert set(tx.db.execute(select(removals.c.hold_id)).scalars()) == {1}
        assert len(tx.db.execute(select(hold_rows.c.id)).all()) == 1
    assert len(discard(site, 1).restored) == 20
