"""Composition root: settings -> database -> site. Every edge starts here and begins every transaction here."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager

from sharedbook.domain.errors import DatabaseNewer, NotInitialized, WrongKey
from sharedbook.domain.model import Client
from sharedbook.services import feed
from sharedbook.services.audit.reads import Reads
from sharedbook.services.books import groups
from sharedbook.services.keys import secrets
from sharedbook.services.tx import MAKER, Actor, Site, Tx, begin
from sharedbook.settings import Settings
from sharedbook.store import meta, upgrade
from sharedbook.store.database import Database


class App:
    """An open site. ``close`` gives every connection back."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.reads = Reads(site)

    @property
    def settings(self) -> Settings:
        """The site's settings."""
        return self.site.settings

    @property
    def secrets(self) -> secrets.Secrets:
        """Keys by label."""
        return self.site.secrets

    def begin(self, actor: Actor, client: Client, *, write: bool = False) -> AbstractContextManager[Tx]:
        """A transaction: committed at the end, rolled back by an exception."""
        return begin(self.site, actor, client, write=write)

    @property
    def local(self) -> bool:
        """Whether the database is a file here: who reads it waits for nobody."""
        return self.site.database.sqlite

    def watch(self) -> feed.Watch:
        """Tells without waiting whether something may have been committed. Raises Busy, Unavailable."""
        return feed.Watch(self.site.database)

    def let_go(self) -> None:
        """Closes the connections that are not in use, with what they hold in memory; new ones are opened as needed."""
        self.site.database.close()

    def close(self) -> None:
        """Writes the reads that were counted, and closes every connection."""
        self.reads.close()
        self.site.database.close()


def open(settings: Settings, *, any_key: bool = False) -> App:
    """Opens an initialized site. ``any_key``: also with a site.key that is not the database's.

    Raises NotInitialized, DatabaseNewer, DatabaseExposed, WrongKey, Unavailable.
    """
    keys = secrets.load(settings.key_file)
    database = Database(settings.database_url)
    if database.path is not None and not database.path.exists():
        raise NotInitialized(f"there is no database at {database.path}", hint="run: sharedbook init")
    with database.begin(write=False) as connection:
        version = upgrade.current(connection)
        facts = meta.every(connection) if version == upgrade.head() else {}
    if version is None:
        raise NotInitialized("the database is empty", hint="run: sharedbook init")
    if version != upgrade.head():
        if version not in upgrade.known():
            raise DatabaseNewer("the database was written by a newer sharedbook", hint="install that version again")
        raise NotInitialized("the database is of an older sharedbook", hint="run: sharedbook migrate")
    if not any_key and facts.get(meta.KEY, keys.fingerprint) != keys.fingerprint:
        raise WrongKey(
            f"{settings.key_file} is not the key of {settings.shown_database_url()}",
            hint="put the site.key of its first machine there; if every copy is lost: sharedbook init --new-key",
        )
    return App(Site(settings, settings.limits(), keys, database, facts[meta.EPOCH], facts.get(meta.RESTORED, "")))


def init(settings: Settings, *, new_key: bool = False) -> App:
    """Makes data directory, site.key, database and default group where they are missing, and opens the site.

    ``new_key``: the site.key that is there, or is made, becomes the database's. Raises as ``open``.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    secrets.create(settings.key_file)
    migrate(settings)
    app = open(settings, any_key=new_key)
    with app.begin(MAKER, Client("cli"), write=True) as tx:
        groups.make_default(tx)
        meta.put(tx.db, meta.KEY, app.secrets.fingerprint)
    return app


def migrate(settings: Settings) -> str:
    """Brings the database's schema up to this program; returns its version. Raises DatabaseNewer."""
    database = Database(settings.database_url)
    if database.path is not None and not database.path.exists():
        # The file is private from its first byte on.
        os.close(os.open(database.path, os.O_CREAT | os.O_RDWR, 0o600))
    try:
        return upgrade.upgrade(database)
    finally:
        database.close()
