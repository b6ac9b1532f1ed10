"""Contacts that may be one and the same person: suggested with their reasons, never by a name alone.

Reasons are a mail address, an E.164 number or a UID that contacts share. A number counts only where the names are
alike (``formats/vcards/likeness.py``). CERTAIN: a shared address or UID and the same name. LIKELY: alike in another
way, or by number. POSSIBLE: a shared address or UID and names that are not alike, if few share it; of many it is a
mailbox that a department has. What a person has found to be two is suggested no more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from itertools import combinations

from sharedbook.domain import access, folding
from sharedbook.domain.errors import Forbidden
from sharedbook.domain.model import Contact
from sharedbook.formats.vcards import fields, phones, vcard
from sharedbook.formats.vcards.likeness import EXACT, Likeness, keys, like
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts
from sharedbook.services.tx import Tx
from sharedbook.store import contacts as rows
from sharedbook.store import duplicates as store
from sharedbook.store.duplicates import Pair
from sharedbook.store.search import Scope

MOST = 5
"""How many contacts can be merged at once; an address that more of unlike names share tells nothing."""


class Confidence(IntEnum):
    """How sure a suggestion is, the surest first."""

    CERTAIN = 1
    LIKELY = 2
    POSSIBLE = 3


class Shared(StrEnum):
    """What two contacts share."""

    MAIL = "mail"
    UID = "uid"
    PHONE = "phone"


@dataclass(frozen=True, slots=True)
class Reason:
    """A value that two contacts share (``phone``: E.164), and how their names are alike."""

    pair: Pair
    shared: Shared
    value: str
    likeness: Likeness | None

    @property
    def confidence(self) -> Confidence:
        """What this reason alone makes of the pair."""
        if self.likeness is None:
            return Confidence.POSSIBLE
        if self.shared is Shared.PHONE or self.likeness not in EXACT:
            return Confidence.LIKELY
        return Confidence.CERTAIN


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Contacts that may be one, by id, and every reason among them."""

    contacts: tuple[int, ...]
    confidence: Confidence
    reasons: tuple[Reason, ...]


def find(
    tx: Tx,
    group: str | None = None,
    limit: int | None = None,
    *,
    shared: Shared | None = None,
    sure: Confidence = Confidence.POSSIBLE,
) -> list[Suggestion]:
    """What may be merged among the contacts that the viewer sees (of one group), the surest first.

    ``shared``: by reasons of this kind alone; ``sure``: by reasons that are at least so sure. Raises GroupNotFound.
    """
    scope = Scope((tx.viewer,), group_id=None if group is None else groups.get(tx, group).id)
    distinct = store.distinct(tx.db)
    reasons = [
        reason
        for reason in _reasons(tx, scope)
        if reason.pair not in distinct and reason.confidence <= sure and shared in (None, reason.shared)
    ]
    alike = [reason for reason in reasons if reason.likeness]
    home = {each: part for part in _joined(reason.pair for reason in alike) for each in part}
    loose = [reason for reason in reasons if len({home.get(each, (each,)) for each in reason.pair}) > 1]
    found = [_suggestion(part, some, distinct) for part, some in (*_parts(alike, reasons), *_parts(loose, loose))]
    found = [each for each in found if each.confidence <= sure]
    return sorted(found, key=lambda each: (each.confidence, -len(each.reasons), each.contacts))[:limit]


def _reasons(tx: Tx, scope: Scope) -> Iterator[Reason]:
    by_value: dict[tuple[Shared, str], set[int]] = defaultdict(set)
    for contact_id, folded in store.sharing_mail(tx.db):
        by_value[Shared.MAIL, folding.squeeze(folded)].add(contact_id)
    for contact_id, uid in store.sharing_uid(tx.db):
        by_value[Shared.UID, uid].add(contact_id)
    by_digits = _by_digits(tx)
    ids = {each for found in (*by_value.values(), *by_digits) for each in found}
    names = store.names(tx.db, scope, sorted(ids - store.of_kind(tx.db, fields.GROUP_CARD)))
    for (shared, value), holders in by_value.items():
        known = sorted(holders & names.keys())
        likeness = dict(_alike(known, names))
        pairs = combinations(known, 2) if len(known) <= MOST else likeness
        yield from (Reason(pair, shared, value, likeness.get(pair)) for pair in pairs)
    yield from _same_number(
        tx, dict(pair for found in by_digits for pair in _alike(sorted(found & names.keys()), names))
    )


def _by_digits(tx: Tx) -> list[set[int]]:
    """The contacts of each string of digits that several have, in any form in which a number is dialled."""
    found: dict[str, set[int]] = defaultdict(set)
    for contact_id, forms in store.phones(tx.db):
        for digits in forms.split():
            found[digits].add(contact_id)
    return [holders for holders in found.values() if len(holders) > 1]


def _alike(ids: Sequence[int], names: Mapping[int, str]) -> Iterator[tuple[Pair, Likeness]]:
    """The pairs among these contacts whose names are alike; only those that share a key are compared."""
    by_key: dict[str, list[int]] = defaultdict(list)
    for each in ids:
        for key in keys(names[each]):
            by_key[key].append(each)
    pairs = {pair for some in by_key.values() for pair in combinations(some, 2)}
    for pair in sorted(pairs):
        likeness = like(names[pair[0]], names[pair[1]])
        if likeness:
            yield pair, likeness


def _same_number(tx: Tx, pairs: Mapping[Pair, Likeness]) -> Iterator[Reason]:
    """Of pairs that share digits, those that share a number: a national one is another in each country."""
    region = tx.site.settings.default_region
    numbers = {
        contact.id: {phones.keys(number.value, region).e164 for number in fields.read(vcard.load(contact.vcard)).phones}
        for contact in rows.fetch(tx.db, sorted({each for pair in pairs for each in pair}))
    }
    for pair, likeness in pairs.items():
        for e164 in sorted(numbers[pair[0]] & numbers[pair[1]] - {""}):
            yield Reason(pair, Shared.PHONE, f"+{e164}", likeness)


def _parts(links: Sequence[Reason], reasons: Sequence[Reason]) -> Iterator[tuple[tuple[int, ...], list[Reason]]]:
    """The contacts that the links join, with all reasons inside each part."""
    parts = _joined(reason.pair for reason in links)
    home = {each: part for part in parts for each in part}
    inside: dict[tuple[int, ...], list[Reason]] = defaultdict(list)
    for reason in reasons:
        low, high = (home.get(each) for each in reason.pair)
        if low is not None and low == high:
            inside[low].append(reason)
    yield from inside.items()


def _joined(pairs: Iterable[Pair]) -> set[tuple[int, ...]]:
    """Who is joined to whom, over any number of steps."""
    home: dict[int, set[int]] = {}
    for low, high in pairs:
        one, other = (home.get(each, {each}) for each in (low, high))
        if one is not other:
            small, large = sorted((one, other), key=len)
            large |= small
            home.update(dict.fromkeys(small | {low, high}, large))
    return {tuple(sorted(part)) for part in home.values()}


def _suggestion(part: tuple[int, ...], reasons: Sequence[Reason], distinct: set[Pair]) -> Suggestion:
    """No surer than the least sure of the reasons without which the contacts do not hang together."""
    confidence = next(
        each for each in Confidence if part in _joined(reason.pair for reason in reasons if reason.confidence <= each)
    )
    if any(pair in distinct for pair in combinations(part, 2)):
        confidence = Confidence.POSSIBLE
    return Suggestion(
        part, confidence, tuple(sorted(reasons, key=lambda each: (each.confidence, each.pair, each.shared)))
    )


# ---- pairs that are two


def mark_distinct(tx: Tx, contact_ids: Sequence[int]) -> list[Pair]:
    """Remembers that these contacts are all different; returns the pairs that are new. Raises as ``_pairs``."""
    wanted = _pairs(tx, contact_ids)
    new = sorted(wanted - store.distinct(tx.db, set(contact_ids)))
    store.add_distinct(tx.db, new, tx.now)
    tx.audit("contact.distinct", contacts=sorted({each for pair in new for each in pair}))
    return new


def unmark_distinct(tx: Tx, contact_ids: Sequence[int]) -> list[Pair]:
    """Forgets it again; returns the pairs that were remembered. Raises as ``_pairs``."""
    gone = sorted(_pairs(tx, contact_ids) & store.distinct(tx.db, set(contact_ids)))
    store.remove_distinct(tx.db, gone)
    tx.audit("contact.indistinct", contacts=sorted({each for pair in gone for each in pair}))
    return gone


def list_distinct(tx: Tx) -> list[tuple[Contact, Contact]]:
    """The pairs that are remembered as two, of those contacts that the viewer sees."""
    pairs = sorted(store.distinct(tx.db))
    seen = {each.id: each for each in contacts.seen(tx, sorted({each for pair in pairs for each in pair}))}
    return [(seen[low], seen[high]) for low, high in pairs if low in seen and high in seen]


def _pairs(tx: Tx, contact_ids: Sequence[int]) -> set[Pair]:
    """Every pair among contacts that the viewer may edit. Raises ContactNotFound, Forbidden."""
    for contact in contacts.get_many(tx, contact_ids):
        if not access.may_edit(tx.viewer, contacts.held(contact)):
            raise Forbidden(
                f"{tx.viewer.name} may not edit contact {contact.id}", right="edit", hint="ask a postmaster"
            )
    return set(combinations(sorted(set(contact_ids)), 2))
