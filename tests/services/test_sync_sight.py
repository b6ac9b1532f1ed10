"""Of what went since its token a client is told what it held, or its member could have seen; no other name."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from sharedbook.app import App
from sharedbook.domain.errors import InvalidToken
from sharedbook.domain.model import PRIVATE, VISIBLE_TO_ALL, Right, Visibility, VisibilityKind
from sharedbook.formats.entries import column_edits
from sharedbook.formats.vcards.vcard import parse
from sharedbook.services.books import cards, groups, sync
from sharedbook.services.contacts import contacts
from sharedbook.services.members import grants, members
from sharedbook.services.people import subjects, teams
from sharedbook.store import sync as rows
from sharedbook.store.schema import departures
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


@pytest.mark.parametrize("regained", [False, True])
@pytest.mark.parametrize("how", ["revoke", "switch"])
def test_what_a_client_has_put_since_its_token_goes_with_the_book(filled: App, how: str, regained: bool) -> None:
    """It holds the card without having been told. Of what others put there meanwhile it is told nothing."""

    def change(*, view: bool) -> None:
        with as_console(filled) as tx:
            if how == "switch":
                members.change(tx, "dora", merged_book=not view)
            elif view:
                grants.grant(tx, "clients", "dora", Right.VIEW | Right.ADD)
            else:
                grants.revoke(tx, "clients", "dora")

    with as_console(filled) as tx:
        members.add(tx, "dora")
        grants.grant(tx, "clients", "dora", Right.VIEW | Right.ADD)
    with as_member(filled, "dora", write=True) as tx:
        book = groups.book(tx, "clients")
        token, held = sync.state(tx, book).token, [entry.href for entry in cards.listing(tx, book)]
        put = cards.put(tx, book, "own.vcf", card("u-own", "Own")).card.contact_id
    change(view=False)
    with as_console(filled) as tx:
        other = contacts.add(tx, groups.get(tx, "clients"), parse(card("u-other", "Other")))
        contacts.delete(tx, [put, other.id] if regained else [])
    if regained:
        change(view=True)
    with as_member(filled, "dora") as tx:
        found = sync.changes(tx, groups.book(tx, "clients"), token)
    assert found.changed == []
    assert found.removed == sorted(["own.vcf"] if regained else ["own.vcf", *held])


@pytest.mark.parametrize("slug", ["clients", "all"])
def test_what_comes_and_goes_with_a_team_is_told_and_nothing_else(filled: App, slug: str) -> None:
    """Nor what was deleted before, nor what the team got after he left it."""
    with as_console(filled) as tx:
        members.add(tx, "dora")
        members.change(tx, "dora", merged_book=slug == "all")
        teams.add(tx, "buyers")
        buyers = Visibility(VisibilityKind.LISTED, frozenset({subjects.resolve(tx, "@buyers").id}))
        for group in ("clients", "suppliers"):
            grants.grant(tx, group, "dora", Right.VIEW)
        made = {
            (group, seen): add_contact(tx, groups.get(tx, group), f"{group} {seen.kind}", visibility=seen).id
            for group in ("partners", "suppliers", "clients")
            for seen in (PRIVATE, VISIBLE_TO_ALL, buyers)
        }
        gone = add_contact(tx, groups.get(tx, "clients"), "gone", visibility=VISIBLE_TO_ALL)
    with as_console(filled) as tx:
        contacts.delete(tx, [gone.id])
        contacts.edit(
            tx, [made["clients", buyers]], lambda card: column_edits.tag(card, ["the last"], [], tx.site.limits)
        )
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
        add_contact(tx, groups.get(tx, "clients"), "later", visibility=buyers)
    with as_member(filled, "dora") as tx:
        left = sync.changes(tx, groups.book(tx, slug), found.token)
    assert (left.changed, left.removed) == ([], sorted(hrefs[each] for each in came))


def test_a_group_that_is_taken_away_goes_with_what_he_saw_of_it(filled: App) -> None:
    with as_console(filled) as tx:
        members.add(tx, "dora")
        for group in ("suppliers", "clients"):
            grants.grant(tx, group, "dora", Right.VIEW)
            add_contact(tx, groups.get(tx, group), f"private {group}", visibility=PRIVATE)
    with as_member(filled, "dora") as tx:
        book = groups.book(tx, "clients")
        token, held = sync.state(tx, book).token, [each.href for each in cards.listing(tx, book)]
    with as_console(filled) as tx:
        grants.revoke(tx, "clients", "dora")
        add_contact(tx, groups.get(tx, "clients"), "later", visibility=VISIBLE_TO_ALL)
    with as_member(filled, "dora") as tx:
        found = sync.changes(tx, groups.book(tx, "clients"), token)
    assert (found.changed, found.removed) == ([], sorted(held))


def test_a_merged_book_knows_cards_and_uids_that_he_sees_only(filled: App) -> None:
    """Of two with one UID the older has it; what he does not see makes none a second one."""
    with as_console(filled) as tx:
        members.add(tx, "dora")
        members.change(tx, "dora", merged_book=True)
        hidden, first, second = (
            contacts.add(tx, groups.get(tx, group), parse(card("u-twin", f"Twin of {group}")))
            for group in ("partners", "clients", "suppliers")
        )
        secret = contacts.add(tx, groups.get(tx, "partners"), parse(card("u-secret", "Secret")))
        other = contacts.add(tx, groups.get(tx, "clients"), parse(card("u-secret", "Another")))
        for group in ("clients", "suppliers"):
            grants.grant(tx, group, "dora", Right.VIEW)
    hrefs = {each.id: f"{each.key}.vcf" for each in (hidden, first, second, secret, other)}
    with as_member(filled, "dora") as tx:
        book = groups.book(tx, "all")
        assert cards.has_uid(tx, book, "u-twin") == hrefs[first.id] and cards.has_uid(tx, book, "u-none") is None
        found = cards.get_many(tx, book, [hrefs[each.id] for each in (hidden, first, second)])
        assert {each.contact_id: each.uid == "u-twin" for each in found.values()} == {first.id: True, second.id: False}
        token = sync.state(tx, book).token
    with as_console(filled) as tx:
        contacts.delete(tx, [first.id, secret.id])
    with as_member(filled, "dora") as tx:
        result = sync.changes(tx, groups.book(tx, "all"), token)
    assert ([each.href for each in result.changed], result.removed) == ([hrefs[second.id]], [hrefs[first.id]])
    with as_console(filled) as tx:
        contacts.edit(tx, [other.id], lambda card: column_edits.tag(card, ["vip"], [], tx.site.limits))
    with as_member(filled, "dora") as tx:
        result = sync.changes(tx, groups.book(tx, "all"), result.token)
    assert ([each.href for each in result.changed], result.removed) == ([hrefs[other.id]], [])


def test_what_is_forgotten_of_a_group_is_its_oldest(filled: App) -> None:
    with as_console(filled) as tx:
        clients = groups.get(tx, "clients")
        made = [add_contact(tx, clients, name, visibility=VISIBLE_TO_ALL).id for name in ("old", "new")]
    for each in made:
        with as_console(filled) as tx:
            contacts.delete(tx, [each])
    with as_console(filled) as tx:
        old, new = (each.seq for each in rows.departed(tx.db, clients.id, 0))
        tx.db.execute(update(departures).where(departures.c.seq == old).values(at=tx.now - timedelta(days=9)))
        assert rows.prune(tx.db, tx.now - timedelta(days=8)) == {clients.id: old}
        assert [each.seq for each in rows.departed(tx.db, clients.id, 0)] == [new]
        assert rows.prune(tx.db, tx.now - timedelta(days=8)) == {}


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
