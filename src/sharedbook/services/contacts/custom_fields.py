"""The site's own fields: defined by postmasters, with values that are kept beside the card.

No client knows them, so no PUT can lose them; they follow the contact wherever it is shown, and go with it. What they
were before is kept with the step that changed them. A search names a field by its key: ``contract_no:4711``. One field
is always there: Assigned, the member who looks after the contact, who gets no right by it.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sharedbook.domain import access
from sharedbook.domain.errors import Conflict, InvalidName, InvalidValue, NameTaken, NotFound, Protected
from sharedbook.domain.model import ASSIGNED_ID, ChangeKind, Contact, CustomField, Event, FieldKind, SubjectKind
from sharedbook.formats.entries import custom_values, entries
from sharedbook.formats.entries.custom_values import PREFIX
from sharedbook.services.contacts import contacts, querylang
from sharedbook.services.people import subjects as subject_names
from sharedbook.services.tx import Tx
from sharedbook.services.writing import records
from sharedbook.store import contacts as rows
from sharedbook.store import custom_fields, subjects

Values = Mapping[int, tuple[str, ...]]
"""Values by field id; a field without a value is left out, or has ()."""

MOST_FIELDS = 100


def every(tx: Tx) -> list[CustomField]:
    """Every field, in the site's order."""
    return custom_fields.every(tx.db)


def fillable(tx: Tx) -> list[CustomField]:
    """Every field, with what is needed to read its values."""
    logins = frozenset(member.login for member in subjects.members(tx.db))
    return [replace(field, logins=logins) if field.kind is FieldKind.MEMBER else field for field in every(tx)]


def get(tx: Tx, name: str) -> CustomField:
    """A field by name, in any case, with or without ``custom:``. Raises NotFound."""
    return _named(every(tx), name)


def _named(known: Sequence[CustomField], name: str) -> CustomField:
    found = custom_values.named(known, name)
    if found is None:
        near = difflib.get_close_matches(name.removeprefix(PREFIX), [field.name for field in known], n=1)
        hint = f"did you mean {near[0]}?" if near else "see: sharedbook field list"
        raise NotFound(f"there is no custom field {name.removeprefix(PREFIX)}", hint=hint)
    return found


def add(tx: Tx, name: str, kind: FieldKind = FieldKind.TEXT, *, several: bool = False) -> CustomField:
    """A new field, behind the others. Raises InvalidName, NameTaken, Forbidden."""
    access.require_manage(tx.viewer, "define fields")
    name, known = _free_name(tx, name), every(tx)
    if len(known) >= MOST_FIELDS:
        raise InvalidName(f"there are {MOST_FIELDS} fields already", hint="remove one: sharedbook field remove FIELD")
    field_id = custom_fields.add(
        tx.db, key=custom_values.key_of(name), name=name, kind=kind.value, several=several, position=len(known) + 1
    )
    tx.audit("field.add", field=field_id)
    return get(tx, name)


def _free_name(tx: Tx, name: str, but: int | None = None) -> str:
    name = custom_values.check_name(name)
    key = custom_values.key_of(name)
    if key in querylang.FIELDS or key in querylang.ALIASES:
        raise InvalidName(f"{name} is what a search calls another field", hint="choose another name")
    if any(field.key == key and field.id != but for field in every(tx)):
        raise NameTaken(f"there is a custom field {name} already", hint="see: sharedbook field list")
    return name


def rename(tx: Tx, name: str, to: str) -> CustomField:
    """Another name; the values stay. Raises NotFound, InvalidName, NameTaken, Forbidden."""
    access.require_manage(tx.viewer, "define fields")
    field = _of_the_site(tx, name)
    to = _free_name(tx, to, but=field.id)
    custom_fields.change(tx.db, field.id, name=to, key=custom_values.key_of(to))
    tx.audit("field.rename", field=field.id)
    return get(tx, to)


def remove(tx: Tx, name: str) -> int:
    """Removes a field with its values; returns how many contacts had one. Not undoable. Raises NotFound, Forbidden."""
    access.require_manage(tx.viewer, "define fields")
    field = _of_the_site(tx, name)
    holders = custom_fields.holders(tx.db, field.id)
    custom_fields.remove(tx.db, field.id)
    tx.tick_many(ChangeKind.CONTACT, holders)
    tx.audit("field.remove", field=field.id, contacts=holders)
    return len(holders)


def _of_the_site(tx: Tx, name: str) -> CustomField:
    field = get(tx, name)
    if field.id == ASSIGNED_ID:
        raise Protected(f"every site has the field {field.name}", hint="see: sharedbook contact assign")
    return field


def reorder(tx: Tx, names: Sequence[str]) -> list[CustomField]:
    """Puts these fields first, in this order; the others follow as they were. Raises NotFound, Forbidden."""
    access.require_manage(tx.viewer, "define fields")
    first = dict.fromkeys(get(tx, name).id for name in names)
    for position, field_id in enumerate(first | dict.fromkeys(field.id for field in every(tx)), start=1):
        custom_fields.change(tx.db, field_id, position=position)
    tx.audit("field.reorder", fields=list(first))
    return every(tx)


# ---- values


def values(tx: Tx, contact_id: int) -> dict[int, tuple[str, ...]]:
    """A contact's values by field id."""
    return custom_fields.values(tx.db, [contact_id]).get(contact_id, {})


def values_of(tx: Tx, contact_ids: Sequence[int]) -> dict[int, dict[int, tuple[str, ...]]]:
    """Values by field id of each contact that has any."""
    return custom_fields.values(tx.db, contact_ids)


def by_name(tx: Tx, contact_ids: Sequence[int]) -> dict[int, dict[str, tuple[str, ...]]]:
    """Values by the field's name, in the site's order, of each contact that has any."""
    found = custom_fields.values(tx.db, contact_ids)
    names = {field.id: field.name for field in every(tx)} if found else {}
    return {
        contact_id: {names[field_id]: given for field_id, given in of_contact.items()}
        for contact_id, of_contact in found.items()
    }


def cells(tx: Tx, contact_ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """Values as one text each, by ``custom:NAME``, of each contact that has any."""
    found = custom_fields.values(tx.db, contact_ids)
    fields = {field.id: field for field in every(tx)} if found else {}
    return {
        contact_id: {
            f"{PREFIX}{fields[field_id].name}": custom_values.written(fields[field_id], given)
            for field_id, given in of_contact.items()
        }
        for contact_id, of_contact in found.items()
    }


def give(tx: Tx, contact_id: int, wanted: Values) -> None:
    """Values of a contact that was added just now: no step of its own. Raises Conflict as ``write``."""
    _refuse_stranger(tx, wanted)
    if any(wanted.values()):
        custom_fields.put(tx.db, contact_id, wanted)


def write(tx: Tx, contact_id: int, wanted: Values) -> bool:
    """Gives a contact these values in place of those it has of the same fields; returns whether anything changed.

    Its card, and so its ETag, stays. Raises as ``contacts.editable``, and Conflict for a member who is gone meanwhile.
    """
    if not wanted:
        return False
    contact = contacts.editable(tx, contact_id)
    _refuse_stranger(tx, wanted)
    changed = _changes(values(tx, contact_id), wanted)
    if changed:
        _put(tx, contact, changed)
        tx.audit("contact.custom", contact=contact_id, fields=sorted(changed))
    return bool(changed)


def _changes(has: Values, wanted: Values) -> dict[int, tuple[str, ...]]:
    return {key: tuple(given) for key, given in wanted.items() if tuple(given) != has.get(key, ())}


def _put(tx: Tx, contact: Contact, changed: Values) -> None:
    """One step of a contact's history."""
    has = values(tx, contact.id)
    custom_fields.put(tx.db, contact.id, changed)
    rows.change(tx.db, [contact.id], version=contact.version + 1)
    tx.tick(ChangeKind.CONTACT, contact.id)
    before = json.dumps({key: has.get(key, ()) for key in changed}, ensure_ascii=False)
    records.note(tx, [contact.id], Event.CUSTOM, custom=before)


def _refuse_stranger(tx: Tx, wanted: Values) -> None:
    if gone := strangers(tx, wanted):
        raise Conflict(f"{gone[0]} is no longer a member", hint="see: sharedbook member list")


def strangers(tx: Tx, wanted: Values) -> list[str]:
    """Logins among values that no member has."""
    logins = wanted.get(ASSIGNED_ID, ())
    return [login for login in logins if subjects.find(tx.db, SubjectKind.MEMBER, login) is None]


# ---- who looks after contacts


def assign(tx: Tx, contact_ids: Sequence[int], login: str | None) -> int:
    """Says which member looks after contacts, None for nobody; returns how many changed.

    Raises SubjectNotFound, and as ``contacts.editable``.
    """
    wanted = () if login is None else (subject_names.member(tx, login).login,)
    changed = [contact_id for contact_id in contact_ids if write(tx, contact_id, {ASSIGNED_ID: wanted})]
    return len(changed)


def assigned(tx: Tx, contact_ids: Sequence[int]) -> dict[int, str]:
    """The login of who looks after it, of each contact that has one."""
    found = custom_fields.values(tx.db, contact_ids)
    return {contact_id: held[ASSIGNED_ID][0] for contact_id, held in found.items() if ASSIGNED_ID in held}


def assigned_to(tx: Tx, login: str) -> list[int]:
    """Ids of the contacts that this member looks after."""
    return custom_fields.having(tx.db, ASSIGNED_ID, login)


def unassign(tx: Tx, contact_ids: Sequence[int]) -> None:
    """Takes the assigned member off these contacts: a step of deleting a member, which has checked the rights."""
    for contact in rows.fetch(tx.db, contact_ids):
        _put(tx, contact, {ASSIGNED_ID: ()})


def before(text: str) -> dict[int, tuple[str, ...]]:
    """What a step kept of the values before it."""
    return {int(key): tuple(given) for key, given in json.loads(text).items()}


# ---- changes as the command line writes them


@dataclass(frozen=True, slots=True)
class Change:
    """One change: ``operator`` is ``=``, ``+=`` or ``-=``; ``text`` is "" to empty the field."""

    name: str
    operator: str
    text: str


_CHANGE = re.compile(rf"{PREFIX}(?P<name>[^=]+?)(?P<operator>\+=|-=|=)(?P<text>.*)", re.DOTALL)


def parse(text: str) -> Change:
    """Reads ``custom:NAME=V``, ``custom:NAME+=V``, ``custom:NAME-=V``. Raises InvalidValue."""
    found = _CHANGE.fullmatch(text)
    if found is None:
        raise InvalidValue(f"{text!r} is not a change", hint="write custom:NAME=VALUE, or custom:NAME= to empty it")
    return Change(found["name"], found["operator"], found["text"])


def emptied(name: str) -> Change:
    """The change that empties a field, by ``custom:NAME``. Raises InvalidValue."""
    if "=" in name:
        raise InvalidValue(f"{name!r} is not a field", field=name, hint="see: sharedbook field list")
    return parse(f"{name}=")


def changed(tx: Tx, contact_id: int, changes: Iterable[Change]) -> Values:
    """The values of the fields that changes name, after them. Raises NotFound, InvalidValue."""
    has = values(tx, contact_id)
    known = fillable(tx)
    wanted: dict[int, tuple[str, ...]] = {}
    for change in changes:
        field = _named(known, change.name)
        wanted[field.id] = _after(tx, field, wanted.get(field.id, has.get(field.id, ())), change)
    return wanted


def _after(tx: Tx, field: CustomField, has: tuple[str, ...], change: Change) -> tuple[str, ...]:
    if change.operator == "=":
        return custom_values.read(field, change.text, tx.site.limits)
    named = f"{PREFIX}{field.name}"
    if not field.several:
        raise InvalidValue(f"{named} has one value", field=named, hint=f"set it: {named}=...")
    given = entries.words(change.text)
    if change.operator == "+=":
        return custom_values.read(field, custom_values.written(field, [*has, *given]), tx.site.limits)
    if missing := [value for value in given if value not in has]:
        raise InvalidValue(f"{named} has no value {missing[0]}", field=named, hint="see: sharedbook contact show REF")
    return tuple(value for value in has if value not in given)
