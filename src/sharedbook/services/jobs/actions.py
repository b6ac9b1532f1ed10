"""Every kind of bulk action, and how each is done to some contacts in one transaction. ``bulk.py`` runs them as jobs.

A new kind is a class here (or in its own room, added to ``KINDS``): its fields are what it was told to do, ids and
words of the program; what people wrote is named in ``TEXTS`` too. ``do`` calls a service, which asks for the rights
and notes a revision for each contact that it changes. Undo needs nothing of a kind but ``revive`` and ``again``, where
it changes more than contacts: ``snapshots`` gives back those.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from sharedbook.domain import access
from sharedbook.domain.errors import GroupNotFound, NotUndoable
from sharedbook.domain.model import Group, Right, Visibility, VisibilityKind
from sharedbook.formats.entries import column_edits
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts, custom_fields, trash
from sharedbook.services.members import members
from sharedbook.services.merging import merging
from sharedbook.services.notices import notices
from sharedbook.services.tx import Tx

Notes = Mapping[int, str]
"""What is worth knowing of a contact that something was done to, by its id."""


@dataclass(frozen=True)
class Action:
    """One kind of bulk action.

    ``KIND``: its stable name. ``TEXTS``: the fields that hold what people wrote: an erasure forgets them. ``REVIVES``:
    its undo brings back more than contacts; ``PREPARES``: also where it was stopped. ``TOLD``: the postmasters are told
    of it.
    """

    KIND: ClassVar[str]
    REVIVES: ClassVar[bool] = False
    PREPARES: ClassVar[bool] = False
    TOLD: ClassVar[bool] = False
    TEXTS: ClassVar[frozenset[str]] = frozenset()

    def check(self, tx: Tx) -> None:
        """Raises what refuses the whole action, before anything is done. Writes nothing."""

    def prepare(self, tx: Tx) -> None:
        """Done once before the first contact, and again when the job goes on: the second time changes nothing."""

    def do(self, tx: Tx, contact_ids: Sequence[int]) -> Notes | None:
        """Does it to these contacts: all, or raises what refuses one of them. The job then tries fewer at once."""
        raise NotImplementedError

    def add_new(self, tx: Tx) -> Sequence[int]:
        """Adds some of the contacts that are new, once it is done to all others; their ids, none when all are there."""
        return ()

    def units(self, tx: Tx, contact_ids: Sequence[int]) -> list[tuple[int, ...]]:
        """What these contacts are done with in one go: each alone, or sets of them and others."""
        return [(each,) for each in contact_ids]

    def together(self, tx: Tx) -> bool:
        """Whether what refuses one of a unit refuses all of it."""
        return False

    def left(self, tx: Tx) -> Collection[int]:
        """Contacts to which it is still to be done, for an action on whatever a group or a member has."""
        return ()

    def follow(self, tx: Tx, contact_ids: Sequence[int]) -> bool:
        """Does a second step to contacts that had their turn and are ``left``; False if the action has none."""
        return False

    def allow_undo(self, tx: Tx, contact_ids: Sequence[int]) -> None:
        """Raises NotUndoable when one of these contacts must stay as it is."""

    def finish(self, tx: Tx) -> None:
        """Done once behind the last contact, when none is ``left``."""

    def tell(self, tx: Tx, job_id: int, counts: Mapping[str, int]) -> None:
        """Tells the postmasters what was done, where they should know, with the end of the job."""

    def revive(self, tx: Tx) -> None:
        """Undoes ``finish``, before the contacts are given back; a second time it changes nothing. Raises Conflict."""

    def require_again(self, tx: Tx, contact_ids: Collection[int]) -> None:
        """Raises what refuses to do it again (by undoing its undo) to these contacts, and to none that came since."""

    def again(self, tx: Tx) -> None:
        """Undoes ``revive``, once behind the last contact, when none is ``left``."""
        self.finish(tx)

    def groups(self) -> Collection[int]:
        """Ids of the groups that it names: a plan is outdated when one of them, or a grant on it, changes."""
        return ()

    def subjects(self) -> Collection[int]:
        """Ids of the members and teams that it names."""
        return ()


@dataclass(frozen=True)
class Copy(Action):
    """Shows contacts in one more group."""

    KIND = "copy"
    to: int

    def check(self, tx: Tx) -> None:
        group = group_of(tx, self.to)
        access.require(tx.viewer, Right.ADD, group.id, group.slug)

    def do(self, tx: Tx, contact_ids: Sequence[int]) -> None:
        contacts.copy(tx, contact_ids, group_of(tx, self.to))

    def groups(self) -> Collection[int]:
        return (self.to,)


@dataclass(frozen=True)
class Move(Action):
    """Takes contacts out of one group and puts them into another."""

    KIND = "move"
    source: int
    to: int

    def check(self, tx: Tx) -> None:
        group_of(tx, self.source)
        group = group_of(tx, self.to)
        access.require(tx.viewer, Right.ADD, group.id, group.slug)

    def do(self, tx: Tx, contact_ids: Sequence[int]) -> None:
        contacts.move(tx, contact_ids, group_of(tx, self.source), group_of(tx, self.to))

    def groups(self) -> Collection[int]:
        return (self.source, self.to)


@dataclass(frozen=True)
class Delete(Action):
    """Puts contacts into the trash; where the site has none, they are gone for good."""

    KIND = "delete"

    def do(self, tx: Tx, contact_ids: Sequence[int]) -> None:
        contacts.delete(tx, contact_ids)


@dataclass(frozen=True)
class Cleanup(Delete):
    """``Delete`` for what a clean-up found; the postmasters are told."""

    KIND = "cleanup"
    TOLD = True

    def tell(self, tx: Tx, job_id: int, counts: Mapping[str, int]) -> None:
        done = counts.get("done", 0)
        notices.add(
            tx,
            "cleanup.done",
            f"clean-up: {done} put into the trash",
            f"{tx.viewer.name} cleaned up: contacts put into the trash: {done}, refused: {counts.get('error', 0)}.\n\n"
            f"  sharedbook job show {job_id}\n  sharedbook job undo {job_id}    bring them back\n",
            job=job_id,
        )


@dataclass(frozen=True)
class Restore(Action):
    """Brings contacts back out of the trash."""

    KIND = "restore"

    def check(self, tx: Tx) -> None:
        access.require_manage(tx.viewer, "restore from the trash")

    def do(self, tx: Tx, contact_ids: Sequence[int]) -> Notes:
        return {each.contact.id: each.note for each in trash.restore(tx, contact_ids) if each.note}


@dataclass(frozen=True)
class Tag(Action):
    """Puts tags on contacts, and takes tags off."""

    KIND = "tag"
    TEXTS = frozenset({"add", "remove"})
    add: tuple[str, ...]
    remove: tuple[str, ...]

    def do(self, tx: Tx, contact_ids: Sequence[int]) -> None:
        limits = tx.site.limits
        contacts.edit(tx, contact_ids, lambda card: column_edits.tag(card, self.add, self.remove, limits))


@dataclass(frozen=True)
class SetVisibility(Action):
    """Lets all who view its groups see a contact, or none but the owner (``kind``); or changes its list."""

    KIND = "visibility"
    kind: str = VisibilityKind.LISTED.value
    on: tuple[int, ...] = ()
    off: tuple[int, ...] = ()

    def do(self, tx: Tx, contact_ids: Sequence[int]) -> None:
        if self.kind == VisibilityKind.LISTED:
            contacts.change_list(tx, contact_ids, self.on, self.off)
        else:
            contacts.set_visibility(tx, contact_ids, Visibility(VisibilityKind(self.kind)))

    def subjects(self) -> Collection[int]:
        return (*self.on, *self.off)


@dataclass(frozen=True)
class Share(Action):
    """Stops sharing contacts, or shares them again as before."""

    KIND = "share"
    on: bool

    def do(self, tx: Tx, contact_ids: Sequence[int]) -> None:
        contacts.share(tx, contact_ids, self.on)


@dataclass(frozen=True)
class Owner(Action):
    """Gives contacts to a member, or to nobody."""

    KIND = "owner"
    member: int | None

    def check(self, tx: Tx) -> None:
        access.require_manage(tx.viewer, "change owners")

    def do(self, tx: Tx, contact_ids: Sequence[int]) -> None:
        contacts.give_to(tx, contact_ids, self.member)

    def subjects(self) -> Collection[int]:
        return () if self.member is None else (self.member,)


@dataclass(frozen=True)
class Assign(Action):
    """Says who looks after contacts, or that nobody does."""

    KIND = "assign"
    login: str | None

    def do(self, tx: Tx, contact_ids: Sequence[int]) -> None:
        custom_fields.assign(tx, contact_ids, self.login)


@dataclass(frozen=True)
class Detach(Action):
    """Makes contacts of a directory ours."""

    KIND = "detach"

    def check(self, tx: Tx) -> None:
        access.require_manage(tx.viewer, "detach contacts from their directory")

    def do(self, tx: Tx, contact_ids: Sequence[int]) -> None:
        contacts.detach(tx, contact_ids)


@dataclass(frozen=True)
class DeleteGroup(Action):
    """Empties a group and deletes it. ``word``: what becomes of its contacts (see ``groups.plan_deletion``)."""

    KIND = "delete-group"
    REVIVES = True
    group: int
    word: str
    to: int

    def check(self, tx: Tx) -> None:
        access.require_manage(tx.viewer, "delete groups")
        groups.require_deletable(group_of(tx, self.group))
        group_of(tx, self.to)

    def do(self, tx: Tx, contact_ids: Sequence[int]) -> None:
        groups.clear(tx, group_of(tx, self.group), contact_ids, self.word, group_of(tx, self.to))

    def left(self, tx: Tx) -> Collection[int]:
        return groups.held_ids(tx, self.group)

    def finish(self, tx: Tx) -> None:
        groups.close(tx, self.group)

    def revive(self, tx: Tx) -> None:
        groups.reopen(tx, self.group)

    def require_again(self, tx: Tx, contact_ids: Collection[int]) -> None:
        self.check(tx)
        if came := set(self.left(tx)).difference(contact_ids):
            group, to = group_of(tx, self.group), group_of(tx, self.to)
            word = f"{self.word}:{to.slug}" if self.word == "move" else self.word
            raise NotUndoable(
                f"{group.slug} has contacts that came since: {some(came)}",
                hint=f"to delete it with them: sharedbook group delete {group.slug} --contacts {word}",
            )

    def groups(self) -> Collection[int]:
        return (self.group, self.to)


@dataclass(frozen=True)
class DeleteMember(Action):
    """Deletes a member; his contacts pass to ``heir``, or to nobody.

    ``teams`` and ``grants``: what he had (``members.Past``).
    """

    KIND = "delete-member"
    REVIVES = True
    login: str
    member: int
    heir: str | None
    teams: tuple[int, ...]
    grants: tuple[tuple[int, int], ...]

    def check(self, tx: Tx) -> None:
        members.plan_deletion(tx, self.login, give_to=self.heir)

    def do(self, tx: Tx, contact_ids: Sequence[int]) -> None:
        member, heir = members.plan_deletion(tx, self.login, give_to=self.heir)
        members.release(tx, member, contact_ids, heir)

    def left(self, tx: Tx) -> Collection[int]:
        member, _heir = members.plan_deletion(tx, self.login, give_to=self.heir)
        return members.contacts_of(tx, member)

    def finish(self, tx: Tx) -> None:
        members.delete(tx, self.login, give_to=self.heir)

    def revive(self, tx: Tx) -> None:
        members.revive(tx, self.login, self.member, self._past)

    def require_again(self, tx: Tx, contact_ids: Collection[int]) -> None:
        self.check(tx)
        command = f"sharedbook member delete {self.login}"
        command = f"{command} --give-to {self.heir}" if self.heir else f"{command} --unowned"
        hint = f"to delete the member as it is now: {command}"
        if came := set(self.left(tx)).difference(contact_ids):
            raise NotUndoable(f"{self.login} has contacts that came since: {some(came)}", hint=hint)
        if members.past_of(tx, self.member) != self._past:
            raise NotUndoable(f"teams or grants of {self.login} were changed since", hint=hint)

    @property
    def _past(self) -> members.Past:
        return members.Past(self.teams, self.grants)

    def subjects(self) -> Collection[int]:
        return (self.member,)


@dataclass(frozen=True)
class Merge(Action):
    """Makes each set of contacts one, all of a set or none; then the cards that name the others follow.

    ``sets``: ids, the one that is kept first. ``chosen``: pairs of a field and the contact that gives it; ``versions``:
    pairs of a contact and its version.
    """

    KIND = "merge"
    sets: tuple[tuple[int, ...], ...]
    chosen: tuple[tuple[str, int], ...] = ()
    versions: tuple[tuple[int, int], ...] = ()

    def check(self, tx: Tx) -> None:
        if len(self.sets) == 1:
            merging.check(tx, self.sets[0], dict(self.versions))

    def units(self, tx: Tx, contact_ids: Sequence[int]) -> list[tuple[int, ...]]:
        asked = set(contact_ids)
        found = [each for each in self.sets if not asked.isdisjoint(each)]
        return found + [(each,) for each in sorted(asked.difference(*found))]

    def together(self, tx: Tx) -> bool:
        return True

    def do(self, tx: Tx, contact_ids: Sequence[int]) -> Notes:
        notes: dict[int, str] = {}
        chosen, versions = dict(self.chosen), dict(self.versions)
        units, everyone = self.units(tx, contact_ids), merging.Everyone(tx)
        for unit in (each for each in units if len(each) > 1):
            known = {each: versions[each] for each in unit if each in versions}
            merged = merging.merge(tx, unit, chosen, known, everyone)
            notes |= {merged.kept.id: "; ".join(merged.notes)} if merged.notes else {}
        if others := [each for unit in units if len(unit) == 1 for each in unit]:
            merging.follow(tx, self.sets, others)
        return notes

    def left(self, tx: Tx) -> Collection[int]:
        return merging.followers(tx, self.sets)

    def follow(self, tx: Tx, contact_ids: Sequence[int]) -> bool:
        merging.follow(tx, self.sets, contact_ids)
        return True

    def allow_undo(self, tx: Tx, contact_ids: Sequence[int]) -> None:
        merging.require_undoable(tx, [each for unit in self.units(tx, contact_ids) for each in unit[1:]])


def some(ids: Collection[int]) -> str:
    """The first five of many ids, to be named in a message."""
    named = sorted(ids)
    return ", ".join([*map(str, named[:5]), *(["..."] if len(named) > 5 else [])])


def group_of(tx: Tx, group_id: int) -> Group:
    """Raises GroupNotFound when it is gone, or may not be viewed."""
    found = groups.names(tx).get(group_id)
    if found is None:
        raise GroupNotFound("a group of this action is gone", hint="see: sharedbook group list")
    return found


KINDS: dict[str, type[Action]] = {
    each.KIND: each
    for each in (
        *(Copy, Move, Delete, Restore, Tag, SetVisibility, Share, Owner, Assign, Detach),
        *(DeleteGroup, DeleteMember, Cleanup, Merge),
    )
}
"""Every kind of bulk action on contacts, by its name. ``bulk`` adds Undo."""
