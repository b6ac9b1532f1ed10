"""When two names may be one person's. It never decides alone: who asks has a shared number or address in hand.

Compared are the words of the names, without case, width, accents, hyphens and full stops. Names are alike when they
are the same; have the same words in another order; one has further words (a second given name, a title) beside at
least two in common; or a word of one is the first letter of the other's, with another word in common. Names in Han,
kana and Hangul are compared without spaces, a Hangul name also with its initials. One word alone is only like itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from itertools import permutations

from sharedbook.domain import folding
from sharedbook.formats.vcards import names


class Likeness(StrEnum):
    """How two names are alike."""

    SAME = "same name"
    ORDER = "same name in another order"
    FURTHER = "one has further names"
    INITIALS = "one has initials"


EXACT = frozenset({Likeness.SAME, Likeness.ORDER})
"""With these no part of a name has to be guessed."""

_JOINING = re.compile(r"[-'’‐‑·.]+(?=\w)|[-'’‐‑·]+")
_BETWEEN = re.compile(r"[\W_]+")
_INITIAL_JAMO = re.compile("[\u1100-\u1112]+")
_MOST_WORDS = 8
_MOST_CJK_WORDS = 3


@lru_cache(maxsize=65_536)
def words(name: str) -> tuple[str, ...]:
    """The words of a name as they are compared; a full stop stands between initials."""
    text = folding.fold(folding.without_accents(name)).replace(".", " ")
    return tuple(_BETWEEN.sub(" ", _JOINING.sub("", text)).split())[:_MOST_WORDS]


def like(one: str, other: str) -> Likeness | None:
    """How two names are alike; None: they are not."""
    first, second = words(one), words(other)
    if not first or not second:
        return None
    if first == second:
        return Likeness.SAME
    if _is_cjk(first) and _is_cjk(second):
        return _like_cjk(first, second)
    if sorted(first) == sorted(second):
        return Likeness.ORDER
    return _like_words(*sorted((first, second), key=lambda found: (len(found), found)))


def keys(name: str) -> set[str]:
    """Texts of which two names that are alike have one in common, so that few pairs need to be compared."""
    found = words(name)
    if not found:
        return set()
    pairs = {f"{word} {other[0]}" for word, other in permutations(found, 2) if len(word) > 1}
    if not _is_cjk(found):
        return {" ".join(sorted(found)), *pairs}
    joined = "".join(found)
    return {"".join(sorted(joined)), "".join(sorted(_initials(joined))), *pairs} - {""}


def _is_cjk(found: Sequence[str]) -> bool:
    return all(map(names.is_cjk, found))


def _like_cjk(first: Sequence[str], second: Sequence[str]) -> Likeness | None:
    one, other = "".join(first), "".join(second)
    if one == other:
        return Likeness.SAME
    if not _orders(first).isdisjoint(_orders(second)):
        return Likeness.ORDER
    if any(_INITIAL_JAMO.fullmatch(short) and short == _initials(long) for short, long in ((one, other), (other, one))):
        return Likeness.INITIALS
    return None


def _orders(found: Sequence[str]) -> set[str]:
    return {"".join(each) for each in permutations(found)} if len(found) <= _MOST_CJK_WORDS else {"".join(found)}


def _initials(joined: str) -> str:
    """The initials of Hangul syllables, or the initials that a text is already."""
    return joined if _INITIAL_JAMO.fullmatch(joined) else folding.fold(folding.hangul_initials(joined))


def _like_words(short: Sequence[str], long: Sequence[str]) -> Likeness | None:
    """Each word of the shorter name must have its own in the longer one: the same, or an initial of it."""
    if len(short) < 2:
        return None
    left = list(long)
    others = []
    for word in short:
        if word in left:
            left.remove(word)
        else:
            others.append(word)
    if not any(len(word) > 1 for word in short if word not in others):
        return None
    for word in others:
        match = next((each for each in left if 1 in (len(word), len(each)) and word[0] == each[0]), None)
        if match is None:
            return None
        left.remove(match)
    return Likeness.INITIALS if others else Likeness.FURTHER
