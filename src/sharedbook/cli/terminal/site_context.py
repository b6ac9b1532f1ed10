"""What every command starts from: the settings, the open site, and who acts."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

from sharedbook import settings as site_settings
from sharedbook.domain.errors import Forbidden
from sharedbook.domain.model import Client

if TYPE_CHECKING:
    from sharedbook.app import App
    from sharedbook.services.tx import Console, MemberActor, Tx

CLIENT = Client(door="cli")


class Site:
    """The site that this call of the command line works on; settings and database are opened when first needed."""

    def __init__(self, *, login: str | None, config: Path | None) -> None:
        self._login = login
        self._config = config
        self._app: App | None = None

    @cached_property
    def settings(self) -> site_settings.Settings:
        """Raises InvalidSetting."""
        return site_settings.load(self._config)

    @property
    def app(self) -> App:
        """Raises NotInitialized, DatabaseNewer, DatabaseExposed, WrongKey, Unavailable."""
        if self._app is None:
            from sharedbook import app

            self._app = app.open(self.settings)
        return self._app

    def create(self, *, new_key: bool = False) -> App:
        """The site, made where there is none yet. ``new_key``: the site.key here becomes its own. Raises as ``app``."""
        from sharedbook import app

        self._app = app.init(self.settings, new_key=new_key)
        return self._app

    def refuse_as(self, command: str) -> None:
        """Raises Forbidden under --as, for what concerns the machine and no member's rights."""
        if self._login:
            raise Forbidden(f"{self._login} may not run {command}", hint="leave --as out")

    @property
    def options(self) -> list[str]:
        """The program's options by which another call works on the same site, for the same actor."""
        named = (("--config", self._config), ("--as", self._login))
        return [str(word) for option, value in named if value for word in (option, value)]

    @property
    def actor(self) -> Console | MemberActor:
        """The member named by --as; else the postmaster at the console, by the name of the system's user."""
        from sharedbook.services.tx import Console, MemberActor

        return MemberActor(self._login) if self._login else Console(os_user())

    def begin(self, *, write: bool = False) -> AbstractContextManager[Tx]:
        """A transaction of the actor: committed at the end, rolled back by an exception."""
        return self.app.begin(self.actor, CLIENT, write=write)

    @contextmanager
    def rehearse(self) -> Iterator[Tx]:
        """A write transaction of the actor that is never committed: a dry run is the same code."""
        with self.begin(write=True) as tx:
            yield tx
            tx.rollback()

    def __enter__(self) -> Self:
        return self

    def close(self) -> None:
        """Gives the database back, as before child processes are started."""
        if self._app is not None:
            self._app.close()
            self._app = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def os_user() -> str:
    """Name of the system's user, for the audit."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


pass_site = click.make_pass_decorator(Site)
