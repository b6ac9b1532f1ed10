"""Backups while serving, and the way back. A backup is a folder: the database as one SQLite file, the ledger of
erasures, and a signed list of both. site.key is not in it: who finds the one must not have the other.

A restore begins a new epoch, so that every client reads its books anew, and erases again what was erased since the
backup was made (``ledger``), before the database is put into its place. Until then nothing that is there is touched.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sharedbook.domain import access
from sharedbook.domain.errors import Conflict, DatabaseNewer, InvalidFile, NotInitialized, Unavailable
from sharedbook.domain.model import Client
from sharedbook.services.audit import audit_log
from sharedbook.services.erasing import erasure, ledger, left_over, subject_access
from sharedbook.services.keys import attest, secrets
from sharedbook.services.keys.secrets import Secrets
from sharedbook.services.tx import Actor, Site, begin
from sharedbook.settings import Settings
from sharedbook.store import contacts, copies, meta, upgrade
from sharedbook.store.database import Database

DATABASE = "sharedbook.sqlite"
MANIFEST = "backup.json"
FILES = (DATABASE, ledger.NAME)
BACKUP = "sharedbook backup"


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore brought back: ``contacts`` as they are now; ``erased_again`` by the ledger.

    ``audit_whole`` False: the backup's audit was no longer what had been written.
    """

    made: str
    contacts: int
    erased_again: int
    audit_whole: bool


def save(site: Site, actor: Actor, client: Client, folder: Path) -> int:
    """Writes a backup into a new or empty folder; returns how many contacts it holds.

    Raises Forbidden, Conflict (the folder), Unavailable, OSError: then nothing of it is left.
    """
    with begin(site, actor, client, write=True) as tx:
        access.require_manage(tx.viewer, "make backups")
        tx.audit("backup")
    _prepare(site.settings, folder)
    try:
        copies.save(site.database, folder / DATABASE)
        copies.check(folder / DATABASE)
        (folder / ledger.NAME).touch(0o600)
        if erasure.ledger_path(site).exists():
            (folder / ledger.NAME).write_bytes(erasure.ledger_path(site).read_bytes())
        with copies.opened(folder / DATABASE) as copy, copy.begin(write=False) as connection:
            rows = copies.counts(connection)
        manifest = {
            "document": BACKUP,
            "version": 1,
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            "schema": upgrade.head(),
            "rows": rows,
            "sha256": {name: _sha256(folder / name) for name in FILES},
        }
        _write(folder / MANIFEST, attest.text_of(attest.sign(site.secrets, manifest)))
    except BaseException:
        for path in folder.iterdir():
            path.unlink()
        raise
    return rows["contacts"]


def restore(settings: Settings, actor: Actor, client: Client, folder: Path, *, replace_present: bool) -> Restored:
    """Puts a backup in the place of the site's database. ``replace_present``: also of one that holds something.

    Raises NotInitialized (no site.key), InvalidFile (the backup is not whole), DatabaseNewer, Conflict (another
    site.key; a database is there; it is open in another program; another restore runs), Unavailable, OSError: then all
    is as before.
    """
    if not settings.key_file.exists():  # a new one, which others are told to make, would not do
        hint = "put the site.key of the site that the backup is of there"
        raise NotInitialized(f"there is no key at {settings.key_file}", hint=hint)
    keys = secrets.load(settings.key_file)
    manifest = _manifest(keys, folder)
    database = Database(settings.database_url)
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with left_over.staging(settings.data_dir) as staging:
            present = _refuse_present(database, replace_present=replace_present)
            _refuse_changed(keys, settings.data_dir / ledger.NAME)
            prepared = _stage(settings, keys, folder, staging, manifest)
            if present:
                with suppress(Unavailable):  # it may be why a backup is restored
                    erasure.list_again(Site(settings, settings.limits(), keys, database, ""), staging / ledger.NAME)
            erased_again, whole = _bring_up(prepared, actor, client)
            ledger.unite(keys, settings.data_dir / ledger.NAME, staging / ledger.NAME)
            _put_in_place(database, staging / DATABASE)
            for path in settings.data_dir.glob("erasure-*.pending"):
                path.unlink()
    finally:
        database.close()
    return Restored(manifest["made"], manifest["rows"]["contacts"] - erased_again, erased_again, whole)


def _prepare(settings: Settings, folder: Path) -> None:
    if folder.absolute().is_relative_to(settings.data_dir):
        raise Conflict(
            f"{folder} is in the data folder", hint="choose another place, best on another disk, and away from site.key"
        )
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if any(folder.iterdir()):
        raise Conflict(f"{folder} is not empty", hint="name a new folder")


def _manifest(keys: Secrets, folder: Path) -> dict[str, Any]:
    """The list of a backup whose files are what they were."""
    path = folder / MANIFEST
    if not path.exists():
        raise InvalidFile(f"{folder} holds no {MANIFEST}", hint="name the folder that `sharedbook backup` wrote")
    manifest = attest.verify(keys, path.read_bytes(), str(path), BACKUP)
    for name, expected in manifest["sha256"].items():
        if not (folder / name).exists() or _sha256(folder / name) != expected:
            raise InvalidFile(f"{folder / name} is missing or was changed", hint="take another backup")
    if manifest["schema"] not in upgrade.known():
        raise DatabaseNewer("the backup was made by a newer sharedbook", hint="install that version, then restore")
    return manifest


def _refuse_present(database: Database, *, replace_present: bool) -> bool:
    """Whether there is a database that is to be replaced. Raises Conflict."""
    if database.path is not None:
        present = database.path.exists() and database.path.stat().st_size > 0
    else:
        with database.begin(write=False) as connection:
            present = upgrade.current(connection) is not None
    if present and not replace_present:
        raise Conflict(
            f"there is a database at {database.url.render_as_string()}",
            hint="add --replace to put the backup in its place, or name another data folder",
        )
    if present:
        copies.refuse_used(database)
    return present


def _refuse_changed(keys: Secrets, path: Path) -> None:
    """Raises InvalidFile for a ledger that may have lost what is to be erased again."""
    if (line := ledger.broken(keys, path)) is not None:
        raise InvalidFile(
            f"line {line} of {path} is not what was written: what was erased could come back",
            hint=f"put the {ledger.NAME} of the newest backup in its place, then restore again",
        )


def _stage(settings: Settings, keys: Secrets, folder: Path, staging: Path, manifest: dict[str, Any]) -> Site:
    """A copy of the backup, checked and upgraded, as a site of its own with both ledgers."""
    for name in FILES:
        shutil.copyfile(folder / name, staging / name)
        (staging / name).chmod(0o600)
    ledger.unite(keys, staging / ledger.NAME, settings.data_dir / ledger.NAME)
    copies.check(staging / DATABASE)
    own = replace(
        settings, data_dir=staging, key_file=settings.key_file, database_url=f"sqlite:///{staging / DATABASE}"
    )
    database = Database(own.database_url)
    with database.begin(write=False) as connection:
        found = copies.counts(connection) if manifest["schema"] == upgrade.head() else manifest["rows"]
    if found != manifest["rows"]:
        raise Unavailable(f"{folder} does not hold the rows that it should", hint="take another backup")
    upgrade.upgrade(database)
    with database.begin(write=True) as connection:
        epoch = meta.renew_epoch(connection)
    return Site(own, own.limits(), keys, database, epoch)


def _bring_up(site: Site, actor: Actor, client: Client) -> tuple[int, bool]:
    """Erases again what the ledger names; returns how many, and whether the audit is whole."""
    gone = ledger.read(erasure.ledger_path(site))
    try:
        with begin(site, actor, client, write=True) as tx:
            whole = audit_log.verify(tx).broken is None
            tx.audit("restore")
            doomed = [id for id, key in contacts.keys(tx.db).items() if ledger.hash_of(site.secrets, key) in gone]
            mails = subject_access.mails(tx) if gone else ()
        if doomed:
            erasure.erase(site, actor, client, doomed, again=True)
        for mail in sorted(mail for mail in mails if ledger.hash_of_mail(site.secrets, mail) in gone):
            erasure.erase(site, actor, client, [], subject=mail)
        erasure.resume(site)
        site.database.fold_log()
        return len(doomed), whole
    finally:
        site.database.close()


def _put_in_place(database: Database, staged: Path) -> None:
    if database.path is None:
        upgrade.upgrade(database)
        copies.fill(database, staged)
        database.clean()
        return
    for suffix in ("-wal", "-shm", "-journal"):
        database.path.with_name(database.path.name + suffix).unlink(missing_ok=True)
    os.replace(staged, database.path)
    handle = os.open(database.path.parent, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


def _write(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
