"""By which words a text that is kept elsewhere is known to be about a person: a refused row, an earlier card, a path.

A mark is words that stand there together, in any order: a mail address, a UID, the last digits of a number, the parts
of a name. Words are whole: kim@example.com is not in minji.kim@example.com.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from sharedbook.domain import folding
from sharedbook.domain.query import Instance
from sharedbook.formats.vcards.vcard import Card

Mark = frozenset[str]

SHORTEST = 6
"""Bytes of a mark: shorter ones are in too many texts by chance."""

LAST_DIGITS = 8
"""By which a number is known however it is written: with a country code, a trunk prefix, or neither."""

_FOLD = re.compile(r"\r?\n[ \t]")
_ESCAPED_LINE_END = re.compile(r"\\[nN]")
_WORD = re.compile(r"""[^\s,;:<>()\[\]{}"'|/\\=?&]+""")
_MAIL = re.compile(r"[\w.+%-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+")
_PART = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"[0-9](?:[ ()./-]*[0-9]){5,}")


def of_words(text: str) -> Mark:
    """The mark of a mail address or UID."""
    return frozenset(_words(folding.fold(text)))


def of_name(text: str) -> Mark:
    """The mark of a name, in whatever order its parts are written."""
    return frozenset(_PART.findall(folding.fold(text)))


def of_card(card: Card, values: Iterable[Instance]) -> Iterator[Mark]:
    """The marks of a card with its ``fields.instances``."""
    for name, value, _params in values:
        if name in ("uid", "email"):
            yield of_words(value)
        elif name == "fullname":
            yield of_name(value)
        elif name == "phone":
            yield from (frozenset({_digits(form)}) for form in value.split())
    for found in card.all("N"):
        yield of_name(" ".join(found.components()[:2]))


class Marks:
    """Marks that are looked for in many texts."""

    def __init__(self, marks: Iterable[Mark]) -> None:
        self._by_word: dict[str, list[Mark]] = {}
        for mark in {each for each in marks if sum(len(word.encode()) for word in each) >= SHORTEST}:
            self._by_word.setdefault(max(mark, key=len), []).append(mark)

    def held(self, text: str) -> bool:
        """Whether one of them is in a text: cells, one a line, or lines of a card as they are stored."""
        words = set[str]()
        for folded in _lines(text) if self._by_word else ():
            words.update(_words(folded), _MAIL.findall(folded), _PART.findall(folded))
            words.update(map(_digits, _NUMBER.findall(folded)))
        return any(mark <= words for word in words & self._by_word.keys() for mark in self._by_word[word])


def mails_in(text: str) -> set[str]:
    """The mail addresses in a text, folded."""
    lines = (folded for folded in _lines(text) if "@" in folded)
    return {found for folded in lines for found in (*_words(folded), *_MAIL.findall(folded)) if "@" in found}


def _lines(text: str) -> Iterator[str]:
    for lines in {text, _FOLD.sub("", text)}:
        yield from map(folding.fold, _ESCAPED_LINE_END.sub("\n", lines).splitlines())


def _words(folded: str) -> Iterator[str]:
    return (found for word in _WORD.findall(folded) if (found := word.strip(".")))


def _digits(number: str) -> str:
    digits = "".join(each for each in number if each.isdigit())
    return f"#{digits[-LAST_DIGITS:]}"
