"""All that is held on one person, found by a mail address: for a report to that person (GDPR article 15) and to erase.

A person's contacts are those with the address among their mail addresses. Elsewhere it may be mentioned: in earlier
texts of other contacts, in kept rows of imports, in another property of another contact, or as a member's own address.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, BinaryIO

from sharedbook.domain import access, folding
from sharedbook.domain.errors import InvalidValue
from sharedbook.domain.model import Contact, Member, Revision
from sharedbook.domain.query import Op, Some, Test
from sharedbook.services.audit import audit_log
from sharedbook.services.books import groups
from sharedbook.services.contacts import custom_fields, search
from sharedbook.services.erasing import marks
from sharedbook.services.erasing.marks import Marks
from sharedbook.services.tx import Tx
from sharedbook.services.writing import photos
from sharedbook.store import app_passwords, jobs, revisions, sought, subjects, suggestions, teams
from sharedbook.store.contacts import fetch
from sharedbook.store.suggestions import Suggestion


@dataclass(frozen=True, slots=True)
class Held:
    """What is held. ``history``: steps of ``contacts``; ``elsewhere``: steps of others whose earlier text has the mail.

    ``suggestions``: those for ``contacts``, and others with the mail in them.
    ``mentions``: ids of other contacts that have it in some value; ``job_rows``: job, line, cells (one text).
    """

    mail: str
    contacts: list[Contact]
    history: list[Revision]
    elsewhere: list[Revision]
    suggestions: list[Suggestion]
    mentions: list[int]
    job_rows: list[tuple[int, int, str]]
    members: list[Member]

    @property
    def empty(self) -> bool:
        """Whether nothing is held."""
        found = (self.contacts, self.elsewhere, self.suggestions, self.mentions, self.job_rows, self.members)
        return not any(found)


def find(tx: Tx, mail: str) -> Held:
    """What is held on a person. Raises InvalidValue when ``mail`` is not a mail address."""
    access.require_manage(tx.viewer, "report on persons")
    mail = mail.strip()
    local, _, host = mail.rpartition("@")
    if not local or not host or any(character.isspace() for character in mail):
        raise InvalidValue(f"{mail!r} is not a mail address", field="mail", hint="give one, such as minji@example.com")
    query = Some("email", (Test(Op.EQUALS, mail),))
    found = [each for trashed in (False, True) for each in search.find(tx, search.Search(query, trashed=trashed))]
    own = {contact.id for contact in found}
    wished = suggestions.of_contacts(tx.db, sorted(own))
    folded, whole = folding.fold(mail), _whole(mail)
    return Held(
        mail,
        found,
        [step for contact in found for step in revisions.of_contact(tx.db, contact.id)],
        [step for step in steps_with(tx, mail) if step.contact_id not in own],
        wished + [each for each in suggestions_with(tx, mail) if each.contact_id not in own],
        _mentions(tx, folded, whole, own),
        [row for row in jobs.every_cells(tx.db) if whole.held(row[2])],
        [member for member in subjects.members(tx.db) if folded in (member.email, member.login)],
    )


def steps_with(tx: Tx, mail: str) -> list[Revision]:
    """Steps of any contact whose earlier text has the mail address."""
    whole = _whole(mail)
    return [each for each in revisions.holding(tx.db, mail) if whole.held(f"{each.before}\n{each.custom}")]


def suggestions_with(tx: Tx, mail: str) -> list[Suggestion]:
    """Suggestions for any contact that have the mail address."""
    whole = _whole(mail)
    return [each for each in suggestions.holding(tx.db, mail) if whole.held(f"{each.base}\n{each.wanted}")]


def mails(tx: Tx) -> set[str]:
    """Every mail address, folded, in what an erasure forgets beside contacts: earlier texts, suggestions, jobs."""
    wished = (f"{each.base}\n{each.wanted}" for each in suggestions.holding(tx.db, "@"))
    words = (text for _job, text in jobs.worded(tx.db))
    cells = (text for _job, _line, text in jobs.every_cells(tx.db))
    texts = chain(revisions.every_text(tx.db), wished, words, cells)
    return {mail for text in texts for mail in marks.mails_in(text)}


def _mentions(tx: Tx, folded: str, whole: Marks, own: Collection[int]) -> list[int]:
    """Contacts but these that have the mail address in a value; the index finds it in longer ones, too."""
    found = fetch(tx.db, [each for each in sought.holding(tx.db, folded) if each not in own])
    custom = custom_fields.by_name(tx, [each.id for each in found])
    return [each.id for each in found if whole.held(f"{each.vcard}\n{custom.get(each.id)}")]


def _whole(mail: str) -> Marks:
    """What finds a mail address, but not in a longer one."""
    return Marks([marks.of_words(mail)])


def report(tx: Tx, held: Held, target: BinaryIO) -> None:
    """Writes a zip of all that is held into ``target``.

    Cards as they are and as they were, with photos as they came; who did what (by ids), kept import rows, and the
    member's account.
    """
    with zipfile.ZipFile(target, "w") as file:  # not compressed, so that a byte scan would still find it
        for contact in held.contacts:
            file.writestr(f"contacts/{contact.id}.vcf", photos.with_originals(tx, contact.id, contact.vcard))
        for step in (*held.history, *held.elsewhere):
            if step.before is not None:
                text = photos.with_originals(tx, step.contact_id, step.before)
                file.writestr(f"history/contact-{step.contact_id}-before-{step.id}.vcf", text)
        for each in held.suggestions:
            file.writestr(f"suggestions/contact-{each.contact_id}-{each.id}.vcf", each.wanted)
        for name, content in _lists(tx, held).items():
            file.writestr(f"{name}.json", json.dumps(content, ensure_ascii=False, indent=2))


def _lists(tx: Tx, held: Held) -> Mapping[str, Any]:
    slugs = {group.id: group.slug for group in groups.names(tx).values()}
    ids = [contact.id for contact in held.contacts]
    custom = custom_fields.by_name(tx, ids)
    logins, member_ids = {member.login for member in held.members}, {member.id for member in held.members}
    rows = (
        entry
        for entry in audit_log.entries(tx)
        if entry.actor in logins or not entry.members.isdisjoint(member_ids) or not entry.contacts.isdisjoint(ids)
    )
    return {
        "summary": {
            "mail": held.mail,
            "written": tx.now.isoformat(timespec="seconds"),
            "contacts": ids,
            "mentioned_in_contacts": held.mentions,
            "members": [member.login for member in held.members],
        },
        "contacts": [{**_contact(each, slugs), "custom": custom.get(each.id, {})} for each in held.contacts],
        "history": [_step(step) for step in (*held.history, *held.elsewhere)],
        "suggestions": [_suggestion(each) for each in held.suggestions],
        "audit": [_entry(each) for each in rows],
        "import_rows": [{"job": job, "line": line, "cells": text.split("\n")} for job, line, text in held.job_rows],
        "members": [_member(tx, member) for member in held.members],
    }


def _contact(contact: Contact, slugs: Mapping[int, str]) -> dict[str, Any]:
    return {
        "id": contact.id,
        "uid": contact.uid,
        "name": contact.name,
        "groups": [slugs[group] for group in contact.groups if group in slugs],
        "visibility": contact.visibility.kind.value,
        "created": contact.created.isoformat(),
        "modified": contact.modified.isoformat(),
        "trashed": contact.trashed_at and contact.trashed_at.isoformat(),
    }


def _step(step: Revision) -> dict[str, Any]:
    return {
        "id": step.id,
        "contact": step.contact_id,
        "at": step.at.isoformat(),
        "actor": step.actor,
        "client": step.client,
        "event": step.event.value,
        "custom_before": list(custom_fields.before(step.custom).values()) if step.custom else [],
    }


def _suggestion(each: Suggestion) -> dict[str, Any]:
    return {
        "id": each.id,
        "contact": each.contact_id,
        "at": each.at.isoformat(),
        "by": each.member,
        "client": each.client,
    }


def _entry(entry: audit_log.Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "at": entry.at.isoformat(),
        "actor": entry.actor,
        "client": entry.client,
        "action": entry.action,
        "ids": dict(entry.ids),
    }


def _member(tx: Tx, member: Member) -> dict[str, Any]:
    in_teams = subjects.by_ids(tx.db, teams.of_member(tx.db, member.id))
    return {
        "login": member.login,
        "display_name": member.display_name,
        "email": member.email,
        "postmaster": member.postmaster,
        "disabled": member.disabled,
        "teams": [team.name for team in in_teams],
        "app_passwords": [each.label for each in app_passwords.of_member(tx.db, member.id)],
    }
