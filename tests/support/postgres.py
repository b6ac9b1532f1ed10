"""A PostgreSQL cluster of the tests' own: made in a temporary folder, on a free port of loopback, gone at the end.

initdb and the server refuse to run as root; then they run as the user `postgres`, which Debian's package makes.
"""

from __future__ import annotations

import atexit
import functools
import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from sharedbook.store import upgrade
from sharedbook.store.database import Database
from tests.support.left_out import NEEDS
from tests.support.ports import free_port

SUPERUSER = "sharedbook"


def programs() -> Path:
    """Folder of initdb, pg_ctl and postgres, the newest version on this machine.

    Raises AssertionError, naming the Debian package, if there is none.
    """
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda path: float(path.parts[-3]))
    found = versions[-1] if versions else shutil.which("pg_ctl")
    assert found, f"These tests need {NEEDS['postgres']}: run `make test` as root or `apt install postgresql`."
    return Path(found).parent


class Cluster:
    """One running PostgreSQL server. `durable` keeps fsync on, for tests that end the server the hard way.

    `settings` are more of the server's own; it does nothing by itself, unless they say so. `data` is its data folder.
    """

    def __init__(self, *, durable: bool = False, **settings: str) -> None:
        self._programs = programs()
        self._owner = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        self._numbers = itertools.count(1)
        self.folder = Path(tempfile.mkdtemp(prefix="sharedbook-postgres-"))
        if self._owner:
            os.chown(self.folder, self._owner.pw_uid, self._owner.pw_gid)
        self.data = self.folder / "data"
        atexit.register(self.stop)
        self._run(
            "initdb", f"--username={SUPERUSER}", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync",
            "--no-instructions",
        )  # fmt: skip
        self.port = free_port()
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "fsync": "on" if durable else "off",
            "autovacuum": "off",
            **settings,
        }
        self._run(
            "pg_ctl", "start", "--wait", f"--log={self.folder / 'log'}", "--options",
            " ".join(f"-c {name}='{value}'" for name, value in options.items()),
        )  # fmt: skip

    def _run(self, program: str, *arguments: str) -> None:
        """Runs one of PostgreSQL's programs on the data folder; raises AssertionError with its words if it fails."""
        # a file, not a pipe: the server inherits it, and a pipe would never end
        with (self.folder / "output").open("w+") as output:
            done = subprocess.run(
                [self._programs / program, *arguments, f"--pgdata={self.data}"],
                user=self._owner.pw_uid if self._owner else None,
                group=self._owner.pw_gid if self._owner else None,
                extra_groups=[] if self._owner else None,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=120,
                check=False,
            )
            output.seek(0)
            assert done.returncode == 0, f"{program} failed, logs are in {self.folder}:\n{output.read()}"

    def url(self, database: str) -> str:
        """SQLAlchemy URL of one of its databases."""
        return f"postgresql+psycopg://{SUPERUSER}@127.0.0.1:{self.port}/{database}"

    def _execute(self, statement: str) -> None:
        with psycopg.connect(
            host="127.0.0.1", port=self.port, user=SUPERUSER, dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement)

    @functools.cached_property
    def _schema(self) -> str:
        """Name of a database with sharedbook's schema and nothing in it."""
        name = "schema_only"
        self._execute(f"CREATE DATABASE {name} TEMPLATE template0")
        database = Database(self.url(name))
        upgrade.upgrade(database)
        database.close()
        return name

    def create_database(self, *, schema: bool = False) -> str:
        """URL of a new, empty database; ``schema``: one that has sharedbook's tables, made once and copied."""
        name = f"test_{next(self._numbers)}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {self._schema if schema else 'template0'} STRATEGY FILE_COPY")
        return self.url(name)

    @contextmanager
    def database(self, *, schema: bool = False) -> Iterator[str]:
        """The same, dropped at the end together with connections that are still open."""
        url = self.create_database(schema=schema)
        try:
            yield url
        finally:
            self._execute(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    def stop(self) -> None:
        """Ends the server and removes its folder; a second call does nothing."""
        atexit.unregister(self.stop)
        if (self.data / "postmaster.pid").exists():
            self._run("pg_ctl", "stop", "--mode=immediate", "--wait")
        shutil.rmtree(self.folder, ignore_errors=True)
