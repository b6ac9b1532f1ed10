"""One query algebra between the doors and the data, and its reference semantics ``matches()``.

LDAP filters, CardDAV addressbook-query and the command line's search translate into it; ``store/filters.py`` (SQL) and
``ldap_gateway/index.py`` (memory) must give exactly the contacts for which ``matches`` is True.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sharedbook.domain import folding


class Instance(NamedTuple):
    """One value of one property. Upper-case names are vCard properties, lower-case ones derived
    (formats/vcards/fields.py).

    ``params`` pairs an upper-case parameter name with its values; ``GROUP`` with the group that the property is in.
    """

    name: str
    value: str
    params: tuple[tuple[str, tuple[str, ...]], ...] = ()


GROUP = "group"
"""Stands among an instance's parameters for its group (``item1`` of ``item1.EMAIL``); no parameter is called so."""

Record = Mapping[str, tuple[Instance, ...]]
"""A contact as a query sees it: property name -> its instances, in card order."""


def record(instances: Iterable[Instance]) -> dict[str, tuple[Instance, ...]]:
    """Groups instances by name."""
    found: dict[str, list[Instance]] = {}
    for instance in instances:
        found.setdefault(instance.name, []).append(instance)
    return {name: tuple(values) for name, values in found.items()}


class Comparison(enum.StrEnum):
    """How two texts are compared: the collations of RFC 6352 section 8.3, LDAP's directory string, phone digits."""

    OCTET = "i;octet"
    ASCII = "i;ascii-casemap"
    UNICODE = "i;unicode-casemap"
    DIRECTORY = "directory"
    PHONE = "phone"


class Op(enum.StrEnum):
    """Relation of a value to the needle."""

    EQUALS = "equals"
    AT_LEAST = "at-least"
    AT_MOST = "at-most"
    LIKE = "like"


@dataclass(frozen=True, slots=True)
class Test:
    """One test on one instance.

    ``param`` None tests the value, else the values of that parameter (upper case): any one of them.
    EQUALS, AT_LEAST, AT_MOST use ``needle``; LIKE uses ``initial``, ``middle`` (in order, not overlapping), ``final``.
    A parameter that is not there fails the test, negated or not.
    """

    op: Op
    needle: str = ""
    initial: str = ""
    middle: tuple[str, ...] = ()
    final: str = ""
    comparison: Comparison = Comparison.DIRECTORY
    negate: bool = False
    param: str | None = None

    __test__ = False  # not a pytest class


@dataclass(frozen=True, slots=True)
class HasParam:
    """The instance has (or, with ``absent``, lacks) the parameter (upper case)."""

    param: str
    absent: bool = False


@dataclass(frozen=True, slots=True)
class Some:
    """Some instance of ``property`` passes its tests: all, or any one (``any_test``). No tests: it is present."""

    property: str
    tests: tuple[Test | HasParam, ...] = ()
    any_test: bool = False


@dataclass(frozen=True, slots=True)
class And:
    """True when every part is; no parts: true."""

    parts: tuple[Query, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """True when one part is; no parts: false."""

    parts: tuple[Query, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True when the part is false; undefined when it is undefined (RFC 4511 section 4.5.1.7)."""

    part: Query


@dataclass(frozen=True, slots=True)
class Const:
    """True, False, or None for Undefined (an attribute or rule that nobody knows)."""

    value: bool | None


Query = And | Or | Not | Const | Some
EVERYTHING = Const(True)


def matches(query: Query, contact: Record) -> bool | None:
    """The reference: True, False or None (Undefined) for one contact. Only True is an answer."""
    match query:
        case Const(value):
            return value
        case Not(part):
            inner = matches(part, contact)
            return None if inner is None else not inner
        case And(parts):
            return _kleene((matches(part, contact) for part in parts), stop=False)
        case Or(parts):
            return _kleene((matches(part, contact) for part in parts), stop=True)
        case Some(name, tests, any_test):
            combine = any if any_test and tests else all
            return any(combine(_passes(test, found) for test in tests) for found in contact.get(name, ()))


def _kleene(results: Iterable[bool | None], *, stop: bool) -> bool | None:
    """And (stop=False) and Or (stop=True) of three-valued logic."""
    undefined = False
    for result in results:
        if result is stop:
            return stop
        undefined = undefined or result is None
    return None if undefined else not stop


def _passes(test: Test | HasParam, instance: Instance) -> bool:
    if isinstance(test, HasParam):
        return any(name == test.param for name, _ in instance.params) is not test.absent
    if test.param is None:
        return compare(test, instance.value) is not test.negate
    values = [value for name, found in instance.params if name == test.param for value in found]
    if not values:
        return False
    return any(compare(test, value) for value in values) is not test.negate


def compare(test: Test, value: str) -> bool:
    """Whether ``value`` stands in the test's relation to its needle, ``negate`` left aside."""
    if test.comparison is Comparison.PHONE:
        return _compare_phone(test, value)
    fold = FOLDS[test.comparison]
    if test.op is Op.LIKE:
        return _like(test, value, fold)
    left, right = fold(value), fold(test.needle)
    if test.comparison is Comparison.DIRECTORY:
        left, right = folding.squeeze(left), folding.squeeze(right)
    if test.op is Op.EQUALS:
        return left == right
    return left >= right if test.op is Op.AT_LEAST else left <= right


FOLDS: Mapping[Comparison, Callable[[str], str]] = {
    Comparison.OCTET: lambda text: text,
    Comparison.ASCII: folding.ascii_casemap,
    Comparison.UNICODE: folding.unicode_casemap,
    Comparison.DIRECTORY: folding.fold,
}
"""How each comparison folds both sides."""


def _like(test: Test, value: str, fold: Callable[[str], str]) -> bool:
    """Substrings in order, without overlap; DIRECTORY prepares spaces as RFC 4518 section 2.6.1 says."""
    text = fold(value)
    initial, middle, final = fold(test.initial), [fold(part) for part in test.middle], fold(test.final)
    if test.comparison is Comparison.DIRECTORY:
        text = folding.pad(text)
        initial, final = folding.pad_initial(initial), folding.pad_final(final)
        middle = [folding.pad_any(part) for part in middle]
    return like(text, initial, middle, final)


def like(text: str, initial: str, middle: Iterable[str], final: str) -> bool:
    """Whether prepared ``text`` starts with, then holds in order, then ends with the prepared parts."""
    if not text.startswith(initial):
        return False
    at = len(initial)
    for part in middle:
        found = text.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return text.endswith(final) and len(text) - len(final) >= at


def _compare_phone(test: Test, stored: str) -> bool:
    """Numbers: EQUALS as dialled forms; LIKE on the digits of any form; order has no meaning for them."""
    if test.op is Op.EQUALS:
        return folding.phone_equal(stored, test.needle)
    if test.op is Op.LIKE:
        return any(like(form, test.initial, test.middle, test.final) for form in stored.split(" "))
    return False


def simplify(query: Query) -> Query:
    """The same query without constants inside And, Or and Not, and with nested And/Or made flat.

    Keeps three-valued meaning: Undefined is dropped only where it cannot matter (And with False, Or with True).
    """
    match query:
        case Not(part):
            inner = simplify(part)
            if isinstance(inner, Const):
                return Const(None if inner.value is None else not inner.value)
            return inner.part if isinstance(inner, Not) else Not(inner)
        case And(parts):
            return _simplify_parts(parts, And, absorbing=False)
        case Or(parts):
            return _simplify_parts(parts, Or, absorbing=True)
        case _:
            return query


def _simplify_parts(parts: tuple[Query, ...], kind: type[And] | type[Or], *, absorbing: bool) -> Query:
    kept: list[Query] = []
    for part in map(simplify, parts):
        if part == Const(absorbing):
            return part
        if part == Const(not absorbing):
            continue
        kept.extend(part.parts if isinstance(part, kind) else (part,))
    unique = tuple(dict.fromkeys(kept))
    if not unique:
        return Const(not absorbing)
    return unique[0] if len(unique) == 1 else kind(unique)
