"""How text is compared: RFC 4518, RFC 4790, RFC 5051, and what our users type."""

from __future__ import annotations

import itertools
import sys
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sharedbook.domain import folding

MARKS = ["\u0307", "\u0345", "\u0301", "\u0323", "\u3099", "\u200c", "\u0327"]
tricky = st.text(st.one_of(st.characters(exclude_categories=()), st.sampled_from(["i", "I", "İ", "ı", " ", *MARKS])))


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Alice O'Neil", "alice o'neil"),
        ("Straße", "strasse"),
        ("İSTANBUL", "istanbul"),
        ("YILMAZ", "yilmaz"),
        ("Yılmaz", "yilmaz"),
        ("ΣΊΣΥΦΟΣ", "σίσυφοσ"),
        ("Σίσυφος", "σίσυφοσ"),
        ("ＫＩＭ", "kim"),
        ("ｶﾞ", "ガ"),
        ("so\u00adft", "soft"),
        ("a\u200bb\u2060c", "abc"),
        ("a\tb\r\nc", "a b  c"),
        ("山田\u3000太郎", "山田 太郎"),
        ("e\u0301", "é"),
        ("\u1112\u1169\u11bc", "홍"),
        ("", ""),
    ],
)
def test_fold(text: str, folded: str) -> None:
    assert folding.fold(text) == folded


def test_fold_is_idempotent_for_every_character_alone_and_with_marks() -> None:
    for code in range(sys.maxunicode + 1):
        for text in (chr(code), f"{chr(code)}\u0307", f"i{chr(code)}\u0307"):
            once = folding.fold(text)
            assert folding.fold(once) == once, f"U+{code:04X}"


@given(tricky)
@example("i\u0307\u0307\u0301")
@example("I\u0345\u0307\u0301")
def test_fold_is_idempotent(text: str) -> None:
    once = folding.fold(text)
    assert folding.fold(once) == once


@given(st.text())
def test_fold_does_not_see_composition_or_case_of_ascii(text: str) -> None:
    assert folding.fold(unicodedata.normalize("NFD", text)) == folding.fold(unicodedata.normalize("NFC", text))
    if text.isascii():
        assert folding.fold(text.upper()) == folding.fold(text.lower())


def test_ascii_fast_path_agrees_with_the_slow_one() -> None:
    for first, second in itertools.product(map(chr, range(128)), repeat=2):
        assert folding.fold(first + second + "é") == folding.fold(first + second) + "é"


@pytest.mark.parametrize(
    ("text", "value", "initial", "middle", "final"),
    [
        # RFC 4518 section 2.6.1: the examples of the text, then its other cases
        ("foo bar  ", " foo  bar ", " foo  bar ", "foo  bar ", "foo  bar "),
        ("foo bar", " foo  bar ", " foo  bar", "foo  bar", "foo  bar "),
        ("  foo", " foo ", " foo", " foo", " foo "),
        ("foo", " foo ", " foo", "foo", "foo "),
        ("   ", "  ", " ", " ", " "),
        ("", "  ", "", "", ""),
        ("a \u0308b", " a \u0308b ", " a \u0308b", "a \u0308b", "a \u0308b "),
        ("a  \u0308", " a   \u0308 ", " a   \u0308", "a   \u0308", "a   \u0308 "),
        ("김 철수", " 김  철수 ", " 김  철수", "김  철수", "김  철수 "),
    ],
)
def test_spaces(text: str, value: str, initial: str, middle: str, final: str) -> None:
    assert folding.pad(text) == value
    assert folding.pad_initial(text) == initial
    assert folding.pad_any(text) == middle
    assert folding.pad_final(text) == final


@given(st.text("a é\u0308"), st.text("a é\u0308"))
def test_squeezed_equality_is_padded_equality(left: str, right: str) -> None:
    assert (folding.squeeze(left) == folding.squeeze(right)) == (folding.pad(left) == folding.pad(right))


def test_casemaps() -> None:
    assert folding.ascii_casemap("KIM Ärger") == "kim Ärger"
    assert folding.unicode_casemap("Ärger") == folding.unicode_casemap("äRGER") == "A\u0308RGER"
    assert folding.unicode_casemap("ǆ") == folding.unicode_casemap("Ǆ")
    assert folding.unicode_casemap("ß") == "ß"  # no simple title case: RFC 5051 does not expand it
    assert folding.unicode_casemap("ﬁ") == "fi"  # compatibility decomposition
    assert folding.unicode_casemap("kim") == "KIM"


@given(st.text())
def test_casemaps_are_blind_to_ascii_case_only_or_more(text: str) -> None:
    swapped = "".join(c.swapcase() if c.isascii() else c for c in text)
    assert folding.ascii_casemap(text) == folding.ascii_casemap(swapped)
    assert folding.unicode_casemap(text) == folding.unicode_casemap(swapped)
    assert folding.ascii_casemap(folding.ascii_casemap(text)) == folding.ascii_casemap(text)


def test_hangul_initials() -> None:
    assert folding.hangul_initials("홍길동") == "ㅎㄱㄷ"
    assert folding.hangul_initials("홍 길동 (Hong) 山") == "ㅎㄱㄷ"
    assert folding.hangul_initials(unicodedata.normalize("NFD", "빵")) == "ㅃ"
    assert folding.hangul_initials("Hong") == folding.hangul_initials("山田") == ""
    assert folding.hangul_initials("가힣") == "ㄱㅎ"


@pytest.mark.parametrize(
    ("stored", "needle", "equal"),
    [
        ("821012345678 01012345678", "01012345678 821012345678", True),
        ("821012345678 01012345678", "01012345678", True),
        ("821012345678 01012345678", "12345678", True),
        ("821012345678 01012345678", "2345678", True),
        ("821012345678 01012345678", "345678", False),
        ("821012345678 01012345678", "92345678", True),  # an area code's last digit in front: by the last 7
        ("821012345678 01012345678", "912345678", False),
        ("1234", "1234", True),
        ("41234", "1234", False),
        ("5551234 3545551234", "15551234", True),
        ("", "1234567", False),
        ("1234567", "", False),
        ("", "", False),
    ],
)
def test_phone_equal(stored: str, needle: str, equal: bool) -> None:
    assert folding.phone_equal(stored, needle) is equal
