"""addressbook-query's filter (RFC 6352 section 10.5) as a query of the domain. Nothing is evaluated here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from xml.etree.ElementTree import Element

from radicale_storage.errors import Refused
from sharedbook.domain.errors import InvalidQuery
from sharedbook.domain.query import EVERYTHING, GROUP, And, Comparison, HasParam, Not, Op, Or, Query, Some, Test

PROP_FILTERS = 100
CARDDAV = "{urn:ietf:params:xml:ns:carddav}"

COLLATIONS = {
    "": Comparison.UNICODE,
    "default": Comparison.UNICODE,
    "i;unicode-casemap": Comparison.UNICODE,
    "i;ascii-casemap": Comparison.ASCII,
    "i;octet": Comparison.OCTET,
}
"""What ``collation`` may say; none means i;unicode-casemap (section 10.5.4)."""

TESTS = {"anyof": True, "allof": False}


def translate_all(filters: Iterable[Element]) -> Query:
    """One query for what all these ``CR:filter`` elements let through. Raises InvalidQuery, Refused."""
    parts = tuple(translate(each) for each in filters)
    return parts[0] if len(parts) == 1 else And(parts)


def translate(element: Element | None) -> Query:
    """The query of one ``CR:filter``; everything when there is none. Raises InvalidQuery, Refused."""
    if element is None or len(element) == 0:
        return EVERYTHING
    if len(element) > PROP_FILTERS:
        raise InvalidQuery(f"a filter has at most {PROP_FILTERS} prop-filters", hint="ask in several queries")
    parts = tuple(_property(child) for child in element)
    return Or(parts) if _any_of(element) else And(parts)


def _any_of(element: Element) -> bool:
    test = element.get("test", "anyof")
    if test not in TESTS:
        raise InvalidQuery(f"the test {test[:40]!r} is neither anyof nor allof")
    return TESTS[test]


def _property(element: Element) -> Query:
    """``CR:prop-filter``: the property is there, is not, or one instance of it passes the tests.

    A name with a group is only that property in that group; without one it is that property in any (section 10.5.1).
    """
    _expect(element, "prop-filter")
    group, _, name = _name(element).rpartition(".")
    within = (Test(Op.EQUALS, group, comparison=Comparison.ASCII, param=GROUP),) if group else ()
    children = list(element)
    if _is_not_defined(children):
        return Not(Some(name, within))
    tests = tuple(_test(child) for child in children)
    if within and _any_of(element):
        return Or(tuple(Some(name, (*within, test)) for test in tests)) if tests else Some(name, within)
    return Some(name, (*within, *tests), any_test=_any_of(element))


def _test(element: Element) -> Test | HasParam:
    if element.tag == f"{CARDDAV}text-match":
        return _text_match(element)
    _expect(element, "param-filter")
    name, children = _name(element), list(element)
    if not children or _is_not_defined(children):
        return HasParam(name, absent=bool(children))
    if len(children) > 1:
        raise InvalidQuery("a param-filter has at most one text-match")
    return _text_match(children[0], param=name)


def _text_match(element: Element, param: str | None = None) -> Test:
    _expect(element, "text-match")
    collation = element.get("collation", "")
    if collation not in COLLATIONS:
        raise Refused(403, f"the collation {collation[:40]!r} is not known", "CR:supported-collation")
    needle, match_type = element.text or "", element.get("match-type", "contains")
    if match_type not in _MATCH_TYPES:
        raise InvalidQuery(f"the match-type {match_type[:40]!r} is not known")
    return replace(
        _MATCH_TYPES[match_type](needle),
        comparison=COLLATIONS[collation],
        negate=element.get("negate-condition", "no") == "yes",
        param=param,
    )


_MATCH_TYPES: dict[str, Callable[[str], Test]] = {
    "equals": lambda needle: Test(Op.EQUALS, needle),
    "contains": lambda needle: Test(Op.LIKE, middle=(needle,)),
    "starts-with": lambda needle: Test(Op.LIKE, initial=needle),
    "ends-with": lambda needle: Test(Op.LIKE, final=needle),
}


def _is_not_defined(children: list[Element]) -> bool:
    defined = [child for child in children if child.tag == f"{CARDDAV}is-not-defined"]
    if defined and len(children) > 1:
        raise InvalidQuery("is-not-defined stands alone")
    return bool(defined)


def _expect(element: Element, name: str) -> None:
    if element.tag != CARDDAV + name:
        raise InvalidQuery(f"a {name} is expected, not {element.tag.rpartition('}')[2][:40]}")


def _name(element: Element) -> str:
    name = element.get("name", "")
    if not name:
        raise InvalidQuery("a filter names no property or parameter")
    return name.upper()
