"""Random lives of merged books: members switch theirs on and off, contacts share UIDs, new cards come in at any name.

It is the machine of ``test_sync_machine.py`` with one more book for each member, held against the same model: what he
sees in any group, once; of those with one UID the oldest under it, the others under a UID of their own.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from sharedbook.domain.errors import Conflict, Forbidden, GroupNotFound, NotFound
from sharedbook.formats.vcards import vcard
from sharedbook.services.books import cards, groups, refetch
from sharedbook.services.contacts import contacts
from sharedbook.services.members import grants, members
from tests.services.machine_sites import on_postgresql, on_sqlite
from tests.services.sync_model import Device, Model, ModelContact
from tests.services.test_sync_machine import MEMBERS, RIGHTS, SyncMachine, group, member, run
from tests.support.sites import as_console, as_member, card

ALL = "all"
DEFAULT = "contacts"


class MergedModel(Model):
    """Who has a merged book views no single one. ``keys`` and ``uids`` of contacts are the product's own."""

    def __init__(self) -> None:
        super().__init__(MEMBERS)
        self.merged: set[str] = set()
        self.keys: dict[int, str] = {}
        self.uids: dict[int, str] = {}

    def views(self, member: str, group: str) -> bool:
        """Whether the member has the group as a book of its own."""
        return member not in self.merged and super().views(member, group)

    def in_groups(self, member: str, contact: ModelContact) -> set[str]:
        """The groups in which the merged book's owner sees the contact."""
        if member not in self.merged or not self.sees(member, contact):
            return set()
        return {group for group in contact.places if super(MergedModel, self).views(member, group)}

    def served(self, member: str) -> dict[int, str]:
        """The UID under which each contact stands in the merged book, in the order of their age."""
        found: dict[int, str] = {}
        for number, contact in sorted(self.contacts.items()):
            if self.in_groups(member, contact):
                uid = self.uids[number]
                found[number] = f"{uid}-{self.keys[number]}" if uid in found.values() else uid
        return found

    def writable(self, member: str, number: int) -> bool:
        """Whether the contact stands in the merged book under its own UID."""
        return self.served(member).get(number) == self.uids[number]

    def book(self, member: str, group: str) -> dict[str, str]:
        """href -> etag of what the member sees in a group, or in all."""
        if group != ALL:
            return super().book(member, group)
        found = {}
        for number, uid in self.served(member).items():
            key, etag = self.keys[number], self.contacts[number].etag
            own = hashlib.sha256(f"{etag}|{key}".encode()).hexdigest()[:32]
            found[f"{key}.vcf"] = etag if uid == self.uids[number] else f'"{own}"'
        return found

    def remember(self) -> None:
        """Notes for every member what he can see now, in his merged book too."""
        super().remember()
        for login in self.members:
            self.ever.setdefault((login, ALL), set()).update(self.book(login, ALL))


class MergedMachine(SyncMachine):
    """``had``: who had a merged book at some time."""

    model: MergedModel

    def __init__(self) -> None:
        super().__init__()
        self.model = MergedModel()
        self.had: set[str] = set()

    @initialize()
    def found(self) -> None:
        self.model.viewers[DEFAULT] = set()
        super().found()
        self.remember()
        for login in MEMBERS[:2]:
            self.switch(login)
            self.sync(Device(login, ALL))

    def know(self) -> None:
        """What the product has chosen: keys, and UIDs as they were put."""
        for number in self.model.contacts.keys() - self.model.keys.keys():
            with as_console(self.site, write=False) as tx:
                self.model.keys[number] = contacts.get(tx, number).key
            self.model.uids[number] = vcard.load(self.text[number]).uid
            self.order[ALL, self.name_of(number)] = number

    @invariant()
    def remember(self) -> None:
        """In the midst of a rule, too: what is seen between a bulk action and its undo may be told of later."""
        self.know()
        super().remember()

    @rule(login=member)
    def switch(self, login: str) -> None:
        self.model.merged ^= {login}
        self.had.add(login)
        with as_console(self.site) as tx:
            members.change(tx, login, merged_book=login in self.model.merged)

    @rule(login=member)
    def grant_or_revoke_the_default_group(self, login: str) -> None:
        viewers = self.model.viewers[DEFAULT]
        with as_console(self.site) as tx:
            if login in viewers:
                grants.revoke(tx, DEFAULT, login)
            else:
                grants.grant(tx, DEFAULT, login, RIGHTS)
        viewers ^= {login}

    # ---- what clients do

    @precondition(lambda self: self.model.contacts)
    @rule(login=member, slug=group, data=st.data())
    def put_namesake(self, login: str, slug: str, data: st.DataObject) -> None:
        """A new contact with the UID of another one, in a group that does not hold it."""
        self.number += 1
        href, text = f"namesake-{self.number}.vcf", self.text[self.some(data)]
        with as_member(self.site, login, write=True) as tx:
            try:
                result = cards.put(tx, groups.book(tx, slug), href, text)
            except (Forbidden, GroupNotFound, Conflict):
                return
        self.added(result.card.contact_id, slug, href, result.card.etag, login, text)

    def added(self, number: int, slug: str, href: str, etag: str, login: str, text: str) -> None:
        self.model.contacts[number] = ModelContact({slug: href}, etag, login)
        self.text[number] = text
        self.remember()

    @rule(login=member)
    def put_new_merged(self, login: str) -> None:
        self.number += 1
        href, text = f"own-{self.number}.vcf", card(f"uid-{self.number}", f"Name {self.number}")
        may = login in self.model.merged and login in self.model.viewers[DEFAULT]
        with as_member(self.site, login, write=True) as tx:
            try:
                result = cards.put(tx, groups.book(tx, ALL), href, text)
            except (Forbidden, GroupNotFound):
                assert not may
                return
        assert may
        self.added(result.card.contact_id, DEFAULT, href, result.card.etag, login, text)
        assert result.card.href == self.name_of(result.card.contact_id)
        self.model.ever[login, ALL].add(href)

    @precondition(lambda self: self.model.contacts)
    @rule(login=member, data=st.data())
    def edit_merged(self, login: str, data: st.DataObject) -> None:
        number = self.some(data)
        text = self.text[number].replace("END:VCARD", f"NOTE:{self.number}\r\nEND:VCARD")
        self.number += 1
        may = self.model.writable(login, number)
        with as_member(self.site, login, write=True) as tx:
            try:
                result = cards.put(tx, groups.book(tx, ALL), self.name_of(number), text)
            except (Forbidden, NotFound, Conflict):
                assert not may
                return
        assert may
        self.model.contacts[number].etag, self.text[number] = refetch.unmarked(result.card.etag), text

    @precondition(lambda self: self.model.contacts)
    @rule(login=member, data=st.data())
    def delete_merged(self, login: str, data: st.DataObject) -> None:
        number = self.some(data)
        contact = self.model.contacts[number]
        may = self.model.writable(login, number)
        with as_member(self.site, login, write=True) as tx:
            try:
                cards.remove(tx, groups.book(tx, ALL), self.name_of(number))
            except (Forbidden, NotFound):
                assert not may
                return
        assert may
        left = self.model.in_groups(login, contact)
        if left == set(contact.places):
            contact.trashed = True
        else:
            for slug in left:
                del contact.places[slug]

    def name_of(self, number: int) -> str:
        return f"{self.model.keys[number]}.vcf"

    # Where another contact has the UID, these are refused, and nothing has changed.

    @precondition(lambda self: self.model.contacts)
    @rule(login=member, to=group, data=st.data())
    def client_move(self, login: str, to: str, data: st.DataObject) -> None:
        with suppress(Conflict):
            super().client_move(login=login, to=to, data=data)

    @precondition(lambda self: self.model.contacts)
    @rule(to=group, data=st.data())
    def copy(self, to: str, data: st.DataObject) -> None:
        with suppress(Conflict):
            super().copy(to=to, data=data)

    @precondition(lambda self: any(contact.trashed for contact in self.model.contacts.values()))
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        with suppress(Conflict):
            super().restore(data=data)

    @precondition(lambda self: self.model.contacts)
    @rule(data=st.data())
    def erase(self, data: st.DataObject) -> None:
        super().erase(data=data)
        self.erased_in[ALL] = 1

    # ---- what must hold

    @rule(login=member)
    def first_sync_merged(self, login: str) -> None:
        self.sync(Device(login, ALL))

    def sync(self, device: Device, limit: int | None = None) -> None:
        super().sync(device, limit)
        if device.group == ALL:
            self.reads_as_the_model_says(device.member)

    def reads_as_the_model_says(self, login: str) -> None:
        expected = self.model.served(login)
        with as_member(self.site, login) as tx:
            try:
                book = groups.book(tx, ALL)
            except GroupNotFound:
                assert login not in self.had
                return
            served = cards.get_many(tx, book, [self.name_of(number) for number in expected])
            listed = {entry.href: entry.etag for entry in cards.listing(tx, book)}
        assert {card.contact_id: card.uid for card in served.values()} == expected
        assert all(vcard.parse(card.vcard).uid == card.uid for card in served.values())
        assert listed == {href: card.etag for href, card in served.items()}


@pytest.mark.soak
def test_a_merged_book_is_what_a_member_sees_in_all_groups_on_sqlite(tmp_path: Path, soak: bool) -> None:
    run(MergedMachine, on_sqlite(tmp_path), examples=200 if soak else 20, steps=50)


@pytest.mark.soak
def test_a_merged_book_is_what_a_member_sees_in_all_groups_on_postgresql(postgres_cluster: Any, soak: bool) -> None:
    run(MergedMachine, on_postgresql(postgres_cluster), examples=60 if soak else 4, steps=40)
