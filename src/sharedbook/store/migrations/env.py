"""Alembic's entry: it only ever runs on the connection that ``store/upgrade.py`` hands over, inside its transaction.

A migration speaks of tables as they were then, so of ``store`` it imports ``types`` only. SQLite rebuilds a table to
alter it (batch mode), and dropping the old one deletes what refers to it with ON DELETE CASCADE: such a migration must
copy the referring rows too. The test of an upgrade with data in every table shows whether it did.
"""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=context.config.attributes.get("metadata"),
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
