"""The objects that --json answers with: every key, once, with what it holds. Keys are stable: added, never renamed.

docs/commands.md is written from ``KEYS``; a test holds each object to them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sharedbook.cli import directory_keys
from sharedbook.cli.output import rfc3339
from sharedbook.domain.model import Member, Revision, Right

if TYPE_CHECKING:
    from sharedbook.formats.problems import Problem
    from sharedbook.services.audit_log import Entry
    from sharedbook.services.erasure import Erasure, Report
    from sharedbook.services.groups import GroupInfo
    from sharedbook.services.history import Origin, Step
    from sharedbook.services.holds import Held
    from sharedbook.services.jobs import Job, JobRow
    from sharedbook.services.members import AppPassword
    from sharedbook.services.notices import Notice
    from sharedbook.services.suggestions import Open, Waiting
    from sharedbook.services.teams import TeamInfo
    from sharedbook.services.transfer import JobReport

Object = dict[str, Any]

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
        "visibility": "object of kind (all, listed, private) and subjects",
        "version": "counts its changes; --if-version compares it",
        "modified": "time of the last change",
        "trashed": "time when it was put into the trash, or null",
    },
    "contact_detail": {
        "fields": "what the card holds, by column name (those of `template`)",
        "members": "of a group card: objects of uri, id, name (null where the actor sees no such contact)",
        "custom": "the site's own fields: name -> list of values",
        "created": "time when it was added",
        "source": "the directory that keeps it, and where in it, or null",
    },
    "field": {"name": "its name", "key": "as a search names it", "kind": "text or link", "several": "up to 10 values"},
    "group": {
        "slug": "name in addresses, never used again",
        "name": "name that people read",
        "description": "what it is for",
        "default": "whether contacts without another group go here",
        "contacts": "how many contacts of it the actor may see",
        "rights": "what the actor may do in it",
    },
    "member": {
        "login": "what the member types in, and is called here",
        "display_name": "the member's name",
        "email": "the member's own address",
        "postmaster": "whether the member is one",
        "disabled": "whether logging in is refused",
        "merged_book": "whether the member has one address book with the contacts of all groups",
    },
    "secret": {"password": "the password that was made, beside the other keys; shown this once"},
    "app_password": {
        "login": "the member",
        "label": "what it is called, such as the device's name",
        "doors": "where it may be used: carddav, ldap",
        "write": "whether it may change anything",
        "expires": "time until when it works, or null",
        "last_used": "time of the last login with it, or null",
    },
    "team": {"name": "the team's name", "members": "logins of its members"},
    "grant": {
        "group": "slug of the group",
        "subject": "a login, @team, everyone or postmasters",
        "rights": "what the subject may do in it",
    },
    "viewer": {"subject": "a login", "groups": "slugs of the groups in which the member sees the contact"},
    "revision": {
        "id": "number of the revision",
        "at": "time of the change",
        "event": "added, edited, combined, moved, copied, deleted, restored, reverted, owner, visibility, custom",
        "actor": "who did it",
        "client": "through what: the door, the program, the app password's label",
    },
    "revision_detail": {
        "changes": "what it changed in the card: objects of field, before, after (null: none)",
        "properties": "the same by property: objects of property, before, after, as the card has the line",
        "known": "false where a text beside it was erased: what changed is not known",
        "whole": "false where the changes may be those of later steps, too, which are forgotten",
    },
    "reverted": {"notes": "what is not as it was then, beside the keys of the contact in detail"},
    "suggestion": {
        "id": "number of the suggestion",
        "contact": "number of the contact",
        "name": "the contact's name",
        "by": "login of the member who suggests it",
        "at": "time when it was refused and kept",
        "client": "through what: the door, the program, the app password's label",
        "version": "version of the contact that it was made on",
    },
    "suggestion_detail": {
        "changes": "what it would change in the card as it is now: objects of field, before, after (null: none)",
        "properties": "the same by property: objects of property, before, after, as the card has the line",
        "conflicts": "properties that were changed in another way since; apply then needs --force",
    },
    "origin": {
        "field": "the field asked for",
        "value": "its value now, or null",
        "before": "its value before it was changed last, or null",
        "revision": "the revision that changed it last",
        "certain": "false where it may have been a step that is forgotten",
    },
    "job": {
        "id": "number of the job",
        "kind": "what it does, such as import",
        "state": "running, done, part (rows were refused), failed",
        "actor": "who began it",
        "counts": "rows by result",
        "started": "time of its start",
        "finished": "time of its end, or null",
    },
    "job_error": {
        "line": "line of the file",
        "column": "the column, or null when the whole row is meant",
        "code": "stable name of what is wrong",
        "message": "what is wrong, in words",
        "result": "error, or needs_decision",
    },
    "setting": {
        "name": "name in sharedbook.toml, after its section",
        "variable": "name in the environment",
        "value": "what holds now",
        "default": "what holds when nothing is set",
        "source": "default, file, environment",
        "help": "what it does",
    },
    "check": {
        "name": "what was checked",
        "ok": "whether it is right",
        "message": "what was found",
        "next": "what to do, or null",
    },
    "erased": {
        "erased": "ids of the contacts that are gone",
        "books": "slugs of the books that clients fetch anew once",
        "job_rows": "how many kept rows of imports went with them",
        "clean": "false while a reader still holds old pages: run `sharedbook erase resume`",
        "scanned": "files that were searched for pieces of their values",
        "residue": "file -> how many pieces were found there",
        "certificate": "the signed certificate, or null while not clean",
    },
    "erasure": {
        "id": "number of the erasure",
        "at": "time of it",
        "actor": "who erased",
        "contacts": "how many contacts",
        "pending": "true while a reader held it up: run `sharedbook erase resume`",
        "certificate": "the signed certificate, or null while pending",
    },
    "audit": {
        "id": "number of the row",
        "at": "time, to the millisecond",
        "actor": "who",
        "client": "through which door and program",
        "action": "what, such as card.put",
        "ids": "which contacts, groups, members: ids only, never a value",
    },
    "hold": {
        "id": "number of the hold",
        "state": "held, released (it may delete until then), discarded (what it took was brought back)",
        "group": "slug of the group, or null when it is gone",
        "member": "login of the member",
        "client": "the program, or the app password's label",
        "taken": "how many cards it had taken when it was held back",
        "size": "how many cards the member saw in the group before",
        "at": "time when it was held back",
        "until": "end of the release, time of the discarding, or null",
    },
    "hold_detail": {"contacts": "contacts that it took, as they are now; those gone for good are left out"},
    "notice": {
        "id": "number of the notice",
        "at": "time",
        "kind": "what it tells of, such as hold.raised",
        "subject": "in one line",
        "text": "in whole",
        "ids": "what it is about: object of ids",
        "mailed": "time when a mail server took it, or null",
        "posted": "time when the webhook took it, or null",
        "error": "why the last try failed, or null",
    },
    "notice_key": {"key": "key of the webhook's signatures, in hexadecimal digits"},
    "backup": {
        "folder": "the backup's folder",
        "contacts": "how many contacts it holds, or were restored",
        "erased_again": "how many of a restored backup the ledger of erasures had erased again, or null",
    },
    "demo": {"contacts": "how many were added", "members": "objects of login, password, role"},
    **directory_keys.KEYS,
    "import": {
        "job": "number of the job, or null for a dry run",
        "dry_run": "true when nothing was written",
        "counts": "rows by result: added, updated, unchanged, skipped_duplicate, needs_decision, error",
        "over_quota": "rows that the limit of contacts refuses",
        "problems": "the first rows that were refused: objects of line, column, code, message",
        "warnings": "what a person should look at, as in problems; line 0 is of the file",
        "format": "what the file was",
        "encoding": "how the file was read",
        "product": "whose headers these are",
        "left_out": "columns that have no place in a contact",
        "samples": "decoded cells, to judge the encoding by",
        "gone": "ids of contacts that the directory of --ldap has no entry for any more",
    },
    "result": {
        "action": "what was done",
        "count": "how many things it concerned",
        "items": "ids or names of them",
        "dry_run": "true when it was only shown",
        "notes": "what else is worth knowing",
    },
}


def rights_words(rights: Right) -> list[str]:
    """Rights as the command line writes them."""
    return [str(right.name).lower() for right in Right if right & rights]


def group(info: GroupInfo) -> Object:
    """A group as the actor sees it."""
    found = info.group
    return {
        "slug": found.slug,
        "name": found.name,
        "description": found.description,
        "default": found.default,
        "contacts": info.contacts,
        "rights": rights_words(info.rights),
    }


def member(found: Member) -> Object:
    """A member."""
    return {
        "login": found.login,
        "display_name": found.display_name,
        "email": found.email,
        "postmaster": found.postmaster,
        "disabled": found.disabled,
        "merged_book": found.merged_book,
    }


def app_password(login: str, found: AppPassword) -> Object:
    """An app password, without its secret."""
    return {
        "login": login,
        "label": found.label,
        "doors": sorted(found.doors),
        "write": found.write,
        "expires": rfc3339(found.expires),
        "last_used": rfc3339(found.last_used),
    }


def team(info: TeamInfo) -> Object:
    """A team."""
    return {"name": info.team.name, "members": [each.login for each in info.members]}


def revision(found: Revision) -> Object:
    """One step of a contact's history."""
    return {
        "id": found.id,
        "at": rfc3339(found.at),
        "event": str(found.event),
        "actor": found.actor,
        "client": found.client,
    }


def revision_detail(step: Step) -> Object:
    """One step, with what it changed."""
    return {
        **revision(step.revision),
        **_differences(step),
        "known": step.known,
        "whole": step.whole,
    }


def suggestion(found: Waiting | Open) -> Object:
    """What a member would change."""
    return {
        "id": found.suggestion.id,
        "contact": found.contact.id,
        "name": found.contact.name,
        "by": found.suggestion.member,
        "at": rfc3339(found.suggestion.at),
        "client": found.suggestion.client,
        "version": found.suggestion.version,
    }


def suggestion_detail(found: Open) -> Object:
    """A suggestion, with what it would change."""
    return {**suggestion(found), **_differences(found), "conflicts": list(found.rebased.conflicts)}


def _differences(found: Step | Open) -> Object:
    return {
        "changes": [{"field": each.name, "before": each.before, "after": each.after} for each in found.by_field],
        "properties": [
            {"property": each.name, "before": each.before, "after": each.after} for each in found.by_property
        ],
    }


def origin(found: Origin) -> Object:
    """Where a field's value comes from."""
    return {
        "field": found.field,
        "value": found.value,
        "before": found.before,
        "revision": revision(found.revision),
        "certain": found.certain,
    }


def job(found: Job) -> Object:
    """A bulk action."""
    return {
        "id": found.id,
        "kind": found.kind,
        "state": str(found.state),
        "actor": found.actor,
        "counts": dict(found.counts),
        "started": rfc3339(found.started),
        "finished": rfc3339(found.finished),
    }


def job_error(row: JobRow) -> Object:
    """A row that was refused or waits for a decision."""
    return {**_problem(row.problem), "result": str(row.result)}


def _problem(found: Problem) -> Object:
    return {"line": found.line, "column": found.column or None, "code": found.code, "message": found.message}


def erased(report: Report) -> Object:
    """What an erasure did and proved."""
    return {
        "erased": report.contacts,
        "books": report.books,
        "job_rows": report.job_rows,
        "clean": report.clean,
        "scanned": report.scanned,
        "residue": report.residue,
        "certificate": report.certificate,
    }


def erasure(found: Erasure) -> Object:
    """An erasure of the past."""
    return {
        "id": found.id,
        "at": rfc3339(found.at),
        "actor": found.actor,
        "contacts": found.contacts,
        "pending": found.certificate is None,
        "certificate": None if found.certificate is None else json.loads(found.certificate),
    }


def audit_row(found: Entry) -> Object:
    """A row of the audit."""
    return {
        "id": found.id,
        "at": found.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "actor": found.actor,
        "client": found.client,
        "action": found.action,
        "ids": dict(found.ids),
    }


def hold(found: Held) -> Object:
    """A client that is, or was, held back."""
    return {
        "id": found.hold.id,
        "state": str(found.hold.state),
        "group": found.group or None,
        "member": found.login,
        "client": found.hold.counted.client,
        "taken": found.hold.taken,
        "size": found.hold.size,
        "at": rfc3339(found.hold.at),
        "until": rfc3339(found.hold.until),
    }


def notice(found: Notice) -> Object:
    """What the postmasters were told."""
    return {
        "id": found.id,
        "at": rfc3339(found.at),
        "kind": found.kind,
        "subject": found.subject,
        "text": found.text,
        "ids": dict(found.ids),
        "mailed": rfc3339(found.sent["mailed"]),
        "posted": rfc3339(found.sent["posted"]),
        "error": found.error or None,
    }


def imported(report: JobReport) -> Object:
    """What an import did or would do."""
    return {
        "job": report.job_id,
        "dry_run": report.dry_run,
        "counts": dict(report.counts),
        "over_quota": report.over_quota,
        "problems": [_problem(each) for each in report.problems],
        "warnings": [_problem(each) for each in report.warnings],
        "format": report.format,
        "encoding": report.encoding,
        "product": report.product,
        "left_out": list(report.left_out),
        "samples": list(report.samples),
        "gone": list(report.gone),
    }


def result(action: str, items: Iterable[object], *, dry_run: bool = False, notes: Iterable[str] = ()) -> Object:
    """What a change did to how many things."""
    done = list(items)
    return {"action": action, "count": len(done), "items": done, "dry_run": dry_run, "notes": list(notes)}
