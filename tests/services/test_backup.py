"""Backup and restore, on both databases and between them: all that was there, and nothing that was erased since."""

from __future__ import annotations

import io
import json
import stat
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sharedbook import app as sites
from sharedbook.app import App
from sharedbook.domain.errors import (
    Conflict,
    DatabaseNewer,
    Forbidden,
    InvalidFile,
    InvalidToken,
    NotInitialized,
    SharedbookError,
)
from sharedbook.domain.model import Right
from sharedbook.services.audit import audit_log
from sharedbook.services.books import cards, groups, refetch, sync
from sharedbook.services.contacts import contacts, trash
from sharedbook.services.erasing import erasure, ledger, left_over, subject_access
from sharedbook.services.imports import transfer
from sharedbook.services.keys import attest, secrets
from sharedbook.services.keys.secrets import Secrets
from sharedbook.services.members import grants, members
from sharedbook.services.tx import MemberActor
from sharedbook.services.upkeep import backup
from sharedbook.settings import Settings
from tests.support.sites import CLIENT, CONSOLE, as_console, as_member, card, new_site

MAIL = "zoltan.quixote@wyvern.example"
LAJOS, ZOLTAN = 1, 2


@pytest.fixture
def site(app: App) -> App:
    """A site with a member, a group and two contacts, one of them in the trash."""
    with as_console(app) as tx:
        members.add(tx, "alice")
        groups.add(tx, "Clients")
        grants.grant(tx, "clients", "alice", Right.VIEW | Right.ADD | Right.EDIT | Right.DELETE)
    assert put(app, "lajos.vcf", card("uid-lajos", "Lajos Living")) == LAJOS
    assert put(app, "zoltan.vcf", card("uid-zoltan", "Zoltan Quixote", f"EMAIL:{MAIL}")) == ZOLTAN
    with as_console(app) as tx:
        contacts.delete(tx, [LAJOS])
    return app


@pytest.fixture
def reopen() -> Iterator[list[App]]:
    """Sites that a test opens, closed at its end."""
    opened: list[App] = []
    yield opened
    for each in opened:
        each.close()


def put(app: App, href: str, text: str) -> int:
    with as_member(app, "alice", write=True) as tx:
        return cards.put(tx, groups.book(tx, "clients"), href, text).card.contact_id


def book(app: App) -> dict[str, str]:
    """The cards that alice sees, by href."""
    with as_member(app, "alice") as tx:
        return {each.href: each.vcard for each in cards.all_cards(tx, groups.book(tx, "clients"))}


def state(app: App) -> str:
    with as_member(app, "alice") as tx:
        return sync.state(tx, groups.book(tx, "clients")).token


def save(app: App, folder: Path) -> Path:
    backup.save(app.site, CONSOLE, CLIENT, folder)
    return folder


def restore(settings: Settings, folder: Path, *, over: bool = True) -> backup.Restored:
    return backup.restore(settings, CONSOLE, CLIENT, folder, replace_present=over)


def test_a_backup_brings_everything_back(site: App, tmp_path: Path, reopen: list[App]) -> None:
    before, asked = book(site), state(site)
    folder = save(site, tmp_path / "backup")
    lost = put(site, "later.vcf", card("uid-later", "Written Later"))
    settings, epoch = site.settings, site.site.epoch
    site.close()
    found = restore(settings, folder)
    assert (found.contacts, found.erased_again, found.audit_whole) == (2, 0, True)
    reopen.append(again := sites.open(settings))
    assert book(again) == before
    assert again.site.epoch != epoch
    with as_member(again, "alice") as tx, pytest.raises(InvalidToken):
        sync.changes(tx, groups.book(tx, "clients"), asked)
    with as_console(again) as tx:
        assert [contact.id for contact in trash.list_trash(tx)] == [LAJOS]
        assert audit_log.verify(tx).broken is None
        trash.restore(tx, [LAJOS])
    assert set(book(again)) == {"lajos.vcf", "zoltan.vcf"}
    assert put(again, "new.vcf", card("uid-new", "New")) >= lost


def etag(app: App) -> str:
    """Zoltan's ETag, which is the same however alice asks."""
    with as_member(app, "alice") as tx:
        clients = groups.book(tx, "clients")
        polled, synced = cards.listing(tx, clients), sync.changes(tx, clients, "").changed
        every = (cards.get(tx, clients, "zoltan.vcf"), *cards.all_cards(tx, clients), *polled, *synced)
    [found] = {each.etag for each in every if each}
    return found


def test_a_refused_copy_does_not_outlive_a_restore(site: App, tmp_path: Path, reopen: list[App]) -> None:
    """Refused after the backup, and away until the restore: a client that goes by ETags fetches the card, each time."""
    zoltan, stored = card("uid-zoltan", "Zoltan Quixote", f"EMAIL:{MAIL}"), etag(site)
    folder = save(site, tmp_path / "backup")
    with as_console(site) as tx:
        grants.revoke(tx, "clients", "alice")
        grants.grant(tx, "clients", "alice", Right.VIEW)
        contacts.give_to(tx, [ZOLTAN], None)
    with pytest.raises(Forbidden):
        put(site, "zoltan.vcf", card("uid-zoltan", "Refused"))
    site.close()
    seen = {stored}
    for _ in range(2):
        restore(site.settings, folder)
        reopen.append(again := sites.open(site.settings))
        assert etag(again) not in seen
        seen.add(etag(again))
        with as_member(again, "alice", write=True) as tx:
            kept = cards.put(tx, groups.book(tx, "clients"), "zoltan.vcf", zoltan, if_match=[stored])
        assert kept.card.etag == etag(again), "the ETag from before tells that nothing has changed"
        with as_member(again, "alice") as tx:
            refetch.ask(again, tx.viewer, CLIENT, [("clients", "zoltan.vcf")])
        assert etag(again) not in seen
        seen.add(etag(again))
        with as_member(again, "alice", write=True) as tx:
            cards.put(tx, groups.book(tx, "clients"), "zoltan.vcf", zoltan, if_match=[etag(again)])
        again.close()


def test_ids_are_never_used_again_after_a_restore(site: App, tmp_path: Path, reopen: list[App]) -> None:
    erasure.erase(site.site, CONSOLE, CLIENT, [put(site, "last.vcf", card("uid-last", "Last"))])
    folder = save(site, tmp_path / "backup")
    site.close()
    restore(site.settings, folder)
    reopen.append(again := sites.open(site.settings))
    assert put(again, "new.vcf", card("uid-new", "New")) == 4


def test_what_was_erased_since_is_erased_again(site: App, tmp_path: Path, reopen: list[App]) -> None:
    folder = save(site, tmp_path / "backup")
    assert MAIL.encode() in (folder / backup.DATABASE).read_bytes()
    erasure.erase(site.site, CONSOLE, CLIENT, [ZOLTAN])
    site.close()
    found = restore(site.settings, folder)
    assert (found.contacts, found.erased_again) == (1, 1)
    reopen.append(again := sites.open(site.settings))
    assert book(again) == {}
    with as_console(again) as tx:
        assert not erasure.pending(tx)
        (listed,) = erasure.list_erasures(tx)
        assert json.loads(listed.certificate or "")["scan"]["found"] == {}
    for path in site.settings.data_dir.rglob("*"):
        assert path.is_dir() or MAIL.encode() not in path.read_bytes(), path
    with as_member(again, "alice", write=True) as tx, pytest.raises(SharedbookError, match="erased"):
        cards.put(tx, groups.book(tx, "clients"), "zoltan.vcf", card("uid-zoltan", "Zoltan Quixote"))


def test_who_was_forgotten_everywhere_is_forgotten_again(site: App, tmp_path: Path, reopen: list[App]) -> None:
    """A person of whom only others' earlier cards and refused rows told: there is no contact to go by."""
    mail = "Anna.Andante@wyvern.example"
    key = put(site, "office.vcf", card("uid-office", "Office", f"EMAIL:{mail}"))
    put(site, "office.vcf", card("uid-office", "Office", "EMAIL:anna@wyvern.example"))
    rows = f"E-mail,Birthday\n{mail},yesterday\nanna@wyvern.example,yesterday\n"
    transfer.import_file(site, CONSOLE, CLIENT, io.BytesIO(rows.encode()), group="clients")
    folder = save(site, tmp_path / "backup")
    erasure.erase(site.site, CONSOLE, CLIENT, [], subject=mail)
    assert erasure.unlisted(site.site, erasure.ledger_path(site.site)) == {}
    site.close()
    assert restore(site.settings, folder).erased_again == 0
    reopen.append(again := sites.open(site.settings))
    with as_console(again) as tx:
        assert subject_access.find(tx, mail).empty
        other = subject_access.find(tx, "anna@wyvern.example")
        assert ([each.id for each in other.contacts], len(other.job_rows)) == ([key], 1)
    assert mail.encode() not in b"".join(path.read_bytes() for path in site.settings.data_dir.glob("*"))


def test_the_ledger_of_the_backup_counts_where_the_sites_own_is_lost(
    site: App, tmp_path: Path, reopen: list[App]
) -> None:
    old = save(site, tmp_path / "old")
    erasure.erase(site.site, CONSOLE, CLIENT, [ZOLTAN])
    new = save(site, tmp_path / "new")
    site.close()
    own = site.settings.data_dir / ledger.NAME
    lost = own.read_bytes()
    own.unlink()
    restore(site.settings, new)
    assert own.read_bytes() == lost
    assert restore(site.settings, old).erased_again == 1


def test_what_a_ledger_lost_the_database_tells_before_it_is_replaced(
    site: App, tmp_path: Path, reopen: list[App]
) -> None:
    old = save(site, tmp_path / "old")
    erasure.erase(site.site, CONSOLE, CLIENT, [ZOLTAN])
    erasure.erase(site.site, CONSOLE, CLIENT, [LAJOS])
    own = erasure.ledger_path(site.site)
    own.write_text(own.read_text().splitlines()[0] + "\n")
    assert ledger.broken(site.secrets, own) is None, "nobody can tell by the file alone"
    assert len(erasure.unlisted(site.site, own)) == 1
    site.close()
    assert restore(site.settings, old).erased_again == 2
    reopen.append(again := sites.open(site.settings))
    assert erasure.unlisted(again.site, own) == {} and ledger.broken(again.secrets, own) is None


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (lambda lines: [lines[0].replace(lines[0].split()[1][:4], "0000"), *lines[1:]], 1),
        (lambda lines: [lines[0], "9999" + lines[1][4:], lines[2]], 2),
        (lambda lines: lines[1:], 1),
        (lambda lines: [lines[0], lines[2]], 2),
        (lambda lines: [lines[0], lines[2], lines[1]], 2),
        (lambda lines: [lines[0], lines[1][:50], lines[2]], 3),
        (lambda lines: [lines[0], "\xff\x00", lines[2]], 3),
    ],
    ids=["a hash", "a time", "the first", "one", "order", "shorter", "no text"],
)
def test_a_ledger_that_was_changed_is_noticed(
    tmp_path: Path, damage: Callable[[list[str]], list[str]], line: int
) -> None:
    key, path = Secrets(b"x" * 32), tmp_path / ledger.NAME
    for number in range(3):
        ledger.append(key, path, datetime(2026, 1, 1, tzinfo=UTC), [ledger.hash_of(key, str(number))])
    assert ledger.broken(key, path) is None and len(ledger.read(path)) == 3
    path.write_text("\n".join(damage(path.read_text().splitlines())) + "\n", "latin-1")
    assert ledger.broken(key, path) == line


def test_a_line_that_a_crash_cut_short_breaks_no_ledger(tmp_path: Path) -> None:
    key, path, at = Secrets(b"x" * 32), tmp_path / ledger.NAME, datetime(2026, 1, 1, tzinfo=UTC)
    ledger.append(key, path, at, ["0" * 64, "1" * 64])
    path.write_bytes(path.read_bytes()[:-5])
    assert list(ledger.read(path)) == ["0" * 64]
    ledger.append(key, path, at, ["1" * 64, "2" * 64])
    assert sorted(ledger.read(path)) == ["0" * 64, "1" * 64, "2" * 64]
    assert ledger.broken(key, path) is None


def test_two_erasures_at_once_keep_one_chain(tmp_path: Path) -> None:
    key, path, at = Secrets(b"x" * 32), tmp_path / ledger.NAME, datetime(2026, 1, 1, tzinfo=UTC)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: ledger.append(key, path, at, [f"{number:064}"]), range(100)))
    assert len(ledger.read(path)) == 100 and ledger.broken(key, path) is None


def test_a_backup_of_one_database_is_restored_into_the_other(
    site: App, tmp_path: Path, postgres_cluster: object, reopen: list[App], request: pytest.FixtureRequest
) -> None:
    before = book(site)
    folder = save(site, tmp_path / "backup")
    target = tmp_path / "target"
    target.mkdir(mode=0o700)
    (target / "site.key").write_bytes(site.settings.key_file.read_bytes())
    (target / "site.key").chmod(0o600)
    url = "" if not site.site.database.sqlite else request.getfixturevalue("postgres_cluster").create_database()
    settings = Settings(data_dir=target, database_url=url)
    assert restore(settings, folder, over=False).contacts == 2
    reopen.append(other := sites.open(settings))
    assert other.site.database.sqlite != site.site.database.sqlite
    assert book(other) == before
    with as_console(other) as tx:
        assert audit_log.verify(tx).broken is None
        trash.restore(tx, [LAJOS])
    assert put(other, "new.vcf", card("uid-new", "New")) == 3
    back = save(other, tmp_path / "back")
    site.close()
    restore(site.settings, back)
    reopen.append(again := sites.open(site.settings))
    assert book(again) == book(other)


def test_a_backup_is_taken_while_others_write(site: App, tmp_path: Path, reopen: list[App]) -> None:
    written: list[str] = []
    ending = threading.Event()

    def write() -> None:
        while not ending.is_set() and len(written) < 500:
            put(site, f"{len(written)}.vcf", card(f"uid-{len(written)}", f"Name {len(written)}"))
            written.append(f"{len(written)}.vcf")

    writer = threading.Thread(target=write)
    writer.start()
    folders, marks = [], []
    for number in range(3):
        marks.append(len(written))
        folders.append(save(site, tmp_path / str(number)))
    ending.set()
    writer.join()
    site.close()
    for folder, mark in zip(folders, marks, strict=True):
        restore(site.settings, folder)
        again = sites.open(site.settings)
        held = {href for href in book(again) if href != "zoltan.vcf"}
        assert held == set(written[: len(held)]) and len(held) >= mark, "one moment, and nothing before it is missing"
        again.close()


def test_a_backup_is_private_and_holds_no_key(site: App, tmp_path: Path) -> None:
    folder = save(site, tmp_path / "backup")
    key = site.settings.key_file.read_bytes()
    assert {path.name for path in folder.iterdir()} == {backup.DATABASE, backup.MANIFEST, ledger.NAME}
    for path in (folder, *folder.iterdir()):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path
        assert path.is_dir() or key not in path.read_bytes()


def test_a_backup_does_not_hold_what_was_deleted(site: App, tmp_path: Path) -> None:
    gone = put(site, "gone.vcf", card("uid-gone", "Deleted", "NOTE:shall not be in the backup"))
    with site.site.database.begin(write=True) as connection:  # the row goes, its bytes stay in a free page
        connection.exec_driver_sql(f"DELETE FROM memberships WHERE contact_id = {gone}")
        connection.exec_driver_sql(f"DELETE FROM contacts WHERE id = {gone}")
    folder = save(site, tmp_path / "backup")
    assert b"shall not be in the backup" not in (folder / backup.DATABASE).read_bytes()


# ---- refused, and then all is as before


def test_backups_go_only_into_empty_folders_outside(site: App, tmp_path: Path) -> None:
    used = tmp_path / "used"
    used.mkdir()
    (used / "file").write_text("mine")
    for folder in (used, site.settings.data_dir / "backup"):
        with pytest.raises(Conflict):
            save(site, folder)
    assert [path.name for path in used.iterdir()] == ["file"]
    with pytest.raises(Forbidden):
        backup.save(site.site, MemberActor("alice"), CLIENT, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def refused(site: App, folder: Path, error: type[SharedbookError], *, over: bool = True) -> None:
    before = book(site)
    if over:
        site.close()
    with pytest.raises(error):
        restore(site.settings, folder, over=over)
    assert book(site) == before
    assert not (site.settings.data_dir / left_over.STAGING).exists()


def test_a_present_database_is_not_replaced_unasked(site: App, tmp_path: Path) -> None:
    refused(site, save(site, tmp_path / "backup"), Conflict, over=False)


def test_a_running_server_is_noticed(site: App, tmp_path: Path) -> None:
    folder = save(site, tmp_path / "backup")
    book(site)  # its connection waits in the pool, as a server's does
    with pytest.raises(Conflict, match="open"):
        restore(site.settings, folder)
    refused(site, tmp_path / "missing", InvalidFile)


@pytest.mark.parametrize("name", [backup.DATABASE, ledger.NAME, backup.MANIFEST])
def test_a_backup_that_was_changed_is_refused(site: App, tmp_path: Path, name: str) -> None:
    erasure.erase(site.site, CONSOLE, CLIENT, [ZOLTAN])
    folder = save(site, tmp_path / "backup")
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    refused(site, folder, InvalidFile)
    (folder / name).unlink()
    refused(site, folder, InvalidFile)


def test_nothing_is_restored_beside_a_ledger_that_was_changed(site: App, tmp_path: Path, reopen: list[App]) -> None:
    old = save(site, tmp_path / "old")
    erasure.erase(site.site, CONSOLE, CLIENT, [ZOLTAN])
    new = save(site, tmp_path / "new")
    own = erasure.ledger_path(site.site)
    own.write_text(own.read_text().replace("T", "t"))
    refused(site, old, InvalidFile)
    own.write_bytes((new / ledger.NAME).read_bytes())
    site.close()
    assert restore(site.settings, old).erased_again == 1


def test_another_signed_document_is_no_backup(site: App, tmp_path: Path) -> None:
    folder = save(site, tmp_path / "backup")
    erasure.erase(site.site, CONSOLE, CLIENT, [ZOLTAN])
    manifest = (folder / backup.MANIFEST).read_bytes()
    with as_console(site, write=False) as tx:
        (listed,) = erasure.list_erasures(tx)
        with pytest.raises(InvalidFile):
            erasure.verify(tx, manifest, "it")
    (folder / backup.MANIFEST).write_text(listed.certificate or "")
    refused(site, folder, InvalidFile)


def test_a_backup_of_a_newer_program_is_refused(site: App, tmp_path: Path) -> None:
    folder = save(site, tmp_path / "backup")
    manifest = json.loads((folder / backup.MANIFEST).read_text())
    signed = attest.sign(site.secrets, {**manifest, "schema": "9999"})
    (folder / backup.MANIFEST).write_text(attest.text_of(signed))
    refused(site, folder, DatabaseNewer)


def test_the_sites_own_key_is_needed(site: App, tmp_path: Path) -> None:
    folder = save(site, tmp_path / "backup")
    other = new_site(tmp_path / "other")
    other.close()
    with pytest.raises(Conflict, match=r"site\.key"):
        restore(other.settings, folder)
    with pytest.raises(NotInitialized, match=r"put the site\.key of the site"):
        restore(replace(site.settings, key_file=tmp_path / "none.key"), folder)
    assert secrets.load(site.settings.key_file)
