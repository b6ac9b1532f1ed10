"""The --json objects of the site as a whole."""

from __future__ import annotations

from collections.abc import Mapping

KEYS: Mapping[str, Mapping[str, str]] = {
    "setting": {
        "name": "name in sharedbook.toml, after its section",
        "variable": "name in the environment",
        "value": "its current value",
        "default": "its value if nothing is set",
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
        "books": "slugs of the books that held them: clients reload these once, unless already told of the deletion",
        "job_rows": "how many stored import rows were removed with them",
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
    "notice": {
        "id": "number of the notice",
        "at": "time",
        "kind": "what it is about, such as hold.raised",
        "subject": "in one line",
        "text": "in whole",
        "ids": "ids of what it is about, as an object",
        "mailed": "time when a mail server took it, or null",
        "posted": "time when the webhook took it, or null",
        "error": "why the last try failed, or null",
    },
    "notice_key": {"key": "key of the webhook's signatures, in hexadecimal"},
    "backup": {
        "folder": "the backup's folder",
        "contacts": "how many contacts it holds, or were restored",
        "erased_again": "how many contacts of a restored backup were erased again from the ledger, or null",
    },
    "demo": {"contacts": "how many were added", "members": "objects of login, password, role"},
}
