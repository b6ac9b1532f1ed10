"""The index gives exactly what the reference semantics give, after any history, and nothing that is hidden."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldap_gateway import columns, ranks, runs
from ldap_gateway.index import ColumnOf, Document, Index, Mask, Order, prepare
from ldap_gateway.ranks import Ranks
from ldap_gateway.runs import Postings
from sharedbook.domain import folding, query
from sharedbook.domain.errors import CostlyQuery, InvalidQuery
from sharedbook.domain.query import And, Comparison, Const, HasParam, Instance, Not, Op, Or, Query, Record, Some, Test


@pytest.fixture(autouse=True, scope="module")
def short_lists() -> Iterator[None]:
    """Lists are intersected as if there were many contacts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "_FEW", 1)
        yield


COLUMNS = {
    "cn": ColumnOf(),
    "mail": ColumnOf(whole=True),
    "zip": ColumnOf(runs=""),
    "phone": ColumnOf(Comparison.PHONE, "numbers"),
}
CONSTANTS = {"objectClass": tuple(Instance("objectClass", name) for name in ("top", "person"))}
TEXTS = ("cn", "mail", "zip")

# Few letters, so that needles hit: Latin, Turkish, German, Greek, Hangul, Han, combining marks, wildcards, spaces.
LETTERS = "abİiß%_*σς홍길동金山\u0301\u00ad "
words = st.text(st.sampled_from(LETTERS), max_size=6)
digits = st.text(st.sampled_from("0123"), min_size=1, max_size=10)
forms = st.one_of(st.just(""), st.lists(digits, min_size=1, max_size=3, unique=True).map(" ".join))
subjects = st.frozensets(st.integers(1, 4), min_size=1, max_size=3)


@dataclass(frozen=True)
class Contact:
    id: int
    groups: tuple[int, ...]
    audience: frozenset[int]
    values: dict[str, list[str]] = field(default_factory=dict)

    @property
    def record(self) -> Record:
        return query.record(Instance(name, value) for name, found in self.values.items() for value in found)

    @property
    def document(self) -> Document:
        return Document(self.id, f"key-{self.id}", self.groups, self.audience, b"")

    def is_seen(self, groups: frozenset[int], of: frozenset[int]) -> bool:
        return not groups.isdisjoint(self.groups) and not of.isdisjoint(self.audience)


contacts = st.builds(
    Contact,
    st.integers(1, 12),
    st.lists(st.integers(1, 3), min_size=1, max_size=2, unique=True).map(tuple),
    subjects,
    st.fixed_dictionaries(
        {},
        optional={name: st.lists(words, min_size=1, max_size=3) for name in TEXTS}
        | {"phone": st.lists(forms, min_size=1, max_size=2)},
    ),
)
likes = {"initial": words, "middle": st.lists(words, max_size=2).map(tuple), "final": words}
phone_likes = {
    "initial": digits | st.just(""),
    "middle": st.lists(digits, max_size=1).map(tuple),
    "final": digits | st.just(""),
}
text_tests = st.one_of(
    st.builds(Test, st.sampled_from([Op.EQUALS, Op.AT_LEAST, Op.AT_MOST]), words),
    st.builds(Test, st.just(Op.LIKE), **likes),
)
phone_tests = st.one_of(
    st.builds(Test, st.sampled_from([Op.EQUALS, Op.AT_LEAST]), forms, comparison=st.just(Comparison.PHONE)),
    st.builds(Test, st.just(Op.LIKE), **phone_likes, comparison=st.just(Comparison.PHONE)),
)
leaves: st.SearchStrategy[Query] = st.one_of(
    st.sampled_from([Const(True), Const(False), Const(None)]),
    st.builds(Some, st.sampled_from(("objectClass", "cn", "phone", "photo"))),
    st.builds(
        Some, st.just("objectClass"), st.tuples(st.builds(Test, st.just(Op.EQUALS), st.sampled_from(["top", "x"])))
    ),
    st.builds(Some, st.sampled_from(TEXTS), st.tuples(text_tests)),
    st.builds(Some, st.just("phone"), st.tuples(phone_tests)),
)
queries: st.SearchStrategy[Query] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)


def index_of(history: list[Contact], gone: list[int]) -> tuple[Index, dict[int, Contact]]:
    """An index with a history of puts, replacements and removals, and what it must hold."""
    index, kept = Index(COLUMNS, CONSTANTS, ranked="cn"), {}
    for contact in history:
        index.put(contact.document, prepare(COLUMNS, contact.record))
        kept[contact.id] = contact
    for contact_id in gone:
        index.remove(contact_id)
        kept.pop(contact_id, None)
    return index, kept


@settings(max_examples=600)
@given(st.lists(contacts, max_size=20), st.lists(st.integers(1, 12), max_size=4), queries, subjects, subjects)
def test_the_index_finds_what_matches(
    history: list[Contact], gone: list[int], found: Query, groups: frozenset[int], of: frozenset[int]
) -> None:
    index, kept = index_of(history, gone)
    mask = index.visible(groups, of)
    right = sorted(
        each.id
        for each in kept.values()
        if each.is_seen(groups, of) and query.matches(found, {**CONSTANTS, **each.record}) is True
    )
    assert sorted(document.id for document in index.at(index.search(found, mask))) == right
    for limit in range(len(right) + 2):
        some = [document.id for document in index.at(index.search(found, mask, limit=limit))]
        assert len(some) == len(set(some)) == min(limit, len(right))
        assert set(some) <= set(right)
    for each in kept.values():
        assert index.holds(found, each.id) is (query.matches(found, {**CONSTANTS, **each.record}) is True)


EVERYONE = frozenset({1})


def index_with(values: Iterable[dict[str, list[str]]]) -> tuple[Index, dict[int, Record]]:
    """Contacts that everyone sees."""
    index, records = Index(COLUMNS, CONSTANTS, ranked="cn"), {}
    for number, each in enumerate(values, 1):
        contact = Contact(number, (1,), EVERYONE, each)
        index.put(contact.document, prepare(COLUMNS, contact.record))
        records[number] = {**CONSTANTS, **contact.record}
    return index, records


def found_by(index: Index, asked: Query) -> set[int]:
    return {document.id for document in index.at(index.search(asked, index.visible(EVERYONE, EVERYONE)))}


near = st.text(st.sampled_from("ab "), max_size=4)
near_likes = {"initial": near, "middle": st.lists(near, max_size=2).map(tuple), "final": near}
near_tests = st.one_of(
    st.builds(Test, st.sampled_from([Op.EQUALS, Op.AT_LEAST, Op.AT_MOST]), near),
    st.builds(Test, st.just(Op.LIKE), **near_likes),
)


@settings(max_examples=300)
@given(
    st.lists(st.text(st.sampled_from("ab "), max_size=8), min_size=20, max_size=40), st.lists(near_tests, min_size=20)
)
def test_values_that_are_nearly_the_needle(values: list[str], tests: list[Test]) -> None:
    """Candidates of prefixes and of runs of characters are checked where they do not decide."""
    index, records = index_with({"cn": [value], "zip": [value[::-1], value]} for value in values)
    for each in tests:
        for name in ("cn", "zip"):
            asked = Some(name, (each,))
            assert found_by(index, asked) == {n for n, record in records.items() if query.matches(asked, record)}


@settings(max_examples=100)
@given(st.lists(forms, min_size=20, max_size=40), st.lists(phone_tests, min_size=20))
def test_numbers_that_are_nearly_the_needle(values: list[str], tests: list[Test]) -> None:
    index, records = index_with({"phone": [value]} for value in values)
    for each in tests:
        asked = Some("phone", (each,))
        assert found_by(index, asked) == {n for n, record in records.items() if query.matches(asked, record)}


def test_three_values_in_every_combination() -> None:
    """Every query of two levels over true, false, undefined and two tests."""
    index, records = index_with([{}, {"cn": ["x"]}, {"mail": ["x"]}, {"cn": ["x"], "mail": ["x"]}])
    level: list[Query] = [Const(True), Const(False), Const(None), Some("cn"), Some("mail")]
    for _ in range(2):
        pairs = list(itertools.product(level, repeat=2))
        level += [Not(each) for each in level] + [kind(pair) for kind in (And, Or) for pair in pairs]
        level = list(dict.fromkeys(level))[:1500]
    for asked in level:
        right = {n for n, record in records.items() if query.matches(asked, record) is True}
        assert found_by(index, asked) == right, asked


@given(st.lists(contacts, max_size=20), st.lists(st.integers(1, 12), max_size=4), st.booleans(), st.integers(0, 8))
def test_order_and_limit(history: list[Contact], gone: list[int], reverse: bool, limit: int) -> None:
    index, kept = index_of(history, gone)
    mask = index.visible(frozenset({1, 2}), frozenset({1, 2}))
    for name in ("cn", "mail", "nothing"):

        def key(contact: Contact, name: str = name) -> str:
            values = contact.values.get(name)
            return folding.pad(folding.fold(values[0])) if values else "\U0010ffff"

        seen = [each for each in kept.values() if each.is_seen(frozenset({1, 2}), frozenset({1, 2}))]
        right = sorted(map(key, seen), reverse=reverse)
        found = index.at(index.search(query.EVERYTHING, mask, order=[Order(name, reverse)]))
        assert [key(kept[document.id]) for document in found] == right
        part = index.at(index.search(query.EVERYTHING, mask, order=[Order(name, reverse)], limit=limit))
        assert [key(kept[document.id]) for document in part] == right[:limit]
        assert [index.sort_value(document.id, name) for document in found] == right


def test_two_orders() -> None:
    rows = [("b", "1"), ("a", "2"), ("a", "1"), ("b", "2")]
    index = Index(COLUMNS, CONSTANTS, ranked="cn")
    for number, (cn, mail) in enumerate(rows, 1):
        contact = Contact(number, (1,), frozenset({1}), {"cn": [cn], "mail": [mail]})
        index.put(contact.document, prepare(COLUMNS, contact.record))
    mask = index.visible(frozenset({1}), frozenset({1}))
    found = index.at(index.search(query.EVERYTHING, mask, order=[Order("cn"), Order("mail", reverse=True)]))
    assert [rows[document.id - 1] for document in found] == [("a", "2"), ("a", "1"), ("b", "2"), ("b", "1")]


@given(st.lists(contacts, min_size=1, max_size=12))
def test_hidden_contacts_are_gone_until_they_are_put(history: list[Contact]) -> None:
    index, kept = index_of(history, [])
    everyone = frozenset(range(10))
    first = history[0]
    index.hide([first.id])
    mask = index.visible(everyone, everyone)
    assert {document.id for document in index.at(index.search(query.EVERYTHING, mask))} == kept.keys() - {first.id}
    assert index.by_key(mask, f"key-{first.id}") is None and not index.sees(mask, first.id)
    index.put(kept[first.id].document, prepare(COLUMNS, kept[first.id].record))
    mask = index.visible(everyone, everyone)
    assert len(index.at(index.search(query.EVERYTHING, mask))) == len(kept)


@given(st.lists(contacts, max_size=20))
def test_nothing_is_left_of_what_is_removed(history: list[Contact]) -> None:
    """No cache outlives a deletion: every list, gram and rank is empty again."""
    index, kept = index_of(history, [])
    for contact_id in list(kept):
        index.remove(contact_id)
    assert len(index) == 0 and index.ids() == []
    assert all(set(texts) <= {""} for texts in index._texts.values())
    assert all(len(runs) == 0 for runs, _ in index._sharing)
    assert not index._ranks._order and not index._keys and set(index._documents) <= {None}


def test_many_at_once_are_sorted_in() -> None:
    """More new texts than are inserted one by one."""
    index = Index(COLUMNS, CONSTANTS, ranked="cn")
    for number in range(1, 501):
        contact = Contact(number, (1,), frozenset({1}), {"cn": [f"name {number * 7919 % 500:03}"]})
        index.put(contact.document, prepare(COLUMNS, contact.record))
    mask = index.visible(frozenset({1}), frozenset({1}))
    found = Some("cn", (Test(Op.LIKE, initial="name 12"),))
    assert len(index.at(index.search(found, mask))) == 10
    assert len(index.search(Some("cn", (Test(Op.AT_LEAST, "name 490"),)), mask)) == 10
    assert len(index.search(Not(Some("cn", (Test(Op.AT_MOST, "name 489"),))), mask)) == 10


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5)), max_size=80), st.booleans())
def test_ranks_are_as_sorting_gives_them(history: list[tuple[int, int]], reverse: bool) -> None:
    """Whatever comes and goes, also where there is no room between two."""
    values: dict[int, str] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranks, "_APART", 2)
        kept = Ranks(lambda slot: (values[slot], slot))
        for slot, value in history:
            if slot in values:
                kept.remove(slot)
            values[slot] = str(value)
            kept.add(slot)
            some = [each for each in values if each % 11 == 0]
            for chosen in (some, list(values)):
                right = sorted(chosen, key=lambda each: (values[each], each), reverse=reverse)
                assert kept.sort(chosen, reverse=reverse) == right


def test_a_filter_that_would_hold_up_everybody_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Terms times contacts are counted before anything is looked at; what is selective may have many terms."""
    index, _ = index_with({"cn": [f"name {n % 7} {n:03}"]} for n in range(300))
    monkeypatch.setattr(columns, "MOST_TESTS", len(index._documents) * 20)
    terms = tuple(Some("cn", (Test(Op.LIKE, middle=("name", str(n))),)) for n in range(22))
    nothing = Some("cn", (Test(Op.LIKE, middle=("name ", "x")),))
    for costly in (Not(Or(terms)), Not(And(terms)), And((Not(nothing), *map(Not, terms)))):
        with pytest.raises(CostlyQuery):
            found_by(index, costly)
    assert found_by(index, And((Some("cn", (Test(Op.EQUALS, "name 1 001"),)), *map(Not, terms)))) == set()
    assert len(found_by(index, Or(terms[:20]))) == 300


@pytest.mark.parametrize(
    "found",
    [
        Some("cn", (Test(Op.EQUALS, "x", negate=True),)),
        Some("cn", (Test(Op.EQUALS, "x", param="TYPE"),)),
        Some("cn", (HasParam("TYPE"),)),
        Some("cn", (Test(Op.EQUALS, "x"), Test(Op.EQUALS, "y"))),
        Some("cn", (Test(Op.EQUALS, "x", comparison=Comparison.OCTET),)),
    ],
)
def test_what_no_filter_makes_is_refused(found: Query) -> None:
    index, _ = index_of([], [])
    with pytest.raises(InvalidQuery):
        index.at(index.search(found, Mask()))


def test_slots_above_65535_are_kept_beside_those_below() -> None:
    postings = Postings[str]()
    for slot in (3, 65_535, 65_536, 70_000, 5):
        postings.add(["run"], slot)
    assert list(postings.get("run")) == [3, 5, 65_535, 65_536, 70_000]
    for slot in (65_536, 3, 70_000, 65_535):
        postings.discard("run", slot)
    postings.add(["run"], 65_537)
    assert list(postings.get("run")) == [5, 65_537]
    postings.add(["run"], 4)
    assert list(postings.get("run")) == [4, 5, 65_537]
