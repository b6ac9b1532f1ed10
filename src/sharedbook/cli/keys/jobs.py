"""The --json objects of what touches many contacts at once."""

from __future__ import annotations

from collections.abc import Mapping

KEYS: Mapping[str, Mapping[str, str]] = {
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
