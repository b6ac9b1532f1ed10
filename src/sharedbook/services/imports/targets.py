"""Into which groups a row of an import goes: the one that the import was given, else those that the row names."""

from __future__ import annotations

from collections.abc import Sequence

from sharedbook.domain import access
from sharedbook.domain.errors import Forbidden
from sharedbook.domain.model import Group, Right
from sharedbook.formats.entries.columns import GROUPS
from sharedbook.formats.entries.incoming import Source
from sharedbook.formats.rows.problems import Problem
from sharedbook.services.books import groups
from sharedbook.services.imports.matching import Matcher
from sharedbook.services.imports.ready import Ready
from sharedbook.services.tx import Tx

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
    tx: Tx, given: Group | None, rows: Sequence[Ready], matchers: dict[int, Matcher]
) -> list[tuple[Ready, Place | Problem]]:
    """Each row with its place, or with what is wrong with it: ``no-group``, ``group-not-found`` or ``forbidden``, too.

    ``given``: for all rows, whatever they name. ``matchers``: by group; those of the rows are added and prepared.
    """
    if given is None:
        found = _by_names(tx, rows, matchers)
    else:
        place = _place(tx, [given], matchers)
        found = [(row, row.problem or place) for row in rows]
    inside: dict[Matcher, list[Ready]] = {}
    for row, where in found:
        if not isinstance(where, Problem):
            for matcher in where:
                inside.setdefault(matcher, []).append(row)
    for matcher, some in inside.items():
        matcher.tx = tx
        matcher.prepare(some)
    return found


def _place(tx: Tx, wanted: Sequence[Group], matchers: dict[int, Matcher]) -> Place:
    return tuple(matchers.setdefault(group.id, Matcher(tx, group)) for group in wanted)


def _by_names(tx: Tx, rows: Sequence[Ready], matchers: dict[int, Matcher]) -> list[tuple[Ready, Place | Problem]]:
    known = groups.names(tx).values()
    named = {group.name: group for group in known} | {group.slug: group for group in known}
    places: dict[tuple[str, ...], Place] = {}
    found: list[tuple[Ready, Place | Problem]] = []
    for row in rows:
        where = row.problem or places.get(row.groups) or _groups_of(tx, row, named)
        if isinstance(where, list):
            where = places[row.groups] = _place(tx, where, matchers)
        found.append((row, where))
    return found


def left(place: Place, row: Ready) -> Problem | None:
    """That the contact which a row is, and which the first group has, is not put into others that the row names."""
    slugs = [matcher.group.slug for matcher in place[1:] if not matcher.find(row).found]
    if not slugs:
        return None
    message = f"the contact is there, and stays in its groups: it does not go into {', '.join(slugs)} (contact copy)"
    return Problem(row.line, GROUPS.name, "groups-unchanged", message)


def overruled(given: Group | None, source: Source) -> list[Problem]:
    """That the groups which rows name do not count, if it is so."""
    if given is None or not source.names_groups:
        return []
    message = f"the groups that the file names do not count: every row goes into {given.slug}"
    return [Problem(0, GROUPS.name, "groups-left-out", message)]


def _groups_of(tx: Tx, row: Ready, named: dict[str, Group]) -> list[Group] | Problem:
    """The groups of a row, each once."""
    if not row.groups:
        message = "the row names no group, and the import was given none"
        return Problem(row.line, GROUPS.name, "no-group", message)
    found: dict[int, Group] = {}
    for name in row.groups:
        group = named.get(name)
        if group is None:
            message = f"there is no group {name[:80]} (make it, or import with --group)"
            return Problem(row.line, GROUPS.name, "group-not-found", message, name[:200])
        try:
            _require(tx, group)
        except Forbidden as error:
            return Problem(row.line, GROUPS.name, error.code, str(error), name)
        found[group.id] = group
    return list(found.values())
