"""A contact's history: what each step changed, who last changed a field, and the way back to an earlier text.

A revision holds the text before it; the text after it is what the next step that changed the text had before. Steps
older than the site keeps are forgotten, but not the first: what it changed may then hold what they changed, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from sharedbook.domain.errors import InvalidValue, NotFound, Protected, UidConflict
from sharedbook.domain.model import ASSIGNED_ID, WRITES_TEXT, Contact, CustomField, Event, Revision
from sharedbook.formats.entries import card_diff, columns, custom_values
from sharedbook.formats.entries.columns import FIELDS
from sharedbook.formats.vcards import vcard
from sharedbook.services.contacts import contacts, custom_fields
from sharedbook.services.tx import Tx

_BESIDE = {
    Event.MOVED: "groups",
    Event.COPIED: "groups",
    Event.OWNER: "owner",
    Event.VISIBILITY: "visibility",
    Event.SOURCE: "the directory that keeps it",
}
"""What a step changed beside the card: no revision holds it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step, with the texts around it: ``before`` None for *added*; ``after`` None where it was erased.

    ``custom_before`` and ``custom_after``: values around it, by the ids of the fields that the site has now.
    ``known``: whether both texts are known. ``whole``: whether no forgotten step can be part of what changed.
    """

    revision: Revision
    before: str | None
    after: str | None
    known: bool
    whole: bool
    custom_before: custom_fields.Values
    custom_after: custom_fields.Values
    fields: Mapping[int, CustomField]

    @property
    def by_field(self) -> list[card_diff.Difference]:
        """What changed, by field; the custom fields last."""
        return [*(card_diff.by_field(self.before, self.after) if self._changed else []), *self._by_custom_field]

    @property
    def _by_custom_field(self) -> Iterator[card_diff.Difference]:
        for key, field in self.fields.items():
            before, after = (held.get(key, ()) for held in (self.custom_before, self.custom_after))
            if before != after:
                texts = (custom_values.written(field, values) or None for values in (before, after))
                yield card_diff.Difference(f"{custom_values.PREFIX}{field.name}", *texts)

    @property
    def by_property(self) -> list[card_diff.Difference]:
        """What changed in the card, by property."""
        return card_diff.by_property(self.before, self.after) if self._changed else []

    @property
    def _changed(self) -> bool:
        return self.known and self.before != self.after


def steps(tx: Tx, contact_id: int) -> list[Step]:
    """Every remembered step, the oldest first. Raises ContactNotFound."""
    contact = contacts.get(tx, contact_id)
    revisions = contacts.history(tx, contact_id)
    joined = _joined(tx, contact, revisions)
    found = []
    text: str | None = contact.vcard
    fields = {field.id: field for field in custom_fields.every(tx)}
    custom = custom_fields.values(tx, contact_id)
    for revision in reversed(revisions):
        after, custom_after = text, custom
        if revision.event in WRITES_TEXT:
            text = revision.before
        added = revision.event is Event.ADDED
        before = None if added else text
        writes = added or revision.event in WRITES_TEXT
        custom = {} if added else {**custom, **custom_fields.before(revision.custom or "{}")}
        known = not writes or (after is not None and (added or before is not None))
        whole = revision.id != joined
        found.append(Step(revision, before, after, known, whole, custom, custom_after, fields))
    return found[::-1]


def _joined(tx: Tx, contact: Contact, revisions: list[Revision]) -> int | None:
    """The step whose change may hold those of forgotten ones: the first with a text, once it is old enough.

    Each new text raised the version by one, so nothing is forgotten where the version counts no more than they do.
    """
    first = next((each for each in revisions if each.before is not None), None)
    if first is None or first.at >= tx.now - timedelta(days=tx.site.settings.history_days):
        return None
    texts = sum(each.event in WRITES_TEXT for each in revisions)
    return first.id if contact.version - 1 > texts else None


# ---- back to an earlier text


@dataclass(frozen=True, slots=True)
class Reverted:
    """A contact after ``revert``; ``notes`` say what is not as it was then."""

    contact: Contact
    changed: bool
    notes: list[str]


def revert(tx: Tx, contact_id: int, revision_id: int) -> Reverted:
    """Gives a contact the exact text that it had after a revision, as a new one, and its custom fields.

    Raises ContactNotFound, NotFound for a revision of another contact, Protected for one whose text was erased or a
    contact in the trash, UidConflict, Forbidden.
    """
    contact = contacts.get(tx, contact_id)
    found = steps(tx, contact_id)
    place = next((place for place, step in enumerate(found) if step.revision.id == revision_id), None)
    if place is None:
        raise NotFound(
            f"contact {contact_id} has no revision {revision_id}", hint=f"run: sharedbook contact history {contact_id}"
        )
    step = found[place]
    if step.after is None:
        raise Protected(f"the text of revision {revision_id} was erased", hint="go back to another revision")
    card = vcard.load(step.after)
    if card.uid != contact.uid:
        raise UidConflict(
            f"the card of revision {revision_id} has another UID, and a contact keeps its own",
            hint="add that card as a new contact",
        )
    contacts.replace(tx, contact_id, card, event=Event.REVERTED)
    custom = {key: step.custom_after.get(key, ()) for key in step.fields}
    gone = custom_fields.strangers(tx, custom)
    custom_fields.write(tx, contact_id, {**custom, ASSIGNED_ID: ()} if gone else custom)
    now = contacts.get(tx, contact_id)
    notes = [*_not_restored(found[place:]), *(f"{login} is no longer a member: assigned to nobody" for login in gone)]
    return Reverted(now, now.version != contact.version, notes)


def _not_restored(since: list[Step]) -> Iterator[str]:
    if not since[0].whole:
        yield "later steps are forgotten: this is the text as it stood after them"
    beside = (_BESIDE.get(step.revision.event) for step in since[1:])
    for what in dict.fromkeys(filter(None, beside)):
        yield f"{what}: changed since, and stays as it is now"


# ---- who last changed a field


@dataclass(frozen=True, slots=True)
class Origin:
    """The step that last changed a field, and the field's value then and now; None: empty.

    ``certain``: it was this step, and none that is forgotten.
    """

    field: str
    value: str | None
    before: str | None
    revision: Revision
    certain: bool


def why(tx: Tx, contact_id: int, field: str) -> Origin:
    """Where a field's value, or its absence, comes from: of a field with several values, that very value.

    ``field`` is a column, ``photo``, ``custom:NAME``, or a property's name. Raises ContactNotFound, NotFound for a
    custom field that the site has not, and InvalidValue for what is not a field or was never in this contact.
    """
    if field.startswith(custom_values.PREFIX):
        return _why_custom(tx, contact_id, custom_fields.get(tx, field))
    found = steps(tx, contact_id)
    texts = [text for step in found for text in (step.before, step.after)]
    held = {name for text in dict.fromkeys(texts) for name in card_diff.fields_of(text)}
    name = _field(field, held)
    value = card_diff.fields_of(found[-1].after).get(name)
    for step in reversed(found):
        if not step.known or _touched(step, name, value):
            before = card_diff.fields_of(step.before).get(name)
            return Origin(name, value, before, step.revision, step.known and step.whole)
    hint = f"see: sharedbook contact show {contact_id}"
    raise InvalidValue(f"contact {contact_id} never had {name}", field=name, hint=hint)


def _why_custom(tx: Tx, contact_id: int, field: CustomField) -> Origin:
    """The same for a custom field. Its steps go with time, even the first: what *added* shows may be theirs."""
    name = f"{custom_values.PREFIX}{field.name}"
    forgotten = tx.now - timedelta(days=tx.site.settings.history_days)
    for step in reversed(steps(tx, contact_id)):
        change = next((each for each in step.by_field if each.name == name), None)
        if change is not None:
            certain = step.revision.event is Event.CUSTOM or step.revision.at >= forgotten
            return Origin(name, change.after, change.before, step.revision, certain)
    hint = f"see: sharedbook contact show {contact_id}"
    raise InvalidValue(f"contact {contact_id} never had {name}", field=name, hint=hint)


def _field(field: str, held: set[str]) -> str:
    """The name by which a field is known here. Raises InvalidValue with the nearest names."""
    known = next((name for name in (field, field.upper()) if name in held), None)
    return known or (field if field == card_diff.PHOTO else columns.column(field).name)


def _touched(step: Step, name: str, value: str | None) -> bool:
    """Whether a step brought the value or, where there is none, took the last one away."""
    column = columns.parse(name)
    if value and column and FIELDS[column.field].many and column.part != "type":
        has = card_diff.has_value
        return has(step.after, column, value) and not has(step.before, column, value)
    return card_diff.fields_of(step.before).get(name) != card_diff.fields_of(step.after).get(name)
