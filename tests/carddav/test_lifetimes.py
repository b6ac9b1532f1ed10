"""What is deleted stays deleted, what was taken away leaves, and each write names its writer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from sharedbook.domain.model import ALL_RIGHTS, Event, Revision, Right
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts, trash
from sharedbook.services.erasing import erasure
from sharedbook.services.members import grants, members
from sharedbook.services.upkeep import housekeeping
from sharedbook.store.grants import lose
from sharedbook.store.schema import groups as group_rows
from tests.carddav.dav import CS, Client, D
from tests.carddav.served import Book, vcard
from tests.support.sites import CLIENT, CONSOLE, as_console, delete_group


@pytest.fixture
def uid(book: Book) -> str:
    """The UID of a card ``card.vcf`` in Alice's book."""
    made = f"uid-{book.group.slug}"
    assert book.alice.put(book.of_alice("card.vcf"), vcard(made)).status == 201
    return made


def history(book: Book, uid: str) -> list[Revision]:
    with as_console(book.site.app, write=False) as tx:
        return contacts.history(tx, contacts.resolve(tx, uid).id)


def home(client: Client) -> set[str]:
    """Paths of the member's books."""
    return set(client.propfind(f"/{client.login}/", f"{D}displayname", depth="1").found()) - {f"/{client.login}/"}


# ---- deletions that stay


def test_a_stale_copy_of_another_member_does_not_bring_a_card_back(book: Book, uid: str) -> None:
    bob = book.viewer(ALL_RIGHTS)
    path, body = book.path(bob, "card.vcf"), vcard(uid, "Edited offline")
    etag = bob.get(path).headers["etag"]
    assert book.alice.request("DELETE", book.of_alice("card.vcf")).status == 200
    assert bob.put(path, body).status == 409
    assert bob.put(path, body, If_Match=etag).status == 412
    assert bob.put(book.path(bob, "other.vcf"), body).status == 409
    assert bob.sync(book.path(bob)).etags() == {}
    assert bob.put(book.path(bob, "other.vcf"), body, If_None_Match="*").status == 201
    with as_console(book.site.app, write=False) as tx:
        assert [each.uid for each in trash.list_trash(tx)].count(uid) == 1, "the new card is a new contact"


def test_an_erased_card_never_returns(book: Book, uid: str) -> None:
    with as_console(book.site.app, write=False) as tx:
        contact = contacts.resolve(tx, uid).id
    assert erasure.erase(book.site.app.site, CONSOLE, CLIENT, [contact]).contacts == [contact]
    for name in ("card.vcf", "other.vcf"):
        assert book.alice.put(book.of_alice(name), vcard(uid)).status == 409
        assert book.alice.put(book.of_alice(name), vcard(uid), If_None_Match="*").status == 409
    assert book.alice.put(book.of_alice("card.vcf"), vcard(f"new-{uid}")).status == 409


def test_restored_under_its_own_name(book: Book, uid: str) -> None:
    token = book.alice.sync(book.of_alice()).token()
    body = book.alice.get(book.of_alice("card.vcf")).body
    book.alice.request("DELETE", book.of_alice("card.vcf"))
    gone = book.alice.sync(book.of_alice(), token)
    assert gone.statuses() == {book.of_alice("card.vcf"): 404}
    with as_console(book.site.app) as tx:
        trash.restore(tx, [next(each.id for each in trash.list_trash(tx) if each.uid == uid)])
    assert list(book.alice.sync(book.of_alice(), gone.token()).etags()) == [book.of_alice("card.vcf")]
    assert book.alice.get(book.of_alice("card.vcf")).body == body


# ---- books that go


def test_a_deleted_group_is_shown_empty_and_then_goes(book: Book, uid: str) -> None:
    site = book.site.app
    token = book.alice.sync(book.of_alice()).token()
    with as_console(site) as tx:
        delete_group(tx, book.group.slug, contacts_to="keep")
    emptied = book.alice.sync(book.of_alice(), token)
    assert emptied.statuses() == {book.of_alice("card.vcf"): 404}
    assert book.alice.propfind(book.of_alice(), f"{D}getetag", depth="1").etags().keys() == {book.of_alice()}
    assert book.alice.put(book.of_alice("new.vcf"), vcard(f"new-{uid}")).status == 403
    assert book.alice.put(book.of_alice("card.vcf"), vcard(uid)).status == 403

    days = site.settings.departure_days
    for age, shown in ((timedelta(days=days, hours=-1), True), (timedelta(days=days, hours=1), False)):
        with as_console(site) as tx:
            emptied_at = datetime.now(UTC) - age
            tx.db.execute(update(group_rows).where(group_rows.c.id == book.group.id).values(emptied_at=emptied_at))
        housekeeping.run(site.site)
        assert (book.of_alice() in home(book.alice)) is shown
        assert book.alice.sync(book.of_alice(), emptied.token()).status == (207 if shown else 404)
    with as_console(site, write=False) as tx:
        assert contacts.resolve(tx, uid).groups == (groups.default(tx).id,)


def test_a_book_that_was_taken_away_is_shown_empty_and_then_goes(book: Book, uid: str) -> None:
    site, bob = book.site.app, book.viewer()
    path = book.path(bob)
    [before] = bob.propfind(path, f"{CS}getctag").found().values()
    with as_console(site) as tx:
        grants.revoke(tx, book.group.slug, bob.login)
    [after] = bob.propfind(path, f"{CS}getctag").found().values()
    assert before[f"{CS}getctag"].text != after[f"{CS}getctag"].text
    assert bob.multiget(path, f"{path}card.vcf").statuses() == {f"{path}card.vcf": 404}
    assert home(bob) == {path}
    with as_console(site) as tx:
        day = timedelta(days=site.settings.departure_days, hours=1)
        lose(tx.db, [members.get(tx, bob.login).id], [book.group.id], tx.now - day)
    assert home(bob) == set()
    assert bob.propfind(path, f"{D}displayname").status == 404
    assert book.alice.get(book.of_alice("card.vcf")).status == 200


# ---- who wrote


def test_each_write_names_member_program_and_device(book: Book, uid: str) -> None:
    with as_console(book.site.app) as tx:
        doors = frozenset({"carddav"})
        phone = members.app_password_add(tx, book.alice.login, "Alice's phone", doors=doors, write=True)
    device = Client(book.site.port, book.alice.login, phone, agent="DAVx5/4.4 okhttp")
    bob = book.viewer(ALL_RIGHTS)
    other = book.site.group(**{book.alice.login: ALL_RIGHTS})
    assert device.put(book.of_alice("card.vcf"), vcard(uid, "Two")).status == 204
    assert bob.put(book.path(bob, "card.vcf"), vcard(uid, "Three")).status == 204
    target = f"http://127.0.0.1:{device.port}/{device.login}/{other.slug}/moved.vcf"
    assert device.request("MOVE", book.of_alice("card.vcf"), Destination=target).status == 201
    found = history(book, uid)
    assert bob.request("DELETE", book.path(bob, "card.vcf")).status == 404
    assert device.request("DELETE", f"/{device.login}/{other.slug}/moved.vcf").status == 200
    with as_console(book.site.app, write=False) as tx:
        gone = next(each for each in trash.list_trash(tx) if each.uid == uid)
        found += contacts.history(tx, gone.id)[-1:]
    by_phone = (book.alice.login, "carddav DAVx5/4.4 Alice's phone")
    assert [(each.event, each.actor, each.client) for each in found] == [
        (Event.ADDED, book.alice.login, "carddav sharedbook-tests/1 test"),
        (Event.EDITED, *by_phone),
        (Event.EDITED, bob.login, "carddav sharedbook-tests/1 test"),
        (Event.MOVED, *by_phone),
        (Event.MOVED, *by_phone),
        (Event.DELETED, *by_phone),
    ]


def test_an_identical_card_is_no_step(book: Book, uid: str) -> None:
    bob = book.viewer(Right.VIEW | Right.EDIT)
    etag = bob.get(book.path(bob, "card.vcf")).headers["etag"]
    for client in (book.alice, bob):
        again = client.put(book.path(client, "card.vcf"), vcard(uid), If_Match=etag)
        assert (again.status, again.headers["etag"]) == (204, etag)
    assert [each.event for each in history(book, uid)] == [Event.ADDED]
