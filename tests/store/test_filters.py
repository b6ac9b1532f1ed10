"""SQL finds exactly the contacts for which ``query.matches`` is True, on both databases."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from sharedbook.domain.access import Viewer
from sharedbook.domain.errors import InvalidQuery
from sharedbook.domain.model import ASSIGNED_ID
from sharedbook.domain.query import (
    EVERYTHING,
    And,
    Comparison,
    Const,
    HasParam,
    Instance,
    Not,
    Op,
    Or,
    Query,
    Some,
    Test,
    matches,
    record,
)
from sharedbook.store import custom_fields, filters, indexed, search, sought
from tests.store.people import add_contact, read

CONSOLE = search.Scope((Viewer(None, "root", console=True),))

# Case in several scripts, width, accents apart and together, Hangul syllables and letters, digits, spaces of all kinds,
# what is mapped to nothing, and what means something to LIKE, GLOB, a regular expression, JSON or the index's lines.
PIECES = (
    *"abkiIKıİſßﬁéEe金김기한ㅎ９9Ω",
    *"%_\\*?[]^!'\"-().|+${}\n\x1f",
    *" \t\u3000\u00a0\u00ad\u0301\u0308\u1112\u1161\u11ab\U0001d49c\U0010ffff\ud7ff\ue000",
    "Kim",
    "kim ",
    "  ",
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=5).map("".join)
DIGITS = st.text("0123", max_size=9)
FORMS = st.lists(DIGITS.filter(bool), max_size=3).map(" ".join)
FIELD = custom_fields.property_of(ASSIGNED_ID)
NAMES = ("FN", "F", "NOTE", "fullname", "X_N%", "VERSION")
PARAMS = ("TYPE", "PREF", 'X"\\é')
PARAMETERS = st.lists(st.tuples(st.sampled_from(PARAMS), st.lists(TEXTS, max_size=2).map(tuple)), max_size=2).map(tuple)

INSTANCES = st.one_of(
    st.builds(Instance, st.sampled_from(NAMES), TEXTS, PARAMETERS),
    st.builds(Instance, st.just("phone"), FORMS),
    st.builds(Instance, st.just(FIELD), TEXTS),
)
SOUGHT = (*NAMES, FIELD)


def in_a_card(each: Instance) -> bool:
    return not each.name.startswith(indexed.CUSTOM)


def with_twins(card: list[Instance]) -> list[Instance]:
    """With what a card's names are sought by, of the same value and not always with the same parameters."""
    return card + [Instance("fullname", each.value, each.params[:1]) for each in card if each.name == "FN"]


CONTACTS = st.lists(st.lists(INSTANCES, max_size=4).map(with_twins), min_size=1, max_size=4)

PLAIN = st.sampled_from([comparison for comparison in Comparison if comparison is not Comparison.PHONE])
MIDDLE = st.lists(TEXTS, max_size=2).map(tuple)
TESTS = st.builds(
    Test,
    st.sampled_from(Op),
    TEXTS,
    st.one_of(st.just(""), TEXTS),
    MIDDLE,
    st.one_of(st.just(""), TEXTS),
    PLAIN,
    st.booleans(),
    st.one_of(st.none(), st.sampled_from(PARAMS)),
)
PHONE_TESTS = st.one_of(
    st.builds(
        Test,
        st.sampled_from([Op.EQUALS, Op.AT_LEAST]),
        FORMS,
        comparison=st.just(Comparison.PHONE),
        negate=st.booleans(),
    ),
    st.builds(
        Test,
        st.just(Op.LIKE),
        st.just(""),
        st.one_of(st.just(""), st.text("0123 ", max_size=3)),
        st.lists(st.text("0123", max_size=2), max_size=2).map(tuple),
        st.one_of(st.just(""), st.text("0123", max_size=3)),
        st.just(Comparison.PHONE),
        st.booleans(),
    ),
)
SEVERAL = st.lists(st.one_of(TESTS, st.builds(HasParam, st.sampled_from(PARAMS), st.booleans())), max_size=3).map(tuple)


def of_any(names: list[str], tests: tuple[Test | HasParam, ...], any_test: bool) -> Query:
    return Or(tuple(Some(name, tests, any_test) for name in names))


LEAVES = st.one_of(
    st.builds(Some, st.sampled_from(SOUGHT), SEVERAL, st.booleans()),
    st.builds(of_any, st.lists(st.sampled_from(SOUGHT), min_size=2, max_size=4), SEVERAL, st.booleans()),
    st.builds(Some, st.just("phone"), st.lists(PHONE_TESTS, max_size=2).map(tuple), st.booleans()),
    st.builds(Const, st.sampled_from([True, False, None])),
)


def combined(children: st.SearchStrategy[Query]) -> st.SearchStrategy[Query]:
    parts = st.lists(children, max_size=3).map(tuple)
    return st.one_of(st.builds(Not, children), st.builds(And, parts), st.builds(Or, parts))


QUERIES: st.SearchStrategy[Query] = st.recursive(LEAVES, combined, max_leaves=4)


def found(connection: Connection, query: Query) -> list[int]:
    return sorted(search.find(connection, query, CONSOLE, read, None))


def some(value_test: Test, name: str = "FN") -> Query:
    return Some(name, (value_test,))


def like(*middle: str, initial: str = "", final: str = "", by: Comparison = Comparison.DIRECTORY) -> Query:
    return some(Test(Op.LIKE, "", initial, middle, final, by))


def one(*values: str) -> list[list[Instance]]:
    """A contact for each value."""
    return [[Instance("FN", value)] for value in values]


UNICODE = Comparison.UNICODE


@settings(max_examples=200)
@given(cards=CONTACTS, query=QUERIES)
@example(one("100%", "1000"), like("0%"))
@example(one("a_b", "axb"), like("a_b"))
@example(one("a\\b", "a/b"), like("\\"))
@example(one("a*b", "axb", "a[b", "a?b"), like("a*b", by=Comparison.OCTET))
@example(one("[a-z]", "b"), like("[a-z]", by=Comparison.OCTET))
@example(one("홍길동", "홍길순", "김"), like(initial="홍길"))
@example(one("기", "김"), like("기", by=UNICODE))
@example(one("İstanbul", "istanbul", "ıstanbul"), some(Test(Op.EQUALS, "ISTANBUL")))
@example(one("ıstanbul", "istanbul"), some(Test(Op.EQUALS, "ISTANBUL", comparison=UNICODE)))
@example(one("ﬁ", "fi", "FI"), like("FI", by=UNICODE))
@example(one("É", "é", "e\u0301"), like("e", by=UNICODE))
@example(one("É", "é"), like("É", by=Comparison.ASCII))
@example(one("  Kim   Lee "), some(Test(Op.EQUALS, "kim lee")))
@example(one("Kim Lee", "KimLee"), like("kim l"))
@example(one("a \u0301b", "a b", "a 가"), some(Test(Op.AT_LEAST, "a \u0301b")))
@example(one("x" * 300, "x" * 299, "x" * 200), some(Test(Op.EQUALS, "X" * 300)))
@example(one("x" * 300, "x" * 250), like(initial="X" * 260))
@example(one("a\U0010ffff", "a\U0010ffffb", "b"), like(initial="a\U0010ffff"))
@example(one("a\ud7ffb", "a\ue000"), like(initial="a\ud7ff"))
@example(one("a"), Not(Some("FN", (Test(Op.EQUALS, "a"), HasParam("TYPE")))))
@example(one("a"), Not(Const(None)))
@example(one("a\nFN\tb", "b"), like(initial="b"))
@example(one("a", "b"), some(Test(Op.EQUALS, "a"), "X\nf"))
@example(one("e\x1fx", "ex"), like("ex", by=UNICODE))
@example(one("é", "e"), like("e"))
@example(one("José María", "Josémaría"), like("É M", by=UNICODE))
@example(one("a\u0301 b", "a b"), like("\u0301 B", by=UNICODE))
@example(one("x" * 5000, "x" * 4999 + "y"), some(Test(Op.EQUALS, "X" * 5000, comparison=UNICODE)))
@example(one("ß" * 10_000), like("ss", by=UNICODE))
@example(one("(a|b)", "a"), like("a|", by=Comparison.ASCII))
@example(one("a"), like("a" * 20_000))
@example(one("ab" * 4_000, "ab" * 3_000), like(*["b"] * 4_000))
@example(one("a"), Not(some(Test(Op.EQUALS, "a\0", comparison=Comparison.OCTET))))
@example(one("a"), some(Test(Op.AT_LEAST, "\ud800", comparison=Comparison.ASCII, negate=True)))
@example(
    [[Instance("FN", "a", (("TYPE", ("home",)),))], *one("a")], Some("FN", (Test(Op.EQUALS, "HOME", param="TYPE"),))
)
@example(
    [[Instance("phone", "01012345678 821012345678 01012345678")], [Instance("phone", "0212345678")]],
    some(Test(Op.EQUALS, "12345678", comparison=Comparison.PHONE), "phone"),
)
@example(
    [[Instance("phone", "12 34")], [Instance("phone", "1234")]],
    Some("phone", (Test(Op.LIKE, "", "12", (), "34", Comparison.PHONE),)),
)
def test_the_database_finds_what_matches(
    connection: Connection, cards: Sequence[Sequence[Instance]], query: Query
) -> None:
    with connection.begin_nested() as savepoint:
        ids = [add_contact(connection, str(number), filter(in_a_card, each)) for number, each in enumerate(cards)]
        for contact_id, instances in zip(ids, cards, strict=True):
            values = [each.value for each in instances if not in_a_card(each)]
            custom_fields.put(connection, contact_id, {ASSIGNED_ID: values})
        expected = [i for i, instances in zip(ids, cards, strict=True) if matches(query, record(instances)) is True]
        assert found(connection, query) == expected
        assert found(connection, Not(query)) == [
            i for i, instances in zip(ids, cards, strict=True) if matches(query, record(instances)) is False
        ]
        savepoint.rollback()


@settings(max_examples=60)
@given(text=TEXTS, start=st.integers(0), end=st.integers(0), form=st.sampled_from(["NFC", "NFD", "NFKD"]), by=PLAIN)
def test_every_part_of_a_value_is_found(
    connection: Connection, text: str, start: int, end: int, form: Literal["NFC", "NFD", "NFKD"], by: Comparison
) -> None:
    other = unicodedata.normalize(form, text)
    first, last = sorted((start % (len(other) + 1), end % (len(other) + 1)))
    query = like(other[first:last], by=by)
    with connection.begin_nested() as savepoint:
        contact_id = add_contact(connection, "a", [Instance("FN", text)])
        assert found(connection, query) == [contact_id] * bool(matches(query, record([Instance("FN", text)])))
        savepoint.rollback()


def test_a_value_under_two_names_is_one_line(connection: Connection) -> None:
    home = (("TYPE", ("HOME",)),)
    card = [Instance("EMAIL", "a@b", home), Instance("EMAIL", "c@d"), Instance("NOTE", "n"), Instance("email", "a@b")]
    add_contact(connection, "1", card)
    assert indexed.of(card)[:2] == ("\ne\t a@b \nEMAIL\t c@d \n", "\nNOTE\t n \n")
    assert len(found(connection, some(Test(Op.EQUALS, "A@B"), "EMAIL"))) == 1
    assert len(found(connection, some(Test(Op.EQUALS, "A@B"), "email"))) == 1
    assert not found(connection, some(Test(Op.EQUALS, "c@d"), "email"))


@pytest.mark.parametrize("limit", [None, 0, 1, 2, 10])
def test_the_first_of_exact_and_inexact_queries_are_the_same(connection: Connection, limit: int | None) -> None:
    typed = (("TYPE", ("home",)),)
    ids = [add_contact(connection, key, [Instance("FN", key, typed)] * (key != "c")) for key in "dbcaef"]
    by_name = [ids[1], ids[0], ids[4], ids[5]]
    exact = And((Some("FN"), Not(like(initial="a"))))
    inexact = And((exact, Some("FN", (HasParam("TYPE"),))))
    for query in (exact, inexact):
        assert search.find(connection, query, CONSOLE, read, limit) == by_name[:limit]


def test_too_many_terms_are_refused() -> None:
    filters.compile_query(Or(tuple(like(str(number)) for number in range(filters.MOST_TERMS))), "sqlite")
    with pytest.raises(InvalidQuery):
        filters.compile_query(Or(tuple(like(str(number)) for number in range(filters.MOST_TERMS + 1))), "sqlite")


def test_the_widest_query_runs(connection: Connection) -> None:
    contact_id = add_contact(connection, "a", [Instance("FN", "number 7")])
    parts = tuple(Not(like(f"x{number}")) for number in range(filters.MOST_TERMS - 1))
    assert found(connection, And((*parts, like("7")))) == [contact_id]
    deep: Query = like("7")
    for _ in range(60):
        deep = Or((And((deep, Not(Const(False)))), like("never")))
    assert found(connection, deep) == [contact_id]


def test_an_index_is_replaced(connection: Connection) -> None:
    contact_id = add_contact(connection, "a", [Instance("FN", "old"), Instance("NOTE", "old")])
    sought.replace(connection, contact_id, indexed.of([Instance("FN", "new", (("LANGUAGE", ("ko",)),))]))
    assert found(connection, like("old")) == []
    assert found(connection, like("new")) == [contact_id]
    assert found(connection, EVERYTHING) == [contact_id]
