"""One content line of a vCard (RFC 6350 section 3, RFC 2426 section 4): read without loss, written escaped and folded.

Everything here takes time linear in its input, whatever the input: plain searches, and patterns that cannot backtrack.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from sharedbook.domain.errors import InvalidCard

CRLF = "\r\n"
LINE_OCTETS = 75  # RFC 6350 section 3.2: the longest line, its end excluded
MOST_PARAMETERS = 100

Params = tuple[tuple[str, tuple[str, ...]], ...]
"""Parameters in their order: upper-case name, decoded values."""


class Raw(str):
    """A value that is written as it is: a URI, base64, or what is escaped already."""

    __slots__ = ()


Value = str | Sequence[str | Sequence[str]]
"""What is written as a value: text, ``Raw``, or components (N, ADR, ORG), each a text or a list of texts."""


class Property(NamedTuple):
    """One property of a card. ``group`` and ``name`` have no dot; ``raw`` is the value unfolded and still escaped.

    ``text[start:end]`` of the card is its folded line or lines, line end included; ``line`` is its first line, from 1.
    A bare parameter of the old styles (``TEL;HOME:``, ``PHOTO;BASE64:``) is a TYPE, or the ENCODING that it names.
    """

    group: str
    name: str
    params: Params
    raw: str
    start: int
    end: int
    line: int

    def values_of(self, param: str) -> tuple[str, ...]:
        """All values of a parameter (upper-case name), in order."""
        return _values_of(self.params, param)

    def param(self, name: str) -> str | None:
        """The first value of a parameter (upper-case name)."""
        values = self.values_of(name)
        return values[0] if values else None

    def types(self) -> frozenset[str]:
        """TYPE values in lower case, also those that stand in one pair of quotes (``TYPE="work,voice"``)."""
        return _types(self.params) if self.params else frozenset()

    def pref(self) -> int | None:
        """Preference from 1 (most) to 100: the parameter PREF (RFC 6350 section 5.3); 1 for TYPE=pref (RFC 2426)."""
        return _preference(self.params) if self.params else None

    def text(self) -> str:
        """The whole value, unescaped."""
        return unescape_text(self.raw)

    def values(self) -> tuple[str, ...]:
        """The values of a list (NICKNAME, CATEGORIES), unescaped."""
        return tuple(map(unescape_text, split_raw(self.raw, ",")))

    def components(self) -> tuple[str, ...]:
        """The components of a structured value, unescaped; a comma is text (ORG)."""
        return tuple(map(unescape_text, split_raw(self.raw, ";")))

    def parts(self) -> tuple[tuple[str, ...], ...]:
        """The components of a structured value (N, ADR), each as its list of unescaped values."""
        return tuple(tuple(map(unescape_text, split_raw(part, ","))) for part in split_raw(self.raw, ";"))


def _values_of(params: Params, param: str) -> tuple[str, ...]:
    if not params:
        return ()
    if len(params) == 1:  # as most have it
        [(name, values)] = params
        return values if name == param else ()
    return tuple(value for name, values in params if name == param for value in values)


_KINDS = 64
"""Few parameters stand in most lines: what so many of them say is remembered."""


@lru_cache(maxsize=_KINDS)
def _types(params: Params) -> frozenset[str]:
    values = _values_of(params, "TYPE")
    return frozenset(part for value in values for part in map(str.strip, value.lower().split(",")) if part)


@lru_cache(maxsize=_KINDS)
def _preference(params: Params) -> int | None:
    value = next(iter(_values_of(params, "PREF")), "")
    if value.isascii() and value.isdecimal():
        return min(max(int(value[:4]), 1), 100)
    return 1 if "pref" in _types(params) else None


# ---- values


_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "N": "\n", **{character: character for character in '\\,;:"'}}


def unescape_text(raw: str) -> str:
    r"""Text of an escaped value: ``\n \\ \, \;``, the ``\: \"`` of Apple and Google; other backslashes stay."""
    if "\\" not in raw:
        return raw
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[0]), raw)


def escape_text(text: str) -> str:
    r"""Text as a value (RFC 6350 section 3.4): backslash, comma, semicolon and line ends are escaped."""
    if not ("\\" in text or "," in text or ";" in text or "\n" in text or "\r" in text):
        return text
    escaped = text.replace("\\", "\\\\").replace(",", "\\,").replace(";", "\\;")
    return escaped.replace(CRLF, "\\n").replace("\n", "\\n").replace("\r", "\\n")


def split_raw(raw: str, separator: str) -> list[str]:
    """The pieces of a raw value between separators that no backslash escapes, still raw."""
    if "\\" not in raw:
        return raw.split(separator)
    pieces = []
    start = 0
    for found in re.finditer(rf"\\.|{separator}", raw, re.DOTALL):
        if found[0] == separator:
            pieces.append(raw[start : found.start()])
            start = found.end()
    return [*pieces, raw[start:]]


def raw_value(value: Value) -> str:
    """A value as it is written, before folding."""
    if isinstance(value, Raw):
        return value
    if isinstance(value, str):
        return escape_text(value)
    return ";".join(
        [escape_text(part) if isinstance(part, str) else ",".join(map(escape_text, part)) for part in value]
    )


# ---- lines


def fold_line(line: str) -> str:
    """A content line as it is sent: CRLF at its end, folded at 75 octets, never inside a character (RFC 6350, 3.2)."""
    return _folded(line) + CRLF


def _folded(line: str) -> str:
    if line.isascii():
        if len(line) <= LINE_OCTETS:
            return line
        rest = range(LINE_OCTETS, len(line), LINE_OCTETS - 1)
        return _FOLD.join([line[:LINE_OCTETS], *[line[at : at + LINE_OCTETS - 1] for at in rest]])
    octets = line.encode()
    pieces = []
    start, room = 0, LINE_OCTETS
    while len(octets) - start > room:
        end = start + room
        while octets[end] & 0xC0 == 0x80:
            end -= 1
        pieces.append(octets[start:end].decode())
        start, room = end, LINE_OCTETS - 1
    return _FOLD.join([*pieces, octets[start:].decode()])


_FOLD = f"{CRLF} "


def unfold(lines: str) -> str:
    """One content line from its folded form, or several of them, without the last one's end."""
    return lines.removesuffix(CRLF).replace(f"{CRLF} ", "").replace(f"{CRLF}\t", "")


_CARET = {"^n": "\n", "^^": "^", "^'": '"'}
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_NEEDS_QUOTES = re.compile("[,;:]")


def illegal_character(text: str) -> re.Match[str] | None:
    """The first character that XML 1.0 (section 2.2), so also a REPORT, cannot carry: controls, U+FFFE, surrogates."""
    return None if text.isprintable() else _ILLEGAL.search(text)


def _param_value(text: str) -> str:
    """A parameter value with RFC 6868 encoding and, where needed, quotes."""
    encoded = text.replace("^", "^^").replace("\n", "^n").replace('"', "^'")
    return f'"{encoded}"' if _NEEDS_QUOTES.search(encoded) else encoded


def make_line(name: str, value: Value, params: Iterable[tuple[str, Sequence[str]]] = (), group: str = "") -> str:
    """A new content line, escaped and folded, line end included.

    ``params`` pairs names with values in plain text. Raises InvalidCard for a control character that cannot be written,
    so that no value can start a line of its own.
    """
    return fold_raw(line_head(name, params, group), raw_value(value))


def line_head(name: str, params: Iterable[tuple[str, Sequence[str]]], group: str = "") -> str:
    """What stands before the colon of a line."""
    head = f"{group}.{name}" if group else name
    for param, values in params:
        head += f";{param}={','.join(map(_param_value, values))}"
    return head


def fold_raw(head: str, raw: str) -> str:
    """A folded line of a head (name and parameters as written) and a raw value. Raises InvalidCard as ``make_line``."""
    line = f"{head}:{raw}"
    if not line.isprintable() and ("\r" in line or "\n" in line or illegal_character(line)):
        raise InvalidCard(f"{head.partition(';')[0]} holds a control character, which a vCard cannot carry.")
    return fold_line(line)


# ---- reading


_ENCODINGS = {"BASE64", "B", "QUOTED-PRINTABLE", "8BIT", "7BIT"}
_DELIMITER = re.compile('[,;:"=]')
_NAME_STOP = re.compile(r'[\s,="]')


def parse_line(line: str, start: int, end: int, number: int) -> Property:
    """Reads one unfolded content line, which stands at ``start:end`` and begins on line ``number`` of its card.

    Raises InvalidCard, naming the line: no colon, an open quote, a name with a space, too many parameters.
    """
    colon, semicolon = line.find(":"), line.find(";")
    if colon < 0:
        raise InvalidCard(f"Line {number} has no colon, so it is no property.", line=number)
    head_end = semicolon if 0 <= semicolon < colon else colon
    group, _, name = line[:head_end].rpartition(".")
    if not name or _NAME_STOP.search(line, 0, head_end):
        raise InvalidCard(f"Line {number} does not start with the name of a property.", line=number)
    params: Params = ()
    if head_end == semicolon:
        params, colon = _parse_params(line, semicolon, number)
    return Property(group, name.upper(), params, line[colon + 1 :], start, end, number)


def _parse_params(line: str, at: int, number: int) -> tuple[Params, int]:
    """The parameters from the semicolon at ``at``, and the place of the colon that ends them."""
    params: list[tuple[str, tuple[str, ...]]] = []
    while line[at] == ";":
        if len(params) == MOST_PARAMETERS:
            raise InvalidCard(f"Line {number} has more than {MOST_PARAMETERS} parameters.", line=number)
        name, at = _read_token(line, at + 1, ",;:=", number)
        if line[at] == "=":
            values, at = _read_values(line, at, number)
            params.append((name.upper().strip(), values))
        elif name:
            params.append(("ENCODING" if name.upper() in _ENCODINGS else "TYPE", (name,)))
        while line[at] == ",":  # a list of bare types: TEL;HOME,VOICE:
            name, at = _read_token(line, at + 1, ",;:", number)
            params.append(("TYPE", (name,)))
    return tuple(params), at


def _read_values(line: str, at: int, number: int) -> tuple[tuple[str, ...], int]:
    """Values after the ``=`` at ``at``, and the place of the ``;`` or ``:`` behind them."""
    values: list[str] = []
    while not values or line[at] == ",":
        value, at = _read_token(line, at + 1, ",;:", number)
        values.append(value)
    return tuple(values), at


def _read_token(line: str, at: int, stops: str, number: int) -> tuple[str, int]:
    """Text from ``at`` to the next stop outside quotes, quotes removed and RFC 6868 decoded, and that stop's place."""
    pieces = []
    while found := _DELIMITER.search(line, at):
        pieces.append(line[at : found.start()])
        at = found.end()
        if found[0] in stops:
            return _decode_param("".join(pieces)), found.start()
        if found[0] != '"':
            pieces.append(found[0])
            continue
        closing = line.find('"', at)
        if closing < 0:
            raise InvalidCard(f"Line {number} has a parameter whose quote is never closed.", line=number)
        pieces.append(line[at:closing])
        at = closing + 1
    raise InvalidCard(f"Line {number} has no colon after its parameters.", line=number)


def _decode_param(text: str) -> str:
    if "^" not in text:
        return text
    return re.sub(r"\^[n^']", lambda found: _CARET[found[0]], text)
