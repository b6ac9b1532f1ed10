"""The rows of an erasure: everything that is kept of a contact is named, and goes; dead names become keyed hashes.

A new table that holds what people wrote belongs here: it goes with the contact (CASCADE), or by a step of its own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import AnyStr, NamedTuple

from sharedbook.domain.model import MERGED_ID, CardState, ChangeKind, Contact, Departed, Revision
from sharedbook.formats.vcards import fields, images, vcard
from sharedbook.services.books.shelf import name_of
from sharedbook.services.contacts import custom_fields
from sharedbook.services.erasing import marks, subject_access
from sharedbook.services.erasing.marks import Mark, Marks
from sharedbook.services.tx import Tx
from sharedbook.services.writing import records
from sharedbook.services.writing.photos import tidy
from sharedbook.store import contacts, groups, jobs, memberships, photos, refetches, revisions, suggestions, sync
from sharedbook.store.memberships import Membership

LONG = 4096
RUN, RUN_EVERY = 64, 1024
"""Of pictures and other data over LONG bytes, RUN in each RUN_EVERY are looked for: a database page has more of it."""


AT_ONCE = 50
"""Contacts whose history is read at once: each text of it may hold a picture."""


class Kept(NamedTuple):
    """Everything that was kept of contacts: what files are searched for, and by what other texts name them.

    ``revisions``: how many steps of their history there were.
    """

    values: set[str | bytes]
    marks: set[Mark]
    revisions: int


def kept_of(tx: Tx, found: Sequence[Contact]) -> Kept:
    """Values of their cards and of each earlier one, photos, UIDs and hrefs."""
    values: set[str | bytes] = {text for contact in found for text in (contact.uid, contact.name)}
    known = {mark for each in found for mark in (marks.of_words(each.uid), marks.of_name(each.name))}
    count = 0
    for at in range(0, len(found), AT_ONCE):
        some = found[at : at + AT_ONCE]
        ids = [contact.id for contact in some]
        steps = revisions.of_contacts(tx.db, ids)
        count += len(steps)
        values.update(_beside(tx, ids, steps))
        wished = (text for each in suggestions.of_contacts(tx.db, ids) for text in (each.base, each.wanted))
        before = (step.before for step in steps if step.before)
        for text in dict.fromkeys(chain((contact.vcard for contact in some), before, wished)):
            card = vcard.load(text)
            instances = fields.instances(card, tx.site.settings.default_region)
            values.update(_of_card(card), (each.value for each in instances))
            known.update(marks.of_card(card, instances))
    return Kept(values, known, count)


def _of_card(card: vcard.Card) -> Iterator[str | bytes]:
    for found in card.properties:
        if fields.is_binary(found):
            yield from _runs(found.raw)
            yield from _runs(images.inline_data(found) or b"")
        else:
            yield found.raw


def _beside(tx: Tx, ids: Sequence[int], steps: Sequence[Revision]) -> Iterator[str | bytes]:
    """What is kept beside the cards: original photos, custom fields now and before, hrefs."""
    for contact_id in photos.known(tx.db, ids):
        for data in photos.of_contact(tx.db, contact_id).values():
            yield from _runs(data)
    past = (custom_fields.before(step.custom) for step in steps if step.custom)
    for held in chain(custom_fields.values_of(tx, ids).values(), past):
        yield from chain.from_iterable(held.values())
    yield from (row.href for row in (*memberships.of_contacts(tx.db, ids), *memberships.dead_of(tx.db, ids)))


def _runs(data: AnyStr) -> list[AnyStr]:
    """What is looked for of data: all of it, or runs so close that a piece of a file that holds it holds one."""
    if len(data) <= LONG:
        return [data]
    return [data[at : at + RUN] for at in range(0, len(data), RUN_EVERY)]


def remove(tx: Tx, found: Sequence[Contact]) -> list[str]:
    """Removes contacts and buries their names; returns the slugs of the books that held them.

    A book's floor rises to the last thing about them that its clients could still be told: to now for a card that
    somebody saw, to the deletion of one in the trash. Who was told of that keeps his token.
    """
    ids = [contact.id for contact in found]
    rows = memberships.of_contacts(tx.db, ids) + memberships.dead_of(tx.db, ids)
    tx.tick_many(ChangeKind.CONTACT, ids)
    floors = Counter(sync.forget(tx.db, [contact.key for contact in found]))
    merged = refetches.forget_hrefs(tx.db, MERGED_ID, [name_of(contact.key) for contact in found])
    for group_id in {row.group_id for row in rows}:
        hrefs = [row.href for row in rows if row.group_id == group_id]
        told = [refetches.forget_hrefs(tx.db, each, hrefs) for each in (group_id, MERGED_ID)]
        floors |= Counter({group_id: max(merged, *told)})
    for row in rows:
        _bury(tx, row)
    contacts.remove(tx.db, ids)
    for group_id, floor in floors.items():
        groups.raise_floor(tx.db, group_id, floor)
    seen = {row.group_id for row in rows if row.state < CardState.TRASHED}
    slugs: list[str] = []
    for group_id in sorted({row.group_id for row in rows}):
        seq = tx.tick(ChangeKind.GROUP, group_id)
        groups.stamp(tx.db, [group_id], seq, tx.now)
        if group_id in seen:
            groups.raise_floor(tx.db, group_id, seq)
        group = groups.by_id(tx.db, group_id)
        slugs += [group.slug] if group is not None else []
    return slugs


def _bury(tx: Tx, row: Membership) -> None:
    """Href and UID become keyed hashes: they refuse a stale copy and tell nothing."""
    memberships.change(
        tx.db,
        row.group_id,
        row.href,
        href=records.buried_name(tx, row.group_id, "href", row.href),
        uid=records.buried_name(tx, row.group_id, "uid", row.uid),
        contact_id=None,
        was_contact_id=None,
        etag="",
        state=CardState.DEAD,
        reason=Departed.ERASED.value,
        died_at=tx.now,
    )


_ENDING = re.compile(r'\.\w+(?=")')
"""What kind of file a path in a JSON text is of, behind the name."""


def remove_job_rows(tx: Tx, contact_ids: Sequence[int], about: Marks) -> int:
    """Removes kept import rows that are about erased persons; returns how many.

    What jobs were told to write, such as tags, and the paths of their files are forgotten where they are on these
    contacts, had such a row, or name such a person; what they did goes with the contact.
    """
    doomed = [(job, line) for job, line, cells in jobs.every_cells(tx.db) if about.held(cells)]
    jobs.delete_rows(tx.db, doomed)
    named = {job for job, text in jobs.worded(tx.db) if about.held(f"{text}\n{_ENDING.sub('', text)}")}
    jobs.forget_texts(tx.db, named.union(jobs.about(tx.db, contact_ids), (job for job, _line in doomed)))
    return len(doomed)


def remove_suggestions(tx: Tx, contact_ids: Sequence[int], subject: str) -> int:
    """Removes what was suggested for contacts, and for others with a mail address in it; returns how many."""
    found = suggestions.of_contacts(tx.db, contact_ids)
    found += subject_access.suggestions_with(tx, subject) if subject else []
    doomed = {each.id for each in found}
    suggestions.remove(tx.db, sorted(doomed))
    return len(doomed)


def forget_in_history(tx: Tx, subject: str, but: Sequence[int]) -> int:
    """Forgets earlier texts of other contacts that hold a mail address, and photos of those; returns how many texts."""
    holding = [step for step in subject_access.steps_with(tx, subject) if step.contact_id not in but]
    revisions.forget_texts(tx.db, [step.id for step in holding])
    tidy(tx, sorted({step.contact_id for step in holding}))
    return len(holding)
