"""A change made on a card that has moved on: what was changed is changed, all else stays, and what collides is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharedbook.formats.versions.rebase import rebase
from tests.support.sites import card

BASE = ("TITLE:Clerk", "TEL;TYPE=work:+1 2", "TEL;TYPE=home:+1 3", "NOTE:one")


def text(*lines: str, version: str = "3.0") -> str:
    return card("u", "Ann", *lines).replace("VERSION:3.0", f"VERSION:{version}")


def lines(found: str) -> list[str]:
    return found.split("\r\n")[5:-2]


def test_nothing_has_moved() -> None:
    wanted = text("TITLE:Chief", version="4.0")
    assert rebase(text(*BASE), wanted, text(*BASE)).text == wanted


@pytest.mark.parametrize(
    ("wanted", "now", "made"),
    [
        (["TITLE:Chief", *BASE[1:]], ["TITLE:Clerk", "TEL:+9"], ["TITLE:Chief", "TEL:+9"]),
        ([*BASE, "TEL:+5"], [*BASE, "TEL:+9"], [*BASE, "TEL:+9", "TEL:+5"]),
        ([BASE[0], *BASE[2:]], [*BASE, "TEL:+9"], [BASE[0], *BASE[2:], "TEL:+9"]),
        (["TITLE:Chief", *BASE[1:]], [*BASE, "BDAY:19991231"], ["TITLE:Chief", *BASE[1:], "BDAY:19991231"]),
        (["TITLE:Chief", *BASE[1:]], ["TITLE:Chief", "NOTE:two"], ["TITLE:Chief", "NOTE:two"]),
        (BASE[1:], ["NOTE:two"], ["NOTE:two"]),
        ([*BASE, "EMAIL:a@b.example"], BASE[1:], [*BASE[1:], "EMAIL:a@b.example"]),
        ([*BASE, "TEL:+5"], [*BASE, "TEL:+5", "TEL:+9"], [*BASE, "TEL:+5", "TEL:+9"]),
        (
            ["TITLE:Clerk", "TEL;type=work:+1 2", *BASE[2:3], "NOTE:two"],
            [*BASE, "X-A:1"],
            [*BASE[:3], "NOTE:two", "X-A:1"],
        ),
    ],
)
def test_only_what_was_changed_is_changed(wanted: list[str], now: list[str], made: list[str]) -> None:
    found = rebase(text(*BASE), text(*wanted), text(*now))
    assert found.conflicts == ()
    assert lines(found.text) == made


@pytest.mark.parametrize(
    ("wanted", "now", "made", "conflicts"),
    [
        (["TITLE:Chief", *BASE[1:]], ["TITLE:Boss", *BASE[1:]], ["TITLE:Chief", *BASE[1:]], ("TITLE",)),
        (["TITLE:Chief", *BASE[1:]], BASE[1:], [*BASE[1:], "TITLE:Chief"], ("TITLE",)),
        (BASE[1:], ["TITLE:Boss", *BASE[1:]], [*BASE[1:]], ("TITLE",)),
        ([*BASE, "BDAY:1"], [*BASE, "BDAY:2"], [*BASE, "BDAY:1"], ("BDAY",)),
        (
            [BASE[0], "TEL:+5", *BASE[2:]],
            [BASE[0], "TEL:+9", *BASE[2:]],
            [BASE[0], "TEL:+9", BASE[2], "TEL:+5", BASE[3]],
            ("TEL",),
        ),
    ],
)
def test_what_others_changed_too_is_in_conflict(
    wanted: list[str], now: list[str], made: list[str], conflicts: tuple[str, ...]
) -> None:
    found = rebase(text(*BASE), text(*wanted), text(*now))
    assert found.conflicts == conflicts
    assert lines(found.text) == made


def test_another_version_of_the_card_is_taken_whole_or_not() -> None:
    wanted = text("TITLE:Chief", version="4.0")
    found = rebase(text(*BASE), wanted, text(*BASE, "TEL:+9"))
    assert (found.text, found.conflicts) == (wanted, ("VERSION",))


line = st.sampled_from([*BASE, "TITLE:Chief", "TEL:+5", "EMAIL:a@b.example", "NOTE:two", "item1.TEL:+6"])
some = st.lists(line, max_size=5, unique=True)


@given(base=some, wanted=some, now=some)
def test_of_all_texts(base: list[str], wanted: list[str], now: list[str]) -> None:
    here = text(*now)
    assert rebase(text(*base), text(*base), here).text == here, "no change changes nothing"
    once = rebase(text(*base), text(*wanted), here)
    if not once.conflicts:
        assert set(lines(once.text)) == (set(now) - (set(base) - set(wanted))) | (set(wanted) - set(base))
