"""Which names may be one person's, and that those who are alike share a key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharedbook.formats.vcards.likeness import Likeness, keys, like

SAME, ORDER, FURTHER, INITIALS = Likeness


@pytest.mark.parametrize(
    ("one", "other", "how"),
    [
        ("Minji Kim", "MINJI  KIM", SAME),
        ("Min-ji Kim", "Minji Kim", SAME),
        ("José Pérez", "Jose Perez", SAME),
        ("Ｍinji Kim", "Minji Kim", SAME),
        ("O'Brien, Pat", "Pat OBrien", ORDER),
        ("Kim, Minji", "Minji Kim", ORDER),
        ("Dr. Minji Kim", "Minji Kim", FURTHER),
        ("John A. Smith", "John Smith", FURTHER),
        ("J. Smith", "John Smith", INITIALS),
        ("Smith J", "John Smith", INITIALS),
        ("J.R.R. Tolkien", "John Tolkien", INITIALS),
        ("John Smith", "Jane Smith", None),
        ("John", "John Smith", None),
        ("J. S.", "John Smith", None),
        ("A B", "b a", ORDER),
        ("Madonna", "madonna", SAME),
        ("", "", None),
        ("...", "...", None),
        ("홍길동", "홍 길동", SAME),
        ("길동 홍", "홍길동", ORDER),
        ("홍길동", "홍길순", None),
        ("ㅎㄱㄷ", "홍길동", INITIALS),
        ("ㅎㄱㄷ", "홍길순", None),
        ("山田 太郎", "山田太郎", SAME),
        ("太郎 山田", "山田太郎", ORDER),
        ("山田太郎", "山田花子", None),
        ("홍길동", "Gildong Hong", None),
    ],
)
def test_alike(one: str, other: str, how: Likeness | None) -> None:
    assert like(one, other) == like(other, one) == how
    assert how is None or keys(one) & keys(other)


WORDS = st.sampled_from(["kim", "k", "kay", "min", "m", "ji", "홍", "길동", "홍길동", "ㅎㄱㄷ", "Ö", "O", "ott"])


@given(st.lists(WORDS, min_size=1, max_size=4), st.lists(WORDS, min_size=1, max_size=4))
def test_names_that_are_alike_share_a_key(one: list[str], other: list[str]) -> None:
    first, second = " ".join(one), " ".join(other)
    assert like(first, second) == like(second, first)
    if like(first, second):
        assert keys(first) & keys(second)
