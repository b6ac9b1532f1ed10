"""The tables of the first release, with the two subjects and the field that always exist, and the epoch.

The tables are in ``first_tables``: tools/freeze_schema.py makes them from store/schema; frozen with the first release.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from alembic import op

from sharedbook.store.migrations.first_tables import custom_fields, meta, metadata, subjects

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
    assigned = {"id": 1, "key": "assigned", "name": "Assigned", "kind": "member", "several": False, "position": 0}
    connection.execute(custom_fields.insert(), assigned)
    if connection.dialect.name == "postgresql":  # SQLite's AUTOINCREMENT has seen the ids by itself
        op.execute("ALTER TABLE subjects ALTER COLUMN id RESTART WITH 3")
        op.execute("ALTER TABLE custom_fields ALTER COLUMN id RESTART WITH 2")
    connection.execute(meta.insert(), {"name": "epoch", "value": secrets.token_hex(8)})
