"""Which contacts a command means: REF (id, UID, mail address, name), ``-`` for ids on stdin, ``--where`` a search."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from sharedbook.domain import folding
from sharedbook.domain.errors import Ambiguous, ContactNotFound
from sharedbook.domain.model import Contact
from sharedbook.formats.vcards import fields, vcard
from sharedbook.services.contacts import contacts, search, trash
from sharedbook.services.tx import Tx

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was named on the command line; stdin has been read already, so that a rehearsal sees the same."""

    refs: tuple[str, ...]
    where: str | None

    def contacts(self, tx: Tx, *, in_trash: bool = False) -> list[Contact]:
        """The contacts meant, each once; ``in_trash``: refs that fit nothing else are looked for in the trash.

        Raises ContactNotFound, Ambiguous, InvalidQuery.
        """
        found = [_resolve(tx, ref, in_trash=in_trash) for ref in self.refs]
        if self.where is not None:
            found += search.find(tx, search.Search(search.query(tx, self.where)))
        return list({contact.id: contact for contact in found}.values())


def _resolve(tx: Tx, ref: str, *, in_trash: bool) -> Contact:
    try:
        return contacts.resolve(tx, ref)
    except ContactNotFound:
        trashed = [each for each in trash.list_trash(tx) if _is_called(each, ref)] if in_trash else []
        if len(trashed) > 1:
            ids = ", ".join(str(contact.id) for contact in trashed)
            raise Ambiguous(f"{ref} matches several contacts in the trash: {ids}", hint="name one by its id") from None
        if not trashed:
            raise
        return trashed[0]


def _is_called(contact: Contact, ref: str) -> bool:
    mails = (each.value for each in fields.read(vcard.load(contact.vcard)).emails)
    return ref == contact.uid or folding.fold(ref) in map(folding.fold, (contact.name, *mails))


def where_option(command: Decorated) -> Decorated:
    """Adds --where; the command gets it as ``where``."""
    return click.option("--where", metavar="QUERY", help="All contacts that this query finds (see `contact find`).")(
        command
    )


def chosen(refs: tuple[str, ...], where: str | None) -> Chosen:
    """Reads stdin for ``-``. Raises click.UsageError when nothing is named."""
    if not refs and where is None:
        raise click.UsageError("Name contacts: REF..., - for ids on stdin, or --where QUERY.")
    named = [ref for ref in refs if ref != "-"]
    for line in sys.stdin if "-" in refs else ():
        words = line.split()
        named += words if all(word.isdecimal() for word in words) else [line.strip()]  # a name may have spaces
    return Chosen(tuple(named), where)
