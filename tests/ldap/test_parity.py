"""Search against the model: exactly whom `matches()` finds among those whom the reader may see, and nobody else.

In `make test` some of it in random order, in `make soak` all of it; the seeds are printed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from ldap_gateway import dn, wire
from ldap_gateway import messages as m
from ldap_gateway.filters import Translator
from ldap_gateway.people import CONSTANTS, instances
from sharedbook.domain import folding, query
from sharedbook.domain.query import Comparison
from tests.ldap import world as w
from tests.ldap.asked import cookie, estimate, paged
from tests.ldap.shapes import fill, shapes, typed
from tests.ldap.talk import Talk
from tests.ldap.wiring import parse_filter
from tests.ldap.world import key_of, world

NEEDLES = 1000
SHAPES = 600
FILTERS, SOAK_FILTERS = 200, 20_000
ATTRIBUTES = ["cn", "sn", "givenName", "mail", "telephoneNumber", "mobile", "o", "objectClass", "foo", "memberOf"]
PIECES = ["a", "ki", "min", "김", "田中", "010", "@", "person", "ex"]


class Model:
    """The demo organisation, searched by trying each contact."""

    def __init__(self) -> None:
        self.place = world(w.demo())
        self._translator = Translator(self.place.directory.names, "KR", dn.parse(w.BASE))
        constants, document = instances(CONSTANTS), self.place.directory.people.document
        self._records = {each.id: {**constants, **document(each)[1]} for each in self.place.contacts.values()}
        self._sight = {
            name: {number for number, each in self.place.contacts.items() if self.place.sees(name, each)}
            for name in w.SUBJECTS
        }

    def right(self, asked: m.Filter) -> dict[str, set[int]]:
        """The contacts that each reader must get."""
        return self.both(asked)[0][1]

    def both(self, asked: m.Filter) -> list[tuple[m.Filter, dict[str, set[int]]]]:
        """A filter and its negation, each with the contacts that each reader must get."""
        meaning = self._translator.query(asked)
        truth: dict[bool | None, set[int]] = {True: set(), False: set(), None: set()}
        for number, record in self._records.items():
            truth[query.matches(meaning, record)].add(number)
        return [
            (each, {name: truth[value] & sight for name, sight in self._sight.items()})
            for each, value in ((asked, True), (m.Not(asked), False))
        ]

    def found(self, name: str, asked: m.Search, limit: int | None = None) -> list[int]:
        """The contacts that the directory answers."""
        rows = self.place.directory.search(self.place.reader(name), asked, limit=limit)
        return [row.contact for row in rows if row.contact]


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    """Which folds each text once: the model compares the same values with every filter."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("fold", "squeeze", "pad", "pad_initial", "pad_any", "pad_final"):
            patch.setattr(folding, name, cache(getattr(folding, name)))
        patch.setattr(query, "FOLDS", {**query.FOLDS, Comparison.DIRECTORY: folding.fold})
        yield Model()


def everything(asked: m.Filter) -> m.Search:
    """A search of the whole tree."""
    return m.Search(w.BASE.encode(), m.Scope.SUBTREE, 0, 0, False, asked, ("1.1",))


@pytest.mark.soak
def test_every_shape_gives_exactly_what_matches_gives(
    model: Model, shared_data: Path, seed: int, soak: bool
) -> None:
    """The recorded filters x needles x readers, and their negations."""
    chance, templates, needles = random.Random(seed), shapes(shared_data), typed(NEEDLES)
    assert len(templates) >= 38
    asked = [(template, needle) for template in templates for needle in needles]
    chance.shuffle(asked)
    hits, count = 0, len(asked) if soak else SHAPES
    for each in asked[:count]:
        written = fill(*each)
        parsed = parse_filter(written)
        for each, by_reader in model.both(parsed):
            for name, right in by_reader.items():
                assert set(model.found(name, everything(each))) == right, f"seed {seed}: {written} for {name}"
                hits += bool(right)
    print(f"seed {seed}: {count} of {len(asked)} filters, {hits} answers with people")
    assert hits > 100


def term(chance: random.Random, depth: int) -> str:
    """A random filter."""
    if depth and chance.random() < 0.5:
        kind = chance.choice("&|!")
        inner = [term(chance, depth - 1) for _ in range(1 if kind == "!" else chance.randint(1, 3))]
        return f"({kind}{''.join(inner)})"
    pattern = chance.choice(["{}", "{}*", "*{}", "*{}*", "*{}*{}*", "*"])
    return f"({chance.choice(ATTRIBUTES)}={pattern.format(*chance.choices(PIECES, k=2))})"


@pytest.mark.soak
def test_random_filters_give_nobody_away(model: Model, seed: int, soak: bool) -> None:
    """Random filters and their negations x readers: whom they get, how many within a limit, and page by page."""
    chance, count = random.Random(seed), SOAK_FILTERS if soak else FILTERS
    talks = {name: Talk(model.place).bind(name) for name in w.SUBJECTS}
    for _ in range(count):
        written = term(chance, 3)
        parsed = parse_filter(written)
        for each, by_reader in model.both(parsed):
            asked = everything(each)
            for name, right in by_reader.items():
                said = f"seed {seed}: {written} for {name}"
                assert set(model.found(name, asked)) == right, said
                limit = chance.randint(1, 40)
                within = model.found(name, asked, limit)
                assert len(within) == min(limit, len(right)) and set(within) <= right, said
                assert pages(talks[name], asked, chance.randint(1, 120)) == ({key_of(n) for n in right}, len(right)), (
                    said
                )
    print(f"seed {seed}: {count} filters")


def pages(talk: Talk, asked: m.Search, size: int) -> tuple[set[str], int]:
    """The keys of what is found page by page, and how many the server says there are."""
    found: list[str] = []
    more = b""
    while True:
        *entries, done = talk.request(asked, paged(size, more))
        assert done.code == 0 and len(entries) <= size and all(each.tag == wire.ENTRY for each in entries)
        found += [each.dn.partition(",")[0].removeprefix("uid=") for each in entries]
        more, total = cookie(done), estimate(done)
        if not more:
            assert len(found) == len(set(found)) and len(entries) in (size, len(found) % size)
            return set(found), total
