"""What a row is matched by."""

from __future__ import annotations

from typing import NamedTuple

from sharedbook.formats.entries import entry_cards
from sharedbook.formats.entries.entries import Entry
from sharedbook.formats.vcards import phones
from sharedbook.store.matches import Key, key


class Said(NamedTuple):
    """Keys as the index holds them. ``numbers``: digits of its phone numbers, E.164."""

    external: tuple[Key, ...]
    uid: str
    emails: tuple[Key, ...]
    names: tuple[Key, ...]
    numbers: frozenset[str]

    def every(self) -> tuple[Key, ...]:
        """All that can be looked up."""
        uid = (key("uid", self.uid),) if self.uid else ()
        return self.external + uid + self.emails + self.names


def said_of(entry: Entry, region: str) -> Said:
    """What an entry is matched by."""
    external = entry.single.get("external_id", "")
    name = entry_cards.shown_name(entry)
    return Said(
        external=(key("X-EXTERNAL-ID", external),) if external else (),
        uid=entry.single.get("uid", ""),
        emails=tuple(key("email", text) for text in entry.texts("email")),
        names=(key("fullname", name),) if name else (),
        numbers=frozenset(phones.keys(text, region).e164 for text in entry.texts("phone")) - {""},
    )
