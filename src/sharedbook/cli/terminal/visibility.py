"""``all``, ``private``, ``+alice,-@sales``: how a visibility is written on the command line."""

from __future__ import annotations

from dataclasses import dataclass

from sharedbook.domain.errors import InvalidValue
from sharedbook.domain.model import VisibilityKind
from sharedbook.services.jobs.actions import SetVisibility
from sharedbook.services.people import subjects
from sharedbook.services.tx import Tx

WORDS = {"all": VisibilityKind.ALL, "private": VisibilityKind.PRIVATE}


@dataclass(frozen=True, slots=True)
class VisibilityChange:
    """Either one of ``WORDS``, or subjects to put on each contact's list and to take off it."""

    whole: VisibilityKind | None
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
                f"{text!r} is not a visibility",
                field="visibility",
                hint="write all, private, or such as +alice,-@sales",
            )
        return cls(
            None,
            tuple(part[1:] for part in parts if part[0] == "+"),
            tuple(part[1:] for part in parts if part[0] == "-"),
        )

    def action(self, tx: Tx) -> SetVisibility:
        """What makes this change. Raises SubjectNotFound."""
        if self.whole is not None:
            return SetVisibility(self.whole.value)
        on, off = (tuple(subjects.resolve(tx, ref).id for ref in refs) for refs in (self.on, self.off))
        return SetVisibility(on=on, off=off)
