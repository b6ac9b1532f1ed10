"""What an address, a number or a page is for: the words of columns, the values of TYPE, labels where no TYPE fits."""

from __future__ import annotations

import re
from functools import lru_cache

_WORDS = {
    "work": "WORK", "business": "WORK", "home": "HOME", "mobile": "CELL", "cell": "CELL", "fax": "FAX",
    "pager": "PAGER", "car": "CAR", "isdn": "ISDN", "textphone": "TEXTPHONE", "video": "VIDEO", "text": "TEXT",
    "voice": "VOICE", "other": "OTHER",
}  # fmt: skip
_SILENT = {"pref", "internet", "voice"}
_ORDER = ("work", "home", "cell", "fax")
_APPLE_WORD = re.compile(r"_\$!<(.*)>!\$_", re.DOTALL)
APPLE = {
    word.casefold(): f"_$!<{word}>!$_"
    for word in ("Anniversary", "Spouse", "Manager", "Assistant", "Child", "Mother", "Father", "Partner", "Friend")
}


@lru_cache(maxsize=256)
def split_type(text: str) -> tuple[tuple[str, ...], str]:
    """A type as written: the values of TYPE, or, where a word is none of them, a label."""
    pieces = [word for word in re.split(r"[\s_,;+/]+", text.casefold()) if word]
    if all(word in _WORDS for word in pieces):
        return tuple(dict.fromkeys(_WORDS[word] for word in pieces)), ""
    return (), text


def kind(text: str) -> str:
    """A type as it is compared, and as columns name it."""
    types, label = split_type(text)
    return label.casefold() or type_text(frozenset(map(str.lower, types)))


def type_text(types: frozenset[str]) -> str:
    """TYPE values as one word: ``work_fax``, ``mobile``."""
    ranked = sorted(types - _SILENT, key=lambda word: (_ORDER.index(word) if word in _ORDER else len(_ORDER), word))
    return "_".join("mobile" if word == "cell" else word for word in ranked)


def unquoted(label: str) -> str:
    """A label without the quotes that Apple puts around its own words."""
    return _APPLE_WORD.sub(r"\1", label.strip())
