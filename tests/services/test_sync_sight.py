"""Of what went since its token a client is told what it held, or its member could have seen; no other name."""

from __future__ import annotations

import pytest

from sharedbook.app import App
from sharedbook.domain.errors import InvalidToken
from sharedbook.domain.model import PRIVATE, VISIBLE_TO_ALL, Right, Visibility, VisibilityKind
from sharedbook.formats.vcards.vcard import parse
from sharedbook.services.books import cards, groups, sync
from sharedbook.services.contacts import contacts
from sharedbook.services.members import grants, members
from sharedbook.services.people import subjects, teams
from tests.services.people import add_contact
from tests.support.sites import as_console, as_member, card


@pytest.mark.parametrize("slug", ["clients", "all"])
def test_what_came_and_went_out_of_his_sight_is_not_told(filled: App, slug: str) -> None:
    """``held`` was there before he viewed its group: what he holds counts, not since when he might have seen it."""
    with as_console(filled) as tx:
        members.add(tx, "dora")
        members.change(tx, "dora", merged_book=slug == "all")
        other = contacts.add(tx, groups.get(tx, "suppliers"), parse(card("u-other", "Other")))
        held = contacts.add(tx, groups.get(tx, "clients"), parse(card("u-held", "Held")))
    with as_console(filled) as tx:
        grants.grant(tx, "clients", "dora", Right.VIEW)
    with as_member(filled, "dora") as tx:
        book = groups.book(tx, slug)
        token = sync.state(tx, book).token
        href = next(each.href for each in cards.all_cards(tx, book) if each.contact_id == held.id)
    with as_console(filled) as tx:
        contacts.delete(tx, [held.id])
        grants.revoke(tx, "clients", "dora")
        between = contacts.add(tx, groups.get(tx, "clients"), parse(card("u-between", "Between")))
    with as_console(filled) as tx:
        contacts.delete(tx, [between.id, other.id])
        for group in ("clients", "suppliers"):
            grants.grant(tx, group, "dora", Right.VIEW)
    with as_member(filled, "dora") as tx:
        assert sync.changes(tx, groups.book(tx, slug), token).removed == [href]


@pytest.mark.parametrize("slug", ["clients", "all"])
def test_what_comes_and_goes_with_a_team_is_told_and_nothing_else(filled: App, slug: str) -> None:
    with as_console(filled) as tx:
        members.add(tx, "dora")
        members.change(tx, "dora", merged_book=slug == "all")
        teams.add(tx, "buyers")
        buyers = Visibility(VisibilityKind.LISTED, frozenset({subjects.resolve(tx, "@buyers").id}))
        for group in ("clients", "suppliers"):
            grants.grant(tx, group, "dora", Right.VIEW)
        made = {
            (group, seen): add_contact(tx, groups.get(tx, group), f"{group} {seen.kind}", visibility=seen).id
            for group in ("clients", "suppliers", "partners")
            for seen in (buyers, PRIVATE, VISIBLE_TO_ALL)
        }
    with as_member(filled, "dora") as tx:
        token = sync.state(tx, groups.book(tx, slug)).token
    with as_console(filled) as tx:
        teams.join(tx, "buyers", "dora")
    with as_member(filled, "dora") as tx:
        book = groups.book(tx, slug)
        found = sync.changes(tx, book, token)
        hrefs = {each.contact_id: each.href for each in cards.all_cards(tx, book)}
    came = [made[group, buyers] for group in (["clients"] if slug == "clients" else ["clients", "suppliers"])]
    assert ({each.href for each in found.changed}, found.removed) == ({hrefs[each] for each in came}, [])
    with as_console(filled) as tx:
        teams.leave(tx, "buyers", "dora")
    with as_member(filled, "dora") as tx:
        left = sync.changes(tx, groups.book(tx, slug), found.token)
    assert (left.changed, left.removed) == ([], sorted(hrefs[each] for each in came))


def test_a_token_of_another_or_with_other_words_is_not_ours(filled: App) -> None:
    with as_console(filled) as tx:
        grants.grant(tx, "clients", "alice", Right.VIEW)
    with as_member(filled, "alice") as tx:
        hers = sync.state(tx, groups.book(tx, "clients")).token
    with as_member(filled, "bob") as tx:
        book = groups.book(tx, "clients")
        his = sync.state(tx, book).token
        words = his.split(":")
        other = [":".join([*words[:at], words[at] + "0", *words[at + 1 :]]) for at in range(len(words))]
        for token in (hers, sync.state(tx, groups.book(tx, "partners")).token, *other):
            with pytest.raises(InvalidToken):
                sync.changes(tx, book, token)
        assert sync.changes(tx, book, his).token == his
