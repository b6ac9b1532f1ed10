"""The change from one text of a card to another, made on a third: what a suggestion changed, on the card as it is now.

By property: lines that went are taken out, lines that came are put in, every other byte stays as it is now. Where
somebody else has changed the same lines since, both cannot be had: that property is in conflict.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from sharedbook.formats.vcards import vcard
from sharedbook.formats.vcards.content_line import Property
from sharedbook.formats.vcards.vcard import Card

_OWN_AFFAIRS = frozenset({"VERSION", "UID", "PRODID", "REV"})
_SINGLE = frozenset(
    {
        *("ANNIVERSARY", "BDAY", "CATEGORIES", "FN", "GENDER", "KIND", "N", "NICKNAME", "NOTE", "ORG", "PHOTO"),
        *("ROLE", "TITLE", "X-ADDRESSBOOKSERVER-KIND"),
    }
)
"""A card has one of each, as people use them: of two that were added by two persons one must give way."""

_Key = tuple[str, tuple[tuple[str, tuple[str, ...]], ...], str]


@dataclass(frozen=True, slots=True)
class Rebased:
    """The card with the change made; in ``conflicts`` (names of properties) the change has won."""

    text: str
    conflicts: tuple[str, ...]


def rebase(base: str, wanted: str, now: str) -> Rebased:
    """Makes the change from ``base`` to ``wanted`` on ``now``: three stored texts of one card.

    A card of another version cannot be mixed: it is in conflict as a whole, unless ``now`` is ``base``.
    """
    old, new, here = vcard.load(base), vcard.load(wanted), vcard.load(now)
    if now == base:
        return Rebased(wanted, ())
    if new.version != here.version or old.version != here.version:
        return Rebased(wanted, ("VERSION",))
    changed: dict[Property, str] = {}
    added: list[tuple[str, str]] = []
    conflicts = []
    for name in dict.fromkeys(each.name for each in (*old.properties, *new.properties)):
        if name not in _OWN_AFFAIRS:
            change = _Change(name, old, new, here)
            for went, line in change.lines():
                if went is None:
                    added.append((name, line))
                else:
                    changed[went] = line
            conflicts += [name] if change.conflict else []
    return Rebased(vcard.replaced(here, changed, added), tuple(conflicts))


class _Change:
    """What becomes of the lines of one name in ``here``."""

    def __init__(self, name: str, old: Card, new: Card, here: Card) -> None:
        self.name, self.new, self.here = name, new, here
        before, after, present = (Counter(map(_key, card.all(name))) for card in (old, new, here))
        others = present - before
        self.gone = before - after
        wanted = after - before
        self.come = wanted - others
        missing = self.gone - present
        both_new = bool(self.come and others) and name in _SINGLE
        # A line that only went may have been changed by others; one that was replaced is done when they did the same.
        self.conflict = both_new or bool(missing and (self.come if wanted else others))
        if self.conflict and name in _SINGLE:
            self.gone = present

    def lines(self) -> Iterator[tuple[Property | None, str]]:
        """The nth line that goes gives its place to the nth that comes; None: the line has no place yet."""
        gone, come = _take(self.here.all(self.name), self.gone), _take(self.new.all(self.name), self.come)
        for went, came in zip_longest(gone, come):
            yield went, "" if came is None else self.new.text[came.start : came.end]


def _take(found: Sequence[Property], wanted: Counter[_Key]) -> list[Property]:
    """The lines wanted, each as often as it is wanted."""
    left = wanted.copy()
    taken = []
    for each in found:
        if left[_key(each)] > 0:
            left[_key(each)] -= 1
            taken.append(each)
    return taken


def _key(found: Property) -> _Key:
    """What makes two lines the same, however they are folded and in whatever order their parameters stand."""
    return found.group.lower(), tuple(sorted(found.params)), found.raw
