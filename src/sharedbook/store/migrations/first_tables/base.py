"""What every table is made with."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ForeignKey, Identity, MetaData, text

from sharedbook.store.types import NAMES, Id

metadata = MetaData(naming_convention=NAMES)


def where(condition: str) -> dict[str, Any]:
    """What makes an index hold only some rows, on both databases: see ``store.types``."""
    return {"sqlite_where": text(condition)}


def row_id() -> Column[int]:
    """The column of a number that is never used again."""
    return Column("id", Id, Identity(always=False), primary_key=True)


def reference(column: str, ondelete: str | None = None) -> ForeignKey:
    """A foreign key that is checked at the commit: before it, SQLite would copy pages for each long INSERT."""
    return ForeignKey(column, ondelete=ondelete, deferrable=True, initially="DEFERRED")
