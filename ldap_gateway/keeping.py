"""What of a contact's place in the directory is kept in the database, so that a start reads no cards."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

import phonenumbers

import ldap_gateway
from ldap_gateway.index import Document
from sharedbook import domain, formats
from sharedbook.services.feed import DirectoryEntry, FeedContact

_BETWEEN = "\x1e"
"""Stands in no attribute's name and in no folded text."""


def kept(document: Document, texts: dict[str, str]) -> DirectoryEntry:
    """A document and the texts that it is found by, as they are kept."""
    flat = _BETWEEN.join(part for item in texts.items() for part in item)
    return DirectoryEntry(document.start, document.entry, document.more, flat)


def restored(contact: FeedContact, entry: DirectoryEntry) -> tuple[Document, dict[str, str]]:
    """What ``kept`` was made of, with the contact's groups and audience of today."""
    flat = entry.texts.split(_BETWEEN)
    document = Document(contact.id, contact.key, contact.groups, contact.audience, entry.entry, entry.start, entry.more)
    return document, dict(zip(flat[::2], flat[1::2], strict=True))


def stamp(*settings: object) -> str:
    """Names what makes entries: these settings, and the code. What is kept under another stamp is made anew."""
    text = json.dumps([_code(), phonenumbers.__version__, *settings])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@cache
def _code() -> str:
    found = hashlib.sha256()
    for package in (ldap_gateway, formats, domain):
        for path in sorted(Path(str(package.__file__)).parent.rglob("*.py")):
            found.update(path.read_bytes())
    return found.hexdigest()
