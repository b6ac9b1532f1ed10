"""A token that is not ours, forgiven: all that is there, and what left the member's own sight; nothing of others."""

from __future__ import annotations

from sharedbook.app import App
from sharedbook.domain.model import PRIVATE, VISIBLE_TO_ALL, Right, Visibility, VisibilityKind
from sharedbook.services.books import cards, groups, sync
from sharedbook.services.contacts import contacts
from sharedbook.services.members import grants, members
from tests.services.people import add_contact, add_members
from tests.support.sites import as_console, as_member


def test_only_what_left_his_own_sight_is_named(filled: App) -> None:
    add_members(filled, "dora", "emil", "finn")
    with as_console(filled) as tx:
        group = groups.add(tx, "Own")
        for login in ("dora", "emil"):
            grants.grant(tx, group.slug, login, Right.VIEW)
        ids = {login: members.get(tx, login).id for login in ("dora", "emil")}
        only = {login: Visibility(VisibilityKind.LISTED, frozenset({each})) for login, each in ids.items()}
        stays = add_contact(tx, group, "stays", visibility=VISIBLE_TO_ALL)
        hers = add_contact(tx, group, "hers", visibility=only["dora"])
        shown = add_contact(tx, group, "shown", visibility=VISIBLE_TO_ALL)
        his = add_contact(tx, group, "his", visibility=only["emil"])
    with as_console(filled, write=False) as tx:
        hrefs = {each.contact_id: each.href for each in cards.all_cards(tx, groups.book(tx, group.slug))}
    with as_console(filled) as tx:
        contacts.set_visibility(tx, [hers.id, his.id, shown.id], PRIVATE)
        grants.grant(tx, group.slug, "finn", Right.VIEW)
    for login, gone in (("dora", [hers, shown]), ("emil", [his, shown]), ("finn", [])):
        with as_member(filled, login) as tx:
            found = sync.changes(tx, groups.book(tx, group.slug), "foreign", forgive=True)
        assert [each.href for each in found.changed] == [hrefs[stays.id]]
        assert found.removed == sorted(hrefs[each.id] for each in gone)
