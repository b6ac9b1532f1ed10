"""How the parts of a name make one text, and which writing systems put no space between them."""

from __future__ import annotations

import re
from collections.abc import Iterable

_CJK = re.compile(
    "[\u1100-\u11ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff66-\uff9f"
    "\U00020000-\U0003ffff]+"
)


def is_cjk(text: str) -> bool:
    """Whether text is all of Han, kana and Hangul, without a space."""
    return _CJK.fullmatch(text) is not None


def has_cjk(text: str) -> bool:
    """Whether some of text is Han, kana or Hangul."""
    return not text.isascii() and _CJK.search(text) is not None


def compact(text: str) -> str:
    """A CJK name in one piece, as it is sought and written: 홍길동 for ``홍 길동``; "" for any other name."""
    if text.isascii():
        return ""
    joined = "".join(text.split())
    return joined if is_cjk(joined) else ""


def display_name(
    family: str, given: str, additional: str, prefix: str, suffix: str, otherwise: Iterable[str] = ()
) -> str:
    """A name to show, of the parts of N: a CJK one family first and in one piece, any other given first.

    Without any part it is the first text of ``otherwise``, else "".
    """
    western = " ".join(filter(None, (prefix, given, additional, family, suffix)))
    return compact(f"{family} {given}") or western or next(filter(None, otherwise), "")
