"""Distinguished names as text (RFC 4514): read leniently, written strictly, compared as the directory compares.

A name is its RDNs, the leaf first; an RDN is a set of (type, value), so that the order inside it does not count.
Types are compared by their short names, values folded and without insignificant spaces.
"""

from __future__ import annotations

from dataclasses import dataclass

from ldap_gateway.ber import Reader
from sharedbook.domain import folding

_SHORT_NAMES = {
    "2.5.4.3": "cn",
    "commonname": "cn",
    "2.5.4.6": "c",
    "countryname": "c",
    "2.5.4.7": "l",
    "localityname": "l",
    "2.5.4.8": "st",
    "stateorprovincename": "st",
    "2.5.4.10": "o",
    "organizationname": "o",
    "2.5.4.11": "ou",
    "organizationalunitname": "ou",
    "0.9.2342.19200300.100.1.1": "uid",
    "userid": "uid",
    "0.9.2342.19200300.100.1.25": "dc",
    "domaincomponent": "dc",
}
_SPECIAL = frozenset('"+,;<>\\')
_HEX = frozenset("0123456789abcdefABCDEF")


class InvalidDN(ValueError):
    """The text is no distinguished name."""


Rdn = frozenset[tuple[str, str]]
"""Pairs of short lower-case type and value as compared."""


@dataclass(frozen=True, slots=True)
class DN:
    """A name ready to compare: equal names are the same entry."""

    rdns: tuple[Rdn, ...]

    def under(self, base: DN) -> tuple[Rdn, ...] | None:
        """The RDNs above which ``base`` stands: () for the base itself, None outside of it."""
        depth = len(self.rdns) - len(base.rdns)
        if depth < 0 or self.rdns[depth:] != base.rdns:
            return None
        return self.rdns[:depth]


def only(rdn: Rdn, kind: str) -> str | None:
    """The value of an RDN that has this one type and no other."""
    (pair, *rest) = rdn
    return pair[1] if not rest and pair[0] == kind else None


def parse(text: str) -> DN:
    """Reads a name: RFC 4514 with the spaces, semicolons and quotes of RFC 2253 section 4. Raises InvalidDN."""
    return DN(
        tuple(frozenset((kind, folding.squeeze(folding.fold(value))) for kind, value in rdn) for rdn in split(text))
    )


def split(text: str) -> list[list[tuple[str, str]]]:
    """The RDNs of a name with values as they are written, unescaped; types are short names. Raises InvalidDN."""
    if not text.strip(" "):
        return []
    scanner = _Scanner(text)
    rdns: list[list[tuple[str, str]]] = [[]]
    while True:
        rdns[-1].append((scanner.type(), scanner.value()))
        after = scanner.separator()
        if after == "":
            return rdns
        if after in ",;":
            rdns.append([])


def escape(value: str) -> str:
    """A value as RFC 4514 section 2.4 writes it."""
    escaped = [f"\\{c}" if c in _SPECIAL else "\\00" if c == "\0" else c for c in value]
    if value.startswith((" ", "#")):
        escaped[0] = f"\\{value[0]}"
    if value.endswith(" "):
        escaped[-1] = "\\ "
    return "".join(escaped)


class _Scanner:
    """Reads types, values and separators from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def _spaces(self) -> None:
        while self._text[self._at : self._at + 1] == " ":
            self._at += 1

    def type(self) -> str:
        """A short lower-case type; passes the equals sign."""
        equals = self._text.find("=", self._at)
        kind = self._text[self._at : equals].strip(" ").lower() if equals >= 0 else ""
        kind = kind.removeprefix("oid.")
        if not kind or not kind.isascii() or not all(c.isalnum() or c in "-." for c in kind):
            raise InvalidDN(f"a type is missing at character {self._at + 1}")
        self._at = equals + 1
        return _SHORT_NAMES.get(kind, kind)

    def value(self) -> str:
        """A value without its escapes."""
        self._spaces()
        following = self._text[self._at : self._at + 1]
        if following == "#":
            return self._hex_value()
        if following == '"':
            return self._quoted()
        return self._plain()

    def separator(self) -> str:
        """Comma, semicolon or plus; "" at the end."""
        self._spaces()
        found = self._text[self._at : self._at + 1]
        if found and found not in ",;+":
            raise InvalidDN(f"unexpected {found!r} at character {self._at + 1}")
        self._at += 1
        return found

    def _plain(self) -> str:
        octets, kept = bytearray(), 0
        while self._at < len(self._text) and (c := self._text[self._at]) not in ",;+":
            if c in '"<>\0':
                raise InvalidDN(f"{c!r} at character {self._at + 1} must be escaped")
            octets += self._character()
            if c != " ":
                kept = len(octets)
        return _decoded(octets[:kept])

    def _quoted(self) -> str:
        octets = bytearray()
        self._at += 1
        while (c := self._text[self._at : self._at + 1]) != '"':
            if not c:
                raise InvalidDN("a quote is not closed")
            octets += self._character()
        self._at += 1
        return _decoded(octets)

    def _character(self) -> bytes:
        """The octets of the next, perhaps escaped, character."""
        c = self._text[self._at]
        if c != "\\":
            self._at += 1
            return c.encode(errors="surrogatepass")
        pair = self._text[self._at + 1 : self._at + 3]
        if len(pair) == 2 and _HEX.issuperset(pair):
            self._at += 3
            return bytes.fromhex(pair)
        if not pair or not (pair[0] in _SPECIAL or pair[0] in " #="):
            raise InvalidDN(f"a wrong escape at character {self._at + 1}")
        self._at += 2
        return pair[0].encode()

    def _hex_value(self) -> str:
        """A value as hexadecimal BER (RFC 4514 section 2.4): the text of a string type."""
        start = self._at + 1
        end = start
        while end < len(self._text) and self._text[end] in _HEX:
            end += 1
        self._at = end
        try:
            _, contents = Reader(bytes.fromhex(self._text[start:end])).any()
        except ValueError:
            raise InvalidDN("a hexadecimal value is not BER") from None
        return _decoded(contents)


def _decoded(octets: bytes | bytearray) -> str:
    try:
        return octets.decode()
    except UnicodeDecodeError:
        raise InvalidDN("an escaped value is not UTF-8") from None
