"""Two machines with one PostgreSQL: each has a data folder and servers of its own; site.key is a copy.

What is written through one is served by the other at once, over CardDAV and LDAP; who is let out at one is out at the
other; what one erases only it can prove, and no backup brings it back at the other.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from sharedbook import app as opened
from sharedbook.app import App
from sharedbook.domain.errors import WrongKey
from sharedbook.domain.model import ALL_RIGHTS
from sharedbook.formats.vcards import vcard
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts
from sharedbook.services.erasing import erasure, ledger
from sharedbook.services.members import grants, members
from sharedbook.services.upkeep import backup, housekeeping
from sharedbook.settings import Settings
from tests.carddav.dav import Client
from tests.carddav.served import start
from tests.ldap.served import BASE, serve
from tests.support.eventually import eventually
from tests.support.postgres import Cluster
from tests.support.sites import CLIENT, CONSOLE, as_console, card, new_site

PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def machines(postgres_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[App, App]]:
    folder = tmp_path_factory.mktemp("machines")
    with postgres_cluster.database(schema=True) as url:
        first = new_site(folder / "first", url)
        (folder / "second").mkdir(mode=0o700)
        shutil.copy(first.settings.key_file, folder / "second")
        second = opened.init(Settings(data_dir=folder / "second", database_url=url))
        with as_console(first) as tx:
            groups.add(tx, "Friends")
            members.add(tx, "alice")
            members.set_password(tx, "alice", PASSWORD)
            grants.grant(tx, "friends", "alice", ALL_RIGHTS)
        yield first, second
        first.close()
        second.close()


def added(app: App, uid: str, name: str) -> int:
    with as_console(app) as tx:
        return contacts.add(tx, groups.get(tx, "friends"), vcard.parse(card(uid, name))).id


def test_what_one_writes_the_other_serves(machines: tuple[App, App], tmp_path: Path) -> None:
    first, second = machines
    with ExitStack() as open_:
        ldap = open_.enter_context(serve(second))
        ports = []
        for app in machines:
            server, port = start(app, tmp_path, plain=False, SHAREDBOOK_CARDDAV_WORKERS="1")
            open_.enter_context(server)
            ports.append(port)
        here, there = (Client(port, "alice", PASSWORD) for port in ports)
        directory = ldap.connect("alice", PASSWORD)

        def found(name: str) -> int:
            directory.search(BASE, f"(cn={name})")
            return len(directory.entries)

        token = there.sync("/alice/friends/").token()
        made = here.put("/alice/friends/a.vcf", card("uid-a", "Ada One"))
        assert (made.status, there.get("/alice/friends/a.vcf").headers["etag"]) == (201, made.headers["etag"])
        assert set(there.sync("/alice/friends/", token).etags()) == {"/alice/friends/a.vcf"}
        eventually(lambda: found("Ada One"), 1)
        now = here.sync("/alice/friends/").token()
        edit = {"If-Match": made.headers["etag"]}
        assert there.put("/alice/friends/a.vcf", card("uid-a", "Ada Two"), **edit).status == 204
        assert here.put("/alice/friends/a.vcf", card("uid-a", "Ada Three"), **edit).status == 412
        assert set(here.sync("/alice/friends/", now).etags()) == {"/alice/friends/a.vcf"}
        eventually(lambda: (found("Ada One"), found("Ada Two")), (0, 1))
        with as_console(first) as tx:
            grants.revoke(tx, "friends", "alice")
        eventually(lambda: found("Ada Two"), 0)
        assert there.get("/alice/friends/a.vcf").status == 404
        with as_console(first) as tx:
            members.disable(tx, "alice")
        assert [each.get("/alice/").status for each in (here, there)] == [401, 401]
        eventually(lambda: ldap.connect().rebind("alice", PASSWORD), False)


def test_another_key_is_refused(machines: tuple[App, App], tmp_path: Path) -> None:
    with pytest.raises(WrongKey, match="is not the key of postgresql"):
        new_site(tmp_path, machines[0].settings.database_url)


def test_only_where_an_erasure_began_it_is_proved(impatient: None, machines: tuple[App, App], tmp_path: Path) -> None:
    first, second = machines
    key = added(first, "uid-z", "Zoltan Quixote")
    backup.save(second.site, CONSOLE, CLIENT, tmp_path / "backup")
    with as_console(second, write=False) as reader:
        assert contacts.get(reader, key).name == "Zoltan Quixote"
        assert not erasure.erase(first.site, CONSOLE, CLIENT, [key]).clean
    housekeeping.run(second.site)
    with as_console(second, write=False) as tx:
        assert erasure.pending(tx), "what to look for is on the other machine"
    assert housekeeping.run(first.site).erasures == 1
    housekeeping.run(second.site)
    assert [len(ledger.read(erasure.ledger_path(each.site))) for each in machines] == [1, 1]
