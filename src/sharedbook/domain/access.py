"""Who sees and who may: the whole permission table, on one page. Nothing else decides rights.

SEEN   = VIEW on at least one group that holds the contact AND the contact's audience names one of my subjects.
AUDIENCE = everyone (all) | the listed subjects and the owner (listed) | postmasters and the owner (private).
MAY    = the union of the grants of my subjects; no deny. The console (command line without ``--as``) may do anything.

| action on a contact          | needs                                                                     |
|------------------------------|---------------------------------------------------------------------------|
| view                         | seen                                                                      |
| add, import into a group     | ADD, IMPORT on the group                                                  |
| edit                         | seen, and EDIT on a group that shows it, or own it                        |
| delete from a group          | seen, and DELETE on that group, or own it                                 |
| delete (to the trash)        | seen, and DELETE on every group that holds it, or own it                  |
| take back an own deletion    | as if it were there: seen, and DELETE on every group, or own it           |
| merge                        | edit each, and delete (to the trash) those that are not kept              |
| set visibility               | seen and own it, or a postmaster on the console                           |
| export                       | EXPORT on a group that shows it                                           |
| name, describe a group       | a postmaster who views it, also in a mail client, or the console          |
| groups, members, teams, grants, owner, trash, erase, jobs of others | postmasters on the command line    |
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from sharedbook.domain.errors import Forbidden
from sharedbook.domain.model import (
    ALL_RIGHTS,
    EVERYONE_ID,
    NO_RIGHTS,
    POSTMASTERS_ID,
    Right,
    Visibility,
    VisibilityKind,
)


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who acts, and what they hold: loaded by one statement, reloaded after a write lock is taken.

    ``subjects``: ids of oneself, one's teams, everyone, and postmasters for a postmaster.
    ``rights``: group id -> union of the grants; groups without VIEW are not in it.
    ``view_since``: group id -> seq since when VIEW is held, in books of the present kind, without a break.
    ``subject_since``: subject id -> seq since when one has been it.
    ``lost``: groups whose VIEW was taken away lately; their books are shown empty for a while.
    ``refetched``: group id -> seq of the last refusal after which one's clients must fetch something again.
    ``merged``: has one merged book in place of one for each group; ``switched``: chose this lately, so that the books
    that went are shown empty for a while.
    ``console``: the command line without ``--as``; ``read_only``: logged in with an app password that may not write.
    """

    member_id: int | None
    name: str
    subjects: frozenset[int] = frozenset({EVERYONE_ID})
    rights: Mapping[int, Right] = field(default_factory=dict)
    view_since: Mapping[int, int] = field(default_factory=dict)
    subject_since: Mapping[int, int] = field(default_factory=dict)
    lost: frozenset[int] = frozenset()
    refetched: Mapping[int, int] = field(default_factory=dict)
    merged: bool = False
    switched: bool = False
    postmaster: bool = False
    console: bool = False
    read_only: bool = False

    def on(self, group_id: int) -> Right:
        """The rights held on a group (none: not even a view)."""
        if self.console:
            return ALL_RIGHTS
        rights = self.rights.get(group_id, NO_RIGHTS)
        return rights & (Right.VIEW | Right.EXPORT) if self.read_only else rights

    def as_read_only(self) -> Viewer:
        """The same viewer, logged in with a password that may not write."""
        return replace(self, read_only=True)

    def views(self, group_id: int) -> bool:
        """Whether the group itself may be viewed."""
        return bool(self.on(group_id) & Right.VIEW)


@dataclass(frozen=True, slots=True)
class Held:
    """What the table needs to know of a contact: its groups, owner and visibility."""

    groups: Collection[int]
    owner_id: int | None
    visibility: Visibility


def normalize(rights: Right) -> Right:
    """Any right includes VIEW."""
    return rights | Right.VIEW if rights else NO_RIGHTS


def audience(visibility: Visibility, owner_id: int | None) -> frozenset[int]:
    """The subjects that may see a contact where they view a group that holds it."""
    if visibility.kind is VisibilityKind.ALL:
        return frozenset({EVERYONE_ID})
    named = frozenset({POSTMASTERS_ID}) if visibility.kind is VisibilityKind.PRIVATE else visibility.listed
    return named if owner_id is None else named | {owner_id}


def sees(viewer: Viewer, contact: Held) -> bool:
    """SEEN."""
    if viewer.console:
        return True
    return any(viewer.views(group) for group in contact.groups) and not viewer.subjects.isdisjoint(
        audience(contact.visibility, contact.owner_id)
    )


def owns(viewer: Viewer, contact: Held) -> bool:
    """Whether the viewer is the owner and has not logged in read-only."""
    return contact.owner_id is not None and contact.owner_id == viewer.member_id and not viewer.read_only


def may_edit(viewer: Viewer, contact: Held) -> bool:
    """Edit the card: by EDIT on one of its groups, or as owner."""
    return sees(viewer, contact) and (
        owns(viewer, contact) or any(viewer.on(group) & Right.EDIT for group in contact.groups)
    )


def may_take_out(viewer: Viewer, contact: Held, group_id: int) -> bool:
    """Take the contact out of one group: DELETE there, or the owner."""
    return sees(viewer, contact) and (owns(viewer, contact) or bool(viewer.on(group_id) & Right.DELETE))


def may_trash(viewer: Viewer, contact: Held) -> bool:
    """Put the contact into the trash: it must be allowed in every group that holds it."""
    return all(may_take_out(viewer, contact, group) for group in contact.groups)


def may_take_back(viewer: Viewer, contact: Held) -> bool:
    """Undo one's own deletion: whoever might delete it again. ``contact.groups``: those that still exist."""
    return sees(viewer, contact) and may_trash(viewer, contact)


def may_set_visibility(viewer: Viewer, contact: Held) -> bool:
    """The owner who sees it, or the console."""
    return viewer.console or (sees(viewer, contact) and owns(viewer, contact))


def may_export(viewer: Viewer, contact: Held) -> bool:
    """EXPORT on one of its groups."""
    return sees(viewer, contact) and any(viewer.on(group) & Right.EXPORT for group in contact.groups)


def may_describe(viewer: Viewer, group_id: int) -> bool:
    """Name and describe a group."""
    return viewer.console or (viewer.postmaster and viewer.views(group_id) and not viewer.read_only)


def may_manage(viewer: Viewer) -> bool:
    """Groups, members, teams, grants, owners, trash, erasure: postmasters, on the command line."""
    return viewer.console


def may_see_job(viewer: Viewer, member_id: int | None) -> bool:
    """See, stop and undo a job; ``member_id``: whose it is, None for the console's."""
    return may_manage(viewer) or (member_id is not None and member_id == viewer.member_id)


def require_manage(viewer: Viewer, what: str) -> None:
    """Raises Forbidden unless the viewer is a postmaster on the command line; ``what`` completes "may not ..."."""
    if not may_manage(viewer):
        raise Forbidden(f"{viewer.name} may not {what}", hint="ask a postmaster")


def require(viewer: Viewer, right: Right, group_id: int, slug: str) -> None:
    """Raises Forbidden unless the viewer holds ``right`` on the group."""
    if not viewer.on(group_id) & right:
        raise missing(viewer, right, slug)


def missing(viewer: Viewer, right: Right, slug: str) -> Forbidden:
    """What refuses a viewer who lacks a right on a group."""
    return Forbidden(
        f"{viewer.name} may not {right.word} in {slug}",
        right=right.word,
        group=slug,
        hint=f"ask a postmaster for the right {right.word}",
    )
