"""A client that takes too much out of a book is refused, fetches again, and waits for a postmaster."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import update

from sharedbook.domain.model import ALL_RIGHTS, HoldState
from sharedbook.formats.vcards import vcard as vcards
from sharedbook.services.books import groups
from sharedbook.services.members import members
from sharedbook.services.refused import holds
from sharedbook.services.refused.holds import Held
from sharedbook.services.writing import records
from sharedbook.services.writing.kept import Columns
from sharedbook.store.schema import holds as hold_rows
from tests.carddav.dav import Client
from tests.carddav.served import Book, Site, vcard
from tests.support.sites import CLIENT, CONSOLE, as_console

REFUSED = "{urn:sharedbook}deletion-held"


def fill(site: Site, slug: str, count: int) -> None:
    with as_console(site.app) as tx:
        made = [records.kept_of(tx, vcards.parse(vcard(f"{slug}-{number}"))) for number in range(count)]
        hrefs = [f"{each}.vcf" for each in range(len(made))]
        records.create(tx, groups.get(tx, slug).id, Columns.of(made), hrefs)


@pytest.fixture
def big(book: Book) -> Book:
    """A book of 100 cards; Alice has an app password."""
    fill(book.site, book.group.slug, 100)
    return book


def delete(client: Client, book: Book, *numbers: int) -> list[int]:
    return [client.request("DELETE", book.path(client, f"{number}.vcf")).status for number in numbers]


def held(book: Book) -> list[Held]:
    with as_console(book.site.app, write=False) as tx:
        return [each for each in holds.list_holds(tx) if each.group == book.group.slug]


def another(book: Book, client: Client) -> Client:
    """Another device of the same member."""
    with as_console(book.site.app) as tx:
        doors = frozenset({"carddav"})
        password = members.app_password_add(tx, client.login, "another", doors=doors, write=True)
    return Client(client.port, client.login, password)


def test_from_the_twenty_first_of_a_hundred_on_it_is_refused_and_fetches_again(big: Book) -> None:
    token = big.alice.sync(big.of_alice()).token()
    etag = big.alice.get(big.of_alice("20.vcf")).headers["etag"]
    assert delete(big.alice, big, *range(25)) == [200] * 20 + [403] * 5
    reply = big.alice.request("DELETE", big.of_alice("30.vcf"))
    assert (reply.status, reply.conditions) == (403, [REFUSED])
    assert f"20 of 100 cards out of {big.group.slug}" in reply.line and "fetch the address book again" in reply.line
    changed = big.alice.sync(big.of_alice(), token)
    assert {path.rpartition("/")[2] for path in changed.etags()} >= {f"{number}.vcf" for number in (20, 24, 30)}
    assert big.alice.get(big.of_alice("20.vcf")).headers["etag"] != etag
    assert changed.statuses() == {big.of_alice(f"{number}.vcf"): 404 for number in range(20)}
    (hold,) = held(big)
    assert (hold.login, hold.hold.counted.client, hold.hold.taken) == (big.alice.login, "app password test", 20)


def test_others_are_not_held_back(big: Book) -> None:
    bob = big.viewer(ALL_RIGHTS)
    device = another(big, big.alice)
    assert delete(big.alice, big, *range(21))[-1] == 403
    assert delete(device, big, 50) == delete(bob, big, 51) == [200]
    assert big.alice.put(big.of_alice("new.vcf"), vcard("new")).status == 201
    assert big.alice.put(big.of_alice("60.vcf"), vcard(f"{big.group.slug}-60", "Edited")).status == 204


def test_moves_count_too(big: Book) -> None:
    target = big.site.group(**{big.alice.login: ALL_RIGHTS})

    def move(number: int, to: str) -> int:
        there = f"/{big.alice.login}/{to}/moved-{number}.vcf"
        return big.alice.request("MOVE", big.of_alice(f"{number}.vcf"), Destination=there).status

    assert [move(number, big.group.slug) for number in range(80, 83)] == [201] * 3  # another name in the same book
    assert [move(number, target.slug) for number in range(10)] == [201] * 10
    assert delete(big.alice, big, *range(10, 21)) == [200] * 10 + [403]
    assert move(30, target.slug) == 403
    assert big.alice.get(big.of_alice("30.vcf")).status == 200
    assert len(holds.discard(big.site.app, CONSOLE, CLIENT, held(big)[0].hold.id).restored) == 20
    assert len(big.alice.sync(big.of_alice()).etags()) == 100
    assert big.alice.sync(f"/{big.alice.login}/{target.slug}/").etags() == {}


def test_release_opens_the_gate_for_an_hour(big: Book) -> None:
    assert delete(big.alice, big, *range(21))[-1] == 403
    (hold,) = held(big)
    with as_console(big.site.app) as tx:
        until = holds.release(tx, hold.hold.id).hold.until
    assert until is not None
    assert delete(big.alice, big, *range(20, 50)) == [200] * 30
    with as_console(big.site.app) as tx:  # as if the hour had passed
        ended = update(hold_rows).where(hold_rows.c.id == hold.hold.id).values(until=until - timedelta(hours=1))
        tx.db.execute(ended)
    assert delete(big.alice, big, *range(50, 71)) == [200] * 20 + [403]
    assert [each.hold.state for each in held(big)] == [HoldState.HELD, HoldState.RELEASED]


def test_discard_brings_back_all_under_the_same_names(big: Book) -> None:
    before = big.alice.sync(big.of_alice(), data=True)
    delete(big.alice, big, *range(21))
    token = big.alice.sync(big.of_alice()).token()
    assert holds.discard(big.site.app, CONSOLE, CLIENT, held(big)[0].hold.id).notes == []
    after = big.alice.sync(big.of_alice(), data=True)
    assert after.cards() == before.cards()
    back = big.alice.sync(big.of_alice(), token)
    assert set(back.etags()) == {big.of_alice(f"{number}.vcf") for number in range(20)} and back.statuses() == {}


def test_two_workers_let_no_more_pass_than_one(big: Book) -> None:
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda number: delete(big.alice, big, number)[0], range(40)))
    assert (statuses.count(200), statuses.count(403)) == (20, 20)
    assert [each.hold.taken for each in held(big)] == [20]
    assert len(big.alice.sync(big.of_alice()).etags()) == 80
