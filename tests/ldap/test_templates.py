"""A search that is known by its octets is answered as it would be if it were decoded."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest

from ldap_gateway import messages as m
from ldap_gateway import templates
from ldap_gateway.log import Said
from ldap_gateway.messages import Code
from tests.ldap import world as w
from tests.ldap.asked import sort, sorted_as_asked
from tests.ldap.shapes import fill, shapes, typed
from tests.ldap.talk import Talk
from tests.ldap.test_parity import Model
from tests.ldap.wiring import Answer, operation_octets, parse_filter, search
from tests.ldap.world import contact, key_of, world

AUTOCOMPLETE = "(|(cn=*{0}*)(mail=*{0}*)(givenName=*{0}*)(sn=*{0}*)(telephoneNumber=*{0}*))"


@pytest.fixture(scope="module")
def model() -> Model:
    return Model()


def keys(answers: Sequence[Answer]) -> set[str]:
    """The contacts of an answer."""
    return {each.dn.partition(",")[0].removeprefix("uid=") for each in answers if each.dn.startswith("uid=")}


def alike(chance: random.Random, count: int) -> list[str]:
    """Needles of as many octets as the first one."""
    by_length = defaultdict(list)
    for needle in typed(400):
        by_length[len(needle.encode())].append(needle)
    several = [each for each in by_length.values() if len(each) >= count]
    return chance.sample(chance.choice(several), count)


def is_known(model: Model, asked: m.Search) -> bool:
    return model.place.directory.templates.recognise(operation_octets(asked)) is not None


def test_every_shape_with_other_words(model: Model, shared_data: Path, seed: int) -> None:
    """The first word of a length is decoded; the others are words of a template, where one can be made."""
    chance = random.Random(seed)
    talks = {name: Talk(model.place).bind(name) for name in w.SUBJECTS}
    recognised = 0
    for shape in shapes(shared_data):
        for needle in alike(chance, 3):
            parsed = parse_filter(fill(shape, needle))
            asked = m.Search(w.BASE.encode(), m.Scope.SUBTREE, 0, 0, False, parsed, ("1.1",))
            recognised += is_known(model, asked)
            for name, right in model.right(parsed).items():
                assert keys(talks[name].request(asked)) == {key_of(n) for n in right}, f"seed {seed}: {shape} {needle}"
    print(f"seed {seed}: {recognised} were known")
    assert recognised > 30


@pytest.mark.parametrize(
    "shape",
    [
        "(cn=*{0}*{1}*)",
        "(&(objectClass=person)(|(cn={0}*)(sn=*{0}))(!(mail=*{1}*)))",
        "(|(cn={0})(o={0})(description=*{1}*)(nobodyKnows={1})(memberOf={1}))",
        "(|(telephoneNumber={0})(mobile={0})(homePhone={0}))",
        "(|(telephoneNumber=*{0})(mobile=00{1}*)(cn=*{1}*{0}*))",
        "(anr={0})",
        "(|(&(cn=*{0}*)(cn=*{1}*))(&(mail=*{1}*)(c=KR)))",
    ],
)
def test_terms_with_one_word_and_several(model: Model, shape: str) -> None:
    chance = random.Random(11)
    talk = Talk(model.place).bind("alice")
    for _ in range(5):
        first, second, *more = alike(chance, 4)
        for one, other in [(first, second), (second, first), (first, first), more]:
            asked = search(shape.format(*(fill("%s", each) for each in (one, other))))
            right = model.right(asked.filter)["alice"]
            assert keys(talk.request(asked)) == {key_of(n) for n in right}, (one, other)


def test_a_known_search_finds_what_is_there_now() -> None:
    """What is kept of contacts for known searches goes with each change."""
    place = world([contact(1, "EMAIL:one@example.com", name="Anna")])
    talk = Talk(place).bind("bob")
    for name, found in [("Anna", {1}), ("Otto", set()), ("Anna", {1})]:
        assert keys(talk.request(search(AUTOCOMPLETE.format(name)))) == {key_of(n) for n in found}
    place.put(contact(1, "EMAIL:one@example.com", name="Otto"), contact(2, name="Anna Otto"))
    for name, found in [("Anna", {2}), ("Otto", {1, 2})]:
        (*entries, done) = talk.request(search(AUTOCOMPLETE.format(name), attributes=("cn",)))
        assert keys(entries) == {key_of(n) for n in found} and done.code == Code.SUCCESS
    place.directory.index.remove(1)
    (entry, _) = talk.request(search(AUTOCOMPLETE.format("Otto"), attributes=("cn",)))
    assert entry.attributes == {"cn": [b"Anna Otto"]}


def test_limits_and_log_are_those_of_a_decoded_search() -> None:
    place = world([contact(n, name=f"Person {n:04}") for n in range(1, 601)])
    talk = Talk(place).bind("bob")
    for word in ("Per", "son", "son"):
        (*entries, done) = talk.request(search(AUTOCOMPLETE.format(word), size_limit=5))
        assert len(entries) == 5 and done.code == Code.SIZE_LIMIT_EXCEEDED
    for word in ("Per", "son"):
        (*entries, done) = talk.request(search(AUTOCOMPLETE.format(word)))
        assert len(keys(entries)) == 600 and done.code == Code.SUCCESS
    bind, first, *others, large, known = talk.log
    assert bind.code == Code.SUCCESS and large.entries == known.entries == 600
    assert {(each.address, each.member, each.code, each.entries) for each in (first, *others)} == {
        ("127.0.0.1", w.BOB, Code.SIZE_LIMIT_EXCEEDED, 5)
    }


def test_known_searches_are_sorted_as_asked() -> None:
    """With the control that says so, in each order that the same words were sought in."""
    place = world([contact(n, name=f"Person {n * 7 % 31:02}") for n in range(1, 31)])
    talk = Talk(place).bind("bob")
    for word in ("Per", "son", "ers"):
        for control, right in ((sort("cn"), 0), (sort("cn", reverse=True), 0), (sort("x"), Code.NO_SUCH_ATTRIBUTE)):
            (*entries, done) = talk.request(search(AUTOCOMPLETE.format(word), attributes=("cn",)), control)
            found = [each.attributes["cn"][0] for each in entries]
            assert isinstance(talk.log[-1].request, Said) == (word != "Per")
            assert sorted_as_asked(done) == right and len(found) == 30
            assert right or found == sorted(found, reverse=control != sort("cn"))
        place.directory.index.remove(1)
        place.put(contact(1, name=f"Person {word}"))


def test_words_that_are_no_text_are_decoded() -> None:
    place = world([contact(1, name="Anna")])
    talk = Talk(place).bind("bob")
    for value in (b"Anna", b"An\xffa", b"Anna"):
        term = m.Assertion(m.Relation.EQUAL, "cn", value)
        asked = m.Search(w.BASE.encode(), m.Scope.SUBTREE, 0, 0, False, m.Or((term, m.Not(term))), ("1.1",))
        assert len(keys(talk.request(asked))) == (0 if b"\xff" in value else 1)


def test_only_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templates, "TEMPLATES", 20)
    place = world([contact(1, name="Anna")])
    talk = Talk(place).bind("bob")
    for size in range(1, 100):
        talk.request(search(f"(cn={'x' * size})"))
    for number in range(100, 200):
        talk.request(search(f"(cn=*{number}*)", size_limit=number % 100 + 1))
    kept = place.directory.templates._kept
    assert sum(map(len, kept.values())) <= 20 and max(map(len, kept.values())) <= templates.OF_A_LENGTH
    assert keys(talk.request(search("(cn=Anna)"))) == {key_of(1)}
