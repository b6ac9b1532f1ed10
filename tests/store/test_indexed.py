"""How values are written to be found, and how they are looked up by whole values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, select, text
from sqlalchemy.dialects import postgresql, sqlite

from sharedbook.domain import folding
from sharedbook.domain.query import And, Comparison, Instance, Op, Or, Query, Some, Test
from sharedbook.store import filters, indexed, sought
from sharedbook.store.prepared import insert_rows
from sharedbook.store.schema import contacts, value_keys
from tests.store.people import add_contact
from tests.store.test_filters import found


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("Kim Lee", " kim  lee "),
        ("", "  \x1f"),
        (" Kim", " kim \x1f kim"),
        ("a\nb", " a  b \x1faÀb"),
        ("Müller", " müller \x1fmu\u0308ller"),
        ("ﬁ", " fi \x1fFI"),
        ("\x1f", "  \x1fÁ"),
        ("김", " 김 \x1f\u1100\u1175\u11b7"),
    ],
)
def test_lines(value: str, line: str) -> None:
    assert indexed.of([Instance("FN", value)]).texts == f"\nFN\t{line}\n"


@given(st.text(), st.text())
def test_the_cased_form_is_as_good_as_the_collation(one: str, other: str) -> None:
    assert (indexed.cased(one) in indexed.cased(other)) is (
        folding.unicode_casemap(one) in folding.unicode_casemap(other)
    )
    assert {indexed.LINE, indexed.CASED}.isdisjoint(indexed.cased(one))


def equals(name: str, value: str, by: Comparison = Comparison.DIRECTORY) -> Query:
    return Some(name, (Test(Op.EQUALS, value, comparison=by),))


PART = Some("FN", (Test(Op.LIKE, middle=("i",)),))


@pytest.mark.parametrize(
    "query",
    [
        equals("email", "kim@example.com"),
        equals("EMAIL", "Kim@example.com", Comparison.UNICODE),
        equals("FN", "김 Müller", Comparison.OCTET),
        And((PART, equals("X-EXTERNAL-ID", "7"))),
        Or((equals("email", "a@b"), equals("fullname", "Kim"))),
    ],
)
def test_whole_values_are_looked_up_by_their_keys(connection: Connection, query: Query) -> None:
    on_sqlite = connection.dialect.name == "sqlite"
    statement = select(contacts.c.id).where(filters.compile_query(query, connection.dialect.name).where)
    dialect = sqlite.dialect() if on_sqlite else postgresql.dialect()
    written = str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    if not on_sqlite:
        connection.execute(text("SET LOCAL enable_seqscan = off"))  # an empty table is read whole otherwise
    rows = connection.exec_driver_sql(f"EXPLAIN {'QUERY PLAN' if on_sqlite else ''} {written}")
    plan = "\n".join(str(row) for row in rows)
    assert "ix_value_keys_hash" in plan
    assert not on_sqlite or "SCAN" not in plan


def test_a_hash_that_two_values_share_changes_no_answer(connection: Connection) -> None:
    kim, lee = (add_contact(connection, name, [Instance("email", f"{name}@b")]) for name in ("kim", "lee"))
    [(shared,)] = connection.execute(select(value_keys.c.hash).where(value_keys.c.contact_id == kim)).all()
    insert_rows(connection, (value_keys.c.contact_id, value_keys.c.hash), [(lee, shared)])
    assert found(connection, equals("email", "KIM@b")) == [kim]
    assert sought.having(connection, "email", ["Kim@b", "other@b"]) == {"Kim@b": {kim}}
    assert sought.sharing(connection) == [kim, lee]


def test_cards_that_name_others(connection: Connection) -> None:
    add_contact(connection, "a", [Instance("FN", "MEMBER")])
    listed = add_contact(connection, "b", [Instance("FN", "List"), Instance("MEMBER", "urn:uuid:7")])
    assert sought.naming(connection, indexed.RARE) == [listed]
    assert sought.naming(connection, ["RELATED"]) == []
