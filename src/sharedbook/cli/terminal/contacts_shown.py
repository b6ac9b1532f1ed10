"""Contacts as JSON objects and as tables."""

from __future__ import annotations

from collections.abc import Sequence

from sharedbook.cli.terminal import json_keys
from sharedbook.cli.terminal.output import rfc3339
from sharedbook.domain.model import Contact
from sharedbook.formats.entries import types
from sharedbook.formats.entries.custom_values import PREFIX
from sharedbook.formats.vcards import fields, vcard
from sharedbook.services.books import groups
from sharedbook.services.contacts import custom_fields, mentions
from sharedbook.services.people import subjects
from sharedbook.services.tx import Tx

COLUMNS = {"Id": "id", "Name": "name", "Mail": "emails", "Phone": "phones", "Company": "organization"}


def row(record: json_keys.Object) -> json_keys.Object:
    """A contact for a table: the first of its mail addresses and numbers, and how many more there are."""
    name = f"{record['name']} (group card)" if record["kind"] == fields.GROUP_CARD else record["name"]
    return {**record, "name": name, "emails": _first(record["emails"]), "phones": _first(record["phones"])}


def _first(found: Sequence[json_keys.Object]) -> str:
    more = f" +{len(found) - 1}" if len(found) > 1 else ""
    return f"{found[0]['value']}{more}" if found else ""


def lines(record: json_keys.Object) -> json_keys.Object:
    """A contact in detail, for people: its columns by the names that `contact set` takes, then what is kept beside."""
    held = record["fields"]
    shown = {name: text for name, text in held.items() if not name.endswith(".type")}
    typed = {name: f"{text} ({held[f'{name}.type']})" for name, text in shown.items() if f"{name}.type" in held}
    if record["reports_to"]:
        shown["reports_to"] = f"{record['reports_to']['name']} ({record['reports_to']['id']})"
    kind = {"kind": "group card"} if record["kind"] == fields.GROUP_CARD else {}
    custom = {f"{PREFIX}{name}": "\n".join(values) for name, values in record["custom"].items()}
    members = {"members": [each["name"] or each["uri"] for each in record["members"]]}
    beside = ("uid", "groups", "owner", "visibility", "version", "created", "modified", "trashed", "source")
    return {"id": record["id"], **kind, **shown, **typed, **custom, **members, **{key: record[key] for key in beside}}


def objects(tx: Tx, found: Sequence[Contact]) -> list[json_keys.Object]:
    """The contacts as JSON objects, in their order."""
    slugs = {group_id: group.slug for group_id, group in groups.names(tx).items()}
    named = {each.owner_id for each in found if each.owner_id}.union(*(each.visibility.listed for each in found))
    labels = {subject_id: subject.label for subject_id, subject in subjects.by_ids(tx, named).items()}
    assigned = custom_fields.assigned(tx, [each.id for each in found])
    return [{**_object(contact, slugs, labels), "assigned": assigned.get(contact.id)} for contact in found]


def _object(contact: Contact, slugs: dict[int, str], labels: dict[int, str]) -> json_keys.Object:
    read = fields.read(vcard.load(contact.vcard))
    return {
        "id": contact.id,
        "uid": contact.uid,
        "kind": read.kind,
        "name": contact.name,
        "emails": [_typed(each) for each in read.emails],
        "phones": [_typed(each) for each in read.phones],
        "organization": read.organization or None,
        "groups": [slugs[group_id] for group_id in contact.groups if group_id in slugs],
        "owner": labels.get(contact.owner_id) if contact.owner_id else None,
        "visibility": {
            "kind": str(contact.visibility.kind),
            "subjects": sorted(labels[each] for each in contact.visibility.listed if each in labels),
        },
        "version": contact.version,
        "modified": rfc3339(contact.modified),
        "trashed": rfc3339(contact.trashed_at),
    }


def _typed(found: fields.Typed) -> json_keys.Object:
    return {"type": found.label or types.type_text(found.types), "value": found.value, "pref": found.pref}


def detail(tx: Tx, contact: Contact) -> json_keys.Object:
    """One contact with all its columns."""
    members = mentions.members(tx, fields.read(vcard.load(contact.vcard)).members)
    superior = mentions.superior(tx, contact)
    return {
        **objects(tx, [contact])[0],
        "fields": columns_of(contact.vcard),
        "members": [
            {"uri": uri, "id": found.id if found else None, "name": found.name if found else None}
            for uri, found in members
        ],
        "reports_to": {"id": superior.id, "name": superior.name} if superior else None,
        "custom": custom_fields.by_name(tx, [contact.id]).get(contact.id, {}),
        "created": rfc3339(contact.created),
        "source": contact.source,
    }


def columns_of(text: str) -> dict[str, str]:
    """What a stored card holds, by column name; its UID, which has a key of its own, left out."""
    from sharedbook.formats.entries import entry_cards  # a list of contacts, which people wait for, has no columns

    cells = entry_cards.cells(entry_cards.of_card(vcard.load(text)))
    return {column.name: value for column, value in cells.items() if column.field != "uid"}
