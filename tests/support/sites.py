"""A site for a test: real settings, real key, real database.

The schema is written once by the migrations and copied: into each new site's file, and by PostgreSQL from a template
(`Cluster.create_database`). Databases copied from one have one epoch; each site's key is its own.
"""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sharedbook import app
from sharedbook.app import App
from sharedbook.domain.model import Client
from sharedbook.services.books import groups
from sharedbook.services.jobs.actions import DeleteGroup
from sharedbook.services.tx import Console, MemberActor, Tx
from sharedbook.settings import Settings

CLIENT = Client("cli", "test")
CONSOLE = Console("root")
DATABASE = "sharedbook.sqlite"


def new_site(folder: Path, url: str = "", **settings: Any) -> App:
    """An initialized site in a folder; ``url`` "" is SQLite there."""
    made = Settings(data_dir=folder, database_url=url, **settings)
    if not url:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copy(schema(), folder / DATABASE)
    return app.init(made)


@functools.cache
def schema() -> Path:
    """A SQLite database with the schema and nothing in it."""
    folder = Path(tempfile.mkdtemp(prefix="sharedbook-schema-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    app.migrate(Settings(data_dir=folder))
    return folder / DATABASE


class Mold:
    """Makes SQLite sites quickly: one is initialized, the others are copies of its files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0
        new_site(folder / "mold").close()

    def cast(self) -> App:
        """A new site with an epoch and key like the first one's."""
        self._number += 1
        copy = self._folder / f"cast-{self._number}"
        shutil.copytree(self._folder / "mold", copy)
        return app.open(Settings(data_dir=copy))


@contextmanager
def as_console(site: App, *, write: bool = True) -> Iterator[Tx]:
    """A transaction of the postmaster's command line."""
    with site.begin(CONSOLE, CLIENT, write=write) as tx:
        yield tx


@contextmanager
def as_member(site: App, login: str, *, write: bool = False) -> Iterator[Tx]:
    """A transaction of a member."""
    with site.begin(MemberActor(login), Client("carddav", "test"), write=write) as tx:
        yield tx


def delete_group(tx: Tx, ref: str, *, contacts_to: str) -> None:
    """Deletes a group in one transaction by the steps of its job."""
    plan = groups.plan_deletion(tx, ref, contacts_to=contacts_to)
    action = DeleteGroup(plan.group.id, plan.word, plan.target.id)
    action.check(tx)
    action.do(tx, groups.held_ids(tx, plan.group.id))
    action.finish(tx)


def card(uid: str, name: str, *lines: str) -> str:
    """The text of a small vCard 3.0."""
    return "\r\n".join(
        ["BEGIN:VCARD", "VERSION:3.0", f"UID:{uid}", f"FN:{name}", f"N:{name};;;;", *lines, "END:VCARD", ""]
    )
