"""How text is compared, for every door: the one home of case, width, space and digit folding.

Both sides of a comparison go through the same function here, when a card is indexed and when a query is asked;
``fold`` is idempotent, so folding what is already folded changes nothing. Standard library only.
"""

from __future__ import annotations

import re
import unicodedata

# RFC 4518 section 2.2: what is mapped to nothing, and what is mapped to SPACE.
_NOTHING = (
    "\u0000-\u0008\u000e-\u001f\u007f-\u0084\u0086-\u009f\u00ad\u034f\u06dd\u070f\u1806\u180b-\u180e"
    "\u200b-\u200f\u202a-\u202e\u2060-\u2063\u206a-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffc"
    "\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f"
)
_SPACES = "\t\n\u000b\u000c\r\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_TO_NOTHING = re.compile(f"[{_NOTHING}]+")
_TO_SPACE = re.compile(f"[{_SPACES}]")
_DOTTED_I = re.compile("i\u0307+")


def fold(text: str) -> str:
    """Text as the directory compares it: RFC 4518 section 2 with full case folding, without its handling of spaces.

    Mapped to nothing or SPACE, NFKC, casefold, one i for the Turkish two (without a dot, or with U+0307), NFKC again.
    Casefold alone makes I an i with a dot: who types ışık or YILMAZ would not find Işık and Yılmaz.
    """
    if text.isascii() and text.isprintable():
        return text.lower()
    mapped = unicodedata.normalize("NFKC", _TO_SPACE.sub(" ", _TO_NOTHING.sub("", text)))
    return unicodedata.normalize("NFKC", _DOTTED_I.sub("i", mapped.casefold().replace("ı", "i")))


_ACCENTS = re.compile("[\u0300-\u036f]+")


def without_accents(text: str) -> str:
    """Text without the marks above and below Latin, Greek and Cyrillic letters (é is e, ё is е), for ``fold``.

    Marks that make another letter or syllable (Japanese, Indic, Arabic, Hebrew) stay, as do letters that are no letter
    with a mark (ø, ł, ß).
    """
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFD", text)))


# ---- insignificant spaces, RFC 4518 section 2.6.1. All of these take folded text.


def _words(text: str) -> tuple[list[str], bool, bool]:
    """Words between spaces, and whether text starts and ends with a space.

    A space before a combining mark belongs to that mark (section 2.6.1), so it is part of a word.
    """
    if " " not in text:
        return [text] if text else [], not text, not text
    pieces = text.split(" ")
    if not text.isascii():
        joined = pieces[:1]
        for piece in pieces[1:]:
            if piece and unicodedata.category(piece[0]).startswith("M"):
                joined[-1] += f" {piece}"
            else:
                joined.append(piece)
        pieces = joined
    return [piece for piece in pieces if piece], not pieces[0], not pieces[-1]


def squeeze(text: str) -> str:
    """For equality and order: no outer spaces, one between words. Equal exactly when the padded forms are equal."""
    return " ".join(_words(text)[0])


def pad(text: str) -> str:
    """A stored value, in which padded substrings are sought: one space outside, two between words; no word: two."""
    if text and " " not in text:
        return f" {text} "
    words, _, _ = _words(text)
    return f" {'  '.join(words)} " if words else "  "


def _pad_part(text: str, *, starts: bool, ends: bool) -> str:
    """A substring of an assertion; ``starts`` and ``ends`` say which outer space it has whatever the text."""
    if not text:
        return ""
    words, leading, trailing = _words(text)
    if not words:
        return " "
    return f"{' ' if starts or leading else ''}{'  '.join(words)}{' ' if ends or trailing else ''}"


def pad_initial(text: str) -> str:
    """An initial substring for ``pad``-ed text; empty (no such substring) stays empty."""
    return _pad_part(text, starts=True, ends=False)


def pad_any(text: str) -> str:
    """A middle substring for ``pad``-ed text; empty stays empty."""
    return _pad_part(text, starts=False, ends=False)


def pad_final(text: str) -> str:
    """A final substring for ``pad``-ed text; empty stays empty."""
    return _pad_part(text, starts=False, ends=True)


# ---- the collations of RFC 6352 section 8.3 that are not plain text


_ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def ascii_casemap(text: str) -> str:
    """i;ascii-casemap (RFC 4790 section 9.2): only A to Z lose their case."""
    return text.lower() if text.isascii() else text.translate(_ASCII_LOWER)


class _SimpleTitlecase(dict[int, str]):
    """Code point -> its one-character title case, filled as characters are met."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        title = character.title()
        self[code] = title if len(title) == 1 else character
        return self[code]


_TITLECASE = _SimpleTitlecase()


def unicode_casemap(text: str) -> str:
    """i;unicode-casemap (RFC 5051 section 2): simple title case of each character, then compatibility decomposition.

    Combining marks are also put in canonical order, so that canonically equivalent texts are equal.
    """
    if text.isascii():
        return text.upper()
    if text.lower() != text or text.upper() != text:  # no other character has a title case of its own
        text = text.translate(_TITLECASE)
    return unicodedata.normalize("NFKD", text)


# ---- names: Hangul initials


_FIRST_SYLLABLE, _LAST_SYLLABLE, _SYLLABLES_PER_INITIAL = 0xAC00, 0xD7A3, 588
_INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"


def hangul_initials(text: str) -> str:
    """The initial consonant of each Hangul syllable, as compatibility letters; "" when there is none.

    ``hangul_initials("홍길동") == "ㅎㄱㄷ"``; letters of other scripts and spaces are left out.
    """
    if text.isascii():
        return ""
    return "".join(
        _INITIALS[(ord(character) - _FIRST_SYLLABLE) // _SYLLABLES_PER_INITIAL]
        for character in unicodedata.normalize("NFC", text)
        if _FIRST_SYLLABLE <= ord(character) <= _LAST_SYLLABLE
    )


# ---- phone numbers


LOCAL_DIGITS = 7


def phone_equal(stored: str, needle: str) -> bool:
    """Whether two numbers, each as ``formats.vcards.phones.forms`` writes it, are the same or may be.

    Each is digit strings between single spaces, the one as dialled first, then E.164 and national. They are equal when
    they share a form. A needle dialled with 7 or 8 digits (no area code) also finds by its last 7; a shorter one, an
    extension or a service number, only as a whole.
    """
    stored_forms, needle_forms = stored.split(), needle.split()
    if not needle_forms:
        return False
    if not set(stored_forms).isdisjoint(needle_forms):
        return True
    dialled = needle_forms[0]
    if not LOCAL_DIGITS <= len(dialled) <= LOCAL_DIGITS + 1:
        return False
    return any(form.endswith(dialled[-LOCAL_DIGITS:]) for form in stored_forms)
