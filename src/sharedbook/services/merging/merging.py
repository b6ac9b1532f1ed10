"""Several contacts made one: the kept one gets what the others have, and they go to the trash.

A merge never shows anything to somebody who could not see it before: where the contacts were seen by different people,
only those who saw all of them see what becomes of them (``_audience``). The kept contact keeps its UID and hrefs and
comes into the groups of the others, in one transaction; the cards that name one of them are to ``follow``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

from sharedbook.domain import access
from sharedbook.domain.access import Held, Viewer
from sharedbook.domain.errors import Conflict, Forbidden, InvalidValue, NotUndoable
from sharedbook.domain.model import Contact, Event, Right, Visibility, VisibilityKind
from sharedbook.formats.entries import card_merge, custom_values
from sharedbook.formats.entries.card_merge import Piece
from sharedbook.formats.entries.custom_values import PREFIX
from sharedbook.formats.vcards import fields, photo_reduction, vcard
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts, custom_fields, mentions
from sharedbook.services.members import grants
from sharedbook.services.merging.duplicates import MOST
from sharedbook.services.tx import Tx
from sharedbook.services.writing import audience, records
from sharedbook.store import contacts as rows
from sharedbook.store import duplicates, merged_contacts, photos

OWNER, VISIBILITY = "owner", "visibility"
"""What ``chosen`` may name beside the fields of a card and the site's own."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge did. ``contacts``: as they were before it, the kept one first; ``pieces`` count places in it.

    ``groups``: slugs of those that hold the kept one since. ``notes``: what a person should know: who sees less, what
    the others' trash means.
    """

    kept: Contact
    contacts: tuple[Contact, ...]
    pieces: tuple[Piece, ...]
    groups: tuple[str, ...]
    notes: tuple[str, ...]


class Everyone:
    """Every member as a viewer, also those who cannot log in; loaded when first asked for, for one transaction."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx

    @cached_property
    def viewers(self) -> Sequence[Viewer]:
        return list(grants.everyone(self._tx, disabled=True).values())


def merge(
    tx: Tx,
    contact_ids: Sequence[int],
    chosen: Mapping[str, int] | None = None,
    if_versions: Mapping[int, int] | None = None,
    everyone: Everyone | None = None,
) -> Merged:
    """Makes 2 to 5 contacts one; the first is kept.

    ``chosen``: the id of the contact that alone gives a field: a column, a property, ``photo``, ``custom:NAME``,
    ``owner`` or ``visibility``. ``if_versions``: the versions that the caller has seen. ``everyone``: given where
    several sets are merged in one transaction.

    Raises ContactNotFound, Forbidden, VersionConflict, Protected (in the trash), InvalidValue (how many, which field),
    InvalidCard (together over a limit), UidConflict (the kept UID is taken in a group of the others), Conflict (group
    cards, or found to be different).
    """
    found = _mergeable(tx, contact_ids, if_versions or {})
    places = _places(tx, found, chosen or {})
    names = {mentions.named(contact.uid) for contact in found}
    merged = card_merge.merge(
        [vcard.load(contact.vcard) for contact in found],
        {name: place for name, place in places.items() if name not in (OWNER, VISIBILITY) and PREFIX not in name},
        names_one=lambda each: each.name in mentions.NAMES and mentions.named(each.text()) in names,
        region=tx.site.settings.default_region,
        limits=tx.site.limits,
    )
    custom, custom_pieces = _custom(tx, found, places)
    becomes = _audience(tx, found, places, everyone or Everyone(tx))
    kept, others = found[0], found[1:]
    _write(tx, kept, merged.card, others)
    custom_fields.write(tx, kept.id, custom)
    _show_to(tx, _now(tx, kept), becomes)
    note = _take_away(tx, others, kept)
    added = list(_join(tx, _now(tx, kept), others))
    tx.audit("contact.merge", contacts=[contact.id for contact in found])
    pieces = (*merged.pieces, *custom_pieces)
    notes = (*becomes.notes, *filter(None, [note]))
    return Merged(_now(tx, kept), tuple(found), pieces, tuple(added), notes)


def check(tx: Tx, contact_ids: Sequence[int], if_versions: Mapping[int, int]) -> None:
    """Raises what ``merge`` raises of contacts that may not be merged; nothing where they are merged already."""
    into = merged_contacts.kept(tx.db, contact_ids[1:])
    if set(into) != set(contact_ids[1:]):
        _mergeable(tx, contact_ids, if_versions)


def naming(tx: Tx, contact_ids: Sequence[int]) -> list[int]:
    """Ids of the other cards that name one of these contacts, but for the first: what is to ``follow`` their merge."""
    kept, *others = (contacts.get(tx, each) for each in contact_ids)
    return mentions.naming(tx, others, kept)


def followers(tx: Tx, sets: Sequence[Sequence[int]]) -> list[int]:
    """Ids of the cards that still name contacts of these sets that were merged into the first of their set."""
    return sorted({each for _merged, ids in mentions.naming_any(tx, _merged(tx, sets)) for each in ids})


def follow(tx: Tx, sets: Sequence[Sequence[int]], contact_ids: Sequence[int]) -> None:
    """Lets these cards name the kept contact where they name one that was merged into it."""
    for (kept, others), ids in mentions.naming_any(tx, _merged(tx, sets), contact_ids):
        mentions.follow(tx, others, kept, sorted(ids))


def require_undoable(tx: Tx, other_ids: Sequence[int]) -> None:
    """Raises NotUndoable when one of the others is gone for good: the kept contact alone has what came from it."""
    known = {contact.id for contact in rows.fetch(tx.db, other_ids)}
    if gone := sorted(set(other_ids) - known):
        raise NotUndoable(f"contact {gone[0]}, which was merged, is gone for good", hint="nothing is changed")


def _merged(tx: Tx, sets: Sequence[Sequence[int]]) -> list[mentions.Merged]:
    """The kept contact of each set with those of the others that are merged into it; none where none is."""
    into = merged_contacts.kept(tx.db, [each for unit in sets for each in unit[1:]])
    known = {each.id: each for each in rows.fetch(tx.db, sorted({*into, *into.values()}))}
    found = ((unit[0], [known[each] for each in unit[1:] if into.get(each) == unit[0]]) for unit in sets)
    return [(known[kept], others) for kept, others in found if others]


def _now(tx: Tx, contact: Contact) -> Contact:
    return rows.fetch(tx.db, [contact.id])[0]


def _mergeable(tx: Tx, contact_ids: Sequence[int], if_versions: Mapping[int, int]) -> list[Contact]:
    """The contacts, if they may be merged."""
    if not 2 <= len(set(contact_ids)) == len(contact_ids) <= MOST:
        raise InvalidValue(f"a merge takes 2 to {MOST} different contacts", hint="name two or more, each once")
    found = [contacts.editable(tx, each, if_version=if_versions.get(each)) for each in contact_ids]
    for contact in found:
        records.refuse_sourced(contact)
        if fields.read(vcard.load(contact.vcard)).kind == fields.GROUP_CARD:
            raise Conflict(f"contact {contact.id} is a group card, a list of others", hint="merge people only")
    for contact in found[1:]:
        if not access.may_trash(tx.viewer, contacts.held(contact)):
            raise Forbidden(
                f"{tx.viewer.name} may not delete contact {contact.id}, which the merge would take away",
                right=Right.DELETE.word,
                hint="keep that one, or ask a postmaster",
            )
    distinct = duplicates.distinct(tx.db, set(contact_ids)) & set(combinations(sorted(contact_ids), 2))
    if distinct:
        low, high = min(distinct)
        raise Conflict(
            f"contacts {low} and {high} were found to be different",
            hint=f"if they are not: sharedbook contact distinct {low} {high} --remove",
        )
    return found


def _places(tx: Tx, found: Sequence[Contact], chosen: Mapping[str, int]) -> dict[str, int]:
    """Field -> place of the contact that alone gives it. Raises InvalidValue, NotFound (a custom field)."""
    ids = [contact.id for contact in found]
    for name, contact_id in chosen.items():
        if contact_id not in ids:
            raise InvalidValue(
                f"contact {contact_id} is not one of those to be merged", field=name, hint="name one of them"
            )
    return {_field(tx, name): ids.index(contact_id) for name, contact_id in chosen.items()}


def _field(tx: Tx, name: str) -> str:
    if name in (OWNER, VISIBILITY):
        return name
    if name.startswith(PREFIX):
        return f"{PREFIX}{custom_fields.get(tx, name).name}"
    return card_merge.field_name(name)


def _custom(tx: Tx, found: Sequence[Contact], places: Mapping[str, int]) -> tuple[custom_fields.Values, list[Piece]]:
    """What the kept contact has in the site's own fields: of several values each, of one the first."""
    held = [custom_fields.values(tx, contact.id) for contact in found]
    wanted: dict[int, tuple[str, ...]] = {}
    pieces: list[Piece] = []
    for field in custom_fields.every(tx):
        name = f"{PREFIX}{field.name}"
        place = places.get(name)
        sources: dict[str, list[int]] = {}
        for source, values in enumerate(held):
            for value in values.get(field.id, ()):
                sources.setdefault(value, []).append(source)
        if place is not None:
            taken = held[place].get(field.id, ())
            if not taken:
                raise InvalidValue(
                    f"contact {found[place].id} has no {name} to give", field=name, hint="name another contact"
                )
        else:
            taken = tuple(sources) if field.several else tuple(sources)[:1]
        if len(taken) > custom_values.MOST:
            raise InvalidValue(
                f"{name} would have {len(taken)} values; at most {custom_values.MOST}",
                field=name,
                hint=f"let one contact give it: --field {name}=REF",
            )
        wanted[field.id] = taken
        pieces += [Piece(name, value, of[0], tuple(of[1:]), value in taken) for value, of in sources.items()]
    return wanted, pieces


# ---- who sees it


@dataclass(frozen=True, slots=True)
class _Becomes:
    """Owner and visibility of the merged contact, and what to say of it."""

    owner_id: int | None
    visibility: Visibility
    notes: tuple[str, ...]


def _audience(tx: Tx, found: Sequence[Contact], places: Mapping[str, int], everyone: Everyone) -> _Becomes:
    """The strictest visibility of all; the list of those who saw all of them, where that alone would show anything.

    Whoever may set visibility may choose one contact's instead (``--field visibility=REF``).
    """
    kept, in_groups = found[0], frozenset(group for contact in found for group in contact.groups)
    owner_id = kept.owner_id
    if (place := places.get(OWNER)) is not None:
        access.require_manage(tx.viewer, "change owners")
        owner_id = found[place].owner_id
    viewers = [] if _shown_alike(found, owner_id) else everyone.viewers
    before = [_seers(viewers, contacts.held(contact)) for contact in found]
    allowed = frozenset.intersection(*before)
    if (place := places.get(VISIBILITY)) is not None:
        if not all(access.may_set_visibility(tx.viewer, contacts.held(contact)) for contact in found):
            raise Forbidden(
                f"{tx.viewer.name} does not own all of these contacts", hint="leave visibility to the merge"
            )
        candidates = [(owner_id, found[place].visibility)]
    else:
        listed = Visibility(VisibilityKind.LISTED, allowed)
        candidates = [(owner_id, _strictest(found)), (owner_id, listed), (None, listed)]
    owner_id, visibility = next(
        (each for each in candidates if _seers(viewers, Held(in_groups, *each)) <= allowed), candidates[-1]
    )
    after = _seers(viewers, Held(in_groups, owner_id, visibility))
    notes = [*_told(tx, viewers, before, after), *(["the owner changes"] if owner_id != kept.owner_id else [])]
    return _Becomes(owner_id, visibility, tuple(notes))


def _shown_alike(found: Sequence[Contact], owner_id: int | None) -> bool:
    """Whether these contacts are shown to the same members, and so is what becomes of them with this owner."""
    shown = {(frozenset(each.groups), access.audience(each.visibility, each.owner_id)) for each in found}
    return len(shown) == 1 and owner_id == found[0].owner_id


def _seers(viewers: Sequence[Viewer], held: Held) -> frozenset[int]:
    return frozenset(each.member_id for each in viewers if each.member_id and access.sees(each, held))


def _strictest(found: Sequence[Contact]) -> Visibility:
    kinds = {contact.visibility.kind: contact.visibility for contact in found}
    if VisibilityKind.PRIVATE in kinds:
        return kinds[VisibilityKind.PRIVATE]
    lists = [contact.visibility.listed for contact in found if contact.visibility.kind is VisibilityKind.LISTED]
    return Visibility(VisibilityKind.LISTED, frozenset.intersection(*lists)) if lists else found[0].visibility


def _told(tx: Tx, viewers: Sequence[Viewer], before: Sequence[frozenset[int]], after: frozenset[int]) -> Iterator[str]:
    """Who sees less than before, or more; whoever is no postmaster is told how many, not who."""

    def some(ids: frozenset[int]) -> str:
        logins = (each.name for each in viewers if each.member_id in ids)
        return ", ".join(sorted(logins)) if tx.viewer.console else f"{len(ids)} members"

    if less := frozenset.union(*before) - after:
        yield f"no longer seen by {some(less)}: they did not see all contacts (--field visibility=REF uses that of one)"
    if more := after - frozenset.intersection(*before):
        yield f"seen by {some(more)}, who did not see all of the contacts before"


# ---- writing


def _write(tx: Tx, kept: Contact, card: vcard.Card, others: Sequence[Contact]) -> None:
    """The kept contact's new text, with the originals of photos that it takes over."""
    shown = set(photo_reduction.served(card))
    for contact in others:
        originals = photos.of_contact(tx.db, contact.id)
        if taken := {served: data for served, data in originals.items() if served in shown}:
            photos.put(tx.db, kept.id, taken)
    if not records.rewrite(tx, kept, card, Event.COMBINED):
        rows.change(tx.db, [kept.id], version=kept.version + 1)
        records.note(tx, [kept.id], Event.COMBINED, before=kept.vcard)


def _show_to(tx: Tx, contact: Contact, becomes: _Becomes) -> None:
    if (contact.owner_id, contact.visibility) == (becomes.owner_id, becomes.visibility):
        return
    with audience.changing(tx, [contact.id]):
        kind = becomes.visibility.kind.value
        rows.change(tx.db, [contact.id], owner_id=becomes.owner_id, visibility=kind, version=contact.version + 1)
        if becomes.visibility.kind is not VisibilityKind.PRIVATE:  # which keeps the list for ``share on``
            rows.set_lists(tx.db, {contact.id: becomes.visibility.listed})
    if contact.owner_id != becomes.owner_id:
        records.note(tx, [contact.id], Event.OWNER)
    if contact.visibility != becomes.visibility:
        records.note(tx, [contact.id], Event.VISIBILITY)


def _take_away(tx: Tx, others: Sequence[Contact], kept: Contact) -> str:
    """The others go to the trash, or for good where the site has none; what is to be said of it."""
    if tx.site.settings.deletion != "trash":
        mentions.follow(tx, others, kept, mentions.naming(tx, others, kept))
        for contact in others:
            records.drop(tx, contact)
        return "this site has no trash: the others are gone for good, and this cannot be undone"
    with audience.changing(tx, [contact.id for contact in others]):
        for contact in others:
            rows.change(tx.db, [contact.id], trashed_at=tx.now, version=contact.version + 1)
    for contact in others:
        records.note(tx, [contact.id], Event.COMBINED, before=contact.vcard)
    merged_contacts.add(tx.db, [contact.id for contact in others], kept.id)
    return ""


def _join(tx: Tx, kept: Contact, others: Sequence[Contact]) -> Iterator[str]:
    """Puts the kept contact into the groups of the others; their slugs. Raises UidConflict, CardErased."""
    known = groups.names(tx)
    for group_id in sorted({each for contact in others for each in contact.groups} - {*kept.groups}):
        if group := known.get(group_id):
            records.refuse_uids(tx, group.id, group.slug, [kept.uid])
            records.link(tx, [kept], group.id, [records.fresh_href()], Event.COPIED)
            yield group.slug
