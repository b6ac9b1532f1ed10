"""Cards that name other contacts: members of a group card, superiors, relations. An erased contact is named nowhere.

A card names another by its UID, as it is or as ``urn:uuid:``, or by ``mailto:`` (RFC 6350 sections 6.6.5, 6.6.6).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from sharedbook.domain.errors import InvalidValue
from sharedbook.domain.model import Contact, Event
from sharedbook.formats.vcards import fields, superiors, vcard
from sharedbook.formats.vcards.content_line import Property, Raw, Value
from sharedbook.formats.vcards.vcard import Remove, Set
from sharedbook.services.contacts import contacts
from sharedbook.services.tx import Tx
from sharedbook.services.writing import records
from sharedbook.services.writing.photos import tidy
from sharedbook.store import contacts as stored
from sharedbook.store import indexed, revisions, sought, suggestions

NAMES = indexed.RARE
_URN = "urn:uuid:"

Merged = tuple[Contact, Sequence[Contact]]
"""A contact, and those that were merged into it."""


def named(value: str) -> str:
    """The UID or mail address in a member's URI, in a form in which two can be compared."""
    text = value.strip().casefold()
    if text.startswith("mailto:"):
        return text.removeprefix("mailto:").partition("?")[0]
    return text.removeprefix(_URN)


def members(tx: Tx, uris: Sequence[str]) -> list[tuple[str, Contact | None]]:
    """Each member of a group card with its contact, None where the viewer sees none of that UID."""
    names = {named(uri) for uri in uris}
    found = contacts.with_uids(tx, {form for name in names for form in (name, f"urn:uuid:{name}")})
    by_name = {named(contact.uid): contact for contact in found}
    return [(uri, by_name.get(named(uri))) for uri in uris]


def superior(tx: Tx, contact: Contact) -> Contact | None:
    """Whom a contact reports to, None where the viewer sees no such contact."""
    uid = superiors.uid_of(vcard.load(contact.vcard)).casefold()
    return next(iter(contacts.with_uids(tx, superiors.forms(uid))), None) if uid else None


def superior_uid(tx: Tx, ref: str, of: int | None = None) -> str:
    """The UID to write for a superior that was named by a REF; ``of``: the contact that is to report to it.

    Raises ContactNotFound, Ambiguous, InvalidValue for one that reports to ``of`` itself, by however many steps.
    """
    above: Contact | None = contacts.resolve(tx, ref)
    assert above is not None
    uid, met = above.uid, set[int]()
    while above is not None and above.id not in met:
        if above.id == of:
            raise InvalidValue(f"contact {of} would report to itself", field="reports_to", hint="name somebody above")
        met.add(above.id)
        above = superior(tx, above)
    return uid


def forget(tx: Tx, found: Sequence[Contact]) -> int:
    """Takes the lines that name these contacts out of all other cards, and out of what is kept of their past.

    Suggestions with such a line go. An address that another contact has stays. Returns how many cards were changed.
    """
    own = {contact.id for contact in found}
    doomed = {named(contact.uid) for contact in found} | _addresses(tx, found, own)
    changed = 0
    for contact, card in _naming(tx):
        if contact.id not in own and (lines := _lines(card, doomed)):
            edits = [Remove(each.name, card.all(each.name).index(each)) for each in lines]
            records.rewrite(tx, contact, vcard.load(vcard.patch(card, edits)))
            changed += 1
    past = [step for step in revisions.naming(tx.db) if step.before and _lines(vcard.load(step.before), doomed)]
    revisions.forget_texts(tx.db, [step.id for step in past])
    tidy(tx, sorted({step.contact_id for step in past} - own))
    wished = {each.id: each for name in sorted(NAMES) for each in suggestions.holding(tx.db, name)}
    suggestions.remove(
        tx.db,
        [key for key, each in wished.items() if any(_lines(vcard.load(t), doomed) for t in (each.base, each.wanted))],
    )
    return changed


def naming(tx: Tx, gone: Sequence[Contact], kept: Contact) -> list[int]:
    """Ids of the other cards that name, by their UIDs, contacts that were merged into another one."""
    return sorted({each for _merged, ids in naming_any(tx, [(kept, gone)]) for each in ids})


def naming_any(tx: Tx, merged: Sequence[Merged], among: Sequence[int] | None = None) -> list[tuple[Merged, set[int]]]:
    """What was merged and is named by other cards (of all, or ``among`` these), with the ids of those."""
    by_name = {name: each for each in merged for name in _names(each[1], each[0])}
    found: dict[int, tuple[Merged, set[int]]] = {}
    for contact, card in _naming(tx, among) if by_name else ():
        for line in _lines(card, by_name.keys()):
            each = by_name[named(line.text())]
            if contact.id not in (each[0].id, *(gone.id for gone in each[1])):
                found.setdefault(each[0].id, (each, set()))[1].add(contact.id)
    return list(found.values())


def _naming(tx: Tx, among: Sequence[int] | None = None) -> Iterator[tuple[Contact, vcard.Card]]:
    """Every contact whose card names others, whoever sees it; or ``among`` these, which need not name any."""
    for some in stored.batches(sought.naming(tx.db, NAMES) if among is None else among):
        for contact in stored.fetch(tx.db, some):
            yield contact, vcard.load(contact.vcard)


def _names(gone: Sequence[Contact], kept: Contact) -> set[str]:
    return {named(contact.uid) for contact in gone} - {named(kept.uid)}


def follow(tx: Tx, gone: Sequence[Contact], kept: Contact, contact_ids: Sequence[int]) -> None:
    """Lets the lines of these cards that name a contact by its UID name the one that it was merged into.

    An address (``mailto:``) stays as it is.
    """
    names = _names(gone, kept)
    for contact in stored.fetch(tx.db, contact_ids):
        card = vcard.load(contact.vcard)
        has = {(each.name, each.params) for each in _lines(card, {named(kept.uid)})}
        edits: list[Remove | Set] = []
        for each in _lines(card, names):
            nth = card.all(each.name).index(each)
            twice = (each.name, each.params) in has
            edits.append(Remove(each.name, nth) if twice else Set(each.name, _renamed(each, kept), nth=nth))
            has.add((each.name, each.params))
        records.rewrite(tx, contact, vcard.load(vcard.patch(card, edits)), Event.COMBINED)


def _renamed(found: Property, contact: Contact) -> Value:
    """The name of another contact, written as this one is."""
    prefix = found.text().strip()[: len(_URN)]
    return Raw(prefix + contact.uid.removeprefix(_URN)) if prefix.casefold() == _URN else contact.uid


def _addresses(tx: Tx, found: Sequence[Contact], own: set[int]) -> set[str]:
    """Mail addresses that only these contacts have."""
    addresses = {each.value for contact in found for each in fields.read(vcard.load(contact.vcard)).emails}
    having = sought.having(tx.db, "email", addresses)
    return {named(address) for address in addresses if not having.get(address, own) - own}


def _lines(card: vcard.Card, doomed: Collection[str]) -> list[Property]:
    return [each for each in card.properties if each.name in NAMES and named(each.text()) in doomed]
