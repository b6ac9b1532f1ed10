"""How a contact's values are written to be found. Made anew whenever the card is written; no database is asked here.

``Indexed.texts`` is what is sought in: a line feed, then a line for each value: tag, tab, ``folding.pad(folding.fold(
value))``, so that equality, prefixes and parts of directory strings (RFC 4518 section 2.6.1) are plain comparisons.
Behind values that are not ``plain``, U+001F and ``cased(value)`` follow, which is as good for i;unicode-casemap. None
of these three signs is in either.

Most cards would have the same value twice, as the property and as what is derived of it (``EMAIL`` and ``email``):
such twins (``TWINS``) are one line under both names. The commonest names are written as a letter (``FORMS``).

``Indexed.notes`` are the same of the notes, which may be longer than all others together.

``Indexed.keys`` are hashes, in no order, of values by which many contacts are looked up at once (``KEYED``), and of
names that few cards have (``RARE``). Two values may have the same hash: who asks by it compares the texts, too.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from hashlib import blake2b
from string import ascii_letters
from typing import NamedTuple

from sharedbook.domain import folding
from sharedbook.domain.query import Instance

FORMS: Mapping[str, tuple[str, ...]] = {
    "u": ("UID", "uid"),
    "f": ("FN", "fullname"),
    "c": ("NICKNAME", "nickname"),
    "o": ("ORG", "org"),
    "t": ("TITLE", "title"),
    "r": ("ROLE", "role"),
    "e": ("EMAIL", "email"),
    "n": ("TEL", "number"),
    "w": ("URL", "url"),
    "m": ("NOTE", "note"),
    "g": ("CATEGORIES", "category"),
    "a": ("ADR",),
    "b": ("address",),
    "d": ("code",),
    "h": ("phone",),
    "i": ("given",),
    "j": ("ORG",),
    "k": ("kind",),
    "l": ("locality",),
    "p": ("PRODID",),
    "q": ("org",),
    "s": ("street",),
    "v": ("VERSION",),
    "x": ("family",),
    "y": ("country",),
    "z": ("REV",),
}
"""Letters for the names that most cards have; no property or field has a name of one small letter. A pair are twins."""

TWINS = dict(names for names in FORMS.values() if len(names) == 2)
"""What is derived of a property, often with the same value."""

LEFT_OUT = frozenset({"VERSION", "PRODID", "REV"})
"""Nobody seeks these: they are in no text."""

_KEYED = ("email", "fullname", "X-EXTERNAL-ID", "RELATED")
KEYED = {name: name for name in _KEYED} | {"EMAIL": "email", "FN": "fullname"}
"""Names whose values have keys, and the name that these are made of: twins have the same."""

RARE = frozenset({"MEMBER", "X-ADDRESSBOOKSERVER-MEMBER", "RELATED", "AGENT"})
"""Names that have a key of their own."""

CUSTOM = "custom:"
"""How the names of custom fields begin; no property's name has a colon."""

LINE, TAB, CASED = "\n", "\t", "\x1f"

_KEY_OCTETS = 8

_BOTH = {name: letter for letter, names in FORMS.items() if len(names) == 2 for name in names}
_ALONE = {names[0]: letter for letter, names in FORMS.items() if len(names) == 1}


class Indexed(NamedTuple):
    """What the tables ``sought`` and ``value_keys`` hold of a card."""

    texts: str
    notes: str
    keys: tuple[int, ...]


def of(instances: Iterable[Instance]) -> Indexed:
    """What is kept of instances in card order; a derived one comes after the property that it is the twin of."""
    texts, notes, keys = [""], [""], dict[int, None]()
    for tag, value in _twins_joined(instances):
        if tag in _LEFT_OUT:
            continue
        text, line = _texts(value)
        (notes if tag in _NOTES else texts).append(f"{tag}{TAB}{line}")
        if tag in _KEYED_AS:
            keys[key(_KEYED_AS[tag], text)] = None
        if tag in RARE:
            keys[key(tag)] = None
    return Indexed(_joined(texts), _joined(notes), tuple(keys))


def _twins_joined(instances: Iterable[Instance]) -> list[tuple[str, str]]:
    """Tag and value of each line."""
    lines: list[tuple[str, str]] = []
    single: dict[tuple[str, str], int] = {}
    for name, value, _ in instances:
        place = single.pop((name, value), None) if name in _BOTH else None
        if place is not None:
            lines[place] = (_BOTH[name], value)
            continue
        if name in TWINS:
            single[TWINS[name], value] = len(lines)
        lines.append((_ALONE.get(name, name), value))
    return lines


def _joined(lines: list[str]) -> str:
    return f"{LINE.join(lines)}{LINE}"


_LEFT_OUT = {_ALONE[name] for name in LEFT_OUT}
_NOTES = {*FORMS["m"], "m"}
_KEYED_AS = KEYED | {_BOTH[name]: name for name in ("email", "fullname")}


def column(name: str) -> str:
    """Which column of ``sought`` has the lines of a name; "" for none."""
    if name in LEFT_OUT:
        return ""
    return "notes" if name in _NOTES else "custom" if name.startswith(CUSTOM) else "texts"


def plain(value: str) -> bool:
    """Whether the folded text of a value tells all but its case: ASCII with no space that folding changes."""
    return (
        value.isascii() and value.isprintable() and "  " not in value and value != "" and value[0] != " " != value[-1]
    )


def folded(value: str) -> str:
    """A value as the directory compares it."""
    return _texts(value)[0]


def _texts(value: str) -> tuple[str, str]:
    """The folded text, and what a line has of a value."""
    if plain(value):
        text = f" {value.lower().replace(' ', '  ')} "
        return text, text
    text = folding.pad(folding.fold(value))
    return text, f"{text}{CASED}{cased(value)}"


class _Swapped(dict[int, int | str]):
    """Code point -> what ``cased`` makes of it; filled with what stays, as it is met."""

    def __missing__(self, code: int) -> int:
        self[code] = code
        return code


_SWAPPED = _Swapped({ord(letter): letter.swapcase() for letter in ascii_letters})
_LETTER = re.compile("[A-Za-z]")


def cased(value: str) -> str:
    """A value as i;unicode-casemap compares it, one character for one: ASCII letters have the case of folded ones.

    Letters with a mark, which that collation takes apart, stand for the two signs that a line cannot hold.
    """
    if value.isascii():
        mapped = value.lower()
    else:
        mapped = folding.unicode_casemap(value)
        if _LETTER.search(mapped):
            mapped = mapped.translate(_SWAPPED)
    return mapped.replace(LINE, "À").replace(CASED, "Á")


def line(name: str, text: str = "") -> str:
    """What a key is made of: a name (of ``KEYED``, the derived one) and a folded text; none for the name alone."""
    return f"{name}{TAB}{text}"


def keys(lines: Iterable[str]) -> tuple[int, ...]:
    """The hashes of some ``line``."""
    hashes = b"".join([blake2b(each.encode(), digest_size=_KEY_OCTETS).digest() for each in lines])
    return struct.unpack(f">{len(hashes) // _KEY_OCTETS}q", hashes)


def key(name: str, text: str = "") -> int:
    """The hash of one ``line``."""
    return keys([line(name, text)])[0]


@cache
def tags(name: str) -> frozenset[str]:
    """How a line of a name may begin."""
    return frozenset({_ALONE.get(name, name), _BOTH.get(name, name)})


def texts_of(texts: str, name: str) -> list[str]:
    """The folded texts of a contact's lines that have this name."""
    return _lines(name).findall(texts)


@lru_cache(maxsize=64)
def _lines(name: str) -> re.Pattern[str]:
    return re.compile(f"{LINE}(?:{'|'.join(map(re.escape, tags(name)))}){TAB}([^{LINE}{CASED}]*)")
