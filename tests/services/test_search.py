"""Finding contacts: always among what the viewer sees, with every filter, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise, product

import pytest

from sharedbook.app import App
from sharedbook.domain import access, errors
from sharedbook.domain.model import PRIVATE, VISIBLE_TO_ALL, Contact, Right, Visibility, VisibilityKind
from sharedbook.domain.query import And, Comparison, HasParam, Op, Query, Some, Test
from sharedbook.formats.vcards import vcard
from sharedbook.services.books import groups, queries
from sharedbook.services.contacts import contacts, search
from sharedbook.services.contacts.search import Search
from sharedbook.services.members import grants, members
from sharedbook.services.people import subjects, teams
from sharedbook.services.tx import Tx
from tests.services.people import viewer
from tests.support.sites import as_console, as_member, card

LOGINS = ("alice", "bob", "carol", "dora", "eve")
ENABLED = ("alice", "bob", "dora", "eve")
GROUPS = ("clients", "partners", "hidden")


@dataclass
class World:
    """A site in which every kind of contact is in every kind of group."""

    app: App
    contacts: list[Contact] = field(default_factory=list)

    def held(self, contact: Contact) -> access.Held:
        return access.Held(contact.groups, contact.owner_id, contact.visibility)


def listed(tx: Tx, *refs: str) -> Visibility:
    return Visibility(VisibilityKind.LISTED, frozenset(subjects.resolve(tx, ref).id for ref in refs))


def add(tx: Tx, name: str, places: tuple[str, ...], owner: str | None, visibility: Visibility) -> Contact:
    owner_id = None if owner is None else members.get(tx, owner).id
    text = card(
        f"uid {name}", name, f"EMAIL:{name.replace(' ', '.')}@example.com", "CATEGORIES:vip,north", "ORG:Acme;R&D"
    )
    first, *others = (groups.get(tx, place) for place in places)
    made = contacts.add(tx, first, vcard.parse(text), owner_id=owner_id, visibility=visibility)
    for other in others:
        made = contacts.copy(tx, [made.id], other)[0]
    return made


@pytest.fixture
def world(app: App) -> Iterator[World]:
    """Alice views two groups, Bob one by his team, disabled Carol two, Dora (a postmaster) and Eve none."""
    made = World(app)
    with as_console(app) as tx:
        for login in LOGINS:
            members.add(tx, login, postmaster=login in ("alice", "dora"))
        teams.add(tx, "sales")
        teams.join(tx, "sales", "bob", "carol")
        for name in GROUPS:
            groups.add(tx, name)
        grants.grant(tx, "clients", "alice", Right.EDIT)
        grants.grant(tx, "clients", "@sales", Right.VIEW)
        grants.grant(tx, "partners", "alice", Right.VIEW)
        grants.grant(tx, "partners", "carol", Right.VIEW)
        visibilities = {
            "all": VISIBLE_TO_ALL,
            "private": PRIVATE,
            "for bob": listed(tx, "bob"),
            "for sales": listed(tx, "@sales"),
            "for eve": listed(tx, "eve"),
            "for everyone": listed(tx, "everyone"),
        }
        everywhere = (("partners",), ("hidden",), ("clients", "partners"))
        for places, (kind, visibility), owner in product(everywhere, visibilities.items(), (None, "bob", "carol")):
            made.contacts.append(
                add(tx, f"{kind} of {owner or 'nobody'} in {' '.join(places)}", places, owner, visibility)
            )
        members.disable(tx, "carol")
    yield made


def names(found: list[Contact]) -> list[str]:
    return [contact.name for contact in found]


def expected(world: World, *viewers: access.Viewer) -> list[str]:
    seen = (each for each in world.contacts if all(access.sees(one, world.held(each)) for one in viewers))
    return sorted(contact.name for contact in seen)


def test_a_member_finds_exactly_what_he_sees(world: World) -> None:
    for login in ENABLED:
        with as_member(world.app, login) as tx:
            assert names(search.find(tx, Search())) == expected(world, tx.viewer)
        assert (login in ("dora", "eve")) == (not expected(world, tx.viewer))


def test_the_console_finds_everything_by_name_with_its_groups(world: World) -> None:
    with as_console(world.app) as tx:
        found = search.find(tx, Search())
        assert names(found) == sorted(contact.name for contact in world.contacts)
        assert {contact.id: contact for contact in found} == {contact.id: contact for contact in world.contacts}
        assert search.find(tx, Search(), limit=7) == found[:7]


def test_viewer_is_what_that_member_sees_and_nothing_for_one_who_is_disabled(world: World) -> None:
    with as_console(world.app) as tx:
        for login in ENABLED:
            assert names(search.find(tx, Search(viewer=login))) == expected(world, viewer(tx, login))
        assert expected(world, viewer(tx, "carol"))
        assert search.find(tx, Search(viewer="carol")) == []


def test_viewer_is_what_a_team_gives_to_its_members(world: World) -> None:
    with as_console(world.app) as tx:
        members.add(tx, "frank")
        teams.join(tx, "sales", "frank")
        through_sales = expected(world, viewer(tx, "frank"))
        assert through_sales
        assert names(search.find(tx, Search(viewer="@sales"))) == through_sales
        assert search.find(tx, Search(viewer="everyone")) == []
        grants.grant(tx, "hidden", "everyone", Right.VIEW)
        assert names(search.find(tx, Search(viewer="everyone"))) == sorted(
            contact.name
            for contact in world.contacts
            if "hidden" in contact.name and contact.name.startswith(("all ", "for everyone "))
        )


def test_no_viewers_is_what_no_member_sees(world: World) -> None:
    with as_console(world.app) as tx:

        def without_viewers() -> list[str]:
            unseen = sorted(each.name for each in world.contacts if not grants.who_can_see(tx, each.id))
            assert names(search.find(tx, Search(no_viewers=True))) == unseen
            return unseen

        seen = [without_viewers()]
        assert 0 < len(seen[0]) < len(world.contacts)
        members.enable(tx, "carol")
        seen.append(without_viewers())
        members.change(tx, "alice", postmaster=False)
        seen.append(without_viewers())
        members.delete(tx, "alice", give_to=None)
        teams.leave(tx, "sales", "carol")
        seen.append(without_viewers())
        members.delete(tx, "carol", give_to=None)
        seen.append(without_viewers())
        private = [each.id for each in world.contacts if each.name.startswith("for bob of nobody")]
        assert contacts.share(tx, private, False) == len(private), "they keep their list, which names nobody now"
        seen.append(without_viewers())
        grants.revoke(tx, "clients", "@sales")
        seen.append(without_viewers())
        assert seen[-1] == sorted(each.name for each in world.contacts)
        grants.grant(tx, "hidden", "everyone", Right.VIEW)
        seen.append(without_viewers())
        members.delete(tx, "bob", give_to=None)
        seen.append(without_viewers())
        assert all(before != after for before, after in pairwise(seen))


def test_group_and_owner(world: World) -> None:
    with as_console(world.app) as tx:
        for slug in GROUPS:
            assert names(search.find(tx, Search(group=slug))) == sorted(
                each.name for each in world.contacts if slug in each.name
            )
        assert names(search.find(tx, Search(owner="BOB"))) == sorted(
            each.name for each in world.contacts if "of bob" in each.name
        )
        assert names(search.find(tx, Search(no_owner=True, group="partners"))) == sorted(
            each.name for each in world.contacts if "of nobody" in each.name and "partners" in each.name
        )


def test_what_does_not_exist_or_may_not_be_asked(world: World) -> None:
    with as_console(world.app) as tx:
        for wrong in (Search(owner="nobody"), Search(viewer="@nobody")):
            with pytest.raises(errors.SubjectNotFound):
                search.find(tx, wrong)
        with pytest.raises(errors.GroupNotFound):
            search.find(tx, Search(group="nothing"))
    with as_member(world.app, "alice") as tx:
        with pytest.raises(errors.GroupNotFound):
            search.find(tx, Search(group="hidden"))
        for forbidden in (Search(trashed=True), Search(viewer="bob"), Search(viewer="alice")):
            with pytest.raises(errors.Forbidden):
                search.find(tx, forbidden)


def test_the_trash_is_apart(world: World) -> None:
    gone = [contact for contact in world.contacts if contact.name.startswith("private")]
    with as_console(world.app) as tx:
        contacts.delete(tx, [contact.id for contact in gone])
        assert names(search.find(tx, Search(trashed=True))) == sorted(map(str, names(gone)))
        assert not set(names(gone)) & set(names(search.find(tx, Search())))
        in_hidden = sorted(name for name in names(gone) if "hidden" in name)
        assert names(search.find(tx, Search(trashed=True, group="hidden"))) == in_hidden
    with as_member(world.app, "alice") as tx:
        assert not set(names(gone)) & set(names(search.find(tx, Search())))


def equals(name: str, value: str) -> Query:
    return Some(name, (Test(Op.EQUALS, value),))


def test_tags_companies_and_queries(world: World) -> None:
    with as_console(world.app) as tx:
        one = world.contacts[3].name
        assert len(search.find(tx, Search(tag="VIP", company=" acme "))) == len(world.contacts)
        assert search.find(tx, Search(tag="vip,north")) == []
        assert search.find(tx, Search(company="Acme;R&D")) == []
        assert names(search.find(tx, Search(equals("fullname", one.upper()), tag="north"))) == [one]
        assert names(search.find(tx, Search(equals("email", f"{one.replace(' ', '.')}@EXAMPLE.com")))) == [one]


# ---- one book


BY_NAME = Some("FN", (Test(Op.LIKE, "", "FOR", comparison=Comparison.UNICODE),))


def test_a_book_gives_the_cards_that_match_and_that_the_viewer_sees(world: World) -> None:
    inexact = And((BY_NAME, Some("FN", (HasParam("X", absent=True),))))
    for login, query in product(("alice", "bob"), (BY_NAME, inexact)):
        with as_member(world.app, login) as tx:
            book = groups.book(tx, "clients")
            found = queries.in_book(tx, book, query)
            by_id = {each.contact_id: contacts.get(tx, each.contact_id) for each in found}
            assert sorted(names(list(by_id.values()))) == [
                name for name in expected(world, tx.viewer) if "clients" in name and name.startswith("for")
            ]
            assert [each.href for each in found] == sorted(each.href for each in found)
            assert all(each.vcard == by_id[each.contact_id].vcard for each in found)
            assert queries.in_book(tx, book, query, limit=2) == found[:2]


def test_a_lost_or_trashed_card_is_in_no_book(world: World) -> None:
    with as_member(world.app, "bob") as tx:
        found = queries.in_book(tx, groups.book(tx, "clients"), BY_NAME)
    with as_console(world.app) as tx:
        contacts.delete(tx, [found[0].contact_id])
    with as_member(world.app, "bob") as tx:
        assert queries.in_book(tx, groups.book(tx, "clients"), BY_NAME) == found[1:]
    with as_console(world.app) as tx:
        grants.revoke(tx, "clients", "@sales")
    with as_member(world.app, "bob") as tx:
        assert queries.in_book(tx, groups.book(tx, "clients"), BY_NAME) == []
