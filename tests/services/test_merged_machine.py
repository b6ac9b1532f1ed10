"""Random lives of merged books: members switch theirs on and off, contacts share UIDs, clients take pages or all at once.

It is the machine of ``test_sync_machine.py`` with one more book for each member, held against the same model: what he
sees in any group, once; of those with one UID the oldest under it, the others under a UID of their own.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from sharedbook import app as sharedbook_app
from sharedbook.app import App
from sharedbook.domain.errors import Conflict, Forbidden, GroupNotFound, InvalidToken, NotFound
from sharedbook.formats import vcard
from sharedbook.services import cards, contacts, grants, groups, members, sync
from sharedbook.settings import Settings
from tests.services.sync_model import Model, ModelContact
from tests.services.test_sync_machine import MEMBERS, RIGHTS, SyncMachine, group, member, run
from tests.support.sites import Mold, as_console, as_member, card

ALL = "all"
DEFAULT = "contacts"


class MergedModel(Model):
    """Who has a merged book views no single one."""

    def __init__(self) -> None:
        super().__init__(MEMBERS)
        self.merged: set[str] = set()

    def views(self, member: str, group: str) -> bool:
        """Whether the member has the group as a book of its own."""
        return member not in self.merged and super().views(member, group)

    def all_of(self, member: str) -> set[int]:
        """Ids of the contacts in the member's merged book."""
        if member not in self.merged:
            return set()
        viewed = {group for group in self.viewers if super(MergedModel, self).views(member, group)}
        return {key for key, each in self.contacts.items() if viewed & set(each.places) and self.sees(member, each)}


class MergedMachine(SyncMachine):
    """``uids`` and ``names`` by contact: its UID, its href in merged books; ``own_names``: hrefs that clients chose."""

    model: MergedModel

    def __init__(self) -> None:
        super().__init__()
        self.model = MergedModel()
        self.uids: dict[int, str] = {}
        self.names: dict[int, str] = {}
        self.own_names: set[str] = set()
        self.had: set[str] = set()
        self.saw: dict[str, set[str]] = {login: set() for login in MEMBERS}

    @initialize()
    def found(self) -> None:
        super().found()
        self.model.viewers[DEFAULT] = set()
        self.switch("alice")
        self.switch("bob")

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
        href, text = f"card-{self.number}.vcf", self.text[self.some(data)]
        with as_member(self.site, login, write=True) as tx:
            try:
                result = cards.put(tx, groups.book(tx, slug), href, text)
            except (Forbidden, GroupNotFound, Conflict):
                return
        self.added(result.card.contact_id, slug, href, result.card.etag, login, text)

    def added(self, key: int, slug: str, href: str, etag: str, login: str, text: str) -> None:
        self.model.contacts[key] = ModelContact({slug: href}, etag, login)
        self.text[key] = text

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
        self.own_names.add(href)
        self.added(result.card.contact_id, DEFAULT, href, result.card.etag, login, text)
        assert result.card.href == self.name_of(result.card.contact_id)

    @precondition(lambda self: self.model.contacts)
    @rule(login=member, data=st.data())
    def edit_merged(self, login: str, data: st.DataObject) -> None:
        key = self.some(data)
        text = self.text[key].replace("END:VCARD", f"NOTE:{self.number}\r\nEND:VCARD")
        self.number += 1
        may = key in self.model.all_of(login) - self.seconds(login)
        with as_member(self.site, login, write=True) as tx:
            try:
                result = cards.put(tx, groups.book(tx, ALL), self.name_of(key), text)
            except (Forbidden, NotFound, Conflict):
                assert not may
                return
        assert may
        self.model.contacts[key].etag, self.text[key] = result.card.etag, text

    @precondition(lambda self: self.model.contacts)
    @rule(login=member, data=st.data())
    def delete_merged(self, login: str, data: st.DataObject) -> None:
        key = self.some(data)
        contact = self.model.contacts[key]
        may = key in self.model.all_of(login) - self.seconds(login)
        with as_member(self.site, login, write=True) as tx:
            try:
                cards.remove(tx, groups.book(tx, ALL), self.name_of(key))
            except (Forbidden, NotFound):
                assert not may
                return
        assert may
        viewed = {slug for slug in contact.places if Model.views(self.model, login, slug)}
        if viewed == set(contact.places):
            contact.trashed = True
        else:
            for slug in viewed:
                del contact.places[slug]

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

    # ---- what must hold

    def name_of(self, key: int) -> str:
        if key not in self.names:
            with as_console(self.site, write=False) as tx:
                found = contacts.get(tx, key)
            self.names[key] = f"{found.key}.vcf"
            self.uids[key] = found.uid
        return self.names[key]

    def seconds(self, login: str) -> set[int]:
        """Those in his merged book that stand behind an older one with the same UID."""
        seen = sorted(self.model.all_of(login))
        uids = [vcard.load(self.text[key]).uid for key in seen]
        return {key for at, key in enumerate(seen) if uids[at] in uids[:at]}

    def merged_book(self, tx: Any, login: str) -> dict[str, str]:
        """href -> etag of what should be in it, the ETags of second ones as they are served."""
        names = {key: self.name_of(key) for key in self.model.all_of(login)}
        seconds = self.seconds(login)
        served = cards.get_many(tx, groups.book(tx, ALL), list(names.values()))
        assert set(served) == set(names.values())
        for key, name in names.items():
            own = f"{self.uids[key]}-{name.removesuffix('.vcf')}" if key in seconds else self.uids[key]
            assert vcard.parse(served[name].vcard).uid == served[name].uid == own
        return {
            name: served[name].etag if key in seconds else self.model.contacts[key].etag for key, name in names.items()
        }

    @rule(login=member)
    def first_sync_merged(self, login: str) -> None:
        self.sync_from(login, ALL, "", {})

    def sync_from(self, login: str, slug: str, token: str, held: dict[str, str]) -> None:
        if slug != ALL:
            super().sync_from(login, slug, token, held)
            return
        with as_member(self.site, login) as tx:
            try:
                book = groups.book(tx, ALL)
            except GroupNotFound:
                assert login not in self.had
                return
            expected = self.merged_book(tx, login)
            assert {entry.href: entry.etag for entry in cards.listing(tx, book)} == expected
            self.saw[login] |= expected.keys()
            limit = 1 + self.number % 3 if self.number % 2 else None
            more = True
            while more:
                try:
                    result = sync.changes(tx, book, token, limit=limit)
                except InvalidToken:
                    assert token
                    assert self.erased_in, "only an erasure ends a token"
                    token, held = "", {}
                    continue
                told = {entry.href for entry in result.changed} | set(result.removed)
                assert told <= self.saw[login] | self.own_names
                assert token or not result.removed, "a first sync has no tombstones"
                held = {href: etag for href, etag in held.items() if href not in result.removed}
                held |= {entry.href: entry.etag for entry in result.changed}
                token, more = result.token, result.more
                self.clients.append((login, ALL, token, held))
            assert held == expected


@pytest.mark.soak
def test_a_merged_book_is_what_a_member_sees_in_all_groups_on_sqlite(tmp_path: Path, soak: bool) -> None:
    mold = Mold(tmp_path)

    @contextmanager
    def make_site() -> Iterator[App]:
        site = mold.cast()
        try:
            yield site
        finally:
            site.close()
            shutil.rmtree(site.settings.data_dir)

    run(MergedMachine, make_site, examples=200 if soak else 20, steps=50)


@pytest.mark.soak
def test_a_merged_book_is_what_a_member_sees_in_all_groups_on_postgresql(postgres_cluster: Any, soak: bool) -> None:
    @contextmanager
    def make_site() -> Iterator[App]:
        with tempfile.TemporaryDirectory() as folder, postgres_cluster.database() as url:
            site = sharedbook_app.init(Settings(data_dir=Path(folder), database_url=url))
            try:
                yield site
            finally:
                site.close()

    run(MergedMachine, make_site, examples=60 if soak else 4, steps=40)
