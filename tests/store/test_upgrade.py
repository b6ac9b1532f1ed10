"""Migrations: a fresh upgrade is the schema, an upgrade keeps the data, a newer database is refused."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    BigInteger,
    Boolean,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    select,
    text,
)

from sharedbook.domain.errors import DatabaseNewer, Unavailable
from sharedbook.domain.model import ASSIGNED_ID
from sharedbook.store import meta, upgrade
from sharedbook.store.database import Database
from sharedbook.store.schema import custom_fields, metadata, subjects

# no dialect tells of expressions in SQLite's indexes; the catalogue below does
pytestmark = pytest.mark.filterwarnings("ignore:.*expression-based index")

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def empty(empty_database_url: str) -> Iterator[Database]:
    database = Database(empty_database_url)
    yield database
    database.close()


CATALOGUE = {
    "sqlite": ["SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name <> 'alembic_version'"],
    "postgresql": [
        "SELECT table_name, column_name, data_type, character_maximum_length, collation_name, column_default,"
        " is_nullable, is_identity, identity_generation FROM information_schema.columns WHERE table_schema = 'public'",
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace",
        "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    ],
}


def catalogue(connection: Connection) -> list[tuple[Any, ...]]:
    """All that the database itself says of its tables, alembic's own left out."""
    found = [tuple(row) for query in CATALOGUE[connection.dialect.name] for row in connection.execute(text(query))]
    return sorted((row for row in found if not any("alembic_version" in str(cell) for cell in row)), key=repr)


def test_a_fresh_upgrade_is_the_schema(database: Database) -> None:
    with database.begin(write=False) as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_fresh_upgrade_is_the_schema_in_the_databases_own_words(empty: Database) -> None:
    with empty.begin(write=True) as connection:
        metadata.create_all(connection)
        expected = catalogue(connection)
        metadata.drop_all(connection)
    assert len(expected) > len(metadata.tables)
    upgrade.upgrade(empty)
    with empty.begin(write=False) as connection:
        assert catalogue(connection) == expected


def test_everyone_and_the_postmasters_are_there_and_ids_go_on_after_them(connection: Connection) -> None:
    rows = connection.execute(select(subjects.c.id, subjects.c.kind, subjects.c.name).order_by(subjects.c.id))
    assert [tuple(row) for row in rows] == [(1, "everyone", "everyone"), (2, "postmasters", "postmasters")]
    alice = {"kind": "member", "name": "alice", "since": 1, "created": NOW}
    assert connection.execute(subjects.insert().values(alice)).inserted_primary_key == (3,)


def test_the_field_assigned_is_there_and_ids_go_on_after_it(connection: Connection) -> None:
    rows = connection.execute(select(custom_fields.c.id, custom_fields.c.key, custom_fields.c.kind))
    assert [tuple(row) for row in rows] == [(ASSIGNED_ID, "assigned", "member")]
    field = {"key": "contract", "name": "Contract", "kind": "text", "several": False, "position": 2}
    assert connection.execute(custom_fields.insert().values(field)).inserted_primary_key == (2,)


def test_the_epoch_is_random_and_renewed(database: Database) -> None:
    with database.begin(write=True) as connection:
        first = meta.every(connection)[meta.EPOCH]
        second = meta.renew_epoch(connection)
    with database.begin(write=False) as connection:
        assert meta.every(connection)[meta.EPOCH] == second
    assert len({first, second}) == 2
    assert all(len(bytes.fromhex(epoch)) == 8 for epoch in (first, second))


def test_meta_rows_are_set_and_replaced(connection: Connection) -> None:
    assert "colour" not in meta.every(connection)
    meta.put(connection, "colour", "red")
    meta.put(connection, "colour", "blue")
    assert meta.every(connection)["colour"] == "blue"


def test_the_versions_are_the_revisions() -> None:
    script = ScriptDirectory(str(upgrade.MIGRATIONS))
    revisions = [revision.revision for revision in script.walk_revisions()]
    assert tuple(reversed(revisions)) == upgrade.known()
    assert script.get_heads() == [upgrade.head()]


def test_the_version_is_none_then_the_newest(empty: Database) -> None:
    with empty.begin(write=False) as connection:
        assert upgrade.current(connection) is None
    assert upgrade.upgrade(empty) == upgrade.head()
    with empty.begin(write=False) as connection:
        assert upgrade.current(connection) == upgrade.head()


def test_a_second_upgrade_changes_nothing(database: Database) -> None:
    with database.begin(write=False) as connection:
        before = contents(connection)
    assert upgrade.upgrade(database) == upgrade.head()
    with database.begin(write=False) as connection:
        assert contents(connection) == before


def test_a_newer_database_is_refused(database: Database) -> None:
    with database.begin(write=True) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseNewer, match="9999"):
        upgrade.upgrade(database)


def test_a_failed_upgrade_leaves_nothing(empty: Database) -> None:
    with empty.begin(write=True) as connection:
        connection.execute(text("CREATE TABLE groups (id INTEGER)"))  # the migration will trip over it
        before = catalogue(connection)
    with pytest.raises(Unavailable, match="groups"):
        upgrade.upgrade(empty)
    with empty.begin(write=False) as connection:
        assert catalogue(connection) == before


def test_opening_a_site_does_not_load_alembic() -> None:
    program = "import sys, sharedbook.store.upgrade; sys.exit('alembic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


# ---- an upgrade with data, from the oldest version to the newest


def contents(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table that the database has, alembic's own left out."""
    tables = MetaData()
    tables.reflect(connection)
    return {
        table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
        for table in tables.sorted_tables
        if table.name != "alembic_version"
    }


def sample(table: Table) -> dict[str, Any]:
    """A row of any table in which every reference is to subject, group, contact or job 1."""
    row: dict[str, Any] = {}
    for column in table.columns:
        if column.foreign_keys or (column.primary_key and isinstance(column.type, Integer | BigInteger)):
            row[column.name] = 1
        elif isinstance(column.type, LargeBinary):
            row[column.name] = b"\0\1"
        elif isinstance(column.type, Boolean):
            row[column.name] = True
        elif isinstance(column.type, Integer | BigInteger | SmallInteger):
            row[column.name] = 7
        else:
            row[column.name] = f"한글 {column.name}"[: getattr(column.type, "length", None)]
    return row


def fill(connection: Connection) -> None:
    """A row in every table, as the database itself describes them."""
    tables = MetaData()
    tables.reflect(connection)
    for table in tables.sorted_tables:
        if table.name in ("alembic_version", "subjects", "custom_fields"):
            continue
        row = sample(table)
        if table.name == "memberships":
            row["reason"] = None
        connection.execute(table.insert().values(row))


def test_an_upgrade_from_the_oldest_version_keeps_the_data(empty: Database) -> None:
    upgrade.upgrade(empty, upgrade.known()[0])
    with empty.begin(write=True) as connection:
        fill(connection)
        before = contents(connection)
    assert all(before.values()), "a row in every table"
    upgrade.upgrade(empty)
    with empty.begin(write=False) as connection:
        after = contents(connection)
    assert {name: after[name] for name in before} == before
