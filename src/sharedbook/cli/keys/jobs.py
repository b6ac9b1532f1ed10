"""The --json objects of what touches many contacts at once."""

from __future__ import annotations

from collections.abc import Mapping

KEYS: Mapping[str, Mapping[str, str]] = {
    "job": {
        "id": "number of the job",
        "kind": "what it does, such as import, move, undo",
        "label": "the same in words, such as: move from customers to press",
        "state": "planned, waiting, running, killed, cancelled, done, part (some were refused), failed",
        "actor": "who started it",
        "done": "how many rows or contacts are done",
        "total": "how many there are, or null while unknown",
        "counts": "number of rows or contacts by result",
        "rate": "how many a second, or null",
        "left": "seconds left at this rate, or null",
        "started": "time of its start",
        "finished": "time of its end, or null",
        "undoes": "number of the job that it undoes, or null",
        "error": "what ended it early, or null",
    },
    "job_error": {
        "line": "line of the file, or null for a contact",
        "column": "the column, or null when the whole row is meant",
        "code": "stable name of what is wrong",
        "message": "what is wrong, in words",
        "result": "error, or needs_decision",
        "contact": "number of the contact, or null for a row of a file",
    },
    "plan": {
        "plan": "number of the plan, for `sharedbook apply`; null when nothing differs",
        "group": "slug of the group",
        "contacts": "what happens to contacts: objects of change (add, change, show, leave), id, uid, name, changes",
        "grants": "rights that change: objects of subject, before, after",
        "refused": "what would be refused: objects of contact, code, message",
    },
    "import": {
        "job": "number of the job; of a dry run, the plan's for `sharedbook apply`; null where there is none",
        "dry_run": "true when nothing was written",
        "counts": "rows by result: added, updated, unchanged, skipped_duplicate, needs_decision, error",
        "over_quota": "rows over the limit of contacts",
        "problems": "the first rows that were refused: objects of line, column, code, message",
        "warnings": "what a person should check, as in problems; line 0 is the file",
        "format": "the file's format",
        "encoding": "the encoding in which the file was read",
        "product": "the product whose headers these are",
        "left_out": "columns that contacts have no place for",
        "samples": "decoded cells, to judge the encoding by",
        "gone": "ids of contacts that the directory of --ldap has no entry for any more",
    },
    "result": {
        "action": "what was done",
        "count": "how many things it concerned",
        "items": "ids or names of them",
        "dry_run": "true when it was only shown",
        "notes": "remarks",
        "job": "number of the job; of a dry run, the plan's for `sharedbook apply`; null for what changed nothing",
    },
}
