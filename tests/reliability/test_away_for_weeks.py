"""Clients that are away for weeks end with what their member sees, in whatever way they ask, and LDAP shows the same.

Meanwhile contacts are imported, edited, merged, hidden, moved, deleted, restored, erased; groups are renamed, made and
deleted; grants, teams, owners and kinds of books change; backups are restored; the clock goes on, and what is kept for
a time goes. Some clients stop between two pages, many write before they ask, and are often refused.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from time import time
from typing import Any

import pytest

import sharedbook.app
from ldap_gateway.attributes import Names
from ldap_gateway.directory import Directory
from ldap_gateway.follower import Follower
from radicale_storage import wsgi
from sharedbook.domain.errors import SharedbookError
from sharedbook.domain.model import ALL_RIGHTS, PRIVATE, VISIBLE_TO_ALL, Right, Visibility, VisibilityKind
from sharedbook.services import tx as transactions
from sharedbook.services.books import cards, groups, refetch
from sharedbook.services.contacts import contacts, trash
from sharedbook.services.erasing import erasure
from sharedbook.services.imports import transfer
from sharedbook.services.jobs import bulk
from sharedbook.services.jobs.actions import Action, Copy, Delete, DeleteGroup, Merge, Move, Owner, Restore, Tag
from sharedbook.services.members import grants, members
from sharedbook.services.people import subjects, teams
from sharedbook.services.upkeep import backup, housekeeping
from sharedbook.store import identity
from tests.carddav.inside import Inside, worker
from tests.ldap.world import BASE
from tests.reliability.offline_device import WAYS, Device
from tests.support.sites import CLIENT, CONSOLE, as_console, as_member, new_site

LIVES, WEEKS, DEEDS = 1, 6, 14
SOAK_LIVES, SOAK_WEEKS = 30, 12
MOST_PAGES = 500
MEMBERS, TEAMS = ["alice", "bob", "carol", "dave"], ["sales", "support"]
EVERYBODY = [*MEMBERS, "@sales", "@support", "everyone"]
KEPT_DAYS: dict[str, Any] = {"tombstone_days": 45, "departure_days": 20, "trash_days": 60}
WRITER = Right.VIEW | Right.ADD | Right.EDIT | Right.DELETE


class Clock(datetime):
    """The time, and what has passed since the test began; all that a site keeps for days asks it."""

    passed = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz) + cls.passed


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Clock, "passed", timedelta())
    monkeypatch.setattr(transactions, "datetime", Clock)
    monkeypatch.setattr(identity, "time", lambda: time() + Clock.passed.total_seconds())


class Life:
    """A site, its clients, and what happens to it; ``log`` tells it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
        self.chance = random.Random(seed)
        self.app = new_site(folder / "site", **KEPT_DAYS)
        self.devices: list[Device] = []
        self.log: list[str] = []
        self._folder, self._patch, self._served = folder, monkeypatch, ExitStack()
        self._number, self._jobs, self._backups = 0, list[int](), list[Path]()

    @contextmanager
    def begun(self) -> Iterator[None]:
        """With members, groups and some devices of each member."""
        with as_console(self.app) as tx:
            secrets = {
                login: members.app_password_add(
                    tx, members.add(tx, login).login, "all", doors=frozenset({"carddav"}), write=True
                )
                for login in MEMBERS
            }
            members.change(tx, "dave", merged_book=True)
            for name in TEAMS:
                teams.add(tx, name)
            for name, rights in (("Clients", WRITER), ("Partners", Right.VIEW)):
                grants.grant(tx, groups.add(tx, name).slug, "everyone", rights)
        self._open()
        for login in MEMBERS:
            for slug in ("clients", "partners", "all"):
                for way in self.chance.sample(WAYS, 2):
                    client = Inside(self._answer, login, secrets[login])
                    self.devices.append(Device(client, slug, way, patient=self.chance.random() < 0.5))
        self.import_some()
        try:
            yield
        finally:
            self._close()

    def _answer(self, environ: wsgi.Environ, start_response: wsgi.StartResponse) -> Iterable[bytes]:
        return self._application(environ, start_response)

    def _open(self) -> None:
        self._application = self._served.enter_context(worker(self.app, self._patch))

    def _close(self) -> None:
        self._served.close()
        self.app.close()

    def week(self) -> None:
        """What happens in a week; devices sync now and then, and write before."""
        for _ in range(DEEDS):
            Clock.passed += timedelta(days=7) / DEEDS
            deed = self.chance.choice(self.deeds())
            self.log.append(deed.__name__)
            with suppress(SharedbookError):  # many are not possible just now
                deed()
            if self.chance.random() < 0.5:
                self._one_syncs(self.chance.choice(self.devices))
        if self.chance.random() < 0.2:
            Clock.passed += timedelta(days=self.chance.choice([10, 25, 50]))
        if self.chance.random() < 0.8:
            housekeeping.run(self.app.site)

    def _one_syncs(self, device: Device) -> None:
        """Who wrote hears all that follows; a restore would forget what was refused, and that it must be told."""
        writes = self.chance.randint(0, 3) if device.has_book() else 0
        for _ in range(writes):
            device.write(self.chance, self._next())
        ended = device.sync(MOST_PAGES if writes else self.chance.choice([1, MOST_PAGES]))
        self.log.append(f"  {device.path} by {device.way}, {writes} written, to its end: {ended}")

    # ---- what happens

    def deeds(self) -> list[Callable[[], object]]:
        """What may happen, as often as it stands here."""
        often = [self.import_some, self.tag, self.see, self.delete, self.restore, self.merge, self.undo, self.grant]
        seldom = [self.copy, self.move, self.own, self.erase, self.empty_trash, self.rename, self.make_group]
        seldom += [self.delete_group, self.join_or_leave, self.switch, self.disable_or_enable, self.change_default]
        return [*often, self.revoke, *often, self.revoke, *seldom, self.back_up, self.go_back]

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _slug(self) -> str:
        with as_console(self.app, write=False) as tx:
            return self.chance.choice(sorted(each.slug for each in groups.names(tx).values()))

    def _group_id(self) -> int:
        with as_console(self.app, write=False) as tx:
            return groups.get(tx, self._slug()).id

    def _living(self, most: int) -> list[int]:
        with as_console(self.app, write=False) as tx:
            found = sorted({each for group in groups.names(tx) for each in groups.held_ids(tx, group)})
        return self.chance.sample(found, min(most, len(found)))

    def _trashed(self) -> list[int]:
        with as_console(self.app, write=False) as tx:
            return sorted(each.id for each in trash.list_trash(tx))

    def _do(self, action: Action, ids: list[int]) -> None:
        with as_console(self.app) as tx:
            job = bulk.add(tx, action, ids).id
        bulk.run(self.app, CONSOLE, CLIENT, job)
        self._jobs.append(job)

    def import_some(self) -> None:
        rows = [f"Person {each},p{each % 9}{each}@example.com" for each in (self._next() for _ in range(12))]
        file = io.BytesIO("\n".join(["name,email", *rows]).encode())
        transfer.import_file(self.app, CONSOLE, CLIENT, file, group=self._slug())

    def tag(self) -> None:
        self._do(Tag((f"tag {self._next()}",), ()), self._living(6))

    def see(self) -> None:
        with as_console(self.app) as tx:
            some = frozenset(subjects.resolve(tx, name).id for name in self.chance.sample(EVERYBODY[:-1], 2))
            wanted = self.chance.choice([VISIBLE_TO_ALL, PRIVATE, Visibility(VisibilityKind.LISTED, some)])
            contacts.set_visibility(tx, self._living(8), wanted)

    def own(self) -> None:
        with as_console(self.app, write=False) as tx:
            owner = self.chance.choice([None, members.get(tx, self.chance.choice(MEMBERS)).id])
        self._do(Owner(owner), self._living(5))

    def copy(self) -> None:
        self._do(Copy(self._group_id()), self._living(8))

    def move(self) -> None:
        self._do(Move(self._group_id(), self._group_id()), self._living(30))

    def delete(self) -> None:
        self._do(Delete(), self._living(6))

    def restore(self) -> None:
        self._do(Restore(), self._trashed()[:6])

    def merge(self) -> None:
        if len(ids := self._living(3)) > 1:
            self._do(Merge((tuple(ids),)), ids)

    def undo(self) -> None:
        for job in self.chance.sample(self._jobs[-6:], min(1, len(self._jobs))):
            with as_console(self.app) as tx:
                back = bulk.undo_of(tx, job)
            self._do(*back)

    def erase(self) -> None:
        assert erasure.erase(self.app.site, CONSOLE, CLIENT, self._living(2)).clean

    def empty_trash(self) -> None:
        assert erasure.erase(self.app.site, CONSOLE, CLIENT, self._trashed()).clean

    def rename(self) -> None:
        with as_console(self.app) as tx:
            groups.rename(tx, self._slug(), f"Renamed {self._next()}")

    def make_group(self) -> None:
        with as_console(self.app) as tx:
            slug = groups.add(tx, f"Group {self._next()}").slug
            grants.grant(tx, slug, self.chance.choice(EVERYBODY), ALL_RIGHTS)
        before = self.chance.choice(self.devices)
        self.devices.append(Device(before.client, slug, before.way, before.patient))

    def delete_group(self) -> None:
        with as_console(self.app, write=False) as tx:
            plan = groups.plan_deletion(tx, self._slug(), contacts_to=self.chance.choice(["trash", "keep"]))
        self._do(DeleteGroup(plan.group.id, plan.word, plan.target.id), [])

    def grant(self) -> None:
        with as_console(self.app) as tx:
            grants.grant(tx, self._slug(), self.chance.choice(EVERYBODY), self.chance.choice([Right.VIEW, WRITER]))

    def revoke(self) -> None:
        with as_console(self.app) as tx:
            grants.revoke(tx, self._slug(), self.chance.choice(EVERYBODY))

    def join_or_leave(self) -> None:
        with as_console(self.app) as tx:
            self.chance.choice([teams.join, teams.leave])(tx, self.chance.choice(TEAMS), self.chance.choice(MEMBERS))

    def switch(self) -> None:
        login = self.chance.choice(MEMBERS)
        with as_console(self.app) as tx:
            members.change(tx, login, merged_book=not members.get(tx, login).merged_book)

    def disable_or_enable(self) -> None:
        with as_console(self.app) as tx:
            self.chance.choice([members.disable, members.enable, members.enable])(tx, self.chance.choice(MEMBERS))

    def change_default(self) -> None:
        with as_console(self.app) as tx:
            groups.set_default(tx, self._slug())

    def back_up(self) -> None:
        self._backups.append(self._folder / f"backup-{self._next()}")
        backup.save(self.app.site, CONSOLE, CLIENT, self._backups[-1])

    def go_back(self) -> None:
        if self._backups:
            self._close()
            try:
                folder = self.chance.choice(self._backups)
                backup.restore(self.app.settings, CONSOLE, CLIENT, folder, replace_present=True)
            finally:
                self.app = sharedbook.app.open(self.app.settings)
                self._open()

    # ---- what must hold

    def check(self) -> None:
        """All devices sync; each has what a new one gets, and LDAP shows each member what is in his books."""
        with as_console(self.app) as tx:
            for login in MEMBERS:
                members.enable(tx, login)
        for device in self.devices:
            if device.sync(MOST_PAGES):
                new = Device(device.client, device.slug, "etags", patient=False)
                new.sync(1)
                assert unmarked(device) == unmarked(new), (device.path, device.way)
        directory = Directory(BASE, names=Names(()), region="US", limits=self.app.settings.limits(), start_tls=False)
        Follower(self.app, directory).load()
        for login in MEMBERS:
            with as_member(self.app, login) as tx:
                books = groups.books(tx)
                held = {card.contact_id for book in books for card in cards.all_cards(tx, book)}
                reader = directory.reader(tx.viewer.subjects)
            mask = directory.index.visible(reader.groups, reader.subjects)
            assert {each for each in directory.index.ids() if directory.index.sees(mask, each)} == held, login


def unmarked(device: Device) -> dict[str, tuple[str, str]]:
    """What it holds; the mark of a refused write goes from an ETag with time, which nobody is told of."""
    return {href: (refetch.unmarked(etag), text) for href, (etag, text) in device.held.items()}


@pytest.mark.soak
def test_clients_that_were_away_end_with_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, soak: bool
) -> None:
    for number in range(SOAK_LIVES if soak else LIVES):
        life = Life(tmp_path / str(number), monkeypatch, seed + number)
        try:
            with life.begun():
                for week in range(SOAK_WEEKS if soak else WEEKS):
                    life.week()
                    if week % 4 == 3:
                        life.check()
                life.check()
        except Exception as error:
            raise AssertionError(f"seed {seed} + {number}:\n" + "\n".join(life.log)) from error
