"""``all``, ``private``, ``+alice,-@sales``: how a visibility is written on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sharedbook.domain.errors import InvalidValue
from sharedbook.domain.model import PRIVATE, VISIBLE_TO_ALL, Contact, Visibility, VisibilityKind
from sharedbook.services import contacts, subjects
from sharedbook.services.tx import Tx

WORDS = {"all": VISIBLE_TO_ALL, "private": PRIVATE}


@dataclass(frozen=True, slots=True)
class VisibilityChange:
    """Either one of ``WORDS``, or subjects to put on each contact's list and to take off it."""

    whole: Visibility | None
    on: tuple[str, ...] = ()
    off: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> VisibilityChange:
        """Raises InvalidValue."""
        if text in WORDS:
            return cls(WORDS[text])
        parts = [part.strip() for part in text.split(",")]
        if not all(part[:1] in ("+", "-") and len(part) > 1 for part in parts):
            raise InvalidValue(
                f"{text!r} is no visibility", field="visibility", hint="write all, private, or such as +alice,-@sales"
            )
        return cls(
            None,
            tuple(part[1:] for part in parts if part[0] == "+"),
            tuple(part[1:] for part in parts if part[0] == "-"),
        )

    def apply(self, tx: Tx, found: Sequence[Contact]) -> None:
        """Sets the visibility of each contact. Raises Forbidden, SubjectNotFound, InvalidValue."""
        on = {subjects.resolve(tx, ref).id for ref in self.on}
        off = {subjects.resolve(tx, ref).id for ref in self.off}
        for contact in found:
            contacts.set_visibility(tx, [contact.id], self.whole or _listed(contact, on, off))


def _listed(contact: Contact, on: set[int], off: set[int]) -> Visibility:
    has = contact.visibility.listed if contact.visibility.kind is VisibilityKind.LISTED else frozenset()
    if not on and contact.visibility.kind is not VisibilityKind.LISTED:
        raise InvalidValue(
            f"contact {contact.id} has no list to take somebody off: it is visible to {contact.visibility.kind}",
            field="visibility",
            hint="put those who see it on a list: +SUBJECT,...",
        )
    return Visibility(VisibilityKind.LISTED, frozenset((has | on) - off))
