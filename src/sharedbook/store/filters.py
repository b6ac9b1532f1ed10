"""The query algebra as SQL over the search index (``properties``): the same answers as ``query.matches``.

Three-valued logic needs no NULL: a query is compiled for "it is True" or for "it is False", and Not swaps the two.

Decided here, exactly: presence; every test of a value by any collation (``value``, ``cased``, ``folded``); phone
numbers. Equality and prefixes of directory strings use the index on name
and folded; everything else reads the rows of one property name.

Not decided here: tests of parameters, phone substrings of several parts, very long patterns. For these the statement
finds candidates, never too few, and ``Filter.exact`` is False: ``store/search.py`` then asks ``matches`` of their rows
of the index. No card is parsed. Values that PHONE is asked of are as ``formats.vcards.phones.forms`` writes them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, false, func, not_, or_, select, true

from sharedbook.domain import folding
from sharedbook.domain.errors import InvalidQuery
from sharedbook.domain.query import FOLDS, And, Comparison, Const, HasParam, Not, Op, Or, Query, Some, Test, simplify
from sharedbook.store.properties import FORMS, folded_text, in_mail, index_key, named
from sharedbook.store.schema import FOLDED_KEY, MAIL, contacts, properties

MOST_TERMS = 256
LONGEST_PATTERN = 10_000
"""Characters. SQLite refuses patterns over 50,000 bytes."""
MOST_PARTS = 100
"""Of a pattern: both databases recurse into each part."""

_COLUMNS: dict[Comparison, ColumnElement[str]] = {
    Comparison.OCTET: properties.c.value,
    Comparison.ASCII: func.lower(properties.c.value),
    Comparison.UNICODE: func.coalesce(properties.c.cased, func.upper(properties.c.value)),
}


MAIL_NAMES = FORMS[MAIL]


class Filter(NamedTuple):
    """A condition on rows of contacts (a query) or of properties (a test); not ``exact``: it may hold for some more."""

    where: ColumnElement[bool]
    exact: bool


_ANY = Filter(true(), False)
_NONE = Filter(false(), True)


def compile_query(query: Query, dialect: str) -> Filter:
    """The query for a database (``sqlite`` or ``postgresql``). Raises InvalidQuery when it has too many terms."""
    simple = simplify(query)
    if _terms(simple) > MOST_TERMS:
        raise InvalidQuery(f"the query has more than {MOST_TERMS} terms", hint="ask for less at once")
    compiler = _Compiler(_glob if dialect == "sqlite" else _like)
    return Filter(compiler.where(simple, True), compiler.exact)


def _terms(query: Query) -> int:
    match query:
        case Not(part):
            return _terms(part)
        case And(parts) | Or(parts):
            return sum(map(_terms, parts))
        case Some(_, tests):
            return max(1, len(tests))
        case _:
            return 1


class _Compiler:
    """``matcher`` makes the condition that a column is these parts in order, with anything between them."""

    def __init__(self, matcher: Callable[[ColumnElement[str], Sequence[str]], ColumnElement[bool]]) -> None:
        self._matcher = matcher
        self.exact = True

    def where(self, query: Query, wanted: bool) -> ColumnElement[bool]:
        """Contacts for which the query is ``wanted``; where ``exact`` is False by now, perhaps some more."""
        match query:
            case Const(value):
                return true() if value is wanted else false()
            case Not(part):
                return self.where(part, not wanted)
            case And(parts) | Or(parts):
                each = [self.where(part, wanted) for part in parts]
                return and_(true(), *each) if isinstance(query, And) is wanted else or_(false(), *each)
            case Some():
                return self._some(query, wanted)

    def _some(self, query: Some, wanted: bool) -> ColumnElement[bool]:
        tests = [self._test(test) for test in query.tests]
        conditions = [test.where for test in tests]
        passed = or_(*conditions) if query.any_test and tests else and_(true(), *conditions)
        mail = query.property in MAIL_NAMES and query.tests and all(map(_reads_all, query.tests))
        holders = select(properties.c.contact_id).where(named(query.property, indexed=not mail), passed)
        if mail:
            holders = holders.where(in_mail)
        if all(test.exact for test in tests):
            return contacts.c.id.in_(holders) if wanted else contacts.c.id.not_in(holders)
        self.exact = False
        return contacts.c.id.in_(holders) if wanted else true()

    def _test(self, test: Test | HasParam) -> Filter:
        if isinstance(test, HasParam):
            return _ANY if test.absent else Filter(_holds_param(test.param), False)
        if test.param is not None:
            return Filter(_holds_param(test.param), False)
        rows = self._phone(test) if test.comparison is Comparison.PHONE else self._value(test)
        if not test.negate:
            return rows
        return Filter(not_(rows.where), True) if rows.exact else _ANY

    def _value(self, test: Test) -> Filter:
        if test.op is Op.LIKE:
            return self._substrings(test)
        if not _storable(test.needle):
            return _NONE if test.op is Op.EQUALS else _ANY
        if test.op is Op.EQUALS:
            return Filter(_equals(test), True)
        if test.comparison is Comparison.DIRECTORY:
            column, needle = _squeezed(), folding.squeeze(folding.fold(test.needle))
        else:
            column, needle = _COLUMNS[test.comparison], FOLDS[test.comparison](test.needle)
        return Filter(column >= needle if test.op is Op.AT_LEAST else column <= needle, True)

    def _substrings(self, test: Test) -> Filter:
        fold = FOLDS[test.comparison]
        initial, *middle, final = (fold(part) for part in (test.initial, *test.middle, test.final))
        if test.comparison is not Comparison.DIRECTORY:
            return self._like(_COLUMNS[test.comparison], [initial, *middle, final])
        parts = [folding.pad_initial(initial), *map(folding.pad_any, middle), folding.pad_final(final)]
        rows = self._like(folded_text, parts)
        start = parts[0][:FOLDED_KEY]
        if not start or not _storable(start):
            return rows
        return Filter(and_(index_key >= start, index_key < _after(start), rows.where), rows.exact)

    def _like(self, column: ColumnElement[str], parts: Sequence[str]) -> Filter:
        if not all(map(_storable, parts)):
            return _NONE
        if len(parts) > MOST_PARTS or sum(map(len, parts)) > LONGEST_PATTERN:
            return _ANY
        return Filter(self._matcher(column, parts) if any(parts) else true(), True)

    def _phone(self, test: Test) -> Filter:
        """Each form stands between spaces in ``folded``."""
        if test.op is Op.EQUALS:
            return self._phone_equals(test.needle.split())
        parts = [part for part in (test.initial, *test.middle, test.final) if part]
        if test.op is not Op.LIKE or any(" " in part for part in parts):
            return _NONE
        starts, ends = " " * bool(test.initial), " " * bool(test.final)
        rows = self._like(folded_text, ["", starts + test.initial, *test.middle, test.final + ends, ""])
        return Filter(rows.where, rows.exact and len(parts) < 2)

    def _phone_equals(self, forms: Sequence[str]) -> Filter:
        """As ``folding.phone_equal``: a whole form, or how one ends for a number dialled without area code."""
        needles = [f" {form} " for form in forms]
        if forms and folding.LOCAL_DIGITS <= len(forms[0]) <= folding.LOCAL_DIGITS + 1:
            needles.append(f"{forms[0][-folding.LOCAL_DIGITS :]} ")
        found = [self._like(folded_text, ["", needle, ""]) for needle in needles]
        return Filter(or_(false(), *(rows.where for rows in found)), all(rows.exact for rows in found))


def _reads_all(test: Test | HasParam) -> bool:
    """Whether no index on the beginning of values helps, and the parameters are not asked."""
    if isinstance(test, HasParam) or test.param is not None or test.op is Op.EQUALS:
        return False
    return not (test.initial and test.comparison is Comparison.DIRECTORY)


def _equals(test: Test) -> ColumnElement[bool]:
    needle = folding.pad(folding.fold(test.needle))
    indexed = index_key == needle[:FOLDED_KEY]
    if test.comparison is Comparison.DIRECTORY:
        # Not folded == needle: SQLite would put the needle into the expression and not know its index any more.
        return and_(indexed, func.substr(folded_text, FOLDED_KEY + 1) == needle[FOLDED_KEY:])
    mapped = FOLDS[test.comparison](test.needle)
    same = _COLUMNS[test.comparison] == mapped
    # Texts that are one for i;unicode-casemap are one when folded, but for marks behind a Greek iota or a dot above.
    mixed = test.comparison is Comparison.UNICODE and not {"\u0399", "\u0307"}.isdisjoint(mapped)
    return same if mixed else and_(indexed, same)


def _squeezed() -> ColumnElement[str]:
    """``folding.squeeze`` of the value, made of ``folding.pad``: without the outer spaces, one for two inside."""
    return func.replace(func.substr(folded_text, 2, func.length(folded_text) - 2), "  ", " ")


def _holds_param(param: str) -> ColumnElement[bool]:
    """The name is somewhere in the parameters' text: the rest is for ``matches``."""
    return properties.c.params.contains(json.dumps(param, ensure_ascii=False), autoescape=True)


def _storable(text: str) -> bool:
    """Whether a stored text may be like it: neither database keeps U+0000, nor half of a surrogate pair."""
    return "\0" not in text and not re.search("[\ud800-\udfff]", text)


def _after(prefix: str) -> str:
    """The first text, in code-point order, after all that start with ``prefix``."""
    kept = prefix.rstrip("\U0010ffff")
    following = chr(ord(kept[-1]) + 1)
    return kept[:-1] + ("\ue000" if following == "\ud800" else following)


def _glob(column: ColumnElement[str], parts: Sequence[str]) -> ColumnElement[bool]:
    """SQLite: its LIKE knows no case, GLOB does."""
    return column.bool_op("GLOB")("*".join(re.sub(r"[*?\[]", r"[\g<0>]", part) for part in parts))


def _like(column: ColumnElement[str], parts: Sequence[str]) -> ColumnElement[bool]:
    return column.like("%".join(re.sub("[!%_]", r"!\g<0>", part) for part in parts), escape="!")
