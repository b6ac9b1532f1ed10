"""What a reader that keeps everything in memory, such as the LDAP index, is told: a snapshot, then the changes since.

Nothing here is filtered for a viewer: each contact comes with its audience and groups, each group with the rights on
it, each member with the subjects he is. A member sees a contact when ``audience`` names one of his subjects and one of
its ``groups`` gives VIEW to one of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sharedbook.domain import access
from sharedbook.domain.errors import InvalidToken
from sharedbook.domain.model import Change, ChangeKind, Contact, Right, SubjectKind
from sharedbook.services.contacts import superiors
from sharedbook.services.tx import Tx
from sharedbook.store import changes, contacts, directory, feed, grants, groups, subjects
from sharedbook.store.changes import LoggedChange as LoggedChange
from sharedbook.store.directory import DirectoryEntry as DirectoryEntry
from sharedbook.store.feed import FeedAppPassword as FeedAppPassword
from sharedbook.store.feed import FeedMember as FeedMember
from sharedbook.store.feed import Watch as Watch

BATCH = 500
"""How many contacts are written at once."""


@dataclass(frozen=True, slots=True)
class FeedContact:
    """A living contact; ``audience`` holds subject ids, ``groups`` group ids.

    ``vcard`` is "" in a snapshot where there is something ``kept`` of the contact instead.
    """

    id: int
    key: str
    version: int
    modified: datetime
    vcard: str
    audience: frozenset[int]
    groups: tuple[int, ...]
    kept: DirectoryEntry | None = None


@dataclass(frozen=True, slots=True)
class FeedGroup:
    """A group that is not being deleted; ``rights`` by subject id."""

    id: int
    slug: str
    name: str
    description: str
    rights: Mapping[int, Right]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything as of ``seq``. ``contacts`` is read while the transaction is open.

    ``superiors``: who reports to whom, by contact ids.
    """

    seq: int
    contacts: Iterator[FeedContact]
    groups: list[FeedGroup]
    members: list[FeedMember]
    superiors: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Delta:
    """What is other than it was, as of ``seq``. The ``gone`` are ids that nobody sees, or that log in, any more.

    ``superiors``: who reports to whom now, of those of whom that may have changed; 0 for nobody.
    """

    seq: int
    contacts: list[FeedContact]
    gone: list[int]
    groups: list[FeedGroup]
    gone_groups: list[int]
    members: list[FeedMember]
    gone_members: list[int]
    superiors: Mapping[int, int]


def snapshot(tx: Tx, stamp: str) -> Snapshot:
    """Everything, from one snapshot of the database, with what was kept under this stamp."""
    access.require_manage(tx.viewer, "read the feed")
    living = (
        FeedContact(
            each.id,
            each.key,
            each.version,
            each.modified,
            each.vcard,
            access.audience(each.visibility, each.owner_id),
            each.groups,
            each.kept,
        )
        for each in directory.living(tx.db, stamp)
    )
    above = superiors.above(tx)
    return Snapshot(changes.position(tx.db), living, _groups(tx, None), feed.members(tx.db), above)


def keep(tx: Tx, stamp: str, entries: Sequence[tuple[FeedContact, DirectoryEntry]]) -> None:
    """Keeps what was made of contacts for the next snapshot under this stamp; what has changed meanwhile is left."""
    rows = [(contact.id, contact.version, kept) for contact, kept in entries]
    for at in range(0, len(rows), BATCH):
        directory.keep(tx.db, stamp, rows[at : at + BATCH])


def few_since(tx: Tx, seq: int, most: int) -> Delta | None:
    """As ``since``, if no more than so many changes are known."""
    access.require_manage(tx.viewer, "read the feed")
    known = changes.known_since(tx.db, seq, most + 1)
    if known is None or len(known) > most:
        return None
    found = contacts.fetch(tx.db, sorted(_ids(known, ChangeKind.CONTACT)))
    return _delta(tx, seq, known, found, linked=True)


def since(tx: Tx, seq: int) -> Delta:
    """What changed after ``seq``. Raises InvalidToken when that is no longer, or not yet, known: take a snapshot."""
    access.require_manage(tx.viewer, "read the feed")
    found = feed.changed(tx.db, seq, superiors.PROPERTY)
    if found.known is None:
        raise InvalidToken(f"the changes since {seq} are not known", hint="take a new snapshot")
    return _delta(tx, seq, found.known, found.contacts, linked=found.some)


def _ids(known: Sequence[Change], kind: ChangeKind) -> set[int]:
    return {change.id for change in known if change.kind is kind}


def _delta(tx: Tx, seq: int, known: Sequence[Change], found: Sequence[Contact], *, linked: bool) -> Delta:
    """``found``: the contacts that were changed and are still there. ``linked``: whether any may name another one."""
    changed = {kind: _ids(known, kind) for kind in ChangeKind}
    living = [_contact(contact) for contact in found if contact.trashed_at is None]
    kept = _groups(tx, changed[ChangeKind.GROUP]) if changed[ChangeKind.GROUP] else []
    logins, members = _members(tx, changed[ChangeKind.SUBJECT])
    return Delta(
        known[-1].seq if known else seq,
        contacts=living,
        gone=_without(changed[ChangeKind.CONTACT], living),
        groups=kept,
        gone_groups=_without(changed[ChangeKind.GROUP], kept),
        members=members,
        gone_members=_without(logins, members),
        superiors=_superiors(tx, changed[ChangeKind.CONTACT], found if linked else ()),
    )


def _superiors(tx: Tx, changed: Collection[int], found: Sequence[Contact]) -> dict[int, int]:
    """Of the contacts that changed, and of those that name them. Most cards name nobody: they are not asked about."""
    below = superiors.below(tx, found) if found else set[int]()
    naming = below | {contact.id for contact in found if superiors.PROPERTY in contact.vcard.upper()}
    return dict.fromkeys({*changed, *below}, 0) | (superiors.above(tx, naming) if naming else {})


LOGGED = 1000
"""How many changes ``log`` gives at once."""


def log(tx: Tx, since: int | datetime) -> list[LoggedChange]:
    """The first changes after a seq, or from a time on, by ids only; none behind the last one.

    Raises InvalidToken when they are no longer known.
    """
    access.require_manage(tx.viewer, "read the feed")
    floor, position = changes.span(tx.db)
    if isinstance(since, datetime):
        found = changes.logged(tx.db, LOGGED, at=since)
        known = floor <= 1 or not found or found[0].seq > floor
    else:
        found = changes.logged(tx.db, LOGGED, after=since)
        known = floor <= since + 1 <= position + 1
    if not known:
        raise InvalidToken(
            f"the changes since {since} are not known",
            hint=f"read everything with `sharedbook export`, then go on from {position}",
        )
    return found


def _contact(contact: Contact) -> FeedContact:
    return FeedContact(
        contact.id,
        contact.key,
        contact.version,
        contact.modified,
        contact.vcard,
        access.audience(contact.visibility, contact.owner_id),
        contact.groups,
    )


def _groups(tx: Tx, ids: Collection[int] | None) -> list[FeedGroup]:
    rights: dict[int, dict[int, Right]] = {}
    for grant in grants.holding(tx.db, None):
        rights.setdefault(grant.group_id, {})[grant.subject.id] = grant.rights
    return [
        FeedGroup(group.id, group.slug, group.name, group.description, rights.get(group.id, {}))
        for group in groups.every(tx.db)
        if group.emptied_at is None and (ids is None or group.id in ids)
    ]


def _members(tx: Tx, subject_ids: Collection[int]) -> tuple[set[int], list[FeedMember]]:
    """Those of the subjects that are members or were, and those who still are."""
    named = subjects.by_ids(tx.db, subject_ids) if subject_ids else []
    logins = {subject.id for subject in named if subject.kind is SubjectKind.MEMBER}
    return logins, feed.members(tx.db, logins) if logins else []


def _without(ids: set[int], kept: list[FeedContact] | list[FeedGroup] | list[FeedMember]) -> list[int]:
    return sorted(ids - {each.id for each in kept})
