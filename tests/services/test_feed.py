"""A reader that took a snapshot and applies each delta holds what a new one holds, and decides sight as access does."""

from __future__ import annotations

import select
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text

import sharedbook.app
from sharedbook.app import App
from sharedbook.domain import access, errors
from sharedbook.domain.model import PRIVATE, VISIBLE_TO_ALL, Right
from sharedbook.formats.vcards import vcard
from sharedbook.services import feed
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts, trash
from sharedbook.services.erasing import erasure
from sharedbook.services.feed import FeedContact, FeedGroup, FeedMember
from sharedbook.services.members import grants, members
from sharedbook.services.people import teams
from sharedbook.services.tx import Service, Tx
from sharedbook.store import changes
from sharedbook.store import contacts as rows
from tests.services.people import add_contact, add_members, viewer
from tests.support.eventually import SECONDS, eventually
from tests.support.owners import set_owner
from tests.support.postgres import Cluster
from tests.support.sites import CLIENT, CONSOLE, as_console, as_member, card, delete_group, new_site

READER = Service("ldap")


class Reader:
    """Keeps all in memory, as the LDAP index does."""

    def __init__(self, app: App) -> None:
        self._app = app
        with app.begin(READER, CLIENT) as tx:
            taken = feed.snapshot(tx, "stamp")
            self.seq = taken.seq
            self.contacts: dict[int, FeedContact] = {contact.id: contact for contact in taken.contacts}
            self.groups: dict[int, FeedGroup] = {group.id: group for group in taken.groups}
            self.members: dict[int, FeedMember] = {member.id: member for member in taken.members}

    def follow(self) -> feed.Delta:
        """Applies what changed since, and returns it."""
        with self._app.begin(READER, CLIENT) as tx:
            delta = feed.since(tx, self.seq)
        self.seq = delta.seq
        self.contacts |= {contact.id: contact for contact in delta.contacts}
        self.groups |= {group.id: group for group in delta.groups}
        self.members |= {member.id: member for member in delta.members}
        for contact_id in delta.gone:
            self.contacts.pop(contact_id, None)
        for group_id in delta.gone_groups:
            self.groups.pop(group_id, None)
        for member_id in delta.gone_members:
            del self.members[member_id]
        return delta

    def state(self) -> tuple[object, ...]:
        """All that it holds."""
        return self.seq, self.contacts, self.groups, self.members

    def seen(self, login: str) -> set[int]:
        """Ids of what a member sees, by what the feed says."""
        member = next(each for each in self.members.values() if each.login == login)
        viewed = {
            group.id
            for group in self.groups.values()
            if any(group.rights.get(subject, Right(0)) & Right.VIEW for subject in member.subjects)
        }
        return {
            contact.id
            for contact in self.contacts.values()
            if not contact.audience.isdisjoint(member.subjects) and not viewed.isdisjoint(contact.groups)
        }


def only(tx: Tx, name: str) -> int:
    return contacts.resolve(tx, name).id


def rewrite(tx: Tx) -> None:
    contacts.replace(tx, only(tx, "Bora"), vcard.parse(card("bora", "Bora Kim", "NOTE:new")))


STEPS: list[Callable[[Tx], object]] = [
    lambda tx: grants.grant(tx, "clients", "@sales", Right.VIEW),
    lambda tx: teams.join(tx, "sales", "bob", "carol"),
    lambda tx: add_contact(tx, groups.get(tx, "clients"), "Bora", owner="carol", visibility=VISIBLE_TO_ALL),
    rewrite,
    lambda tx: contacts.set_visibility(tx, [only(tx, "Bora Kim")], PRIVATE),
    lambda tx: members.change(tx, "bob", postmaster=True),
    lambda tx: contacts.copy(tx, [only(tx, "Anna")], groups.get(tx, "partners")),
    lambda tx: grants.grant(tx, "partners", "everyone", Right.VIEW),
    lambda tx: contacts.move(tx, [only(tx, "Bora Kim")], groups.get(tx, "clients"), groups.get(tx, "partners")),
    lambda tx: set_owner(tx, [only(tx, "Bora Kim")], "dora"),
    lambda tx: contacts.delete(tx, [only(tx, "Anna")]),
    lambda tx: trash.restore(tx, [each.id for each in trash.list_trash(tx)]),
    lambda tx: groups.rename(tx, "partners", "Friends"),
    lambda tx: members.disable(tx, "carol"),
    lambda tx: members.set_password(tx, "dora", "correct horse"),
    lambda tx: teams.leave(tx, "sales", "bob"),
    lambda tx: teams.delete(tx, "sales"),
    lambda tx: grants.revoke(tx, "partners", "everyone"),
    lambda tx: members.change(tx, "bob", postmaster=False),
    lambda tx: delete_group(tx, "partners", contacts_to="keep"),
    lambda tx: members.delete(tx, "dora", give_to=None),
    lambda tx: members.add(tx, "frank", email="frank@example.com"),
]


@pytest.fixture
def site(app: App) -> App:
    add_members(app, "bob", "carol", "dora")
    with as_console(app) as tx:
        members.add(tx, "root", postmaster=True)
        teams.add(tx, "sales")
        for name in ("Clients", "Partners"):
            groups.add(tx, name)
        grants.grant(tx, "clients", "dora", Right.EDIT)
        add_contact(tx, groups.get(tx, "clients"), "Anna", owner="dora", visibility=VISIBLE_TO_ALL)
    return app


def test_following_is_a_new_snapshot_after_every_step(site: App) -> None:
    reader = Reader(site)
    held = set()
    for step in STEPS:
        with as_console(site) as tx:
            step(tx)
        reader.follow()
        assert reader.state() == Reader(site).state()
        with as_console(site, write=False) as tx:
            for member in members.list_members(tx):
                now = viewer(tx, member.login)
                assert reader.seen(member.login) == {
                    each.id
                    for each in rows.fetch(tx.db, sorted(reader.contacts))
                    if access.sees(now, access.Held(each.groups, each.owner_id, each.visibility))
                }
                held.add((member.login, len(reader.seen(member.login))))
    assert len(held) > 8, "the steps change who sees how much"


def test_following_from_any_seq_is_complete(site: App) -> None:
    readers = [Reader(site)]
    for step in STEPS:
        with as_console(site) as tx:
            step(tx)
        readers.append(Reader(site))
    for reader in readers:
        reader.follow()
        assert reader.state() == readers[-1].state()


def test_a_contact_comes_as_it_is_stored(site: App) -> None:
    reader = Reader(site)
    with as_console(site, write=False) as tx:
        anna = contacts.resolve(tx, "Anna")
        dora = members.get(tx, "dora")
    fed = reader.contacts[anna.id]
    assert (fed.key, fed.version, fed.modified, fed.vcard, fed.groups) == (
        anna.key, anna.version, anna.modified, anna.vcard, anna.groups
    )  # fmt: skip
    assert fed.audience == {1}
    assert reader.members[dora.id].subjects == {1, dora.id}
    assert [member.login for member in reader.members.values() if member.postmaster] == ["root"]


def test_the_erased_and_the_deleted_are_gone(site: App) -> None:
    reader = Reader(site)
    with as_console(site) as tx:
        anna = only(tx, "Anna")
        clients = groups.get(tx, "clients").id
        dora = members.get(tx, "dora").id
        delete_group(tx, "clients", contacts_to="keep")
        members.delete(tx, "dora", give_to=None)
    erasure.erase(site.site, CONSOLE, CLIENT, [anna])
    delta = reader.follow()
    assert (delta.gone, delta.gone_groups, delta.gone_members) == ([anna], [clients], [dora])
    assert delta.contacts == []


def test_many_contacts_come_in_batches_that_miss_none(site: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "BATCH", 3)
    with as_console(site) as tx:
        for number in range(7):
            add_contact(tx, groups.get(tx, "clients"), f"Number {number}", visibility=VISIBLE_TO_ALL)
        contacts.delete(tx, [only(tx, "Number 3")])
        expected = [only(tx, "Anna"), *(only(tx, f"Number {number}") for number in (0, 1, 2, 4, 5, 6))]
    assert list(Reader(site).contacts) == expected


def test_forgotten_and_future_changes_need_a_snapshot(site: App) -> None:
    reader = Reader(site)
    first = reader.seq
    with as_console(site) as tx:
        groups.describe(tx, "clients", "ours")
        groups.describe(tx, "clients", "theirs")
        changes.prune(tx.db, datetime.now(UTC) + timedelta(days=1))
    with site.begin(READER, CLIENT) as tx:
        position = changes.position(tx.db)
        assert feed.since(tx, position).groups == []
        assert [group.description for group in feed.since(tx, position - 1).groups] == ["theirs"]
        for unknown in (first, position + 1):
            with pytest.raises(errors.InvalidToken):
                feed.since(tx, unknown)


def test_a_member_may_not_read_the_feed(site: App) -> None:
    with as_member(site, "root") as tx:
        for read in (partial(feed.snapshot, stamp=""), lambda tx: feed.since(tx, 0)):
            with pytest.raises(errors.Forbidden):
                read(tx)


# ---- the watch


def test_the_watch_tells_of_commits_once(site: App) -> None:
    watch = site.watch()
    assert not watch.moved()
    with as_console(site) as tx:
        groups.describe(tx, "clients", "ours")
        assert not watch.moved()
    eventually(watch.moved, True)
    assert not watch.moved()
    with as_console(site, write=False) as tx:
        groups.list_groups(tx)
    assert not watch.moved()
    watch.close()


def test_the_watch_tells_of_commits_by_another_opening_of_the_site(site: App) -> None:
    watch = site.watch()
    other = sharedbook.app.open(site.settings)
    with as_console(other) as tx:
        groups.describe(tx, "clients", "ours")
    other.close()
    eventually(watch.moved, True)
    watch.close()


def test_who_waits_is_told_of_a_commit_at_once(postgres_cluster: Cluster, tmp_path: Path) -> None:
    """Not of what was rolled back."""
    with postgres_cluster.database(schema=True) as url:
        site = new_site(tmp_path, url)
        watch = site.watch()
        with pytest.raises(RuntimeError), as_console(site) as tx:
            groups.add(tx, "Lost")
            raise RuntimeError
        assert not select.select([watch], [], [], 0)[0]
        with as_console(site) as tx:
            groups.add(tx, "Kept")
        assert select.select([watch], [], [], SECONDS)[0]
        watch.wait()
        assert not watch.moved() and not select.select([watch], [], [], 0)[0]
        watch.close()
        site.close()


def test_a_watch_that_lost_its_connection_moves_until_it_listens_again(
    postgres_cluster: Cluster, tmp_path: Path
) -> None:
    with postgres_cluster.database(schema=True) as url:
        site = new_site(tmp_path, url)
        watch = site.watch()
        with site.site.database.begin(write=False) as connection:
            others = "pid <> pg_backend_pid() AND datname = current_database()"
            connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))
        eventually(watch.moved, True)
        assert watch.moved(), "nobody knows what was missed"
        watch.listen()
        assert not watch.moved()
        watch.close()
        site.close()
