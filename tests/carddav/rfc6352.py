"""addressbook-query as RFC 6352 section 10.5 says it, by the simplest way: read the card, look at every property.

Made from the RFCs alone and sharing no code with sharedbook, so that the two can be compared. One rule is ours: a
picture, key or sound has the text "".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

CARET = {"^n": "\n", "^'": '"', "^^": "^"}  # RFC 6868
BINARY = {"PHOTO", "LOGO", "KEY", "SOUND"}
OLD_ENCODINGS = {"BASE64", "B", "QUOTED-PRINTABLE", "8BIT", "7BIT"}
LINE = re.compile(r'(?:([^:;"]*)\.)?([^.:;]+)((?:;[^":;]*(?:"[^"]*"[^":;]*)*)*):(.*)', re.DOTALL)
PARAMETER = re.compile(r';([^=;"]+)(?:=((?:[^";]|"[^"]*")*))?')
VALUE = re.compile(r'"([^"]*)"|([^",]+)')


@dataclass(frozen=True)
class Property:
    """One property of a card: names in upper case, values decoded."""

    group: str
    name: str
    params: dict[str, list[str]]
    value: str


def properties(card: str) -> list[Property]:
    """Every property of a vCard 3.0 or 4.0."""
    lines = re.sub(r"\r?\n[ \t]", "", card.replace("\r\n", "\n")).split("\n")
    return [_property(line) for line in lines if line.strip() and line.upper() not in ("BEGIN:VCARD", "END:VCARD")]


def _property(line: str) -> Property:
    found = LINE.fullmatch(line)
    assert found, line
    group, name, rest, raw = found[1] or "", found[2].upper(), found[3], found[4]
    params: dict[str, list[str]] = {}
    for parameter in PARAMETER.finditer(rest):
        key, text = parameter[1].upper(), parameter[2]
        if text is None:
            key, text = ("ENCODING" if key in OLD_ENCODINGS else "TYPE"), parameter[1]
        values = [quoted or plain for quoted, plain in VALUE.findall(text)]
        params.setdefault(key, []).extend(re.sub(r"\^[n'^]", lambda caret: CARET[caret[0]], each) for each in values)
    encoded = [each.upper() for each in params.get("ENCODING", [])[:1]]
    binary = name in BINARY or encoded in (["B"], ["BASE64"])
    value = re.sub(r'\\([nN\\,;:"])', lambda escaped: "\n" if escaped[1] in "nN" else escaped[1], raw)
    return Property(group.upper(), name, params, "" if binary else value)


# ---- collations (RFC 4790, RFC 5051) and match types


def _ascii(text: str) -> str:
    return "".join(chr(ord(each) + 32) if "A" <= each <= "Z" else each for each in text)


def _unicode(text: str) -> str:
    titled = (each.title() if len(each.title()) == 1 else each for each in text)
    return unicodedata.normalize("NFKD", "".join(titled))


COLLATIONS: dict[str, Callable[[str], str]] = {
    "": _unicode,
    "default": _unicode,
    "i;unicode-casemap": _unicode,
    "i;ascii-casemap": _ascii,
    "i;octet": lambda text: text,
}
MATCH_TYPES: dict[str, Callable[[str, str], bool]] = {
    "": lambda value, text: text in value,
    "contains": lambda value, text: text in value,
    "equals": lambda value, text: value == text,
    "starts-with": lambda value, text: value.startswith(text),
    "ends-with": lambda value, text: value.endswith(text),
}


@dataclass(frozen=True)
class TextMatch:
    """CR:text-match; "" leaves the attribute out."""

    text: str
    collation: str = ""
    match_type: str = ""
    negate: str = ""

    def passes(self, values: list[str]) -> bool:
        fold, matches = COLLATIONS[self.collation], MATCH_TYPES[self.match_type]
        return any(matches(fold(value), fold(self.text)) for value in values) != (self.negate == "yes")

    def xml(self) -> str:
        given = {"collation": self.collation, "match-type": self.match_type, "negate-condition": self.negate}
        attributes = "".join(f" {name}={quoteattr(value)}" for name, value in given.items() if value)
        return f"<C:text-match{attributes}>{escape(self.text)}</C:text-match>"


NOT_DEFINED = "<C:is-not-defined/>"


@dataclass(frozen=True)
class ParamFilter:
    """CR:param-filter: the parameter is there (``match`` None), is not, or has a value that matches."""

    name: str
    defined: bool = True
    match: TextMatch | None = None

    def passes(self, found: Property) -> bool:
        values = found.params.get(self.name.upper())
        if not self.defined:
            return values is None
        return values is not None and (self.match is None or self.match.passes(values))

    def xml(self) -> str:
        inner = (self.match.xml() if self.match else "") if self.defined else NOT_DEFINED
        return f"<C:param-filter name={quoteattr(self.name)}>{inner}</C:param-filter>"


@dataclass(frozen=True)
class PropFilter:
    """CR:prop-filter; ``test`` is anyof, allof or ""."""

    name: str
    defined: bool = True
    tests: list[TextMatch | ParamFilter] = field(default_factory=list)
    test: str = ""

    def passes(self, card: list[Property]) -> bool:
        group, _, name = self.name.upper().rpartition(".")
        here = [each for each in card if each.name == name and group in ("", each.group)]
        if not self.defined:
            return not here
        return any(self._tested(each) for each in here)

    def _tested(self, found: Property) -> bool:
        results = [
            each.passes([found.value]) if isinstance(each, TextMatch) else each.passes(found) for each in self.tests
        ]
        return not results or (all(results) if self.test == "allof" else any(results))

    def xml(self) -> str:
        inner = "".join(each.xml() for each in self.tests) if self.defined else NOT_DEFINED
        return f"<C:prop-filter name={quoteattr(self.name)}{_test(self.test)}>{inner}</C:prop-filter>"


@dataclass(frozen=True)
class Filter:
    """CR:filter; ``test`` is anyof, allof or ""."""

    parts: list[PropFilter] = field(default_factory=list)
    test: str = ""

    def passes(self, card: list[Property]) -> bool:
        """Whether a card is an answer."""
        results = [part.passes(card) for part in self.parts]
        return not results or (all(results) if self.test == "allof" else any(results))

    def xml(self) -> str:
        """The element, with the prefix C."""
        return f"<C:filter{_test(self.test)}>{''.join(part.xml() for part in self.parts)}</C:filter>"


def _test(test: str) -> str:
    return f' test="{test}"' if test else ""
