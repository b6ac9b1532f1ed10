"""Random lives of a shared book: whatever happens, a client of any old token ends with what its member may see.

Five members, three groups, two teams. After every step a few devices sync from tokens of any age; the answer is held
against an independent model, and no href may be told that the member never could see. Refused writes spoil what a
device holds: it must end with what is stored all the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sharedbook.app import App
from sharedbook.domain.errors import Conflict, ContactNotFound, Forbidden, GroupNotFound, InvalidToken, NotFound
from sharedbook.domain.model import PRIVATE, VISIBLE_TO_ALL, Right, Visibility, VisibilityKind
from sharedbook.services.books import cards, groups, refetch, sync
from sharedbook.services.books.groups import Book
from sharedbook.services.contacts import contacts, trash
from sharedbook.services.erasing import erasure
from sharedbook.services.members import grants, members
from sharedbook.services.people import subjects, teams
from sharedbook.services.tx import Tx
from tests.services.bulk_rules import BulkRules
from tests.services.machine_sites import on_postgresql, on_sqlite
from tests.services.merge_rule import MergeRule
from tests.services.sync_model import Copy, Device, Model, ModelContact
from tests.support.owners import set_owner
from tests.support.sites import CLIENT, CONSOLE, as_console, as_member, card

MEMBERS = ["alice", "bob", "carol", "dave", "erin"]
TEAMS = ["sales", "support"]
GROUPS = ["clients", "partners", "suppliers"]
PAGES = 100
RIGHTS = Right.VIEW | Right.ADD | Right.EDIT | Right.DELETE

member = st.sampled_from(MEMBERS)
team = st.sampled_from(TEAMS)
group = st.sampled_from(GROUPS)
subject = st.sampled_from([*MEMBERS, *(f"@{name}" for name in TEAMS), "everyone"])


class SyncMachine(BulkRules, MergeRule):
    """``site`` is the product, ``model`` what should be; ``devices`` hold what they were told.

    ``order``: the contact behind each (group, href), as hrefs that the product has chosen sort differently each time.
    """

    make_site: ClassVar[Any]

    def __init__(self) -> None:
        super().__init__()
        self.opened = self.make_site()
        self.site: App = self.opened.__enter__()
        self.model = Model(MEMBERS)
        self.devices: list[Device] = []
        self.erased_in: dict[str, int] = {}
        self.number = 0
        self.order: dict[tuple[str, str], int] = {}
        self.text: dict[int, str] = {}

    def teardown(self) -> None:
        self.opened.__exit__(None, None, None)

    @initialize()
    def found(self) -> None:
        with as_console(self.site) as tx:
            for login in MEMBERS:
                members.add(tx, login)
            for name in TEAMS:
                teams.add(tx, name)
                self.model.teams[name] = set()
            for name in GROUPS:
                assert groups.add(tx, name).slug == name
                self.model.viewers[name] = set()
            grants.grant(tx, "clients", subjects.resolve(tx, "everyone").label, RIGHTS)
        self.model.viewers["clients"].add("everyone")
        for login in MEMBERS[:2]:
            self.put_new(login, "clients")
            self.sync(Device(login, "clients"))

    # ---- what clients do

    @rule(login=member, slug=group)
    def put_new(self, login: str, slug: str) -> None:
        self.number += 1
        href = f"card-{self.number}.vcf"
        text = card(f"uid-{self.number}", f"Name {self.number}")
        with as_member(self.site, login, write=True) as tx:
            try:
                result = cards.put(tx, groups.book(tx, slug), href, text)
            except (Forbidden, GroupNotFound):
                assert not self.model.views(login, slug)
                return
        assert self.model.views(login, slug)
        key = result.card.contact_id
        self.model.contacts[key] = ModelContact({slug: href}, result.card.etag, login)
        self.text[key] = text

    def some(self, data: st.DataObject) -> int:
        return data.draw(st.sampled_from(sorted(self.model.contacts)))

    @precondition(lambda self: self.model.contacts)
    @rule(login=member, data=st.data())
    def edit(self, login: str, data: st.DataObject) -> None:
        key = self.some(data)
        contact = self.model.contacts[key]
        if not contact.places:
            return
        slug = data.draw(st.sampled_from(sorted(contact.places)))
        text = self.text[key].replace("END:VCARD", f"NOTE:{self.number}\r\nEND:VCARD")
        self.number += 1
        may = self.model.views(login, slug) and self.model.sees(login, contact)
        with as_member(self.site, login, write=True) as tx:
            try:
                result = cards.put(tx, groups.book(tx, slug), contact.places[slug], text)
            except (Forbidden, NotFound, Conflict):
                assert not may
                return
        assert may
        contact.etag, self.text[key] = refetch.unmarked(result.card.etag), text

    @precondition(lambda self: self.model.contacts)
    @rule(login=member, data=st.data())
    def client_delete(self, login: str, data: st.DataObject) -> None:
        key = self.some(data)
        contact = self.model.contacts[key]
        if not contact.places:
            return
        slug = data.draw(st.sampled_from(sorted(contact.places)))
        may = self.model.views(login, slug) and self.model.sees(login, contact)
        with as_member(self.site, login, write=True) as tx:
            try:
                cards.remove(tx, groups.book(tx, slug), contact.places[slug])
            except (Forbidden, NotFound):
                assert not may
                return
        assert may
        if len(contact.places) == 1:
            contact.trashed = True
        else:
            del contact.places[slug]

    @precondition(lambda self: self.model.contacts)
    @rule(login=member, to=group, data=st.data())
    def client_move(self, login: str, to: str, data: st.DataObject) -> None:
        key = self.some(data)
        contact = self.model.contacts[key]
        if not contact.places:
            return
        slug = data.draw(st.sampled_from(sorted(contact.places)))
        self.number += 1
        href = f"moved-{self.number}.vcf"
        may = self.model.views(login, slug) and self.model.views(login, to) and self.model.sees(login, contact)
        with as_member(self.site, login, write=True) as tx:
            try:
                cards.move(tx, groups.book(tx, slug), contact.places[slug], groups.book(tx, to), href)
            except (Forbidden, NotFound):
                assert not may
                return
        assert may
        del contact.places[slug]
        contact.places.setdefault(to, href)

    # ---- what clients may not do

    @precondition(lambda self: self.devices)
    @rule(data=st.data())
    def refused_new(self, data: st.DataObject) -> None:
        self.number += 1
        self.refused(data.draw(st.sampled_from(self.devices)), f"refused-{self.number}.vcf", "create")

    @precondition(lambda self: any(device.held for device in self.devices))
    @rule(data=st.data(), method=st.sampled_from(["edit", "delete"]))
    def refused_change(self, data: st.DataObject, method: str) -> None:
        self.number += 1
        device = data.draw(st.sampled_from([device for device in self.devices if device.held]))
        held = sorted(device.held, key=lambda href: (self.order.get((device.group, href), 0), href))
        self.refused(device, data.draw(st.sampled_from(held)), method)

    def refused(self, device: Device, href: str, method: str) -> None:
        """A device that may only read writes all the same: its copy is spoiled until the next sync."""
        login, slug = device.member, device.group
        before = self.states(slug)
        if not self.forbids(login, slug, href, method):
            return
        self.model.refuse(login, slug, href)
        after = self.states(slug)
        assert {name for name in before if before[name] != after[name]} == {login}
        held = dict(device.held)
        copy = held.pop(href, Copy(""))
        if method != "delete":
            held[href] = Copy(copy.etag, spoiled=True)
        self.devices.append(Device(login, slug, device.token, held))

    def forbids(self, login: str, slug: str, href: str, method: str) -> bool:
        """Whether the write was refused as forbidden, and the member's clients asked to fetch again."""
        with as_member(self.site, login) as tx:
            viewer = tx.viewer.as_read_only()
        text = card(f"refused-{self.number}", "Refused")
        try:
            with self.site.begin(viewer, CLIENT, write=True) as tx:
                book = groups.book(tx, slug)
                cards.remove(tx, book, href) if method == "delete" else cards.put(tx, book, href, text)
        except (GroupNotFound, ContactNotFound):
            assert method == "delete" or not self.model.views(login, slug)
            assert href not in self.model.book(login, slug)
            return False
        except Forbidden:
            refetch.ask(self.site, viewer, CLIENT, [(slug, href)])
            return True
        raise AssertionError("a read-only device has written")

    def states(self, slug: str) -> dict[str, sync.BookState]:
        """ctag and token of those who have the book."""
        found = {}
        for login in MEMBERS:
            with as_member(self.site, login) as tx:
                if any(book.group.slug == slug for book in groups.books(tx)):
                    found[login] = sync.state(tx, groups.book(tx, slug))
        return found

    # ---- what postmasters do

    def href_of(self, key: int, slug: str) -> str:
        """The name that the product chose, read as the console sees the book."""
        with as_console(self.site, write=False) as tx:
            book = groups.book(tx, slug)
            return next(found.href for found in cards.all_cards(tx, book) if found.contact_id == key)

    @precondition(lambda self: self.model.contacts)
    @rule(to=group, data=st.data())
    def copy(self, to: str, data: st.DataObject) -> None:
        key = self.some(data)
        if self.model.contacts[key].trashed:
            return
        with as_console(self.site) as tx:
            contacts.copy(tx, [key], groups.get(tx, to))
        self.model.contacts[key].places.setdefault(to, self.href_of(key, to))

    @precondition(lambda self: self.model.contacts)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        key = self.some(data)
        with as_console(self.site) as tx:
            contacts.delete(tx, [key])
        self.model.contacts[key].trashed = True

    @precondition(lambda self: any(contact.trashed for contact in self.model.contacts.values()))
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from([key for key, each in sorted(self.model.contacts.items()) if each.trashed]))
        with as_console(self.site) as tx:
            trash.restore(tx, [key])
        contact = self.model.contacts[key]
        contact.trashed = False
        if not contact.places:
            contact.places["contacts"] = self.href_of(key, "contacts")

    @precondition(lambda self: self.model.contacts)
    @rule(
        data=st.data(),
        names=st.sets(subject.filter(lambda name: name != "everyone"), max_size=3),
        private=st.booleans(),
    )
    def hide_or_show(self, data: st.DataObject, names: set[str], private: bool) -> None:
        key = self.some(data)
        contact = self.model.contacts[key]
        names = {name for name in names if name.removeprefix("@") in {*MEMBERS, *self.model.teams}}
        if contact.trashed:
            return
        with as_console(self.site) as tx:
            listed = frozenset(subjects.resolve(tx, name).id for name in names)
            wanted = PRIVATE if private else Visibility(VisibilityKind.LISTED, listed) if listed else VISIBLE_TO_ALL
            contacts.set_visibility(tx, [key], wanted)
        contact.kind = str(wanted.kind)
        contact.listed = set() if private else names

    @precondition(lambda self: self.model.contacts)
    @rule(data=st.data(), login=st.none() | member)
    def change_owner(self, data: st.DataObject, login: str | None) -> None:
        key = self.some(data)
        with as_console(self.site) as tx:
            set_owner(tx, [key], login)
        self.model.contacts[key].owner = login

    @rule(name=team, login=member)
    def join_or_leave(self, name: str, login: str) -> None:
        if name not in self.model.teams:
            return
        joined = self.model.teams[name]
        with as_console(self.site) as tx:
            (teams.leave if login in joined else teams.join)(tx, name, login)
        joined.symmetric_difference_update({login})

    @rule(name=team)
    def delete_or_add_team(self, name: str) -> None:
        with as_console(self.site) as tx:
            if name in self.model.teams:
                teams.delete(tx, name)
            else:
                teams.add(tx, name)
        if self.model.teams.pop(name, None) is None:
            self.model.teams[name] = set()
            return
        for contact in self.model.contacts.values():
            contact.listed.discard(f"@{name}")
        for viewers in self.model.viewers.values():
            viewers.discard(f"@{name}")

    @rule(slug=group, name=subject)
    def grant_or_revoke(self, slug: str, name: str) -> None:
        if name.startswith("@") and name[1:] not in self.model.teams:
            return
        viewers = self.model.viewers[slug]
        with as_console(self.site) as tx:
            if name in viewers:
                grants.revoke(tx, slug, name)
            else:
                grants.grant(tx, slug, name, RIGHTS)
        viewers.symmetric_difference_update({name})

    @precondition(lambda self: self.model.contacts)
    @rule(data=st.data())
    def erase(self, data: st.DataObject) -> None:
        key = self.some(data)
        report = erasure.erase(self.site.site, CONSOLE, CLIENT, [key])
        assert report.clean
        assert not report.residue
        for slug in report.books:
            self.erased_in[slug] = self.erased_in.get(slug, 0) + 1
        for each in report.contacts:
            del self.model.contacts[each]

    # ---- what must hold

    @rule(login=member, slug=group)
    def first_sync(self, login: str, slug: str) -> None:
        self.sync(Device(login, slug))

    @precondition(lambda self: self.devices)
    @rule(data=st.data(), limit=st.none() | st.integers(1, 3))
    def sync_from_any_token(self, data: st.DataObject, limit: int | None) -> None:
        self.sync(data.draw(st.sampled_from(self.devices)), limit)

    def sync(self, device: Device, limit: int | None = None) -> None:
        login, slug = device.member, device.group
        expected = self.model.book(login, slug)
        with as_member(self.site, login) as tx:
            try:
                book = groups.book(tx, slug)
            except GroupNotFound:
                assert not self.model.views(login, slug)
                return
            more, pages = True, 0
            while more:
                device, more = self.page(tx, book, device, limit)
                if more and device.token:
                    self.devices.append(device)  # a client may ask for the next page when it likes
                pages += 1
                assert pages < PAGES
        assert {href: refetch.unmarked(copy.etag) for href, copy in device.held.items()} == expected
        assert not [href for href, copy in device.held.items() if copy.spoiled]
        marked = {href for href, copy in device.held.items() if refetch.unmarked(copy.etag) != copy.etag}
        assert marked == self.model.marked(login, slug)
        self.devices.append(device)

    def page(self, tx: Tx, book: Book, device: Device, limit: int | None) -> tuple[Device, bool]:
        """The device after one answer, and whether there are more."""
        try:
            result = sync.changes(tx, book, device.token, limit)
        except InvalidToken:
            assert device.token
            assert self.erased_in.get(device.group), "only an erasure ends a token"
            listed = {entry.href for entry in cards.listing(tx, book)}
            kept = {href: copy for href, copy in device.held.items() if href in listed}
            return Device(device.member, device.group, "", kept), True
        changed = {entry.href: entry.etag for entry in result.changed}
        never = {*changed, *result.removed} - self.model.ever.get((device.member, device.group), set())
        never -= self.model.book(device.member, device.group).keys()
        assert not never, f"{device.member} was told of {never}"
        assert device.token or not result.removed, "a first sync has no tombstones"
        return device.take(result.token, changed, result.removed), result.more

    @invariant()
    def remember(self) -> None:
        self.model.remember()
        for number, contact in self.model.contacts.items():
            for place in contact.places.items():
                self.order.setdefault(place, number)

    @precondition(lambda self: self.devices)
    @invariant()
    def the_latest_devices_are_right(self) -> None:
        for device in self.devices[-2:]:
            self.sync(device)
        del self.devices[:-40]


@pytest.mark.soak
def test_sync_shows_exactly_what_a_member_may_see_on_sqlite(tmp_path: Path, soak: bool) -> None:
    run(SyncMachine, on_sqlite(tmp_path), examples=300 if soak else 45, steps=50)


@pytest.mark.soak
def test_sync_shows_exactly_what_a_member_may_see_on_postgresql(postgres_cluster: Any, soak: bool) -> None:
    run(SyncMachine, on_postgresql(postgres_cluster), examples=60 if soak else 8, steps=40)


def run(machine: type[SyncMachine], make_site: Any, *, examples: int, steps: int) -> None:
    """Runs a machine on sites of this kind."""
    machine = type("Machine", (machine,), {"make_site": staticmethod(make_site)})
    plan = settings(max_examples=examples, stateful_step_count=steps, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(machine, settings=plan)
