"""Groups and books: a group is what postmasters keep, a book is how one viewer sees it."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sharedbook.domain import access
from sharedbook.domain.errors import (
    Forbidden,
    GroupNotFound,
    InvalidName,
    InvalidValue,
    NameTaken,
    Protected,
    near_hint,
)
from sharedbook.domain.model import (
    ALL_RIGHTS,
    MERGED_ID,
    NO_RIGHTS,
    ChangeKind,
    Departed,
    Event,
    Group,
    Right,
)
from sharedbook.services.books.shelf import GroupShelf, MergedShelf, Shelf
from sharedbook.services.tx import Tx
from sharedbook.services.writing import records
from sharedbook.store import contacts, groups, memberships

NAME_LENGTH = 100
DEFAULT_NAME = "Contacts"
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Book:
    """A group as one viewer has it; or all of his groups in one, with a group of its own that is stored nowhere."""

    group: Group
    rights: Right
    shelf: Shelf

    @property
    def shown(self) -> bool:
        """False: the view was taken away lately, or he switched to the other kind of books; it is shown empty."""
        return bool(self.shelf.groups)

    @property
    def merged(self) -> bool:
        """Whether it is the merged book."""
        return self.group.id == MERGED_ID


@dataclass(frozen=True, slots=True)
class GroupInfo:
    """A group with what the viewer may do there and how many living contacts it holds."""

    group: Group
    rights: Right
    contacts: int


def slug_of(name: str) -> str:
    """The path segment of a name: Unicode letters and digits, lower case, all else a dash; may be empty."""
    folded = unicodedata.normalize("NFC", name).lower()
    return "-".join("".join(char if char.isalnum() else " " for char in folded).split())


def add(tx: Tx, name: str, *, description: str = "") -> Group:
    """A new group at the end of the list. Raises InvalidName, NameTaken."""
    access.require_manage(tx.viewer, "add groups")
    clean = _clean(tx, name)
    slug = _free_slug(tx, slug_of(clean))
    values = {"name": clean, "description": description, "modified": tx.now}
    group_id = groups.add(tx.db, {**values, "slug": slug or f"group-{tx.now.timestamp()}"})
    if not slug:
        groups.change(tx.db, group_id, slug=_free_slug(tx, f"group-{group_id}"))
    return _changed(tx, group_id, "group.add")


def make_default(tx: Tx) -> None:
    """The default group of a new site, unless there is one."""
    if not groups.every(tx.db):
        group = add(tx, DEFAULT_NAME)
        groups.change(tx.db, group.id, is_default=True)


def _free_slug(tx: Tx, slug: str) -> str:
    taken = groups.slugs_like(tx.db, slug) | RESERVED_SLUGS
    if not slug or slug not in taken:
        return slug
    return next(f"{slug}-{number}" for number in range(2, len(taken) + 3) if f"{slug}-{number}" not in taken)


MERGED_SLUG = "all"
RESERVED_SLUGS = frozenset({MERGED_SLUG})
"""Path segments that mean something else."""


def _clean(tx: Tx, name: str) -> str:
    clean = " ".join(unicodedata.normalize("NFC", name).split())
    if not clean or len(clean) > NAME_LENGTH or not clean.isprintable():
        raise InvalidName(f"a group's name has 1 to {NAME_LENGTH} printable characters", hint="give another name")
    if groups.by_name(tx.db, clean):
        raise NameTaken(f"there is a group named {clean} already", hint="see: sharedbook group list")
    return clean


def _changed(tx: Tx, group_id: int, action: str) -> Group:
    tx.tick(ChangeKind.GROUP, group_id)
    tx.audit(action, group=group_id)
    found = groups.by_id(tx.db, group_id)
    if found is None:
        raise GroupNotFound(f"group {group_id} is gone")
    return found


def get(tx: Tx, ref: str) -> Group:
    """A group by slug or by its exact name. Raises GroupNotFound when there is none or it may not be viewed."""
    found = groups.by_slug(tx.db, ref) or next(iter(groups.by_name(tx.db, ref)), None)
    if found is None or found.emptied_at is not None or not tx.viewer.views(found.id):
        known = [word for group in names(tx).values() for word in (group.slug, group.name)]
        raise GroupNotFound(f"there is no group {ref}", hint=near_hint(ref, known, "see: sharedbook group list"))
    return found


def default(tx: Tx) -> Group:
    """The group of contacts that name no other."""
    found = groups.by_id(tx.db, groups.default_id(tx.db))
    if found is None:
        raise GroupNotFound("the site has no default group", hint="run: sharedbook init")
    return found


def list_groups(tx: Tx) -> list[GroupInfo]:
    """The groups that the viewer may view, in the site's order."""
    counts = groups.counts(tx.db) if tx.viewer.console else {}
    return [GroupInfo(group, tx.viewer.on(group.id), _count(tx, group, counts)) for group in names(tx).values()]


def _count(tx: Tx, group: Group, counts: dict[int, int]) -> int:
    return counts.get(group.id, 0) if tx.viewer.console else memberships.count(tx.db, tx.viewer, group.id)


def names(tx: Tx) -> dict[int, Group]:
    """Every group that the viewer may view, by id, in the site's order; those being deleted are left out."""
    every = groups.every(tx.db)
    return {group.id: group for group in every if group.emptied_at is None and tx.viewer.views(group.id)}


def books(tx: Tx) -> list[Book]:
    """The viewer's books in the site's order, the merged one first; those lost lately included."""
    every = groups.every(tx.db)
    merged = [_merged(tx, every)] if _has_kind(tx, merged=True) else []
    single = [_book(tx, group) for group in every if _has(tx, group)] if _has_kind(tx, merged=False) else []
    return merged + single


def book(tx: Tx, slug: str) -> Book:
    """One of the viewer's books, by slug. Raises GroupNotFound."""
    if slug == MERGED_SLUG and _has_kind(tx, merged=True):
        return _merged(tx, groups.every(tx.db))
    found = groups.by_slug(tx.db, slug) if _has_kind(tx, merged=False) else None
    if found is None or not _has(tx, found):
        raise GroupNotFound("there is no such address book")
    return _book(tx, found)


def _has_kind(tx: Tx, *, merged: bool) -> bool:
    """Whether the viewer has books of this kind, or had lately."""
    return tx.viewer.merged == merged or tx.viewer.switched


def _has(tx: Tx, group: Group) -> bool:
    return tx.viewer.views(group.id) or group.id in tx.viewer.lost


def _book(tx: Tx, group: Group) -> Book:
    return Book(group, NO_RIGHTS, GroupShelf(group, shown=False)) if tx.viewer.merged else single(tx, group)


def single(tx: Tx, group: Group) -> Book:
    """A group as a book, whatever books the viewer has: for what he does through the merged one."""
    rights = _rights(tx, group)
    return Book(group, rights, GroupShelf(group, bool(rights)))


def singles(tx: Tx, merged: Book) -> dict[int, Book]:
    """The groups that a merged book shows, each as a book, by id."""
    return {group.id: single(tx, group) for group in groups.every(tx.db) if group.id in merged.shelf.groups}


def _rights(tx: Tx, group: Group) -> Right:
    rights = tx.viewer.on(group.id)
    return rights if group.emptied_at is None else rights & Right.VIEW


def _merged(tx: Tx, every: Sequence[Group]) -> Book:
    """The book of all groups that the viewer views. New cards go into the default group."""
    viewed = [group for group in every if tx.viewer.views(group.id)] if tx.viewer.merged else []
    rights = NO_RIGHTS
    for group in viewed:
        rights |= _rights(tx, group) & (ALL_RIGHTS if group.default else ~Right.ADD)
    stamp = max((group.seq for group in viewed), default=0)
    modified = max((group.modified for group in viewed), default=LONG_AGO)
    group = Group(MERGED_ID, MERGED_SLUG, tx.site.settings.carddav_merged_name, "", 0, False, stamp, 0, modified)
    return Book(group, rights, MergedShelf(frozenset(group.id for group in viewed)))


def require_describe(tx: Tx, group: Group) -> None:
    """Raises Forbidden unless the viewer may name and describe the group."""
    if not access.may_describe(tx.viewer, group.id):
        raise Forbidden(
            f"{tx.viewer.name} may not name or describe {group.slug}",
            right="describe",
            group=group.slug,
            hint="ask a postmaster",
        )


def rename(tx: Tx, ref: str, name: str) -> Group:
    """Another name; the slug stays, as clients keep it. Raises InvalidName, NameTaken."""
    group = get(tx, ref)
    require_describe(tx, group)
    if name != group.name:
        groups.change(tx.db, group.id, name=_clean(tx, name), modified=tx.now)
    return _changed(tx, group.id, "group.rename")


def describe(tx: Tx, ref: str, description: str) -> Group:
    """Another description."""
    group = get(tx, ref)
    require_describe(tx, group)
    if description.strip() != group.description:
        groups.change(tx.db, group.id, description=description.strip(), modified=tx.now)
    return _changed(tx, group.id, "group.describe")


def reorder(tx: Tx, refs: Sequence[str]) -> list[Group]:
    """Puts these groups first, in this order; the others follow as they were."""
    access.require_manage(tx.viewer, "reorder groups")
    first = list(dict.fromkeys(get(tx, ref).id for ref in refs))
    rest = [group.id for group in names(tx).values() if group.id not in first]
    for position, group_id in enumerate(first + rest, start=1):
        groups.change(tx.db, group_id, position=position)
    return [_changed(tx, group_id, "group.reorder") for group_id in first]


def set_default(tx: Tx, ref: str) -> Group:
    """Makes this the group of contacts that name no other."""
    access.require_manage(tx.viewer, "choose the default group")
    group = get(tx, ref)
    groups.clear_default(tx.db)
    groups.change(tx.db, group.id, is_default=True)
    return _changed(tx, group.id, "group.default")


@dataclass(frozen=True, slots=True)
class Deletion:
    """What deleting a group does: ids of its living contacts that stay elsewhere, go to ``target``, or to the trash."""

    group: Group
    word: str
    kept: list[int]
    moved: list[int]
    trashed: list[int]
    target: Group


def plan_deletion(tx: Tx, ref: str, *, contacts_to: str) -> Deletion:
    """What deleting a group would do; writes nothing.

    ``contacts_to``: ``keep`` (contacts left without a group go to the default one), ``trash`` (those contacts go to the
    trash), ``move:GROUP`` (all go to that group). Raises Protected for the default group, InvalidValue, GroupNotFound.
    """
    access.require_manage(tx.viewer, "delete groups")
    group = get(tx, ref)
    require_deletable(group)
    word, _, target_ref = contacts_to.partition(":")
    if word not in ("keep", "trash", "move") or (word == "move") != bool(target_ref):
        raise InvalidValue(
            f"{contacts_to!r} is not a place for contacts", field="contacts", hint="keep, trash or move:GROUP"
        )
    target = get(tx, target_ref) if word == "move" else default(tx)
    if target.id == group.id:
        raise InvalidValue("contacts cannot move into the deleted group", field="contacts", hint="name another group")
    held = contacts.fetch(tx.db, held_ids(tx, group.id))
    living = [contact for contact in held if contact.trashed_at is None]
    homeless = [contact.id for contact in living if contact.groups == (group.id,)]
    moved = [contact.id for contact in living] if word == "move" else homeless if word == "keep" else []
    trashed = homeless if word == "trash" else []
    going = {*moved, *trashed}
    return Deletion(group, word, [contact.id for contact in living if contact.id not in going], moved, trashed, target)


def require_deletable(group: Group) -> None:
    """Raises Protected for the default group."""
    if group.default:
        raise Protected(
            f"{group.slug} is the default group", hint="choose another first: sharedbook group default GROUP"
        )


def held_ids(tx: Tx, group_id: int) -> list[int]:
    """Ids of the contacts that a group holds, those in the trash too."""
    rows = memberships.of_group(tx.db, group_id)
    return sorted(row.contact_id for row in rows if row.contact_id is not None)


def clear(tx: Tx, group: Group, contact_ids: Sequence[int], word: str, target: Group) -> None:
    """Takes these contacts out of a group that is to be deleted: all, or none. Raises UidConflict, CardErased."""
    access.require_manage(tx.viewer, "delete groups")
    found = contacts.fetch(tx.db, contact_ids)
    living = [contact for contact in found if contact.trashed_at is None]
    homeless = [contact for contact in living if contact.groups == (group.id,)]
    if word == "trash":
        records.trash(tx, [contact.id for contact in homeless])
    else:
        moving = [each for each in (living if word == "move" else homeless) if target.id not in each.groups]
        records.refuse_uids(tx, target.id, target.slug, [contact.uid for contact in moving])
        records.link(tx, moving, target.id, records.fresh_hrefs(len(moving)), Event.MOVED)
    rows = {row.contact_id: row for row in memberships.of_contacts(tx.db, contact_ids) if row.group_id == group.id}
    leaving = [(contact, rows[contact.id]) for contact in contacts.fetch(tx.db, contact_ids) if contact.id in rows]
    records.take_out(tx, leaving, Departed.DELETED, Event.MOVED)


def close(tx: Tx, group_id: int) -> Group:
    """Ends a group that holds no contact."""
    access.require_manage(tx.viewer, "delete groups")
    groups.change(tx.db, group_id, emptied_at=tx.now)
    return _changed(tx, group_id, "group.delete")


def reopen(tx: Tx, group_id: int) -> None:
    """Undoes ``close``, with the grants as they were. Raises GroupNotFound once its book is gone, NameTaken."""
    access.require_manage(tx.viewer, "bring groups back")
    group = groups.by_id(tx.db, group_id)
    if group is None:
        raise GroupNotFound(f"group {group_id} is gone for good", hint="make a new one: sharedbook group add NAME")
    if group.emptied_at is not None:
        _clean(tx, group.name)
        groups.change(tx.db, group_id, emptied_at=None)
        _changed(tx, group_id, "group.reopen")
