"""The mass-delete breaker: who is counted, from when on he is held back, and how a postmaster decides."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from sharedbook import app
from sharedbook.app import App
from sharedbook.domain.access import Viewer
from sharedbook.domain.errors import Conflict, DeletionHeld, HoldNotFound
from sharedbook.domain.model import ALL_RIGHTS, PRIVATE, Client, HoldState, Right
from sharedbook.formats import vcard
from sharedbook.services import (
    breaker,
    cards,
    contacts,
    erasure,
    grants,
    groups,
    holds,
    housekeeping,
    members,
    notices,
    records,
    trash,
)
from sharedbook.services.holds import Discarded, Held
from sharedbook.settings import Settings
from sharedbook.store.schema import contacts as contact_rows
from sharedbook.store.schema import holds as hold_rows
from sharedbook.store.schema import memberships, removals
from tests.support.sites import CLIENT, CONSOLE, as_console, as_member, card, new_site

PHONE = Client("carddav", "Phone/1.0")
NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def mold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a closed site that tests get copies of."""
    folder = tmp_path_factory.mktemp("breaker") / "site"
    prepared(folder).close()
    return folder


def prepared(folder: Path, url: str = "") -> App:
    """Members alice and bob with all rights on the groups clients, of 100 cards, and partners, of none."""
    made = new_site(folder, url)
    with as_console(made) as tx:
        for login in ("alice", "bob"):
            members.add(tx, login)
        for slug in ("clients", "partners"):
            groups.add(tx, slug)
            for login in ("alice", "bob"):
                grants.grant(tx, slug, login, ALL_RIGHTS)
    fill(made, 100)
    return made


@pytest.fixture
def site(request: pytest.FixtureRequest, tmp_path: Path, mold: Path) -> Iterator[App]:
    """A prepared site, on SQLite unless the test asks for both."""
    if getattr(request, "param", "sqlite") == "postgres":
        with request.getfixturevalue("postgres_cluster").database() as url:
            made = prepared(tmp_path / "site", url)
            yield made
            made.close()
        return
    shutil.copytree(mold, tmp_path / "site")
    made = app.open(Settings(data_dir=tmp_path / "site"))
    yield made
    made.close()


BOTH = pytest.mark.parametrize(
    "site", ["sqlite", pytest.param("postgres", marks=pytest.mark.needs("postgres"))], indirect=True
)


def fill(site: App, number: int, slug: str = "clients") -> None:
    """Cards at 0.vcf, 1.vcf, ... of a group; contact ids count from 1 in a new site."""
    with as_console(site) as tx:
        new = [
            records.New(vcard.parse(card(f"{slug}-{each}", f"N{each}")), f"{each}.vcf", None) for each in range(number)
        ]
        records.create_many(tx, groups.get(tx, slug).id, new)


def viewer(site: App, login: str) -> Viewer:
    with as_member(site, login) as tx:
        return tx.viewer


class Program:
    """A mail client of a member; ``after``: how long it waits before it begins."""

    def __init__(self, site: App, login: str = "alice", client: Client = PHONE, after: timedelta = timedelta()) -> None:
        self.site, self.viewer, self.client, self.now = site, viewer(site, login), client, NOW + after

    def delete(self, *numbers: int | str, slug: str = "clients") -> int:
        """DELETEs until one is refused, as the CardDAV door does it; returns how many were done."""
        return self._each(numbers, slug, None)

    def move(self, *numbers: int, to: str, slug: str = "clients", name: str = "moved") -> int:
        """MOVEs, likewise."""
        return self._each(numbers, slug, to, name)

    def _each(self, numbers: Sequence[int | str], slug: str, to: str | None, name: str = "") -> int:
        for done, number in enumerate(numbers):
            try:
                with self.site.begin(self.viewer, self.client, write=True) as tx:
                    tx.now = self.now
                    book = groups.book(tx, slug)
                    if to is None:
                        cards.remove(tx, book, f"{number}.vcf")
                    else:
                        cards.move(tx, book, f"{number}.vcf", groups.book(tx, to), f"{name}-{number}.vcf")
            except DeletionHeld as refused:
                if not refused.known:
                    breaker.hold(self.site, self.viewer, self.client, refused)
                return done
        return len(numbers)


def hrefs(site: App, slug: str = "clients") -> set[str]:
    with as_member(site, "bob") as tx:
        return {entry.href for entry in cards.listing(tx, groups.book(tx, slug))}


def listed(site: App) -> list[Held]:
    with as_console(site, write=False) as tx:
        return holds.list_holds(tx)


def release(site: App, hold_id: int, at: datetime = NOW) -> None:
    with as_console(site) as tx:
        tx.now = at
        holds.release(tx, hold_id)


def discard(site: App, hold_id: int) -> Discarded:
    with as_console(site) as tx:
        return holds.discard(tx, hold_id)


def places(site: App) -> set[tuple[object, ...]]:
    """What every contact is, and where: all that a discard has to bring back."""
    m, c = memberships.c, contact_rows.c
    columns = (m.group_id, m.href, m.uid, m.state, m.etag, c.id, c.vcard, c.version, c.owner_id, c.visibility)
    with as_console(site, write=False) as tx:
        return {tuple(row) for row in tx.db.execute(select(*columns).join(contact_rows, c.id == m.contact_id))}


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
    fill(site, 100, "partners")
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
        contacts.copy(tx, [7, 8], groups.get(tx, "partners"))  # the clients 6.vcf and 7.vcf
    program.delete(*range(6, 21))
    with as_console(site) as tx:
        trash.restore(tx, [1])  # is back
        trash.restore(tx, [2])
        contacts.delete(tx, [2])  # deleted by the postmaster
    with as_member(site, "bob", write=True) as tx:
        book = groups.book(tx, "clients")
        cards.put(tx, book, "another.vcf", card("clients-3", "Made anew"), only_new=True)  # the UID of contact 4
        cards.put(tx, book, "4.vcf", card("other-uid", "Takes its name"), only_new=True)  # the name of contact 5
        cards.put(tx, book, "6.vcf", card("another-uid", "Takes its name"), only_new=True)  # the name of contact 7
    with as_console(site) as tx:
        contacts.delete(tx, [8])
    erasure.erase(site.site, CONSOLE, CLIENT, [3])
    done = discard(site, 1)
    assert sorted(done.restored) == [5, 6, 7, *range(9, 21)]
    assert sorted(done.notes) == [
        "contact 1: it was back already",
        "contact 2: others have put it into the trash since",
        "contact 3: it was deleted for good",
        "contact 4: clients already holds a card with this UID",
        "contact 5: another card has its name; it got a new one",
        "contact 7: another card has its name; it got a new one",
        "contact 8: others have put it into the trash since",
    ]
    with as_member(site, "bob") as tx:
        book = groups.book(tx, "clients")
        served = {each.uid: each.href for each in cards.all_cards(tx, book)}
    assert served["clients-5"] == "5.vcf" and served["clients-8"] == "8.vcf"
    assert {served["clients-4"], served["clients-6"]}.isdisjoint({"4.vcf", "6.vcf"})


def test_the_group_is_gone(site: App) -> None:
    with as_console(site) as tx:
        contacts.copy(tx, [1], groups.get(tx, "partners"))
    Program(site).delete(*range(21))
    with as_console(site) as tx:
        groups.delete(tx, "clients", contacts_to="trash")
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
    tx = site.open_tx(CONSOLE, CLIENT, write=True)
    assert len(holds.discard(tx, 1).restored) == 20
    tx.close()
    assert places(site) == before and listed(site)[0].hold.state is HoldState.HELD


def test_only_postmasters_decide_and_only_once(site: App) -> None:
    Program(site).delete(*range(21))
    for decide in (holds.release, holds.discard, holds.show):
        with pytest.raises(HoldNotFound), as_console(site) as tx:
            decide(tx, 7)
        with pytest.raises(Exception, match="alice may not"), as_member(site, "alice", write=True) as tx:
            decide(tx, 1)
    discard(site, 1)
    for decide in (holds.release, holds.discard):
        with pytest.raises(Conflict, match="was discarded"), as_console(site) as tx:
            decide(tx, 1)


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
