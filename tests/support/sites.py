"""A site for a test: real settings, real key, real database; made once and copied where many are needed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sharedbook import app
from sharedbook.app import App
from sharedbook.domain.model import Client
from sharedbook.services.tx import Console, MemberActor, Tx
from sharedbook.settings import Settings

CLIENT = Client("cli", "test")
CONSOLE = Console("root")


def new_site(folder: Path, url: str = "", **settings: Any) -> App:
    """An initialized site in a folder; ``url`` "" is SQLite there."""
    return app.init(Settings(data_dir=folder, database_url=url, **settings))


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


def card(uid: str, name: str, *lines: str) -> str:
    """The text of a small vCard 3.0."""
    return "\r\n".join(
        ["BEGIN:VCARD", "VERSION:3.0", f"UID:{uid}", f"FN:{name}", f"N:{name};;;;", *lines, "END:VCARD", ""]
    )
