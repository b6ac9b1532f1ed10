"""addressbook-query against a reading of RFC 6352 that shares no code with ours, over the cards of tests/golden."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.carddav.rfc6352 import (
    COLLATIONS,
    MATCH_TYPES,
    Filter,
    ParamFilter,
    Property,
    PropFilter,
    TextMatch,
    properties,
)
from tests.carddav.served import Book, Site, vcard
from tests.formats.samples import golden_cards

XML_FORBIDS = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF])


@cache
def golden() -> dict[str, list[Property]]:
    """Every golden card, read by the RFC, by the name it is stored under."""
    texts = {path.name: path.read_bytes().decode() for path in golden_cards()}
    return {name: properties(text) for name, text in texts.items()}


class Library:
    """A book that holds every golden card."""

    def __init__(self, site: Site) -> None:
        self.book = Book(site)
        for path in golden_cards():
            reply = self.book.alice.put(self.book.of_alice(path.name), path.read_bytes())
            assert reply.status == 201, (path.name, reply.text)

    def found(self, filter_: str) -> set[str]:
        """Names of the cards that the server lets through."""
        body = (
            '<C:addressbook-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav">'
            f"<D:prop><D:getetag/></D:prop>{filter_}</C:addressbook-query>"
        )
        reply = self.book.alice.report(self.book.of_alice(), body, Depth="1")
        return {href.rpartition("/")[2] for href in reply.etags()}


@pytest.fixture(scope="session")
def library(site: Site) -> Iterator[Library]:
    return Library(site)


# ---- filters made of what the cards hold


def texts() -> st.SearchStrategy[str]:
    """Pieces of values and of parameters, some in another case, some that are nowhere."""
    held = [each.value for card in golden().values() for each in card]
    held += [value for card in golden().values() for each in card for group in each.params.values() for value in group]
    short = sorted({text[:60].translate(XML_FORBIDS).replace("\r", "") for text in held if text})

    def piece(text: str) -> st.SearchStrategy[str]:
        ends = st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))
        cut = ends.map(lambda pair: text[min(pair) : max(pair)])
        return st.one_of(st.just(text), cut, cut.map(str.upper), cut.map(str.lower))

    return st.one_of(
        st.sampled_from(short).flatmap(piece), st.sampled_from(["", "%", "_", "*", "nowhere", "é", "ＡＢ"])
    )


def filters() -> st.SearchStrategy[Filter]:
    cards = golden().values()
    names = sorted({each.name for card in cards for each in card} | {"X-NOWHERE"})
    grouped = sorted({f"{each.group}.{each.name}" for card in cards for each in card if each.group} | {"item9.EMAIL"})
    params = sorted({name for card in cards for each in card for name in each.params} | {"X-NONE"})
    test = st.sampled_from(["", "anyof", "allof"])
    matches = st.builds(
        TextMatch,
        texts(),
        st.sampled_from(sorted(COLLATIONS)),
        st.sampled_from(sorted(MATCH_TYPES)),
        st.sampled_from(["", "no", "yes"]),
    )
    param_filters = st.one_of(
        st.builds(ParamFilter, st.sampled_from(params), st.booleans()),
        st.builds(ParamFilter, st.sampled_from(params), st.just(True), matches),
    )
    frequent = ["EMAIL", "TEL", "FN", "N", "ORG", "ADR", "NOTE", "email", "Tel", "CATEGORIES"]
    name = st.one_of(st.sampled_from(frequent), st.sampled_from(names), st.sampled_from(grouped))
    prop_filters = st.one_of(
        st.builds(PropFilter, name, st.just(True), st.lists(st.one_of(matches, param_filters), max_size=3), test),
        st.builds(PropFilter, name, st.booleans(), st.just([]), test),
    )
    return st.builds(Filter, st.lists(prop_filters, max_size=3), test)


@pytest.mark.soak
def test_random_filters(library: Library, soak: bool) -> None:
    @settings(max_examples=3000 if soak else 60)
    @given(filter_=filters())
    def ask(filter_: Filter) -> None:
        assert library.found(filter_.xml()) == {name for name, card in golden().items() if filter_.passes(card)}

    ask()


# ---- what the random ones meet rarely


def test_whole_values(library: Library) -> None:
    for name, card in sorted(golden().items())[:20]:
        found = next(each for each in card if each.name == "UID")
        filter_ = Filter([PropFilter("UID", True, [TextMatch(found.value, "i;octet", "equals")])])
        assert library.found(filter_.xml()) == {name}


GROUPED = (
    Filter([PropFilter("item1.EMAIL")]),
    Filter([PropFilter("item1.EMAIL", defined=False)]),
    Filter([PropFilter("ITEM1.X-ABLabel", True, [TextMatch("o"), ParamFilter("TYPE")], "anyof")]),
    Filter([PropFilter("item1.X-ABLabel", True, [TextMatch("o"), ParamFilter("TYPE", False)], "allof")]),
    Filter([PropFilter("a.b.EMAIL")]),
)


@pytest.mark.parametrize("filter_", GROUPED, ids=range(len(GROUPED)))
def test_a_name_with_a_group(library: Library, filter_: Filter) -> None:
    assert library.found(filter_.xml()) == {name for name, card in golden().items() if filter_.passes(card)}


def test_no_filter_at_all_is_everything(library: Library) -> None:
    assert library.found("") == library.found("<C:filter/>") == set(golden())


def test_a_filter_finds_what_is_put_and_forgets_what_goes(book: Book) -> None:
    path = book.of_alice("x.vcf")
    query = '<C:filter><C:prop-filter name="EMAIL"><C:text-match>old@</C:text-match></C:prop-filter></C:filter>'
    book.alice.put(path, vcard("x", "X", "EMAIL:old@example.org"))
    assert set(book.alice.query(book.of_alice(), query).cards()) == {path}
    book.alice.put(path, vcard("x", "X", "EMAIL:new@example.org"))
    assert book.alice.query(book.of_alice(), query).cards() == {}
    book.alice.put(path, vcard("x", "X", "EMAIL:old@example.org"))
    book.alice.request("DELETE", path)
    assert book.alice.query(book.of_alice(), query).cards() == {}


def test_a_report_on_a_card_is_about_that_card(book: Book) -> None:
    one, two = book.of_alice("one.vcf"), book.of_alice("two.vcf")
    for path, uid in ((one, "one"), (two, "two")):
        book.alice.put(path, vcard(uid, uid, "EMAIL:same@example.org"))
    query = '<C:filter><C:prop-filter name="{}"><C:text-match>{}</C:text-match></C:prop-filter></C:filter>'
    assert set(book.alice.query(one, query.format("EMAIL", "same@")).cards()) == {one}
    assert book.alice.query(one, query.format("FN", "two")).cards() == {}
    assert book.alice.query(book.of_alice("none.vcf"), query.format("FN", "two")).status == 404
