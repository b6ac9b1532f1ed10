"""What stood for a moment inside one transaction was seen by nobody, and is told to nobody."""

from __future__ import annotations

from sharedbook.app import App
from sharedbook.domain.model import PRIVATE, VISIBLE_TO_ALL, Right
from sharedbook.services.books import cards, groups, sync
from sharedbook.services.contacts import contacts
from sharedbook.services.members import grants
from tests.services.people import add_contact, add_members
from tests.support.owners import set_owner
from tests.support.sites import as_console, as_member


def test_an_audience_that_ends_in_the_transaction_in_which_it_began_is_not_told(filled: App) -> None:
    add_members(filled, "dora")
    with as_console(filled) as tx:
        group, other = groups.add(tx, "Own"), groups.add(tx, "Other")
        grants.grant(tx, group.slug, "dora", Right.VIEW)
        seen = add_contact(tx, group, "seen", visibility=VISIBLE_TO_ALL)
        linked = add_contact(tx, other, "linked", visibility=VISIBLE_TO_ALL)
        shown = add_contact(tx, group, "shown", visibility=PRIVATE)
    with as_member(filled, "dora") as tx:
        [before] = cards.listing(tx, groups.book(tx, group.slug))
        token = sync.state(tx, groups.book(tx, group.slug)).token
    with as_console(filled) as tx:
        contacts.copy(tx, [linked.id], group)
        contacts.set_visibility(tx, [linked.id], PRIVATE)
        for each in (shown, seen):
            contacts.set_visibility(tx, [each.id], VISIBLE_TO_ALL)
            contacts.set_visibility(tx, [each.id], PRIVATE)
            contacts.set_visibility(tx, [each.id], VISIBLE_TO_ALL)
            contacts.set_visibility(tx, [each.id], PRIVATE)
    with as_member(filled, "dora") as tx:
        result = sync.changes(tx, groups.book(tx, group.slug), token)
    assert (result.changed, result.removed) == ([], [before.href])


def test_an_audience_that_stays_the_same_is_not_told(filled: App) -> None:
    with as_console(filled) as tx:
        grants.grant(tx, "clients", "bob", Right.VIEW)
        found = add_contact(tx, groups.get(tx, "clients"), "seen", owner="alice", visibility=VISIBLE_TO_ALL)
    with as_member(filled, "bob") as tx:
        before = sync.state(tx, groups.book(tx, "clients"))
    with as_console(filled) as tx:
        set_owner(tx, [found.id], "carol")
    with as_member(filled, "bob") as tx:
        assert sync.state(tx, groups.book(tx, "clients")) == before
