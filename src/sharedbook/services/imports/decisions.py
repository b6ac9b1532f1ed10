"""What a row becomes, for a dry run and for good: nothing is written here."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from sharedbook.formats.entries.incoming import Incoming
from sharedbook.formats.rows.problems import Problem
from sharedbook.formats.vcards import vcard
from sharedbook.formats.vcards.vcard import Card
from sharedbook.services.contacts.custom_fields import Values
from sharedbook.services.imports.blocks import Ready
from sharedbook.services.imports.matching import Known, Match, Matcher
from sharedbook.services.imports.ready import Make
from sharedbook.services.jobs.jobs import Result
from sharedbook.services.writing.kept import Kept


class Duplicates(StrEnum):
    """What a row does whose contact the group has already. SKIP is the default.

    SKIP leaves the contact; FILL writes only what it lacks; UPDATE writes what the row has and keeps the rest; REPLACE
    makes it the row's card; ADD adds another contact, without asking whether there is one; ASK keeps the row as
    needs_decision. A row that fits several contacts needs a decision, unless it is skipped.
    """

    SKIP = "skip"
    FILL = "fill"
    UPDATE = "update"
    REPLACE = "replace"
    ADD = "add"
    ASK = "ask"


class Decision(NamedTuple):
    """What a row becomes: a ``new`` contact, or this ``card`` of the one that it ``fits``.

    ``fits``: the contacts that it may be. ``custom``: the custom fields to write to one. ``note``: what a person should
    look at.
    """

    result: Result
    new: Kept | None = None
    card: Card | None = None
    fits: tuple[Known, ...] = ()
    custom: Values = {}  # noqa: RUF012 - never written to
    problem: Problem | None = None
    note: Problem | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """By what rows are decided. ``origin``: the directory that they come from; "" for a file.

    ``kept``: ids of the contacts that it keeps; ``met``: of those whose entries were found.
    """

    make: Make
    duplicates: Duplicates
    origin: str
    kept: frozenset[int]
    met: set[int] = field(default_factory=set)

    def decide(self, matcher: Matcher, row: Ready) -> Decision:
        """What becomes of a row without a problem. Raises InvalidCard for what no card can hold."""
        said = row.said
        assert said is not None
        if self.duplicates is Duplicates.ADD:
            return self._new(row, str(uuid.uuid4()) if matcher.holds_uid(said) else "")
        match = matcher.find(row)
        if not match.found:
            return self._new(row)
        if self.origin:
            return self._follow(matcher, row, match)
        if self.duplicates is Duplicates.SKIP:
            return Decision(Result.SKIPPED_DUPLICATE, fits=match.found)
        if self.duplicates is Duplicates.ASK or len(match.found) > 1:
            return Decision(Result.NEEDS_DECISION, fits=match.found, problem=_question(row, match))
        known = match.found[0]
        whole = _whole(row)
        if self.duplicates is Duplicates.REPLACE:
            card = whole.new_card(uid=known.facts.uid)
        else:
            card = whole.edited(vcard.load(matcher.text_of(known)), fill=self.duplicates is Duplicates.FILL)
        custom = self._custom(matcher, row, known)
        changed = card.text != matcher.text_of(known) or bool(custom)
        return Decision(Result.UPDATED if changed else Result.UNCHANGED, card=card, fits=match.found, custom=custom)

    def _new(self, row: Ready, uid: str = "") -> Decision:
        """A new contact, with another ``uid`` than the row has if one is given; or why no card can hold the row."""
        found, refusal = self.make.kept_of(_whole(row), uid) if uid else (row.kept, row.refusal)
        if found is None:
            return Decision(Result.ERROR, problem=refusal)
        return Decision(Result.ADDED, new=found)

    def _follow(self, matcher: Matcher, row: Ready, match: Match) -> Decision:
        """A directory's entry whose contact is there: its card is the entry's; one that was detached stays as it is."""
        known = match.found[0]
        if match.by != "external id" or len(match.found) > 1:
            return Decision(Result.NEEDS_DECISION, fits=match.found, problem=_question(row, match))
        if known.id is None or known.id not in self.kept:
            return Decision(Result.SKIPPED_DUPLICATE, fits=match.found)
        self.met.add(known.id)
        card = _whole(row).new_card(uid=known.facts.uid)
        result = Result.UNCHANGED if card.text == matcher.text_of(known) else Result.UPDATED
        return Decision(result, card=card, fits=match.found)

    def _custom(self, matcher: Matcher, row: Ready, known: Known) -> Values:
        """The custom fields that the row gives the contact, other than it has them."""
        if not row.custom:
            return {}
        has = matcher.custom_of(known)
        return {
            key: values
            for key, values in row.custom.items()
            if values != has.get(key, ())
            and (values or self.duplicates is Duplicates.REPLACE)
            and not (key in has and self.duplicates is Duplicates.FILL)
        }


def refused(row: Ready, code: str, message: str) -> Decision:
    return Decision(Result.ERROR, problem=Problem(row.line, "", code, message))


def _whole(row: Ready) -> Incoming:
    assert row.row is not None, "the rows were not asked for whole"
    return row.row


def _question(row: Ready, match: Match) -> Problem:
    ids = ", ".join(str(known.id) if known.id is not None else "of an earlier row" for known in match.found[:5])
    message = f"it fits contact {ids} by {match.by}"
    return Problem(row.line, "", "needs-decision", message)
