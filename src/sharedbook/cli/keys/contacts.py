"""The --json objects of contacts and what was done to them."""

from __future__ import annotations

from collections.abc import Mapping

KEYS: Mapping[str, Mapping[str, str]] = {
    "contact": {
        "id": "number of the contact; never used again",
        "uid": "the card's UID",
        "kind": "what the card says it is: individual, group (a list that a mail client keeps as a card), org, ...",
        "name": "the name it is listed under",
        "emails": "mail addresses: objects of type, value, pref",
        "phones": "phone numbers: objects of type, value, pref",
        "organization": "the company, or null",
        "groups": "slugs of the groups that hold it, as far as the actor may view them",
        "owner": "login of the owner, or null",
        "assigned": "login of the member it is assigned to, or null",
        "visibility": "object of kind (all, listed, private) and subjects",
        "version": "counts its changes; --if-version compares it",
        "modified": "time of the last change",
        "trashed": "time when it was put into the trash, or null",
    },
    "contact_detail": {
        "fields": "what the card holds, by column name (those of `template`)",
        "members": "of a group card: objects of uri, id, name (null where the actor sees no such contact)",
        "reports_to": "the contact it reports to: object of id, name; null if there is none that the actor sees",
        "custom": "the site's own fields: name -> list of values",
        "created": "time when it was added",
        "source": "the directory that keeps it, and where in it, or null",
    },
    "field": {
        "name": "its name",
        "key": "its name in searches",
        "kind": "text, link or member",
        "several": "up to 10 values",
    },
    "revision": {
        "id": "number of the revision",
        "at": "time of the change",
        "event": "added, edited, combined, moved, copied, deleted, restored, reverted, owner, visibility, custom",
        "actor": "who did it",
        "client": "the door, the program, or the app password's label",
    },
    "revision_detail": {
        "changes": "what it changed in the card: objects of field, before, after (null: none)",
        "properties": "the same by property: objects of property, before, after, as the card has the line",
        "known": "false if a text next to it was erased, so that the changes are not known",
        "whole": "false if the changes may include those of later steps that are no longer kept",
    },
    "qr": {
        "contact": "number of the contact",
        "text": "the vCard in the code",
        "left_out": "names of the properties that did not all fit",
    },
    "letter": {
        "at": "time when the mailbox got it",
        "folder": "folder of the mailbox",
        "direction": "from or to the contact",
        "address": "the contact's address in it",
        "subject": "its topic",
        "attachments": "names of its attachments",
    },
    "scan": {
        "exact": "whether a code held the whole card",
        "columns": "of each column: column, value, and confidence in percent",
        "contact": "the contact that was added, or null",
    },
    "reverted": {"notes": "what differs from then, in addition to the keys of contact detail"},
    "suggestion": {
        "id": "number of the suggestion",
        "contact": "number of the contact",
        "name": "the contact's name",
        "by": "login of the member who suggests it",
        "at": "time when it was refused",
        "client": "the door, the program, or the app password's label",
        "version": "version of the contact that it was based on",
    },
    "suggestion_detail": {
        "changes": "what it would change in the card as it is now: objects of field, before, after (null: none)",
        "properties": "the same by property: objects of property, before, after, as the card has the line",
        "conflicts": "properties that have since been changed in another way; apply then needs --force",
    },
    "duplicate": {
        "contacts": "contacts that may be the same person: objects of id, name",
        "confidence": "certain, likely or possible",
        "reasons": "objects of contacts (two ids), shared (mail, uid, phone), value, likeness of their names (or null)",
    },
    "merged": {
        "contact": "the kept contact in detail, as it is after",
        "merged": "ids of the contacts that went to the trash",
        "values": "what it has: objects of field, value, from (the id of the contact that gave it), also (ids)",
        "left_out": "what it does not have: objects of field, value, from, also",
        "joined": "slugs of the groups that hold it as a result",
        "followers": "ids of other cards that named one of the others, and now name the kept one",
        "dry_run": "true when nothing was changed",
        "job": "number of the job; of a dry run, the plan's for `sharedbook apply`",
        "notes": "who sees less than before, and other remarks",
    },
    "distinct": {"contacts": "two contacts marked as different: objects of id, name"},
    "origin": {
        "field": "the field asked for",
        "value": "its value now, or null",
        "before": "its value before the last change, or null",
        "revision": "the revision that last changed it",
        "certain": "false if it may have been a step that is no longer kept",
    },
}
