"""The mass-delete breaker: who is counted, and from when on he is held back, until he is released."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from sharedbook.app import App
from sharedbook.domain.errors import DeletionHeld
from sharedbook.domain.model import ALL_RIGHTS, PRIVATE, Client, HoldState, Right
from sharedbook.services.books import cards, groups
from sharedbook.services.contacts import contacts
from sharedbook.services.members import grants, members
from sharedbook.services.notices import notices
from tests.services.breaking import (
    BOTH,
    HOUR,
    NOW,
    PHONE,
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
from tests.support.sites import as_console, as_member, new_site


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


# ---- the gate


@BOTH
def test_the_twenty_first_of_a_hundred_is_refused(site: App) -> None:
    assert Program(site).delete(*range(25)) == 20
    assert hrefs(site) == {f"{number}.vcf" for number in range(20, 100)}
    (held,) = listed(site)
    assert (held.login, held.group, held.hold.counted.client) == ("alice", "clients", "Phone")
    assert (held.hold.state, held.hold.taken, held.hold.size) == (HoldState.HELD, 20, 100)
    with as_console(site, write=False) as tx:
        (notice,) = notices.list_notices(tx)
    assert notice.kind == "hold.raised" and "20 of 100 contacts out of clients" in notice.text
    assert f"sharedbook hold discard {held.hold.id}" in notice.text and notice.ids["hold"] == held.hold.id


def test_a_tenth_of_a_larger_group(site: App) -> None:
    fill(site, 1000, "partners")
    assert Program(site).delete(*range(150), slug="partners") == 100
    assert [(held.hold.taken, held.hold.size) for held in listed(site)] == [(100, 1000)]


def test_each_client_and_each_group_is_counted_by_itself(site: App) -> None:
    fill(site, 40, "partners")
    assert Program(site).delete(*range(21)) == 20
    assert Program(site).delete(0, slug="partners") == 1
    assert Program(site, client=Client("carddav", "Laptop/1.0")).delete(30) == 1
    assert Program(site, client=Client("carddav", "Phone/1.0", "tablet")).delete(31) == 1
    assert Program(site, "bob").delete(32) == 1
    assert Program(site, client=Client("carddav", "Phone/2.0")).delete(33) == 0  # an update is the same program
    assert len(listed(site)) == 1


def test_an_app_password_is_one_client_whatever_it_calls_itself(site: App) -> None:
    programs = [Program(site, client=Client("carddav", f"Agent{number}/1", "phone")) for number in range(21)]
    assert [program.delete(number) for number, program in enumerate(programs)] == [1] * 20 + [0]
    assert listed(site)[0].hold.counted.client == "app password phone"


def test_cards_that_he_does_not_see_are_not_counted(site: App) -> None:
    """Of 500 cards he sees 250: he may take 25, not 50."""
    fill(site, 500, "partners")
    with as_console(site) as tx:
        contacts.set_visibility(tx, range(351, 601), PRIVATE)
    assert Program(site).delete(*range(60), slug="partners") == 25


def test_what_is_longer_ago_than_the_hour_counts_no_more(site: App) -> None:
    assert Program(site).delete(*range(20)) == 20
    assert Program(site, after=HOUR - timedelta(seconds=1)).delete(20) == 0
    assert Program(site, "bob").delete(*range(20, 40)) == 20
    assert Program(site, "bob", after=HOUR + timedelta(seconds=1)).delete(*range(40, 70)) == 20


def test_who_is_held_stays_held_after_the_hour(site: App) -> None:
    assert Program(site).delete(*range(21)) == 20
    assert Program(site, after=9 * HOUR).delete(30) == 0


def test_moves_out_of_a_group_are_counted_and_moves_within_it_are_not(site: App) -> None:
    assert Program(site).move(*range(30), to="clients") == 30
    assert Program(site).move(*range(30, 60), to="partners") == 20
    assert Program(site).delete(60) == 0
    assert len(hrefs(site, "partners")) == 20


def test_a_move_over_other_cards_counts_those(site: App) -> None:
    fill(site, 100, "partners", uids="clients")
    assert Program(site).move(*range(30), to="partners", slug="partners") == 30  # to moved-0.vcf, moved-1.vcf, ...
    program = Program(site, client=Client("carddav", "Laptop/1.0"))
    assert program.delete(99, slug="partners") == 1
    assert program.move(*range(30), to="partners") == 19  # and the twentieth would replace the twenty-first there


def test_a_merged_book_is_counted_in_each_of_its_groups(site: App) -> None:
    fill(site, 100, "partners")
    with as_console(site) as tx:
        contacts.copy(tx, range(101, 121), groups.get(tx, "clients"))
        members.change(tx, "alice", merged_book=True)
        keys = [contact.key for contact in contacts.get_many(tx, [*range(101, 121), 1])]
    before = places(site)
    program = Program(site)
    assert program.delete(*keys, slug="all") == 20
    assert {(held.group, held.hold.taken) for held in listed(site)} == {("clients", 20)}
    assert (len(discard(site, 1).restored), places(site) == before) == (20, True)


def test_a_refused_deletion_leaves_nothing(site: App) -> None:
    Program(site).delete(*range(20))
    before = places(site)
    with (
        pytest.raises(DeletionHeld, match="20 of 100 cards out of clients"),
        as_member(site, "alice", write=True) as tx,
    ):
        tx.client = PHONE
        cards.remove(tx, groups.book(tx, "clients"), "50.vcf")
    assert places(site) == before and listed(site) == []


@BOTH
def test_requests_in_parallel_pass_no_more_than_one_by_one(site: App) -> None:
    programs = [Program(site) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda at: programs[at].delete(*range(at, 60, 4)), range(4)))
    assert sum(done) == 20
    assert [(held.hold.taken, held.hold.state) for held in listed(site)] == [(20, HoldState.HELD)]
    with as_console(site, write=False) as tx:
        assert len(notices.list_notices(tx)) == 1


def test_the_settings_decide(tmp_path: Path) -> None:
    site = new_site(tmp_path, hold_share=50, hold_minimum=3, hold_window=60, hold_release=30)
    with as_console(site) as tx:
        members.add(tx, "alice")
        members.add(tx, "bob")
        groups.add(tx, "clients")
        grants.grant(tx, "clients", "alice", ALL_RIGHTS)
        grants.grant(tx, "clients", "bob", Right.VIEW)
    fill(site, 10)
    assert Program(site).delete(0, 1, 2, 3) == 4
    assert Program(site, after=timedelta(seconds=61)).delete(4, 5, 6, 7) == 3
    release(site, 1, NOW + timedelta(seconds=62))
    assert Program(site, after=timedelta(seconds=91)).delete(7) == 1
    assert hrefs(site) == {"8.vcf", "9.vcf"}
    site.close()


# ---- release


def test_a_release_opens_the_gate_for_an_hour(site: App) -> None:
    program = Program(site)
    program.delete(*range(21))
    release(site, 1)
    assert program.delete(*range(20, 60)) == 40
    assert Program(site, after=HOUR + timedelta(seconds=1)).delete(*range(60, 90)) == 20  # it is counted anew
    assert [(held.hold.id, held.hold.state) for held in listed(site)] == [(2, HoldState.HELD), (1, HoldState.RELEASED)]


def test_a_release_is_for_that_client_in_that_group(site: App) -> None:
    fill(site, 100, "partners")
    Program(site).delete(*range(21))
    Program(site, "bob").delete(*range(20, 41))
    Program(site).delete(*range(21), slug="partners")
    release(site, 1)
    assert Program(site).delete(50) == 1
    assert Program(site, "bob").delete(51) == 0
    assert Program(site).delete(50, slug="partners") == 0
