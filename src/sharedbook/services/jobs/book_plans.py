"""A group as a file (``formats/entries/book_file.py``): written out, and made what a file says, as a plan first.

What the file names is compared with what the group holds; only what differs is in the plan. A contact that the file
does not name leaves the group, and goes to the trash when it is in no other. Contacts that are in another group are
shown in this one, too. ``follow_file.py`` does it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from sharedbook.domain import access
from sharedbook.domain.errors import InvalidValue, QuotaExceeded, SharedbookError, SubjectNotFound
from sharedbook.domain.model import RIGHTS, Client, Contact, CustomField, Group, Right
from sharedbook.formats.entries import book_file, custom_values, entry_cards
from sharedbook.formats.entries.book_file import BookFile, Wanted
from sharedbook.formats.entries.card_diff import Difference, by_field
from sharedbook.formats.entries.yaml_nodes import Mistakes, wrong
from sharedbook.formats.vcards import vcard
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts, custom_fields
from sharedbook.services.jobs import follow_file
from sharedbook.services.jobs.follow_file import FollowFile
from sharedbook.services.members import grants
from sharedbook.services.people import subjects
from sharedbook.services.tx import Actor, App, Tx
from sharedbook.services.writing import records
from sharedbook.store import contacts as rows

BATCH = 500
"""Contacts that are read at once."""


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a contact. ``kind``: add, change, show (it is in another group) or leave.

    ``contact_id`` None: a new one.
    """

    kind: str
    name: str
    uid: str
    contact_id: int | None = None
    differences: Sequence[Difference] = ()


@dataclass(frozen=True, slots=True)
class GrantChange:
    """A subject's rights on the group, by its label, before and after."""

    subject: str
    before: Right
    after: Right


# ---- writing a group out


def export(app: App, actor: Actor, client: Client, ref: str) -> bytes:
    """The file of a group as it is. Raises GroupNotFound, Forbidden."""
    with app.begin(actor, client) as tx:
        access.require_manage(tx.viewer, "write a group with its grants")
        group = groups.get(tx, ref)
        rights = {each.subject.label: each.rights.words for each in grants.list_grants(tx, group.slug)}
        data = book_file.compose(group.slug, _described(tx, group), rights)
    with app.begin(actor, client, write=True) as tx:
        tx.audit("export", group=group.id)
    return data


def _described(tx: Tx, group: Group) -> Iterator[tuple[str, Mapping[str, Sequence[str]]]]:
    for some in _held(tx, group):
        living = [contact for contact in some if contact.trashed_at is None]
        custom = custom_fields.by_name(tx, [contact.id for contact in living])
        yield from ((contact.vcard, custom.get(contact.id, {})) for contact in living)


def _held(tx: Tx, group: Group) -> Iterator[list[Contact]]:
    """What a group holds, in the trash or not, page by page."""
    ids = groups.held_ids(tx, group.id)
    for at in range(0, len(ids), BATCH):
        yield rows.fetch(tx.db, ids[at : at + BATCH])


# ---- comparing a file with its group


@dataclass
class Comparison:
    """What differs between a file and its group. ``fields``: the site's own."""

    group: Group
    fields: Sequence[CustomField]
    mistakes: Mistakes
    changes: list[Change] = field(default_factory=list)
    grants: list[GrantChange] = field(default_factory=list)
    _wanted: list[tuple[int, str]] = field(default_factory=list)
    _gone: list[int] = field(default_factory=list)
    _new: list[tuple[str, str]] = field(default_factory=list)
    _granted: list[tuple[int, int, int]] = field(default_factory=list)

    @property
    def action(self) -> FollowFile:
        """What makes the group what the file says."""
        granted, new = tuple(self._granted), tuple(self._new)
        return FollowFile(self.group.id, tuple(self._wanted), tuple(self._gone), new, granted)

    @property
    def contact_ids(self) -> list[int]:
        """The contacts that it is done to; new ones have no id yet."""
        return [*(contact_id for contact_id, _wish in self._wanted), *self._gone]

    def change(self, kind: str, contact: Contact, wish: str, differences: Sequence[Difference]) -> None:
        """Takes in a contact to be changed, or shown in this group."""
        self._wanted.append((contact.id, wish))
        self.changes.append(Change(kind, contact.name, contact.uid, contact.id, differences))

    def leave(self, contact: Contact) -> None:
        """Takes in a contact that leaves the group."""
        self._gone.append(contact.id)
        self.changes.append(Change("leave", contact.name, contact.uid, contact.id))

    def add(self, uid: str, name: str, wish: str, differences: Sequence[Difference]) -> None:
        """Takes in a new contact."""
        self._new.append((uid, wish))
        self.changes.append(Change("add", name, uid, None, differences))

    def grant(self, subject_id: int, found: GrantChange) -> None:
        """Takes in a change of rights."""
        self._granted.append((subject_id, int(found.before), int(found.after)))
        self.grants.append(found)

    @property
    def added(self) -> int:
        """How many contacts are new."""
        return len(self._new)


def read(app: App, actor: Actor, client: Client, data: bytes) -> BookFile:
    """What a file says, and what is wrong in it. Raises InvalidFile for one whose group cannot be told."""
    with app.begin(actor, client) as tx:
        fields = custom_fields.fillable(tx)
    return book_file.parse(data, fields, app.site.limits)


def compare(tx: Tx, file: BookFile) -> Comparison:
    """What must be done so that the group is what the file says. Writes nothing.

    Raises Forbidden, GroupNotFound, InvalidFile with all that is wrong in the file or cannot be, and QuotaExceeded.
    """
    access.require_manage(tx.viewer, "compare a group with a file")
    found = Comparison(groups.get(tx, file.group), custom_fields.every(tx), file.mistakes)
    if file.grants is not None:
        _compare_grants(tx, found, file.grants)
    if file.contacts is not None:
        _compare_contacts(tx, found, file.contacts)
    file.mistakes.refuse()
    if found.added > max(0, records.room(tx)):
        raise QuotaExceeded(f"{found.added} new contacts are more than the limit lets in", hint="raise limits.contacts")
    return found


def _compare_contacts(tx: Tx, found: Comparison, wanted: Sequence[Wanted]) -> None:
    asked = {each.known_by: each for each in wanted}
    met: dict[tuple[str, str], int] = {}
    trashed: dict[tuple[str, str], int] = {}
    for some in _held(tx, found.group):
        custom = custom_fields.values_of(tx, [contact.id for contact in some])
        for contact in some:
            named = asked.get(("uid", contact.uid)) or asked.get(("external_id", _number(contact)))
            if contact.trashed_at is not None:
                trashed |= {named.known_by: contact.id} if named else {}
            elif named is None:
                found.leave(contact)
            elif named.known_by in met:
                found.mistakes.note(named.at, f"contacts {met[named.known_by]} and {contact.id} have this external_id")
            else:
                met[named.known_by] = contact.id
                _compare_contact(tx, found, contact, named, custom.get(contact.id, {}))
    others = [each for known_by, each in asked.items() if known_by not in met]
    in_trash = _in_trash(tx, others, trashed)
    known = contacts.with_uids(tx, {each.uid.lower() for each in others})
    elsewhere = {contact.uid.lower(): contact for contact in reversed(known)}
    for each in others:
        if contact_id := in_trash.get(each.known_by):
            hint = f"run: sharedbook trash restore {contact_id}"
            found.mistakes.note(each.at, f"contact {contact_id} lies in the trash", hint)
        else:
            _take_in(tx, found, each, elsewhere.get(each.uid.lower()))


def _in_trash(
    tx: Tx, wanted: Sequence[Wanted], trashed: Mapping[tuple[str, str], int]
) -> dict[tuple[str, str], int | None]:
    """Ids of what lies in the trash; ``trashed``: those of this group."""
    living, known = (rows.ids_of_uids(tx.db, [each.uid for each in wanted], living=only) for only in (True, False))
    return {
        each.known_by: trashed.get(each.known_by) or (known.get(each.uid) if each.uid not in living else None)
        for each in wanted
    }


def _number(contact: Contact) -> str:
    line = vcard.load(contact.vcard).first(entry_cards.SINGLE["external_id"])
    return line.text().strip() if line else ""


def _compare_contact(
    tx: Tx, found: Comparison, contact: Contact, wanted: Wanted, has: custom_fields.Values, kind: str = "change"
) -> None:
    card = None
    with _noted(found.mistakes, wanted):
        card = follow_file.exact(tx, contact, wanted.columns)
    if card is None:
        return
    values = {each.id: wanted.custom.get(each.id, ()) for each in found.fields}
    changed = {key: given for key, given in values.items() if given != has.get(key, ())}
    if kind == "change" and not changed and card.text == contact.vcard:
        return
    differences = by_field(contact.vcard, card.text)
    for each in found.fields:
        if each.id in changed:
            texts = (custom_values.written(each, given) or None for given in (has.get(each.id, ()), changed[each.id]))
            differences.append(Difference(f"{custom_values.PREFIX}{each.name}", *texts))
    found.change(kind, contact, follow_file.written(wanted.columns, changed), differences)


def _take_in(tx: Tx, found: Comparison, wanted: Wanted, elsewhere: Contact | None) -> None:
    """A contact that the group does not hold: shown in it where another group has it ``elsewhere``, or new."""
    with _noted(found.mistakes, wanted):
        uid = elsewhere.uid if elsewhere else wanted.uid or str(uuid.uuid4())
        records.refuse_uids(tx, found.group.id, found.group.slug, [uid])
        if elsewhere:
            _compare_contact(tx, found, elsewhere, wanted, custom_fields.values(tx, elsewhere.id), "show")
            return
        card = follow_file.new_card(tx, uid, wanted.columns)
        name = entry_cards.of_card(card).single["name"]
        wish = follow_file.written(wanted.columns, wanted.custom)
        found.add(uid, name, wish, by_field(None, card.text))


@contextmanager
def _noted(mistakes: Mistakes, wanted: Wanted) -> Iterator[None]:
    """Notes what refuses a contact, at the values that it is about."""
    try:
        yield
    except InvalidValue as error:
        for name, message in error.each or [(error.field or "", error.message)]:
            mistakes.note(wanted.places.get(name, wanted.at), message, error.hint)
    except SharedbookError as error:
        mistakes.note(wanted.at, error.message, error.hint)


def _compare_grants(tx: Tx, found: Comparison, wanted: Sequence[book_file.Granted]) -> None:
    has = {each.subject.id: each for each in grants.list_grants(tx, found.group.slug)}
    met = set()
    for each in wanted:
        with found.mistakes.noted():
            try:
                subject = subjects.resolve(tx, each.subject)
            except SubjectNotFound as error:
                raise wrong(each.at, error.message, error.hint) from error
            if subject.id in met:
                raise wrong(each.at, f"{subject.label} is here twice")
            met.add(subject.id)
            before = has[subject.id].rights if subject.id in has else Right(0)
            after = access.normalize(_rights(each))
            if before != after:
                found.grant(subject.id, GrantChange(subject.label, before, after))
    for subject_id, grant in has.items():
        if subject_id not in met:
            found.grant(subject_id, GrantChange(grant.subject.label, grant.rights, Right(0)))


def _rights(granted: book_file.Granted) -> Right:
    found = Right(0)
    for word in granted.rights:
        if word not in RIGHTS:
            raise wrong(granted.at, f"there is no right {word}", f"rights are: {', '.join(RIGHTS)}")
        found |= RIGHTS[word]
    if not found:
        raise wrong(granted.at, f"{granted.subject} has no right here", "leave the line out")
    return found
