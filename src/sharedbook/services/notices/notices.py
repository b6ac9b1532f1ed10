"""What postmasters are told without asking: a queue in the database, sent by mail and to a webhook where these are set.

A notice holds ids, counts and names of groups and members, never what stands in a contact. It is written in the
transaction of what it tells of; ``serve`` sends it within a minute, outside of any transaction. Before a try it is
claimed under the write lock, so that of two nodes only one sends it; what fails is tried again, ever less often, for
two days, and stays in ``notice list`` and ``doctor``. A mail that was refused for one postmaster is tried again for him
alone.
"""

from __future__ import annotations

from datetime import timedelta

from sharedbook.domain import access
from sharedbook.services.tx import Tx
from sharedbook.store import notices
from sharedbook.store.notices import Notice as Notice

SHOWN = 100


def add(tx: Tx, kind: str, subject: str, text: str, **ids: int) -> None:
    """Tells the postmasters, once this transaction is committed. ``kind``: a stable name, such as hold.raised."""
    notices.add(tx.db, tx.now, kind, subject, text, ids)


def remind(tx: Tx, kind: str, subject: str, text: str, *, days: int, **ids: int) -> None:
    """Tells what lasts, unless that was told within so many days."""
    told = notices.last_told(tx.db, kind)
    if told is None or tx.now - told > timedelta(days=days):
        add(tx, kind, subject, text, **ids)


def add_once(tx: Tx, kind: str, subject: str, text: str, **ids: int) -> None:
    """Tells of something, unless it was told already."""
    if notices.last_told(tx.db, kind, ids) is None:
        add(tx, kind, subject, text, **ids)


def list_notices(tx: Tx) -> list[Notice]:
    """The latest notices, the newest first."""
    access.require_manage(tx.viewer, "list notices")
    return notices.latest(tx.db, SHOWN)
