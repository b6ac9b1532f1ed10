"""Statements of the hot paths: SQLAlchemy writes each once for a database, then the driver runs it by itself.

What SQLAlchemy does at each execution (events, contexts, cursors, results) takes several times as long as SQLite takes
to find a row. The driver's cursor is of the same connection and so of the same transaction; rows are as the driver has
them (``database.plain``), values are converted as their columns say.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, repeat
from typing import Any, Protocol, TypeVar

from sqlalchemy import (
    ClauseElement,
    Column,
    Connection,
    Dialect,
    Insert,
    Select,
    Text,
    TypeDecorator,
    bindparam,
    cast,
    column,
    func,
    insert,
    select,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from sharedbook.store import postgres
from sharedbook.store.types import Exact, Id

Values = Mapping[str, Any]
Answer = TypeVar("Answer")


class _Listed(TypeDecorator[Sequence[str | int]]):
    """A list of texts or ids in one parameter, as JSON."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Sequence[str | int] | None, dialect: Any) -> str:
        return json.dumps(value, ensure_ascii=False, default=list)


class _json_texts(GenericFunction[str]):
    """The texts of a JSON array as rows of one column."""

    name = "json_texts"
    inherit_cache = True


@compiles(_json_texts, "sqlite")
def _on_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **options)})"


@compiles(_json_texts, "postgresql")
def _on_postgres(element: Any, compiler: Any, **options: Any) -> str:
    return f"json_array_elements_text(CAST({compiler.process(element.clauses, **options)} AS json))"


def given(name: str) -> Select[tuple[str]]:
    """For ``column.in_``: a list of texts, of any length, given under this name."""
    texts = func.json_texts(bindparam(name, type_=_Listed)).table_valued(column("value", Exact))
    return select(texts.c.value)


def given_ids(name: str) -> Select[tuple[int]]:
    """The same for ids."""
    texts = func.json_texts(bindparam(name, type_=_Listed)).table_valued(column("value", Exact))
    return select(cast(texts.c.value, Id))


def insert_each(given: Column[int], alike: Sequence[Column[Any]]) -> Insert:
    """For ``Prepared``: a row for each of the ``ids``, in ``given``; the other columns, by name, have the same in all.

    One statement for many rows takes a third of the time of as many statements.
    """
    values = [bindparam(each.name, type_=each.type) for each in alike]
    return insert(given.table).from_select([given, *alike], given_ids("ids").add_columns(*values))


class _Cursor(Protocol):
    def fetchall(self) -> list[tuple[Any, ...]]: ...

    def executemany(self, text: str, rows: Iterable[Any]) -> object: ...


class _Driver(Protocol):
    """What sqlite3's and psycopg's connections have in common."""

    def execute(self, text: str, values: Any = ..., /) -> _Cursor: ...

    def cursor(self) -> _Cursor: ...


def driver_of(connection: Connection, *, answers: bool = True) -> _Driver:
    """The driver's own connection, in the same transaction. ``answers``: whether anybody waits for them."""
    if connection.dialect.name == "postgresql":
        return postgres.Asked(connection) if answers else postgres.Told(connection)
    driver: _Driver = connection.connection.dbapi_connection  # type: ignore[assignment]
    return driver


class Prepared:
    """A statement whose shape never changes: no list of values that grows. ``columns``: those that an INSERT fills."""

    def __init__(self, statement: ClauseElement, columns: Sequence[str] = ()) -> None:
        self._statement = statement
        self._columns = columns
        self._written: dict[str, _Written] = {}

    def rows(self, connection: Connection, values: Values) -> list[tuple[Any, ...]]:
        """Runs it; every row. Raises DBAPIError."""
        return self._ask(connection, lambda driver, its: driver.execute(its.text, its.bound(values)).fetchall())

    def run(self, connection: Connection, values: Values) -> None:
        """Runs it, without an answer; PostgreSQL is sent it with a later statement. Raises DBAPIError."""
        self._ask(connection, lambda driver, its: driver.execute(its.text, its.bound(values)), answers=False)

    def run_many(self, connection: Connection, rows: Iterable[Values]) -> None:
        """Runs it once for each of these values, as ``run``. Raises DBAPIError."""
        self._ask(
            connection,
            lambda driver, its: driver.cursor().executemany(its.text, map(its.bound, rows)),
            answers=False,
        )

    def _ask(
        self, connection: Connection, ask: Callable[[_Driver, _Written], Answer], *, answers: bool = True
    ) -> Answer:
        written = self.written(connection.dialect)
        try:
            return ask(driver_of(connection, answers=answers), written)
        except written.failure as error:
            raise written.wrapped(error) from error

    def written(self, dialect: Dialect) -> _Written:
        """As this database is asked it."""
        found = self._written.get(dialect.name)
        if found is None:
            found = self._written[dialect.name] = _write(self._statement, self._columns, dialect)
        return found


@dataclass(frozen=True, slots=True)
class _Written:
    """The statement for one database. ``bound``: values by name as this text's parameters."""

    text: str
    bound: Callable[[Values], Any]
    failure: type[Exception]
    dialect: Dialect

    def wrapped(self, error: Exception) -> BaseException:
        """The driver's error as SQLAlchemy raises it; it shows no values."""
        return DBAPIError.instance(self.text, (), error, self.failure, hide_parameters=True, dialect=self.dialect)


def _write(statement: ClauseElement, columns: Sequence[str], dialect: Dialect) -> _Written:
    compiled = statement.compile(dialect=dialect, column_keys=list(columns) or None)
    assert isinstance(compiled, SQLCompiler)
    assert not compiled.post_compile_params, "its shape changes with its values"
    assert dialect.dbapi is not None
    parameters = [_parameter(compiled, name, dialect) for name in compiled.positiontup or compiled.binds]
    if compiled.positiontup is not None:

        def bound(values: Values) -> Any:
            return [each(values) for each in getters]

        getters = [get for _, get in parameters]
    else:

        def bound(values: Values) -> Any:
            return {name: each(values) for name, each in parameters}

    return _Written(str(compiled), bound, dialect.dbapi.Error, dialect)


def _parameter(compiled: SQLCompiler, name: str, dialect: Dialect) -> tuple[str, Callable[[Values], Any]]:
    """A parameter's name, and how its value is found: given by name, or the statement's own."""
    bind = compiled.binds[name]
    convert = bind.type.dialect_impl(dialect).bind_processor(dialect)
    if not bind.required:
        own = convert(bind.value) if convert else bind.value
        return name, lambda values: own
    key = bind.key
    if convert is None:
        return name, lambda values: values[key]
    return name, lambda values: convert(values[key])


def together(connection: Connection, *asked: tuple[Prepared, Values]) -> list[list[tuple[Any, ...]]]:
    """The rows of several statements, none of which needs another's answer: one round trip on PostgreSQL."""
    if connection.dialect.name != "postgresql":
        return [statement.rows(connection, values) for statement, values in asked]
    written = [(statement.written(connection.dialect), values) for statement, values in asked]
    try:
        with postgres.together(connection) as driver:
            cursors = [driver.execute(its.text, its.bound(values)) for its, values in written]
    except written[0][0].failure as error:
        raise written[0][0].wrapped(error) from error
    return [cursor.fetchall() for cursor in cursors]


_VALUES_AT_ONCE = 700
"""In one statement; a SQLite library may allow no more than 999."""


def insert_rows(connection: Connection, columns: Sequence[Column[Any]], rows: Iterable[Sequence[Any]]) -> None:
    """Inserts rows of one table, a value for each column as the driver takes it: no type is converted.

    For long lists, at half of ``run_many``'s time; on SQLite, which has none of its own, many rows in a statement.
    Raises DBAPIError; then some of the rows may be there, for the transaction or savepoint to take back.
    """
    dialect = connection.dialect
    assert dialect.dbapi is not None
    text = _insertion(dialect.name, 1, *columns)
    cursor = driver_of(connection, answers=False).cursor()
    try:
        if dialect.name == "sqlite":
            values, width = list(chain.from_iterable(rows)), len(columns)
            size = _VALUES_AT_ONCE // width * width
            whole = len(values) - len(values) % size
            if whole:
                cursor.executemany(_insertion(dialect.name, size // width, *columns), _cut(values[:whole], size))
            rows = _cut(values[whole:], width)
        if rows:
            cursor.executemany(text, rows)
    except dialect.dbapi.Error as error:
        raise DBAPIError.instance(
            text, (), error, dialect.dbapi.Error, hide_parameters=True, dialect=dialect
        ) from error


def _cut(values: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [values[at : at + size] for at in range(0, len(values), size)]


def insert_columns(
    connection: Connection, columns: Mapping[Column[Any], Sequence[Any]], alike: Mapping[Column[Any], Any]
) -> None:
    """``insert_rows`` of what stands in columns; of others each row has the same value. None is left to the default."""
    same = {column: value for column, value in alike.items() if value is not None}  # a NULL costs more than a text
    rows = zip(*columns.values(), *map(repeat, same.values()), strict=False)
    insert_rows(connection, (*columns, *same), rows)


@lru_cache
def _insertion(dialect: str, count: int, *columns: Column[Any]) -> str:
    """Of so many rows. ``OR FAIL``: SQLite need not copy each page that it changes, to take the statement back."""
    names = ", ".join(column.name for column in columns)
    row = ", ".join(["?" if dialect == "sqlite" else "%s"] * len(columns))
    insert = "INSERT OR FAIL" if dialect == "sqlite" else "INSERT"
    values = ", ".join([f"({row})"] * count)
    return f"{insert} INTO {columns[0].table.name} ({names}) VALUES {values}"
