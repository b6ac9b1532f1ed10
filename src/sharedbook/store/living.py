"""Every text that the database rightly holds, row by row: what may explain a piece found by the byte scan."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, String, select, text

from sharedbook.store.schema import metadata


def texts(connection: Connection) -> Iterator[str]:
    """All texts of all rows, and the schema's own."""
    if connection.dialect.name == "sqlite":
        yield from (row[0] for row in connection.execute(text("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")))
    for table in metadata.sorted_tables:
        columns = [column for column in table.columns if isinstance(column.type, String)]
        if columns:
            statement = select(*columns)
            for row in connection.execute(statement, execution_options={"yield_per": 500}):
                yield "\n".join(value for value in row if value is not None)
