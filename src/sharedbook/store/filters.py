"""The query algebra as SQL over the search index: the same answers as ``query.matches``.

A contact is one text with a line for each value (``indexed``), so a test is a regular expression for what may follow
the line's tag, and properties that are asked the same are one expression with their tags as alternatives. Both
databases take the same expressions: literals, alternatives, lookaheads, and any signs but those that end a line. Before
one is asked, the text must hold a piece of what is sought, which is decided faster.

Three-valued logic needs no NULL: a query is compiled for "it is True" or for "it is False", and Not swaps the two.

Decided here, exactly: presence; equality and one part of a value, as directory string or by i;unicode-casemap; phone
numbers.

Not decided here: the other collations, which tell apart more than the text does; order; tests of parameters; several
parts; very long ones; names that are in no text. For these the statement finds candidates, never too few, and
``Filter.exact`` is False: ``store/search.py`` then asks ``matches`` of their cards.
Values that PHONE is asked of are as ``formats.vcards.phones.forms`` writes them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, false, or_, select, true

from sharedbook.domain import folding
from sharedbook.domain.errors import InvalidQuery
from sharedbook.domain.query import And, Comparison, Const, HasParam, Not, Op, Or, Query, Some, Test, simplify
from sharedbook.store import indexed
from sharedbook.store.indexed import CASED, LINE, TAB
from sharedbook.store.schema import contacts, sought, value_keys

MOST_TERMS = 256
LONGEST_PIECE = 1_000
"""Characters. Of a longer one its beginning is sought."""
MOST_PIECES = 4
"""Of one test: it is enough to find candidates."""

_FOLDED, _WHOLE, _END = f"[^{LINE}{CASED}]*", f"[^{LINE}]*", f"[{LINE}{CASED}]"


class Filter(NamedTuple):
    """A condition on rows of contacts; not ``exact``: it may hold for some more."""

    where: ColumnElement[bool]
    exact: bool


class _Line(NamedTuple):
    """What follows the tag of a line, as a regular expression, if not ``exact`` of some lines more.

    ``pieces``: the line has one of these; () says nothing of it.
    """

    pattern: str
    pieces: tuple[str, ...]
    exact: bool


_ANY, _SOME = _Line("", (), True), _Line("", (), False)
_NONE = _Line("\x1e", ("\x1e",), True)  # a sign that is in no text


class _Asked(NamedTuple):
    """``Some``, of any one of several properties that stand in one column."""

    names: tuple[str, ...]
    tests: tuple[Test | HasParam, ...]
    any_test: bool


def compile_query(query: Query, dialect: str) -> Filter:
    """The query for a database (``sqlite`` or ``postgresql``). Raises InvalidQuery when it has too many terms."""
    simple = simplify(query)
    if _terms(simple) > MOST_TERMS:
        raise InvalidQuery(f"the query has more than {MOST_TERMS} terms", hint="ask for less at once")
    if isinstance(simple, Const):
        return Filter(true() if simple.value else false(), True)
    compiler = _Compiler(_glob if dialect == "sqlite" else _like)
    found = select(sought.c.contact_id).where(compiler.where(simple, True))
    return Filter(contacts.c.id.in_(found), compiler.exact)


def names(query: Query) -> set[str]:
    """The properties that a query asks for."""
    match query:
        case Not(part):
            return names(part)
        case And(parts) | Or(parts):
            return set().union(*map(names, parts))
        case Some(name):
            return {name}
        case _:
            return set()


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
    """``holds`` makes the condition that a column holds a piece."""

    def __init__(self, holds: Callable[[ColumnElement[str], str], ColumnElement[bool]]) -> None:
        self._holds = holds
        self.exact = True

    def where(self, query: Query | _Asked, wanted: bool) -> ColumnElement[bool]:
        """Rows of ``sought`` for which the query is ``wanted``; where ``exact`` is False by now, perhaps some more."""
        match query:
            case Const(value):
                return true() if value is wanted else false()
            case Not(part):
                return self.where(part, not wanted)
            case And(parts):
                each = [self.where(part, wanted) for part in parts]
                return and_(true(), *each) if wanted else or_(false(), *each)
            case Or(parts):
                each = [self.where(part, wanted) for part in _together(parts)]
                return or_(false(), *each) if wanted else and_(true(), *each)
            case Some(name, tests, any_test):
                return self._some(_Asked((name,), tests, any_test), wanted)
            case _Asked():
                return self._some(query, wanted)

    def _some(self, asked: _Asked, wanted: bool) -> ColumnElement[bool]:
        line, column = _line(asked), indexed.column(asked.names[0])
        if not column or not line.exact:
            self.exact = False
            if not column or not wanted:
                return true()
        found = and_(*_keyed(asked), *self._has_line(sought.c[column], asked, line))
        return found if wanted else ~found

    def _has_line(self, column: ColumnElement[str], asked: _Asked, line: _Line) -> list[ColumnElement[bool]]:
        """That a column has such a line under one of the names."""
        tags = sorted(set().union(*map(indexed.tags, filter(_writable, asked.names))))
        if not tags:
            return [false()]
        pieces = line.pieces or [f"{LINE}{tag}{TAB}" for tag in tags]
        holds = or_(*(self._holds(column, piece) for piece in pieces))
        if not line.pattern and not line.pieces:
            return [holds]
        pattern = f"{LINE}(?:{'|'.join(map(re.escape, tags))}){TAB}{line.pattern}"
        return [holds, column.regexp_match(pattern)]


def _together(parts: Sequence[Query]) -> Iterable[Query | _Asked]:
    """The parts of an Or; those that ask the same of properties in one column as one."""
    alike: dict[tuple[tuple[Test | HasParam, ...], bool, str], list[str]] = {}
    for part in parts:
        if isinstance(part, Some):
            alike.setdefault((part.tests, part.any_test, indexed.column(part.property)), []).append(part.property)
        else:
            yield part
    for (tests, any_test, _), properties in alike.items():
        yield _Asked(tuple(properties), tests, any_test)


def _any_of_several(asked: _Asked) -> bool:
    return asked.any_test and len(asked.tests) > 1


def _keyed(asked: _Asked) -> list[ColumnElement[bool]]:
    """That the contact has the key of a value, where that is what is asked: few are looked at then."""
    if len(asked.names) > 1 or asked.names[0] not in indexed.KEYED or _any_of_several(asked):
        return []
    found = [
        indexed.key(indexed.KEYED[asked.names[0]], indexed.folded(test.needle))
        for test in asked.tests
        if isinstance(test, Test) and test.op is Op.EQUALS and test.param is None and not test.negate
        if _same_when_folded(test)
    ]
    having = (select(value_keys.c.contact_id).where(value_keys.c.hash == each) for each in found)
    return [sought.c.contact_id.in_(each) for each in having]


def _same_when_folded(test: Test) -> bool:
    """Whether texts that are equal are so when they are folded, too, and can be written at all."""
    if test.comparison is Comparison.UNICODE:
        # Not with marks behind a Greek iota or a dot above.
        mapped = folding.unicode_casemap(test.needle)
        return _storable(test.needle) and {"\u0399", "\u0307"}.isdisjoint(mapped)
    return test.comparison is not Comparison.PHONE and _storable(test.needle)


def _line(asked: _Asked) -> _Line:
    lines = [_tested(test) for test in asked.tests]
    if len(lines) < 2:
        return lines[0] if lines else _ANY
    exact = all(line.exact for line in lines)
    if _any_of_several(asked):
        pieces = tuple(piece for line in lines for piece in line.pieces) if all(line.pieces for line in lines) else ()
        return _Line(f"(?:{'|'.join(line.pattern for line in lines)})", pieces, exact)
    return _all_of(lines)


def _all_of(lines: Sequence[_Line]) -> _Line:
    pattern = "".join(f"(?={line.pattern})" for line in lines if line.pattern)
    pieces = max((line.pieces for line in lines), key=lambda pieces: min(map(len, pieces), default=0))
    return _Line(pattern, pieces, all(line.exact for line in lines))


def _tested(test: Test | HasParam) -> _Line:
    if isinstance(test, HasParam) or test.param is not None:
        return _SOME
    if test.comparison is Comparison.PHONE:
        line = _phone(test)
    else:
        line = _directory(test) if test.comparison is Comparison.DIRECTORY else _collated(test)
    if not test.negate:
        return line
    return _Line(f"(?!{line.pattern})", (), True) if line.exact else _SOME


def _directory(test: Test) -> _Line:
    if test.op is Op.EQUALS:
        return _piece("", folding.pad(folding.fold(test.needle)), _END)
    if test.op is not Op.LIKE:
        return _SOME
    initial, *middle, final = (folding.fold(part) for part in (test.initial, *test.middle, test.final))
    return _pieces(
        _piece("", folding.pad_initial(initial)),
        *(_piece(_FOLDED, folding.pad_any(part)) for part in middle),
        _piece(_FOLDED, folding.pad_final(final), _END),
    )


def _collated(test: Test) -> _Line:
    """As i;unicode-casemap has it, which finds all that the other two do, but for parts that end within marks."""
    if test.op is Op.EQUALS:
        line = _cased(test.needle, starts=True, ends=True)
    elif test.op is Op.LIKE:
        line = _pieces(
            _cased(test.initial, starts=True) if test.initial else _ANY,
            *(_cased(part) if part else _ANY for part in test.middle),
            _cased(test.final, ends=True) if test.final else _ANY,
        )
    else:
        return _SOME
    if test.comparison is Comparison.UNICODE:
        return line
    parts = (test.initial, *test.middle, test.final)
    if any(unicodedata.combining(each) for part in parts for each in folding.unicode_casemap(part)):
        return _SOME
    return line._replace(exact=False)


def _cased(part: str, *, starts: bool = False, ends: bool = False) -> _Line:
    """A line with this part of a value, at its start or end or anywhere.

    Of a plain value the folded text tells, which has two spaces for each inside and one at either end.
    """
    mapped = indexed.cased(part)
    if not _storable(mapped):
        return _NONE
    cut = mapped[:LONGEST_PIECE]
    ends = ends and cut == mapped
    ways = [f"{_FOLDED}{CASED}{'' if starts else _WHOLE}{re.escape(cut)}{LINE if ends else ''}"]
    piece = cut
    if cut.isascii() and cut.isprintable() and cut == cut.lower():
        doubled = re.escape(cut.replace(" ", "  "))
        # first that nothing follows the folded text: asked behind each place of the part, it would take very long
        ways.append(f"(?={_FOLDED}{LINE}){' ' if starts else _FOLDED}{doubled}{f' {LINE}' if ends else ''}")
        piece = max(cut.split(" "), key=len)
    return _Line(f"(?:{'|'.join(ways)})", (piece,) if piece else (), cut == mapped)


def _phone(test: Test) -> _Line:
    """Each form stands between spaces."""
    if test.op is Op.EQUALS:
        return _phone_equals(test.needle.split())
    parts = [part for part in (test.initial, *test.middle, test.final) if part]
    if test.op is not Op.LIKE or any(" " in part for part in parts):
        return _NONE
    return _pieces(
        _piece(_FOLDED, test.initial and f" {test.initial}"),
        *(_piece(_FOLDED, part) for part in test.middle),
        _piece(_FOLDED, test.final and f"{test.final} "),
    )


def _phone_equals(forms: Sequence[str]) -> _Line:
    """As ``folding.phone_equal``: a whole form, or how one ends for a number dialled without area code."""
    needles = [f" {form} " for form in forms]
    if forms and folding.LOCAL_DIGITS <= len(forms[0]) <= folding.LOCAL_DIGITS + 1:
        needles.append(f"{forms[0][-folding.LOCAL_DIGITS :]} ")
    lines = [_piece(_FOLDED, needle) for needle in needles]
    if not lines:
        return _NONE
    pattern = f"(?:{'|'.join(line.pattern for line in lines)})"
    return _Line(pattern, tuple(piece for line in lines for piece in line.pieces), all(line.exact for line in lines))


def _piece(before: str, piece: str, behind: str = "") -> _Line:
    """A line with this piece; any line for none."""
    if not piece:
        return _ANY
    if not _storable(piece):
        return _NONE
    if len(piece) > LONGEST_PIECE:
        cut = piece[:LONGEST_PIECE]
        return _Line(before + re.escape(cut), (cut,), False)
    return _Line(before + re.escape(piece) + behind, (piece,), True)


def _pieces(*lines: _Line) -> _Line:
    """A line with all of these; of several pieces it is not known whether they stand in order."""
    asking = [line for line in lines if line != _ANY]
    if _NONE in asking:
        return _NONE
    if len(asking) < 2:
        return asking[0] if asking else _ANY
    return _all_of([*dict.fromkeys(asking)][:MOST_PIECES])._replace(exact=False)


def _storable(text: str) -> bool:
    """Whether a stored text may be like it: neither database keeps U+0000, nor half of a surrogate pair."""
    return "\0" not in text and not re.search("[\ud800-\udfff]", text)


def _writable(name: str) -> bool:
    """Whether a line may begin with this name: else its end could be taken for another line."""
    return _storable(name) and LINE not in name


_COMMON = " eaionrtslhdumckg"
"""Signs of names, the most common first; all others count as the last."""


def _glob(column: ColumnElement[str], piece: str) -> ColumnElement[bool]:
    """SQLite: its LIKE knows no case, GLOB does. It skips to the first sign: so the piece begins with a rare one."""
    at = max(range(max(1, len(piece) - 2)), key=lambda at: _COMMON.find(piece[at]) % len(_COMMON))
    return column.bool_op("GLOB")("*" + re.sub(r"[*?\[]", r"[\g<0>]", piece[at:]) + "*")


def _like(column: ColumnElement[str], piece: str) -> ColumnElement[bool]:
    return column.like("%" + re.sub("[!%_]", r"!\g<0>", piece) + "%", escape="!")
