"""What a row is matched by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sharedbook.formats.entries import entry_cards
from sharedbook.formats.entries.entries import Entry
from sharedbook.formats.vcards import phones
from sharedbook.store.matches import Key, key

_EXTERNAL, _MAIL, _NAME = "X-EXTERNAL-ID", "email", "fullname"


class Said(NamedTuple):
    """Keys as the index holds them. ``numbers``: digits of its phone numbers, E.164."""

    external: tuple[Key, ...]
    uid: str
    emails: tuple[Key, ...]
    names: tuple[Key, ...]
    numbers: frozenset[str]

    @classmethod
    def of(cls, keys: Iterable[Key], numbers: Iterable[str]) -> Said:
        """What has no UID, by its ``keys``."""
        by_name: dict[str, list[Key]] = {name: [] for name in (_EXTERNAL, _MAIL, _NAME)}
        for each in keys:
            by_name[each[0]].append(each)
        external, emails, names = map(tuple, by_name.values())
        return cls(external, "", emails, names, frozenset(numbers))

    def keys(self) -> tuple[Key, ...]:
        """All that can be looked up but the UID, names first."""
        return self.names + self.emails + self.external

    def every(self) -> tuple[Key, ...]:
        """All that can be looked up."""
        return (*self.keys(), key("uid", self.uid)) if self.uid else self.keys()


def said_of(entry: Entry, region: str) -> Said:
    """What an entry is matched by."""
    external = entry.single.get("external_id", "")
    name = entry_cards.shown_name(entry)
    return Said(
        external=(key(_EXTERNAL, external),) if external else (),
        uid=entry.single.get("uid", ""),
        emails=tuple(key(_MAIL, text) for text in entry.texts("email")),
        names=(key(_NAME, name),) if name else (),
        numbers=frozenset(phones.keys(text, region).e164 for text in entry.texts("phone")) - {""},
    )
