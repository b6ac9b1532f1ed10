"""What a row is matched by."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from sharedbook.formats.entries import entry_cards
from sharedbook.formats.entries.entries import Entry
from sharedbook.formats.vcards import phones
from sharedbook.formats.vcards.phone_plans import PhoneKeys
from sharedbook.store.matches import Key, key

_EXTERNAL, _MAIL, _NAME = "X-EXTERNAL-ID", "email", "fullname"
_FULL = "+"
_FULL_NUMBER = re.compile(r"\+([0-9]+)")


class Said(NamedTuple):
    """Keys as the index holds them. ``numbers``: its phone numbers, as ``digits_of_each`` writes them, in a row."""

    external: tuple[Key, ...]
    uid: str
    emails: tuple[Key, ...]
    names: tuple[Key, ...]
    numbers: str

    @classmethod
    def of(cls, keys: Iterable[Key], numbers: str) -> Said:
        """What has no UID, by its ``keys``."""
        by_name: dict[str, list[Key]] = {name: [] for name in (_EXTERNAL, _MAIL, _NAME)}
        for each in keys:
            by_name[each[0]].append(each)
        external, emails, names = map(tuple, by_name.values())
        return cls(external, "", emails, names, numbers)

    def keys(self) -> tuple[Key, ...]:
        """All that can be looked up but the UID, names first."""
        return self.names + self.emails + self.external

    def every(self) -> tuple[Key, ...]:
        """All that can be looked up."""
        return (*self.keys(), key("uid", self.uid)) if self.uid else self.keys()

    def full_numbers(self) -> set[str]:
        """The digits of those that have an E.164 form, in this form."""
        return full_numbers(self.numbers)

    def all_numbers(self) -> frozenset[str]:
        """The digits of all, in each form."""
        return all_numbers(self.numbers)


def digits_of_each(found: Iterable[PhoneKeys]) -> list[str]:
    """The digits of each number in its forms, with a plus before E.164, between spaces."""
    return [
        f"{_FULL}{e164} {national}" if dialled == e164 else f"{_FULL}{e164} {dialled} {national}"
        for dialled, e164, national in found
    ]


def full_numbers(numbers: str) -> set[str]:
    """As of ``Said``."""
    return {*_FULL_NUMBER.findall(numbers)}


def all_numbers(numbers: str) -> frozenset[str]:
    """As of ``Said``."""
    return frozenset(numbers.replace(_FULL, "").split())


def said_of(entry: Entry, region: str) -> Said:
    """What an entry is matched by."""
    external = entry.single.get("external_id", "")
    name = entry_cards.shown_name(entry)
    return Said(
        external=(key(_EXTERNAL, external),) if external else (),
        uid=entry.single.get("uid", ""),
        emails=tuple(key(_MAIL, text) for text in entry.texts("email")),
        names=(key(_NAME, name),) if name else (),
        numbers=" ".join(digits_of_each([phones.keys(text, region) for text in entry.texts("phone")])),
    )
