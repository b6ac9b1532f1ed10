"""Writes the first migration from store/schema/: only until the first release, after which it is never changed.

Run it after each change of the schema; tests/store/test_upgrade.py fails where the two differ.
"""

from __future__ import annotations

import re
from pathlib import Path

STORE = Path(__file__).parents[1] / "src" / "sharedbook" / "store"
TARGET = STORE / "migrations" / "first_tables"


def frozen(schema: str) -> str:
    """A file of the schema as the migration keeps it: without comments, and apart from what comes later."""
    kept = re.sub(r"^# .*\n", "", schema, flags=re.MULTILINE)
    return kept.replace("sharedbook.store.schema", "sharedbook.store.migrations.first_tables")


if __name__ == "__main__":
    for gone in TARGET.glob("*.py"):
        gone.unlink()
    for file in (STORE / "schema").glob("*.py"):
        (TARGET / file.name).write_text(frozen(file.read_text()))
