"""Cards as other products export them to cards that can be stored: vCard 2.1 becomes 3.0, a missing UID is made.

Converted by own linear code and not by vobject. Of the seven 2.1 cards in the exports that we test with, vobject 0.9.9
reads three, five with ``allowQP`` (damaged base64 ends the file); it loses every bare type (``TEL;CELL:``), and is
quadratic in soft line breaks. 2.1 is read as versit's specification of 1996 and the programs that wrote it have it:
quoted-printable with soft breaks, CHARSET, bare parameters, base64 up to a blank line, cards inside AGENT.
"""

from __future__ import annotations

import base64
import codecs
import io
import quopri
import re
import uuid
from collections.abc import Iterator, Sequence

from sharedbook.domain.errors import InvalidCard
from sharedbook.domain.model import Limits
from sharedbook.formats.vcards import card_limits, fields, images, vcard
from sharedbook.formats.vcards.content_line import (
    CRLF,
    Params,
    Property,
    Raw,
    Value,
    illegal_character,
    make_line,
    parse_line,
    split_raw,
    unfold,
)
from sharedbook.formats.vcards.names import display_name
from sharedbook.formats.vcards.vcard import DEFAULT_LIMITS, Card

_VERSION_21 = re.compile(r"^VERSION[ \t]*:[ \t]*2\.1[ \t\r]*$", re.IGNORECASE | re.MULTILINE)


def upgrade(text: str, limits: Limits = DEFAULT_LIMITS, *, charset: str = "") -> Card:
    """One card of 2.1, 3.0 or 4.0, as ``pieces.split`` gives it, ready to be stored.

    A card of 2.1 is converted to 3.0. To one of 3.0 or 4.0 without UID, or with an empty one, a random one (uuid4) is
    added; every other byte stays. ``charset`` is tried for octets that are no UTF-8 and name no charset of their own.
    Raises InvalidCard as ``vcard.parse`` does, and for one without UID by which nobody could be found again.
    """
    vcard.check_size(text, limits)
    if _VERSION_21.search(text):
        text = _convert(text, limits, charset)
    elif charset:
        text = _decode(text, "utf-8", charset)
    card = vcard.parse(text, limits, require_uid=False)
    if card.uid:
        return card
    if not fields.full_name(card):
        raise InvalidCard("The card has no UID, name, company, mail address or phone number.")
    return vcard.parse(vcard.patch(card, [vcard.Set("UID", str(uuid.uuid4()))]), limits)


_NO_CHARSETS = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"})
"""Python's codecs that are no charset; some are quadratic."""


def _decode(text: str, *charsets: str) -> str:
    """Text whose surrogate escapes are octets, read in the first charset that fits; as it is if none does."""
    if text.isascii():
        return text
    octets = _octets(text)
    for charset in filter(None, charsets):
        try:
            if codecs.lookup(charset).name not in _NO_CHARSETS:
                return octets.decode(charset)
        except (LookupError, ValueError):
            continue
    return text


def _octets(text: str) -> bytes:
    try:
        return text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        raise InvalidCard("The card holds half of a surrogate pair.") from None


# ---- 2.1 to 3.0


def _convert(text: str, limits: Limits, charset: str) -> str:
    """The text of a 3.0 card. What is over a limit is said with the line of the 2.1 card."""
    properties, agents = _read(text, limits)
    converted = [(line, found.line) for found in properties for line in _converted(found, limits, charset)]
    card_limits.check((parse_line(unfold(line), 0, 0, number) for line, number in converted), limits)
    return "".join(
        [
            f"BEGIN:VCARD{CRLF}",
            make_line("VERSION", Raw("3.0")),
            *_required(properties, charset),
            *(line for line, _ in converted),
            *(make_line("AGENT", agent) for agent in agents),
            f"END:VCARD{CRLF}",
        ]
    )


def _read(text: str, limits: Limits) -> tuple[list[Property], list[str]]:
    """The properties of the outer card, values still encoded, and the text of the cards in its AGENTs."""
    properties: list[Property] = []
    agents: list[str] = []
    inner: list[str] = []
    depth = 0
    for line, number in _logical(text):
        word = line.strip().upper()
        depth += word == "BEGIN:VCARD"
        if depth > 1:
            inner.append(line)
        elif word not in ("BEGIN:VCARD", "END:VCARD") and line.strip():
            if illegal_character(line.partition(":")[0]):
                raise InvalidCard(f"Line {number} has a name or parameter that no address book may carry.", line=number)
            properties.append(parse_line(line.lstrip(), 0, 0, number))
        if len(properties) > limits.properties:
            raise InvalidCard(f"Line {number}: the card has more than {limits.properties} properties.", line=number)
        depth -= word == "END:VCARD"
        if depth == 1 and inner:
            agents.append("\n".join(inner))
            inner = []
    if depth:
        raise InvalidCard("The card has no END:VCARD; it may be cut off.", line=text.count("\n") + 1)
    return [found for found in properties if found.name not in ("AGENT", "VERSION")], agents


_QUOTED_PRINTABLE = re.compile(r"[;=]QUOTED-PRINTABLE(?=[;:])", re.IGNORECASE)
_BASE64 = re.compile(r"[;=](?:BASE64|B)(?=[;:])", re.IGNORECASE)


def _logical(text: str) -> Iterator[tuple[str, int]]:
    """Each property as one line with the number of its first: folds, soft breaks and base64 blocks are joined."""
    lines = _physical(text)
    number, following = 1, next(lines, None)
    while following is not None:
        line, first, whole = following, number, io.StringIO()
        number, following = number + 1, next(lines, None)
        head = line.partition(":")[0] + ":"
        is_quoted, is_base64 = (kind.search(head) is not None for kind in (_QUOTED_PRINTABLE, _BASE64))
        while following is not None and (
            line.endswith("=") and following.upper() != "END:VCARD" if is_quoted else _continues(following, is_base64)
        ):
            whole.write(line.removesuffix("=") if is_quoted else line)
            line = following.lstrip(" \t") if is_base64 else following
            number, following = number + 1, next(lines, None)
        whole.write(line)
        yield whole.getvalue(), first


def _physical(text: str) -> Iterator[str]:
    """Lines without their ends, one at a time: all of them would take far more memory than the text."""
    start = 0
    while (end := text.find("\n", start)) >= 0:
        yield text[start:end].removesuffix("\r")
        start = end + 1
    yield text[start:]


def _continues(line: str, is_base64: bool) -> bool:
    """A fold keeps its white space; base64 may also go on without any, up to a blank line or the next property."""
    return line.startswith((" ", "\t")) or (is_base64 and line != "" and ":" not in line)


_STRUCTURED = frozenset({"N", "ADR", "ORG"})
_LISTS = frozenset({"CATEGORIES", "NICKNAME"})
_URIS = frozenset({"URL", "SOURCE"})
_SPENT = frozenset({"ENCODING", "CHARSET"})
_TEXT_ENCODINGS = ("", "7BIT", "8BIT", "QUOTED-PRINTABLE")


def _converted(found: Property, limits: Limits, charset: str) -> Iterator[str]:
    """The 3.0 line of a 2.1 property; none for a value that was base64 and is empty."""
    if found.name in card_limits.IMAGES:
        card_limits.check_image_size(found, limits)  # before copies are made of it
    if (found.param("ENCODING") or "").upper() in _TEXT_ENCODINGS:
        yield make_line(found.name, _value(found.name, _text(found, charset)), _params(found), found.group)
    elif text := base64.b64encode(images.inline_data(found) or b"").decode():
        params = (("ENCODING", ("b",)), *_params(found))
        yield make_line(found.name, Raw(text), params, found.group)


def _params(found: Property) -> Params:
    return tuple((name, values) for name, values in found.params if name not in _SPENT)


def _text(found: Property, charset: str) -> str:
    """The decoded value. Octets that fit no charset become U+FFFD: the rest of the card is worth more than they are."""
    octets = _octets(found.raw)
    if (found.param("ENCODING") or "").upper() == "QUOTED-PRINTABLE":
        octets = quopri.decodestring(octets)
    text = _decode(octets.decode(errors="surrogateescape"), found.param("CHARSET") or "utf-8", "utf-8", charset)
    text = text.encode(errors="surrogateescape").decode(errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _value(name: str, text: str) -> Value:
    """A 2.1 text as the value of a 3.0 property. 2.1 escapes only the semicolon; some programs escape more."""
    if name in _STRUCTURED:
        return [_unescaped(part) for part in split_raw(text, ";")]
    if name in _LISTS:
        return [[_unescaped(part).strip() for part in split_raw(text, ",")]]
    return Raw(text.strip()) if name in _URIS else _unescaped(text)


def _unescaped(text: str) -> str:
    return re.sub(r"\\([\\;,])", r"\1", text)


def _required(properties: Sequence[Property], charset: str) -> Iterator[str]:
    """FN and N, which 3.0 requires (RFC 2426 section 3.1), where the card has none."""
    texts = {found.name: _text(found, charset) for found in reversed(properties) if found.name != "PHOTO"}
    parts = [_unescaped(part).strip() for part in split_raw(texts.get("N", ""), ";")]
    family, given, additional, prefix, suffix = [*parts, *[""] * 5][:5]
    if "FN" not in texts:
        others = (texts.get(name, "").split(";")[0].strip() for name in ("ORG", "EMAIL", "TEL"))
        yield make_line("FN", display_name(family, given, additional, prefix, suffix, others))
    if "N" not in texts:
        yield make_line("N", ["", "", "", "", ""])
