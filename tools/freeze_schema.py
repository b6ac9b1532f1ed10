"""Writes the first migration from store/schema.py: only until the first release, after which it is never changed.

Run it after each change of the schema; tests/store/test_upgrade.py fails where the two differ.
"""

from __future__ import annotations

import re
from pathlib import Path

STORE = Path(__file__).parents[1] / "src" / "sharedbook" / "store"
TARGET = STORE / "migrations" / "versions" / "0001_first_tables.py"

HEAD = '''"""The tables of the first release, with the two subjects that always exist and the epoch.

Made by tools/freeze_schema.py from store/schema.py; frozen with the first release.
"""
'''
UPGRADE = '''

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """From an empty database to 0001."""
    connection = op.get_bind()
    metadata.create_all(connection, checkfirst=False)
    now = datetime.now(UTC)
    fixed = [{"id": 1, "kind": "everyone", "name": "everyone"}, {"id": 2, "kind": "postmasters", "name": "postmasters"}]
    connection.execute(subjects.insert(), [{**row, "since": 0, "created": now} for row in fixed])
    if connection.dialect.name == "postgresql":  # SQLite's AUTOINCREMENT has seen the two ids by itself
        op.execute("ALTER TABLE subjects ALTER COLUMN id RESTART WITH 3")
    connection.execute(meta.insert(), {"name": "epoch", "value": secrets.token_hex(8)})
'''


def frozen(schema: str) -> str:
    """The migration's text for the schema's text."""
    _, _, body = schema.removeprefix('"""').partition('"""\n')
    body = re.sub(r"^# .*\n", "", body, flags=re.MULTILINE)
    body = body.replace(
        "\nfrom typing import", "\nimport secrets\nfrom datetime import UTC, datetime\nfrom typing import", 1
    )
    body = body.replace("\nfrom sqlalchemy import", "\nfrom alembic import op\nfrom sqlalchemy import", 1)
    return HEAD + body.rstrip("\n") + UPGRADE


if __name__ == "__main__":
    TARGET.write_text(frozen((STORE / "schema.py").read_text()))
