"""Makes a group what a file said, as a job: grants first, then the contacts that it holds, then new ones.

The plan is made in ``book_plans.py``. What is wished of a contact is kept with the job as it stood in the file, and
forgotten when one of its contacts is erased.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sharedbook.domain import access
from sharedbook.domain.model import Contact, Group, Right
from sharedbook.formats.entries import entries, entry_cards, exact_edits
from sharedbook.formats.vcards import vcard
from sharedbook.formats.vcards.vcard import Card
from sharedbook.services.contacts import contacts, custom_fields
from sharedbook.services.jobs.actions import Action, group_of
from sharedbook.services.members import grants
from sharedbook.services.people import subjects
from sharedbook.services.tx import Tx
from sharedbook.store import contacts as rows

BATCH = 500
"""New contacts that are added at once."""


@dataclass(frozen=True)
class FollowFile(Action):
    """Makes a group what a file said. What is wished of a contact: JSON of ``columns`` and ``custom`` (by field id).

    ``wanted``: contact id and wish. ``gone``: those that leave. ``new``: UID and wish. ``grants``: subject id, rights
    before and after.
    """

    KIND = "plan"
    REVIVES = PREPARES = True
    TEXTS = frozenset({"wanted", "new"})
    group: int
    wanted: tuple[tuple[int, str], ...]
    gone: tuple[int, ...]
    new: tuple[tuple[str, str], ...]
    grants: tuple[tuple[int, int, int], ...]

    def check(self, tx: Tx) -> None:
        access.require_manage(tx.viewer, "make a group what a file says")
        group_of(tx, self.group)

    def prepare(self, tx: Tx) -> None:
        self._grant(tx, {subject: after for subject, _before, after in self.grants})

    def do(self, tx: Tx, contact_ids: Sequence[int]) -> None:
        group, wishes = group_of(tx, self.group), dict(self.wanted)
        for contact in contacts.get_many(tx, contact_ids):
            if contact.id in wishes:
                _fulfil(tx, group, contact, wishes[contact.id])
            else:
                contacts.leave(tx, contact.id, group)

    def add_new(self, tx: Tx) -> Sequence[int]:
        group = group_of(tx, self.group)
        known = rows.ids_of_uids(tx.db, [uid for uid, _wish in self.new], living=False)
        missing = [(uid, wish) for uid, wish in self.new if uid not in known][:BATCH]
        cards = [new_card(tx, uid, _read(wish)[0]) for uid, wish in missing]
        made = contacts.add_many(tx, group, cards) if cards else []
        for contact_id, (_uid, wish) in zip(made, missing, strict=True):
            custom_fields.give(tx, contact_id, _read(wish)[1])
        return made

    def revive(self, tx: Tx) -> None:
        has = self._rights(tx)
        self._grant(tx, {subject: before for subject, before, after in self.grants if has.get(subject, 0) == after})

    def again(self, tx: Tx) -> None:
        has = self._rights(tx)
        self._grant(tx, {subject: after for subject, before, after in self.grants if has.get(subject, 0) == before})

    def groups(self) -> Collection[int]:
        return (self.group,)

    def subjects(self) -> Collection[int]:
        return [subject for subject, _before, _after in self.grants]

    def _rights(self, tx: Tx) -> dict[int, int]:
        slug = group_of(tx, self.group).slug
        return {each.subject.id: int(each.rights) for each in grants.list_grants(tx, slug)}

    def _grant(self, tx: Tx, wanted: Mapping[int, int]) -> None:
        """Gives each subject these rights, where they are others; 0: none."""
        slug, has = group_of(tx, self.group).slug, self._rights(tx)
        known = subjects.by_ids(tx, list(wanted))
        for subject_id, rights in wanted.items():
            if rights and rights != has.get(subject_id):
                grants.grant(tx, slug, known[subject_id].label, Right(rights))
            elif not rights and subject_id in has:
                grants.revoke(tx, slug, known[subject_id].label)


def _fulfil(tx: Tx, group: Group, contact: Contact, wish: str) -> None:
    if group.id not in contact.groups:
        contacts.copy(tx, [contact.id], group)
    columns, custom = _read(wish)
    contacts.replace(tx, contact.id, exact(tx, contact, columns))
    custom_fields.write(tx, contact.id, custom)


def _read(wish: str) -> tuple[dict[str, str], dict[int, tuple[str, ...]]]:
    found = json.loads(wish)
    return found["columns"], {int(key): tuple(values) for key, values in found["custom"].items()}


def written(columns: Mapping[str, str], custom: Mapping[int, Sequence[str]]) -> str:
    """A wish as ``FollowFile`` keeps it: texts by column, values by custom field."""
    return json.dumps({"columns": dict(columns), "custom": dict(custom)}, ensure_ascii=False)


def exact(tx: Tx, contact: Contact, columns: Mapping[str, str]) -> Card:
    """The contact's card as the columns say. Raises InvalidValue."""
    return exact_edits.make_exact(vcard.load(contact.vcard), columns, limits=tx.site.limits)


def new_card(tx: Tx, uid: str, columns: Mapping[str, str]) -> Card:
    """A new card of these columns. Raises InvalidValue, InvalidCard."""
    limits = tx.site.limits
    found = entries.of_columns(columns, limits=limits)
    if isinstance(found, list):
        raise entries.refusal(found)
    return vcard.checked(entry_cards.build(found, uid=uid), limits)
