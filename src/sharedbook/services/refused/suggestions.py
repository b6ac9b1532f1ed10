"""What a member wanted to change but may not: a refused edit of a card that he sees is kept for those who may edit it.

One a member and contact, the newest. It is applied as the change that he made, on the card as it is now.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sharedbook.domain import access
from sharedbook.domain.access import Viewer
from sharedbook.domain.errors import Forbidden, GroupNotFound, Invalid, NotFound, VersionConflict
from sharedbook.domain.model import Client, Contact
from sharedbook.formats.entries import card_diff
from sharedbook.formats.entries.card_diff import Difference
from sharedbook.formats.vcards import vcard
from sharedbook.formats.versions import rebase
from sharedbook.services.books import cards, groups
from sharedbook.services.contacts import contacts
from sharedbook.services.tx import App, Tx
from sharedbook.store import contacts as rows
from sharedbook.store import suggestions
from sharedbook.store.suggestions import Head, Suggestion

MOST_BYTES = 512 * 1024
"""Of a card that is kept: a large one with a photo as it is served."""

MOST_OF_MEMBER = 100


@dataclass(frozen=True, slots=True)
class Waiting:
    """That something is suggested for a contact, and the contact as it is now."""

    suggestion: Head
    contact: Contact


@dataclass(frozen=True, slots=True)
class Open:
    """A suggestion with its texts, and its contact as it is now."""

    suggestion: Suggestion
    contact: Contact

    @property
    def rebased(self) -> rebase.Rebased:
        """The card with what was suggested; ``conflicts``: what was changed in another way since."""
        return rebase.rebase(self.suggestion.base, self.suggestion.wanted, self.contact.vcard)

    @property
    def by_field(self) -> list[Difference]:
        """What it would change in the card, by field."""
        return card_diff.by_field(self.contact.vcard, self.rebased.text)

    @property
    def by_property(self) -> list[Difference]:
        """What it would change in the card, by property."""
        return card_diff.by_property(self.contact.vcard, self.rebased.text)


def keep(app: App, viewer: Viewer, client: Client, slug: str, href: str, data: bytes) -> None:
    """Keeps a card whose PUT was refused; call it after the refused transaction was rolled back.

    Not kept: a card that he does not see, one that could not be stored, one of over MOST_BYTES; a PUT of the stored
    card itself withdraws what he suggested before. Raises Busy, Unavailable.
    """
    if len(data) > MOST_BYTES:
        return
    try:
        card = vcard.parse(data, app.site.limits)
        with app.begin(viewer, client, write=True) as tx:
            found = cards.get(tx, groups.book(tx, slug), href)
            if found is not None and tx.viewer.member_id is not None:
                _keep(tx, contacts.get(tx, found.contact_id), tx.viewer.member_id, card)
    except (GroupNotFound, Invalid):
        return


def _keep(tx: Tx, contact: Contact, member_id: int, card: vcard.Card) -> None:
    if card.uid != contact.uid:
        return
    wanted = cards.in_stored_version(tx, contact, card).text
    suggestions.remove_of(tx.db, contact.id, member_id)
    if wanted == contact.vcard:
        return
    row = {"contact_id": contact.id, "member_id": member_id, "at": tx.now, "client": str(tx.client)}
    found = suggestions.add(tx.db, {**row, "version": contact.version, "base": contact.vcard, "wanted": wanted})
    suggestions.trim(tx.db, member_id, MOST_OF_MEMBER)
    tx.audit("suggestion.keep", contact=contact.id, suggestion=found)


def every(tx: Tx) -> list[Waiting]:
    """Those that the viewer may decide on, and his own for contacts that he still sees; the oldest first."""
    found = suggestions.heads(tx.db)
    held = {contact.id: contact for contact in rows.fetch(tx.db, [each.contact_id for each in found])}
    waiting = [Waiting(each, held[each.contact_id]) for each in found]
    return [each for each in waiting if _is_known(tx, each)]


def get(tx: Tx, suggestion_id: int) -> Open:
    """One that ``every`` has. Raises NotFound."""
    found = suggestions.by_id(tx.db, suggestion_id)
    opened = Open(found, rows.fetch(tx.db, [found.contact_id])[0]) if found is not None else None
    if opened is None or not _is_known(tx, opened):
        raise NotFound(f"there is no suggestion {suggestion_id}", hint="see: sharedbook suggestion list")
    return opened


def _is_known(tx: Tx, found: Waiting | Open) -> bool:
    own = found.suggestion.member_id == tx.viewer.member_id
    return _may_decide(tx, found.contact) or (own and bool(contacts.seen(tx, [found.contact.id])))


def _may_decide(tx: Tx, contact: Contact) -> bool:
    return tx.viewer.console or (contact.trashed_at is None and access.may_edit(tx.viewer, contacts.held(contact)))


def apply(tx: Tx, suggestion_id: int, *, force: bool = False) -> Contact:
    """Makes the suggested change on the card as it is now. The history names who applied it and who suggested it.

    ``force``: also where it was changed in another way since. Raises NotFound, Forbidden, VersionConflict, Protected.
    """
    found = get(tx, suggestion_id)
    if not _may_decide(tx, found.contact):
        raise Forbidden(
            f"{tx.viewer.name} may not edit contact {found.contact.id}",
            right="edit",
            hint="ask its owner or a postmaster to apply the suggestion",
        )
    made = found.rebased
    if made.conflicts and not force:
        raise VersionConflict(
            f"contact {found.contact.id} was changed in another way since: {', '.join(made.conflicts)}",
            hint=f"see `sharedbook suggestion show {suggestion_id}`, then apply it with --force or dismiss it",
        )
    tx.client = replace(tx.client, agent=f"suggestion of {found.suggestion.member}")
    changed = contacts.replace(tx, found.contact.id, vcard.parse(made.text, tx.site.limits))
    suggestions.remove(tx.db, [suggestion_id])
    tx.audit("suggestion.apply", contact=changed.id, suggestion=suggestion_id)
    return changed


def dismiss(tx: Tx, suggestion_ids: Sequence[int]) -> list[Open]:
    """Throws suggestions away: those one may decide on, and one's own. Raises NotFound."""
    found = [get(tx, suggestion_id) for suggestion_id in dict.fromkeys(suggestion_ids)]
    suggestions.remove(tx.db, [each.suggestion.id for each in found])
    for each in found:
        tx.audit("suggestion.dismiss", contact=each.contact.id, suggestion=each.suggestion.id)
    return found
