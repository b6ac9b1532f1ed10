"""Searches that differ from an earlier one only in the words that are sought: known again by their octets.

A mail client sends the same request with every letter that is typed. When it is first met, it is decoded, translated
and compiled; then a template of it is kept: which octets stand still, where the words are, and how they become a plan.
What a word means for an attribute is said in ``filters``; what no template is made of is decoded each time.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import NamedTuple

from ldap_gateway import messages as m
from ldap_gateway.attributes import Attribute, Kind, Names, Unresolved
from ldap_gateway.ber import Reader, cut
from ldap_gateway.columns import Column, Plan, Together
from ldap_gateway.filters import ANR, Translator, dialled, mentions, names_structure
from ldap_gateway.index import Index, Order
from ldap_gateway.log import Said, said
from ldap_gateway.people import CONSTANTS
from ldap_gateway.plan import NOTHING, combined
from ldap_gateway.superiors import MANAGER
from sharedbook.formats.vcards import phones

TEMPLATES, OF_A_LENGTH = 1024, 8
"""How many are kept, and how many of them for requests of the same length."""
LONGEST = 2048
"""Octets of a request that a template is made of."""
_EQUAL, _SUBSTRINGS = 0xA3, 0xA4
_OF_WORDS = (Kind.TEXT, Kind.IA5, Kind.LINES, Kind.PHONE)

Words = Sequence[str]
"""The different words of a request in the order in which they come, from 1 on; 0 is no word."""
Make = Callable[[Words], Plan]


@dataclass(frozen=True, slots=True)
class Template:
    """What is the same in alike searches: the request without its filter, how it is logged, the ``plan`` of its words.

    ``controls``: those of the answer.
    ``unpack`` cuts octets into what stands ``still`` and words, in turn. ``different``: positions of different words,
    ``again``: of a word and the first like it.
    """

    request: m.Search
    said: Said
    plan: Make
    order: Sequence[Order]
    controls: bytes
    unpack: Callable[[bytes], tuple[bytes, ...]]
    still: tuple[bytes, ...]
    different: tuple[int, ...]
    again: tuple[tuple[int, int], ...]

    def words(self, operation: bytes) -> Words | None:
        """The words of a request of the same length; None when it differs in more, or they are no text."""
        pieces = self.unpack(operation)
        if pieces[::2] != self.still:
            return None
        found = pieces[1::2]
        for at, first in self.again:
            if found[at] != found[first]:
                return None
        try:
            return ["", *[found[at].decode() for at in self.different]]
        except UnicodeDecodeError:
            return None


class Templates:
    """The templates of searches of the whole tree, in which only contacts are found."""

    def __init__(self, index: Index, names: Names, region: str, translator: Translator, base: bytes) -> None:
        """``base``: its DN as clients mostly write it, ``translator`` that for the contacts below it."""
        self._index = index
        self._names = names
        self._region = region
        self._translator = translator
        self._base = base
        self._kept: dict[int, list[Template]] = {}
        self._count = 0

    def recognise(self, operation: bytes) -> tuple[Template, Words] | None:
        """The template and the words of a request; None when it is to be decoded."""
        for template in self._kept.get(len(operation), ()):
            words = template.words(operation)
            if words is not None:
                return template, words
        return None

    def learn(self, operation: bytes, request: m.Search, order: Sequence[Order] = (), controls: bytes = b"") -> None:
        """Keeps a template of a request that was decoded of these octets, if one can be made.

        ``order`` and ``controls`` (of the answer): what its own controls ask for.
        """
        if (
            request.base != self._base
            or request.scope is not m.Scope.SUBTREE
            or names_structure(request.filter)
            or mentions(self._translator.query(request.filter), MANAGER)
            or len(operation) > LONGEST
        ):
            return
        spans = list(self._spans(operation))
        if not spans:
            return
        words = [operation[start:end] for start, end in spans]
        firsts = tuple(map(words.index, words))
        different = tuple(dict.fromkeys(firsts))
        numbers = {first: number for number, first in enumerate(different, 1)}
        make = self._make(request.filter, iter([numbers[first] for first in firsts]))
        edges = [0, *(edge for span in spans for edge in span), len(operation)]
        form = "".join(f"{end - start}s" for start, end in pairwise(edges))
        unpack = struct.Struct(form).unpack
        again = tuple((at, first) for at, first in enumerate(firsts) if at != first)
        bare = replace(request, filter=m.Or(()))
        still = unpack(operation)[::2]
        made = Template(bare, said(request), make, order, controls, unpack, still, different, again)
        self._keep(made, len(operation))

    def _keep(self, template: Template, length: int) -> None:
        if self._count == TEMPLATES:
            self._kept.clear()
            self._count = 0
        alike = self._kept.setdefault(length, [])
        if len(alike) == OF_A_LENGTH:
            del alike[0]
            self._count -= 1
        alike.append(template)
        self._count += 1

    # ---- where words are

    def _spans(self, operation: bytes) -> Iterator[tuple[int, int]]:
        """Where the words stand, of those terms that ``_make`` takes by their words, in the same order."""
        _, start, end = cut(operation, 0, len(operation))
        search = Reader(operation, start, end)
        for _ in range(6):
            search.place()
        yield from self._within(operation, *search.place())

    def _within(self, data: bytes, tag: int, at: int, end: int) -> Iterator[tuple[int, int]]:
        """Those of one filter."""
        if tag in (0xA0, 0xA1):
            while at < end:
                kind, start, at = cut(data, at, end)
                yield from self._within(data, kind, start, at)
        elif tag in (_EQUAL, _SUBSTRINGS):
            _, start, at = cut(data, at, end)
            if not self._is_of_words(data[start:at].decode()):
                return
            _, start, stop = cut(data, at, end)
            if tag == _EQUAL:
                yield from _filled(start, stop)
            while tag == _SUBSTRINGS and start < stop:
                _, at, start = cut(data, start, stop)
                yield from _filled(at, start)

    def _is_of_words(self, description: str) -> bool:
        attribute = self._names.resolve(description)
        return isinstance(attribute, Unresolved) or (attribute.kind in _OF_WORDS and attribute.name not in CONSTANTS)

    # ---- from words to a plan

    def _make(self, found: m.Filter, words: Iterator[int]) -> Make:
        """What makes the plan of a filter. ``words``: the number of each word that ``_spans`` has found."""
        match found:
            case m.And(parts):
                every = [self._make(part, words) for part in parts]
                return lambda given: combined((make(given) for make in every), every=True)
            case m.Or(parts):
                return self._make_any(parts, words)
        sought = self._sought(found, words)
        return self._make_fixed(found) if sought is None else self._make_look(*sought)

    def _make_any(self, parts: Sequence[m.Filter], words: Iterator[int]) -> Make:
        """Attributes in which the same is sought are looked at together."""
        makes: list[Make] = []
        together: dict[_Sought, list[str]] = {}
        for part in parts:
            sought = self._sought(part, words)
            if sought is None:
                makes.append(self._make(part, words))
            else:
                together.setdefault(sought[0], []).extend(sought[1])
        makes += [self._make_look(each, together[each]) for each in together]
        if len(makes) == 1:
            return makes[0]
        return lambda given: combined((make(given) for make in makes), every=False)

    def _make_fixed(self, found: m.Filter) -> Make:
        """A term without words."""
        asked = self._translator.query(found)
        return lambda given: self._index.compiler.compile(asked)

    def _sought(self, found: m.Filter, words: Iterator[int]) -> tuple[_Sought, Sequence[str]] | None:
        """What a term asks for by its words, and the properties in which it does; None when it is taken as it is."""
        match found:
            case m.Assertion(m.Relation.EQUAL, description, value) if self._is_of_words(description):
                number = next(words) if value else 0
                if description.lower() == "anr":
                    return _Sought(False, False, number, (), 0), ANR
                return self._in(description, equal=True, parts=(number, (), 0))
            case m.Substrings(description, initial, middle, final) if self._is_of_words(description):
                first, *between, last = [next(words) if each else 0 for each in (initial, *middle, final)]
                return self._in(description, equal=False, parts=(first, tuple(between), last))
        return None

    def _in(
        self, description: str, *, equal: bool, parts: tuple[int, tuple[int, ...], int]
    ) -> tuple[_Sought, Sequence[str]]:
        attribute = self._names.resolve(description)
        if not isinstance(attribute, Attribute) or attribute.name not in self._index.columns:
            return _Sought(False, equal, *parts), ()
        return _Sought(attribute.kind is Kind.PHONE, equal, *parts), (attribute.name,)

    def _make_look(self, sought: _Sought, names: Sequence[str]) -> Make:
        different = list(dict.fromkeys(names))
        if not different:
            return lambda given: NOTHING
        where: Column | Together | None = self._index.columns[different[0]]
        if len(different) > 1:
            where = self._index.together(different)
        if where is None:
            each = [self._make_look(sought, [name]) for name in different]
            return lambda given: combined((make(given) for make in each), every=False)
        compared = partial(self._names.compared, different[0])
        return partial(self._look, where, sought, compared)

    def _look(self, where: Column | Together, sought: _Sought, compared: Callable[[str], str], given: Words) -> Plan:
        initial, final = given[sought.initial], given[sought.final]
        between = tuple([given[number] for number in sought.middle])
        if not sought.phone:
            if sought.equal:
                return where.equal(compared(initial))
            return where.like(compared(initial), tuple(map(compared, between)), compared(final))
        if sought.equal:
            forms = phones.forms(initial, self._region)
            return where.equal(forms) if forms else NOTHING
        return combined((where.like(*each) for each in dialled(initial, between, final)), every=False)


class _Sought(NamedTuple):
    """What a term asks for, its words by number. ``equal``: the value is ``initial``; else it is like all of them."""

    phone: bool
    equal: bool
    initial: int
    middle: tuple[int, ...]
    final: int


def _filled(start: int, end: int) -> Iterator[tuple[int, int]]:
    """A word that is not empty."""
    if start < end:
        yield start, end
