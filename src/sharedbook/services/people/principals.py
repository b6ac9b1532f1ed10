"""Which members a member may know of, the one place that says so: CardDAV's search and pages of principals ask it.

A member knows himself, those who share a team with him (the postmasters are one), and those who hold rights on a group
on which he holds rights, each by name or through a team. A grant to everyone introduces nobody: it says nothing about
who works with whom. Whoever is disabled is known to nobody but himself. Of all others not even the login is told.
"""

from __future__ import annotations

from sharedbook.domain.errors import SubjectNotFound
from sharedbook.domain.model import EVERYONE_ID, Member
from sharedbook.services.tx import Tx
from sharedbook.store import subjects


def known(tx: Tx) -> list[Member]:
    """Every member whom the viewer may know of, himself too, by login."""
    return subjects.acquainted(tx.db, tx.viewer.member_id, tx.viewer.subjects - {EVERYONE_ID})


def find(tx: Tx, login: str) -> Member:
    """One of them, by folded login. Raises SubjectNotFound, whether there is no such member or he may not be known."""
    if tx.viewer.member_id is not None and login == tx.viewer.name:
        found = subjects.member(tx.db, login)
    else:
        found = next((member for member in known(tx) if member.login == login), None)
    if found is None:
        raise SubjectNotFound("there is no such member")
    return found
