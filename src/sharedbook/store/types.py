"""Column types that keep the same on both databases. Migrations use them, too: what one keeps never changes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Integer, Text, TypeDecorator
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateIndex

Id = BigInteger().with_variant(Integer, "sqlite")

# Code-point order on both databases: slugs, hrefs, folded text and keys are compared by bytes, never by locale.
Exact = Text(collation="C").with_variant(Text(), "sqlite")


class Time(TypeDecorator[datetime]):
    """An aware datetime in UTC, kept as whole milliseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> int | None:
        return None if value is None else milliseconds(value)

    def process_result_value(self, value: int | None, dialect: Any) -> datetime | None:
        return None if value is None else moment(value)


def milliseconds(value: datetime) -> int:
    """What a ``Time`` column keeps of this time."""
    return round(value.timestamp() * 1000)


def moment(value: int) -> datetime:
    """The time that a ``Time`` column keeps as this number."""
    return datetime.fromtimestamp(value / 1000, UTC)


@compiles(CreateIndex, "postgresql")
def _of_some_rows(create: CreateIndex, compiler: Any, **options: Any) -> str:
    """An index that holds only some rows on SQLite does so on PostgreSQL, too.

    Not said of each index, as SQLAlchemy then loads PostgreSQL's dialect, which takes a tenth of a command's start.
    """
    kept = create.element.dialect_options
    if kept["sqlite"]["where"] is not None:
        kept["postgresql"]["where"] = kept["sqlite"]["where"]
    written: str = compiler.visit_create_index(create, **options)
    return written


NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}
"""How indexes and constraints are named: a migration must be able to name them again."""
