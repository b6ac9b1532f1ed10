"""The objects that --json answers with: every key, once (``keys/``). Keys are stable: added, never renamed.

docs/commands.md is written from ``KEYS``; a test holds each object to them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sharedbook.cli.keys import contacts, directories, jobs, people, site
from sharedbook.cli.terminal.output import rfc3339
from sharedbook.domain.model import Member, Revision

if TYPE_CHECKING:
    from datetime import datetime

    from sharedbook.formats.rows.problems import Problem
    from sharedbook.services.audit.audit_log import Entry
    from sharedbook.services.books.groups import GroupInfo
    from sharedbook.services.contacts.history import Origin, Step
    from sharedbook.services.contacts.letters import Letter
    from sharedbook.services.erasing.erasure import Erasure, Report
    from sharedbook.services.imports.transfer import JobReport
    from sharedbook.services.jobs.jobs import Job, JobRow, Told
    from sharedbook.services.members.members import AppPassword
    from sharedbook.services.merging.duplicates import Suggestion
    from sharedbook.services.merging.merging import Merged
    from sharedbook.services.notices.notices import Notice
    from sharedbook.services.people.teams import TeamInfo
    from sharedbook.services.refused.holds import Held
    from sharedbook.services.refused.suggestions import Open, Waiting

Object = dict[str, Any]

KEYS: Mapping[str, Mapping[str, str]] = {
    **contacts.KEYS,
    **people.KEYS,
    **jobs.KEYS,
    **site.KEYS,
    **directories.KEYS,
}


def group(info: GroupInfo) -> Object:
    """A group as the actor sees it."""
    found = info.group
    return {
        "slug": found.slug,
        "name": found.name,
        "description": found.description,
        "default": found.default,
        "contacts": info.contacts,
        "rights": info.rights.words,
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


def scan(rows: Sequence[Object], *, exact: bool, contact: Object | None) -> Object:
    """What stands on a business card, and the contact that was added."""
    return {"exact": exact, "columns": rows, "contact": contact}


def letter(found: Letter) -> Object:
    """A message that was exchanged with a contact."""
    return {
        "at": rfc3339(found.at),
        "folder": found.folder,
        "direction": "to" if found.sent else "from",
        "address": found.address,
        "subject": found.subject,
        "attachments": list(found.attachments),
    }


def link(login: str, url: str, until: datetime) -> Object:
    """A link by which a member sets his password."""
    return {"login": login, "url": url, "expires": rfc3339(until)}


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


def duplicate(found: Suggestion, names: Mapping[int, str]) -> Object:
    """Contacts that may be one, with their names by id."""
    return {
        "contacts": [{"id": each, "name": names[each]} for each in found.contacts],
        "confidence": found.confidence.name.lower(),
        "reasons": [
            {
                "contacts": list(each.pair),
                "shared": str(each.shared),
                "value": each.value,
                "likeness": each.likeness and str(each.likeness),
            }
            for each in found.reasons
        ],
    }


def merged(found: Merged, kept: Object, followers: Sequence[int]) -> Object:
    """A merge; ``kept`` is the contact in detail that came of it, ``followers`` the ids of the cards to follow it."""
    ids = [contact.id for contact in found.contacts]
    values = [
        (
            each.taken,
            {
                "field": each.field,
                "value": each.value,
                "from": ids[each.source],
                "also": [ids[place] for place in each.also],
            },
        )
        for each in found.pieces
    ]
    return {
        "contact": kept,
        "merged": ids[1:],
        "values": [value for taken, value in values if taken],
        "left_out": [value for taken, value in values if not taken],
        "joined": list(found.groups),
        "followers": list(followers),
        "dry_run": False,
        "notes": list(found.notes),
    }


def job(found: Job) -> Object:
    """A bulk action."""
    return {
        "id": found.id,
        "kind": found.kind,
        "label": found.label,
        "state": str(found.state),
        "actor": found.actor,
        "done": found.done,
        "total": found.total,
        "counts": dict(found.counts),
        "rate": None if found.rate is None else round(found.rate, 1),
        "left": None if found.left is None else round(found.left.total_seconds()),
        "started": rfc3339(found.started),
        "finished": rfc3339(found.finished),
        "undoes": found.undoes,
        "error": found.error or None,
    }


def job_error(row: JobRow) -> Object:
    """A row that was refused or waits for a decision."""
    return {**_problem(row.problem), "result": str(row.result), "contact": None}


def job_refusal(told: Told) -> Object:
    """A contact that was refused."""
    code, message = told.code, told.message
    return {
        "line": None,
        "column": None,
        "code": code,
        "message": message,
        "result": "error",
        "contact": told.contact_id,
    }


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


def result(
    action: str, items: Iterable[object], *, dry_run: bool = False, notes: Iterable[str] = (), job: int | None = None
) -> Object:
    """What a change did to how many things."""
    done = list(items)
    return {
        "action": action,
        "count": len(done),
        "items": done,
        "dry_run": dry_run,
        "notes": list(notes),
        "job": job,
    }
