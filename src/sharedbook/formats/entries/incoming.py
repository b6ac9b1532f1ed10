"""An incoming contact, whatever file it was written in: what an import decides about, and what a source of them is."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from sharedbook.domain.model import CustomField, Limits
from sharedbook.formats.entries import entry_cards
from sharedbook.formats.entries.dates import Order, Style
from sharedbook.formats.entries.entries import Entry
from sharedbook.formats.rows.problems import Problem
from sharedbook.formats.vcards import superiors, vcard
from sharedbook.formats.vcards.content_line import Raw
from sharedbook.formats.vcards.vcard import Add, Card, Edit, Set
from sharedbook.formats.versions import convert


@dataclass(frozen=True, slots=True)
class Incoming:
    """One row: ``cells`` as it stood in the file; an entry, or the problems that make it none; its card if it has one.

    ``custom``: values of the site's own fields, by id, of the columns that the file has. ``groups``: slugs or names.
    """

    line: int
    cells: tuple[str, ...]
    entry: Entry = field(default_factory=Entry)
    problems: tuple[Problem, ...] = ()
    card: Card | None = None
    custom: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    groups: tuple[str, ...] = ()

    def new_card(self, *, uid: str = "") -> Card:
        """A new card; a given one is kept but for a given ``uid``. Raises InvalidCard; limits are not asked."""
        if self.card is None:
            return entry_cards.build(self.entry, uid=uid)
        if not uid or uid == self.card.uid:
            return self.card
        text = vcard.patch(self.card, [Set("UID", Raw(uid))])
        return replace(vcard.load(text), originals=self.card.originals)

    def edited(self, card: Card, *, fill: bool) -> Card:
        """A card made to say what this row says; with ``fill`` only what it lacks. Raises as ``new_card``."""
        edits = entry_cards.edits(card, self.entry, fill=fill)
        if self.card is None:
            return vcard.load(vcard.patch(card, edits)) if edits else card
        edits += _other_edits(card, convert.in_version(self.card, card.version), fill)
        return replace(vcard.load(vcard.patch(card, edits)), originals=self.card.originals)


_OWN_AFFAIRS = {"VERSION", "UID", "PRODID", "REV", "FN", "N", "ORG", "TITLE", "CATEGORIES", "X-ABLABEL", "X-ABADR"}


def _other_edits(card: Card, given: Card, fill: bool) -> Iterator[Edit]:
    """Properties that are no column, pictures for one: added where the card has none, one in place of one.

    ``given`` is of the card's version.
    """
    for name in dict.fromkeys(found.name for found in given.properties):
        if name in _OWN_AFFAIRS or name in entry_cards.PROPERTIES:
            continue
        has, gives = ([each for each in of.all(name) if each != superiors.line_of(of)] for of in (card, given))
        if not has:
            yield from (Add(name, Raw(found.raw), found.params) for found in gives)
        elif not fill and len(has) == len(gives) == 1 and has[0].raw != gives[0].raw:
            yield Set(name, Raw(gives[0].raw), gives[0].params)


class Source(Protocol):
    """A file that was read to its end once. ``size``: its rows; ``left_out``: columns that were not empty so far.

    ``warnings``: what was changed in rows so far that a person should look at, the first 1,000; line 0 is of the file.
    ``names_groups``: whether rows may say into which groups they go.
    """

    format: str
    columns: tuple[str, ...]
    size: int
    encoding: str
    delimiter: str
    product: str
    samples: tuple[str, ...]
    left_out: dict[str, None]
    warnings: list[Problem]
    names_groups: bool

    def rows(self) -> Generator[Incoming, None, None]:
        """Every row, in the order of the file."""
        ...


@dataclass(frozen=True)
class Reading:
    """What is needed to understand a file's rows.

    ``recipients``: of mail, how many a message may name that are taken too; 0 for none. ``of_several``: the file is
    one of several, and ``mapping``, ``sheet`` or ``recipients`` may be meant for others.
    """

    region: str
    limits: Limits
    encoding: str | None = None
    mapping: Mapping[str, str] | None = None
    custom: Sequence[CustomField] = ()
    sheet: str = ""
    dates: Order | None = None
    recipients: int = 0
    of_several: bool = False

    @property
    def style(self) -> Style:
        """How dates are read that stand alone."""
        return Style(self.dates, only=self.dates is not None)
