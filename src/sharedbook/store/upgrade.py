"""Which version the database has, and the way to the newest: forward only, in one transaction.

Alembic is imported only when there is something to do, so that opening a site stays cheap.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from sharedbook.domain.errors import DatabaseNewer
from sharedbook.store.database import Database

VERSIONS = ("0001",)
"""The versions this program knows, the oldest first: the revisions under ``migrations/versions``."""

MIGRATIONS = Path(__file__).parent / "migrations"


def current(connection: Connection) -> str | None:
    """The database's version, None when it is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def head() -> str:
    """The version this program needs."""
    return VERSIONS[-1]


def known() -> tuple[str, ...]:
    """Every version this program can open or upgrade."""
    return VERSIONS


def upgrade(database: Database, to: str = VERSIONS[-1]) -> str:
    """Brings an empty or older database to a version and returns it: all of it or nothing. Raises DatabaseNewer."""
    with database.begin(write=True) as connection:
        version = current(connection)
        if version is not None and version not in VERSIONS:
            raise DatabaseNewer(f"the database has version {version}", hint="install the newer version again")
        if version != to:
            from alembic import command
            from alembic.config import Config

            config = Config(attributes={"connection": connection})
            config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
            command.upgrade(config, to)
    return to
