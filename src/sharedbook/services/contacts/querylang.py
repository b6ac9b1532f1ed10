"""The search language of people: what is typed behind `contact find`, as a query of ``domain/query.py``.

``kim seoul``           both words, each anywhere in name, mail, phone, company or tag
``"acme corp"``         the phrase
``company:acme``        in this field; ``email:*`` any value there
``contract_no:4711``    in a custom field, by its key
``-newsletter``         not; also before a phrase or a field
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from sharedbook.domain import folding
from sharedbook.domain.errors import InvalidQuery
from sharedbook.domain.query import And, Comparison, Not, Op, Or, Query, Some, Test, simplify
from sharedbook.formats.vcards import phones

FIELDS: dict[str, tuple[str, ...]] = {
    "name": ("fullname", "nickname", "family-phonetic", "given-phonetic", "initials"),
    "first_name": ("given", "given-phonetic"),
    "last_name": ("family", "family-phonetic"),
    "nickname": ("nickname",),
    "email": ("email",),
    "phone": ("phone",),
    "company": ("org", "org-phonetic"),
    "department": ("unit",),
    "title": ("title",),
    "role": ("role",),
    "tag": ("category",),
    "note": ("note",),
    "birthday": ("birthday",),
    "url": ("url",),
    "address": ("address",),
    "city": ("locality",),
    "region": ("region",),
    "postal_code": ("code",),
    "country": ("country",),
    "uid": ("uid",),
}
"""Field -> the derived properties (``formats.vcards.fields.DERIVED``) that it looks into."""

ALIASES = {"mail": "email", "tel": "phone", "organization": "company", "org": "company", "tags": "tag", "town": "city"}
ANYWHERE = ("name", "email", "phone", "company", "tag")

_TERM = r'(?P<minus>-?)(?:(?P<field>{fields}):)?(?:"(?P<phrase>[^"]*)"|(?P<word>[^\s"]+))(?=\s|$)'
_NUMBER = re.compile(r"[\d+(][\d\s()./-]*", re.ASCII)


def parse(text: str, region: str, custom: Mapping[str, str] = {}) -> Query:
    """The query that ``text`` means; all contacts for an empty one. ``region``: ISO 3166, for phone numbers.

    ``custom``: the custom fields: key -> property.

    Raises InvalidQuery: an open quote, an unknown field, nothing to look for.
    """
    term = re.compile(_TERM.format(fields="|".join(["[A-Za-z_]+", *map(re.escape, custom)])), re.IGNORECASE)
    parts: list[Query] = []
    at = len(text) - len(text.lstrip())
    while at < len(text):
        found = term.match(text, at)
        if found is None:
            raise InvalidQuery(
                f"{text[at:]!r} is not a valid search", hint='close the quotes, a space behind: "a phrase" word'
            )
        parts.append(_term(found, region, custom))
        at = found.end() + len(text[found.end() :]) - len(text[found.end() :].lstrip())
    return simplify(And(tuple(parts)))


def _term(found: re.Match[str], region: str, custom: Mapping[str, str]) -> Query:
    needle = found["word"] if found["phrase"] is None else found["phrase"]
    properties = _properties(ANYWHERE) if found["field"] is None else _field(found["field"], custom)
    if found["field"] is not None and needle == "*":
        query: Query = Or(tuple(Some(name) for name in properties))
    elif folding.fold(needle).strip():
        query = Or(tuple(part for name in properties for part in _contains(name, needle, region)))
    else:
        raise InvalidQuery(f"{found[0]!r} has nothing to look for", hint="write a word, a field:value or -word")
    return Not(query) if found["minus"] else query


def _field(name: str, custom: Mapping[str, str]) -> list[str]:
    """The properties that a field looks into."""
    known = ALIASES.get(name.lower(), name.lower())
    if folding.fold(name) in custom:
        return [custom[folding.fold(name)]]
    if known not in FIELDS:
        names = [*FIELDS, *custom]
        near = difflib.get_close_matches(known, [*names, *ALIASES], n=1)
        hint = f"did you mean {near[0]}?" if near else f"fields are: {', '.join(names)}; or quote the whole"
        raise InvalidQuery(f"there is no field {name} to search in", hint=hint)
    return _properties((known,))


def _properties(names: tuple[str, ...]) -> list[str]:
    return [found for name in names for found in FIELDS[name]]


def _contains(name: str, needle: str, region: str) -> list[Query]:
    """Nothing for a phone property when the needle is no number."""
    if name != "phone":
        return [Some(name, (Test(Op.LIKE, middle=(needle,)),))]
    if not _NUMBER.fullmatch(needle.strip()) or not phones.digits(needle):
        return []
    tests = (
        Test(Op.EQUALS, phones.forms(needle, region), comparison=Comparison.PHONE),
        Test(Op.LIKE, middle=(phones.digits(needle),), comparison=Comparison.PHONE),
    )
    return [Some(name, tests, any_test=True)]
