"""Into which groups a row of an import goes: the one that the import was given, else those that the row names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sharedbook.domain import access
from sharedbook.domain.errors import Forbidden
from sharedbook.domain.model import Group, Right
from sharedbook.formats.entries.columns import GROUPS
from sharedbook.formats.entries.incoming import Source
from sharedbook.formats.rows.problems import Problem
from sharedbook.services.books import groups
from sharedbook.services.imports.blocks import Block, Ready
from sharedbook.services.imports.matching import Matcher
from sharedbook.services.tx import Tx
from sharedbook.store.set_aside import SetAside

Place = tuple[Matcher, ...]
"""The groups of a row: it is matched in the first, and a new contact goes into all."""


def get(tx: Tx, ref: str) -> Group:
    """A group by slug or name, to import into. Raises GroupNotFound, Forbidden."""
    found = groups.get(tx, ref)
    _require(tx, found)
    return found


def _require(tx: Tx, group: Group) -> None:
    access.require(tx.viewer, Right.IMPORT, group.id, group.slug)
    access.require(tx.viewer, Right.ADD, group.id, group.slug)


def every(tx: Tx) -> list[Group]:
    """The groups that the viewer may import into, in the site's order."""
    needed = Right.IMPORT | Right.ADD
    return [group for group in groups.names(tx).values() if tx.viewer.on(group.id) & needed == needed]


def places(
    tx: Tx, given: Group | None, block: Block, earlier: SetAside | None
) -> tuple[Sequence[Place], dict[int, Problem]]:
    """The place of each row; () for one that has none, and which problem has which of these: see ``_groups_of``.

    ``given``: for all rows, whatever groups they name. ``earlier``: as in ``Matcher``.
    """
    if given is not None:
        return [(Matcher(tx, given, earlier),)] * len(block.line), {}
    matchers: dict[int, Matcher] = {}
    known = groups.names(tx).values()
    named = {group.name: group for group in known} | {group.slug: group for group in known}
    found: dict[tuple[str, ...], Place | Problem] = {}
    for names in set(block.groups):
        where = _groups_of(tx, names, named)
        if isinstance(where, Problem):
            found[names] = where
        else:
            found[names] = tuple(matchers.setdefault(each.id, Matcher(tx, each, earlier)) for each in where)
    each = [found[names] for names in block.groups]
    wrong = {at: replace(it, line=block.line[at]) for at, it in enumerate(each) if isinstance(it, Problem)}
    return [() if isinstance(it, Problem) else it for it in each], wrong


def left(place: Place, row: Ready) -> Problem | None:
    """That the contact which a row is, and which the first group has, is not put into others that the row names."""
    slugs = [matcher.group.slug for matcher in place[1:] if not matcher.find(row).found]
    if not slugs:
        return None
    message = f"the contact exists and stays in its groups; it is not added to {', '.join(slugs)} (see contact copy)"
    return Problem(row.line, GROUPS.name, "groups-unchanged", message)


def overruled(given: Group | None, source: Source) -> list[Problem]:
    """That the groups which rows name do not count, if it is so."""
    if given is None or not source.names_groups:
        return []
    message = f"groups named in the file are ignored: every row goes into {given.slug}"
    return [Problem(0, GROUPS.name, "groups-left-out", message)]


def _groups_of(tx: Tx, names: Sequence[str], named: dict[str, Group]) -> list[Group] | Problem:
    """The groups of these names, each once; or ``no-group``, ``group-not-found`` or ``forbidden``, of no line."""
    if not names:
        return Problem(0, GROUPS.name, "no-group", "the row names no group, and the import was given none")
    found: dict[int, Group] = {}
    for name in names:
        group = named.get(name)
        if group is None:
            message = f"there is no group {name[:80]} (make it, or import with --group)"
            return Problem(0, GROUPS.name, "group-not-found", message, name[:200])
        try:
            _require(tx, group)
        except Forbidden as error:
            return Problem(0, GROUPS.name, error.code, str(error), name)
        found[group.id] = group
    return list(found.values())
