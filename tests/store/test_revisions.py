"""Steps of the history: found without reading all of it."""

from __future__ import annotations

from sqlalchemy import Connection, event, text

from sharedbook.store import revisions


def test_steps_that_name_others_are_found_by_an_index(connection: Connection) -> None:
    asked: list[str] = []
    event.listen(connection, "before_cursor_execute", lambda *its: asked.append(its[2]))
    assert revisions.naming(connection) == []
    on_sqlite = connection.dialect.name == "sqlite"
    if not on_sqlite:
        connection.execute(text("SET LOCAL enable_seqscan = off"))  # an empty table is read whole otherwise
    rows = connection.exec_driver_sql(f"EXPLAIN {'QUERY PLAN' if on_sqlite else ''} {asked[0]}")
    assert "ix_revisions_naming" in "\n".join(str(row) for row in rows)
