"""LDAP filters to the query algebra: what each assertion means for its attribute, before any contact is looked at.

An assertion that the attribute has no rule for is Undefined, one of an attribute that nobody has is FALSE; neither is
an error, so one odd term never spoils a search.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from ldap_gateway import dn
from ldap_gateway import messages as m
from ldap_gateway.attributes import Attribute, Kind, Names, Unresolved
from ldap_gateway.dn import DN, InvalidDN
from ldap_gateway.messages import Relation
from sharedbook.domain.query import And, Comparison, Const, Not, Op, Or, Query, Some, Test
from sharedbook.formats.vcards import phones

UNDEFINED = Const(None)
FALSE = Const(False)

ANR = ("cn", "sn", "givenName", "displayName", "mail")
"""What Outlook's ambiguous name resolution looks at."""

_RULES = {
    "2.5.13.0": "objectidentifiermatch",
    "2.5.13.1": "distinguishednamematch",
    "2.5.13.2": "caseignorematch",
    "2.5.13.11": "caseignorelistmatch",
    "2.5.13.13": "booleanmatch",
    "2.5.13.20": "telephonenumbermatch",
    "2.5.13.27": "generalizedtimematch",
    "1.3.6.1.1.16.2": "uuidmatch",
    "1.3.6.1.4.1.1466.109.114.2": "caseignoreia5match",
}
_CLASS_OIDS = {
    "2.5.6.0": "top",
    "2.5.6.4": "organization",
    "2.5.6.5": "organizationalUnit",
    "2.5.6.6": "person",
    "2.5.6.7": "organizationalPerson",
    "2.5.6.9": "groupOfNames",
    "2.16.840.1.113730.3.2.2": "inetOrgPerson",
    "1.3.6.1.4.1.13769.9.1": "mozillaAbPersonAlpha",
    "1.2.826.0.1.3458854.2.1.1.1": "groupOfEntries",
    "0.9.2342.19200300.100.4.13": "domain",
}
STRUCTURE_CLASSES = frozenset({"organizationalunit", "organization", "domain", "groupofnames", "groupofentries"})
"""Classes of entries that are no contacts, in lower case."""


def _text(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def _present(attribute: Attribute) -> Query:
    """Every entry has its name; a contact's is not among its values, since it depends on the place."""
    return Const(True) if attribute.name == "entryDN" else Some(attribute.name)


class Translator:
    """Translates filters for the contacts that stand directly below ``place`` (their DNs are ``uid=<key>,<place>``)."""

    def __init__(self, names: Names, region: str, place: DN) -> None:
        self._names = names
        self._region = region
        self._place = place

    def query(self, found: m.Filter) -> Query:
        """The same filter over attribute names."""
        match found:
            case m.And(parts) | m.Or(parts):
                combined = And if isinstance(found, m.And) else Or
                return combined(tuple(map(self.query, parts)))
            case m.Not(part):
                return Not(self.query(part))
            case m.Present(description):
                return self._on(description, _present)
            case m.Assertion(relation, description, value):
                if description.lower() == "anr":
                    return self._anr(value)
                return self._on(description, lambda attribute: self._assert(attribute, relation, value))
            case m.Substrings(description):
                return self._on(description, lambda attribute: self._substrings(attribute, found))
            case m.Extensible():
                return self._extensible(found)

    def _on(self, description: str, meaning: Callable[[Attribute], Query]) -> Query:
        attribute = self._names.resolve(description)
        if attribute is Unresolved.UNKNOWN:
            return UNDEFINED
        return FALSE if isinstance(attribute, Unresolved) else meaning(attribute)

    def _anr(self, value: bytes) -> Query:
        return Or(tuple(self.query(m.Substrings(name, value, (), b"")) for name in ANR))

    # ---- one value

    def _assert(self, attribute: Attribute, relation: Relation, value: bytes) -> Query:
        text = _text(value)
        kind = attribute.kind
        if relation in (Relation.AT_LEAST, Relation.AT_MOST):
            if text is None or not kind.ordering:
                return UNDEFINED
            op = Op.AT_LEAST if relation is Relation.AT_LEAST else Op.AT_MOST
            return Some(attribute.name, (Test(op, self._normal(attribute, text)),))
        if text is None or not kind.equality:
            return UNDEFINED
        return self._equal(attribute, text)

    def _equal(self, attribute: Attribute, text: str) -> Query:
        kind = attribute.kind
        if kind is Kind.PHONE:
            forms = phones.forms(text, self._region)
            return Some(attribute.name, (Test(Op.EQUALS, forms, comparison=Comparison.PHONE),)) if forms else FALSE
        if kind is Kind.DN:
            return self._equal_dn(attribute, text)
        return Some(attribute.name, (Test(Op.EQUALS, self._normal(attribute, text)),))

    def _equal_dn(self, attribute: Attribute, text: str) -> Query:
        """DNs are compared as names. A contact's own is its key below its place, so no contact keeps its DN."""
        try:
            name = dn.parse(text)
        except InvalidDN:
            return UNDEFINED
        written = Some(attribute.name, (Test(Op.EQUALS, canonical(name)),))
        below = name.under(self._place)
        if attribute.name != "entryDN" or below is None or len(below) != 1:
            return written
        key = dn.only(below[0], "uid")
        return written if key is None else Or((written, Some("uid", (Test(Op.EQUALS, key),))))

    def _normal(self, attribute: Attribute, text: str) -> str:
        return self._names.compared(attribute.name, _normal(attribute.kind, text))

    # ---- pieces of values

    def _substrings(self, attribute: Attribute, found: m.Substrings) -> Query:
        if not attribute.kind.substrings:
            return UNDEFINED
        pieces = [_text(piece) for piece in (found.initial, *found.any, found.final)]
        texts = [piece for piece in pieces if piece is not None]
        if len(texts) < len(pieces):
            return FALSE if attribute.kind is Kind.PHONE else UNDEFINED
        if attribute.kind is Kind.PHONE:
            return _digits_like(attribute, texts)
        initial, *middle, final = [self._names.compared(attribute.name, text) for text in texts]
        between = tuple(piece for piece in middle if piece)
        return Some(attribute.name, (Test(Op.LIKE, initial=initial, middle=between, final=final),))

    # ---- matching rules by name

    def _extensible(self, found: m.Extensible) -> Query:
        if not found.attribute:
            return UNDEFINED
        here = self._on(found.attribute, lambda attribute: self._by_rule(attribute, found))
        return Or((here, self._above(found))) if found.dn_attributes else here

    def _by_rule(self, attribute: Attribute, found: m.Extensible) -> Query:
        rule = found.rule.lower()
        if rule and _RULES.get(rule, rule) != attribute.kind.equality.lower():
            return UNDEFINED
        return self._assert(attribute, Relation.EQUAL, found.value)

    def _above(self, found: m.Extensible) -> Query:
        """Whether the DN itself, above the contact's own RDN, holds the value (``:dn:``)."""
        text = _text(found.value)
        attribute = self._names.resolve(found.attribute)
        if text is None or isinstance(attribute, Unresolved):
            return UNDEFINED
        try:
            (rdn,) = dn.parse(f"{attribute.name}={dn.escape(text)}").rdns
        except (InvalidDN, ValueError):
            return FALSE
        return Const(any(rdn <= each for each in self._place.rdns))


def canonical(name: DN) -> str:
    """One spelling for all spellings of a DN, only to be compared with another such."""
    return ",".join("+".join(sorted(f"{kind}={dn.escape(value)}" for kind, value in rdn)) for rdn in name.rdns)


def _normal(kind: Kind, text: str) -> str:
    """A value as the directory writes values of this kind, so that text comparison is right for it."""
    if kind is Kind.UUID:
        try:
            return str(uuid.UUID(text))
        except ValueError:
            return text
    if kind is Kind.TIME:
        return _in_utc(text)
    if kind is Kind.OID:
        return _CLASS_OIDS.get(text, text)
    return text


_TIME = re.compile(r"(\d{10})(\d\d)?(\d\d)?(?:[.,]\d+)?(Z|[+-]\d\d(?:\d\d)?)", re.ASCII)


def _in_utc(text: str) -> str:
    """GeneralizedTime (RFC 4517 section 3.3.13) to whole seconds of UTC; unchanged when it is none."""
    found = _TIME.fullmatch(text)
    if found is None:
        return text
    hours, minutes, seconds, zone = found.groups()
    offset = "+0000" if zone == "Z" else zone.ljust(5, "0")
    try:
        when = datetime.strptime(f"{hours}{minutes or '00'}{seconds or '00'}{offset}", "%Y%m%d%H%M%S%z")
    except ValueError:
        return text
    return when.astimezone(UTC).strftime("%Y%m%d%H%M%SZ")


def dialled(initial: str, middle: Sequence[str], final: str) -> list[tuple[str, tuple[str, ...], str]]:
    """The digits that a number may start with, hold and end with to match these pieces: any of what is returned.

    A piece without any digit is in no number; a piece of letters is what a name search sends to every attribute.
    A phone that dials 00 before the country code searches so too: what follows may be the E.164 form's beginning.
    """
    pieces = (initial, *middle, final)
    digits = [piece and phones.digits(piece) for piece in pieces]
    if any(piece and not found for piece, found in zip(pieces, digits, strict=True)):
        return []
    first, *between, last = digits
    rest = tuple(filter(None, between)), last
    return [(first, *rest), (first[2:], *rest)] if first.startswith("00") and len(first) > 2 else [(first, *rest)]


def _digits_like(attribute: Attribute, pieces: Sequence[str]) -> Query:
    initial, *middle, final = pieces
    found = tuple(
        Some(
            attribute.name,
            (Test(Op.LIKE, initial=first, middle=between, final=last, comparison=Comparison.PHONE),),
        )
        for first, between, last in dialled(initial, middle, final)
    )
    return found[0] if len(found) == 1 else Or(found)


def mentions(found: Query, name: str) -> bool:
    """Whether a query tests this attribute."""
    match found:
        case And(parts) | Or(parts):
            return any(mentions(part, name) for part in parts)
        case Not(part):
            return mentions(part, name)
        case Some(attribute):
            return attribute == name
        case Const():
            return False


def names_structure(found: m.Filter) -> bool:
    """Whether a term of the filter names a class of entries that are no contacts."""
    match found:
        case m.And(parts) | m.Or(parts):
            return any(map(names_structure, parts))
        case m.Not(part):
            return names_structure(part)
        case m.Assertion(_, description, value):
            named = (_text(value) or "").strip().lower()
            is_class = description.lower() in ("objectclass", "2.5.4.0")
            return is_class and _CLASS_OIDS.get(named, named).lower() in STRUCTURE_CLASSES
        case _:
            return False
