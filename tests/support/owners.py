"""Owners of contacts, by login: the product's own way names members by id."""

from __future__ import annotations

from collections.abc import Sequence

from sharedbook.services.contacts import contacts
from sharedbook.services.people import subjects
from sharedbook.services.tx import Tx


def set_owner(tx: Tx, contact_ids: Sequence[int], login: str | None) -> None:
    """Gives contacts to a member, or to nobody."""
    contacts.give_to(tx, contact_ids, None if login is None else subjects.member(tx, login).id)
