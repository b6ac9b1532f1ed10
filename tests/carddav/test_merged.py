"""The merged book through the running server: one address book with the contacts of all groups."""

from __future__ import annotations

import pytest

from sharedbook.domain.model import ALL_RIGHTS, Group, Right
from sharedbook.formats.vcards.vcard import parse
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts
from sharedbook.services.members import grants, members
from sharedbook.services.refused import suggestions
from tests.carddav.dav import CS, Client, D
from tests.carddav.served import NAMES, Site, vcard
from tests.support.sites import as_console, as_member

VIEW = Right.VIEW


class Merged:
    """Alice has two groups in one book: ``ours`` with all rights, ``theirs`` to view. The default group is hers too."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.alice = site.member("alice")
        self.ours = site.group(**{self.alice.login: ALL_RIGHTS})
        self.theirs = site.group(**{self.alice.login: VIEW})
        with as_console(site.app) as tx:
            self.home = groups.default(tx)
            grants.grant(tx, self.home.slug, self.alice.login, ALL_RIGHTS)
        self.switch("on")

    def switch(self, word: str) -> None:
        with as_member(self.site.app, self.alice.login, write=True) as tx:
            members.change(tx, self.alice.login, merged_book=word == "on")

    def path(self, name: str = "") -> str:
        return f"/{self.alice.login}/all/{name}"

    def add(self, group: Group, uid: str = "", name: str = "Ann Example") -> str:
        """A contact that somebody else adds; its name in merged books."""
        with as_console(self.site.app) as tx:
            return f"{contacts.add(tx, group, parse(vcard(uid or f'uid-{next(NAMES)}', name))).key}.vcf"

    def sync(self, token: str = "") -> tuple[set[str], set[str], str]:
        """Names that changed, names that are gone, and the new token."""
        reply = self.alice.sync(self.path(), token)
        gone = {href for href, status in reply.statuses().items() if status == 404}
        names = ({href.removeprefix(self.path()) for href in hrefs} for hrefs in (reply.etags(), gone))
        return (*names, reply.token())  # type: ignore[return-value]


@pytest.fixture
def merged(site: Site) -> Merged:
    return Merged(site)


def books(client: Client) -> list[str]:
    found = client.propfind(f"/{client.login}/", f"{D}resourcetype", depth="1").found()
    return [href.split("/")[2] for href in found if len(href.split("/")) > 3]


def test_it_replaces_the_single_books_which_are_emptied_and_the_other_way_round(merged: Merged) -> None:
    name = merged.add(merged.ours)
    merged.switch("off")
    single = f"/{merged.alice.login}/{merged.ours.slug}/"
    first = merged.alice.sync(single)
    merged.switch("on")
    assert books(merged.alice)[0] == "all"
    assert set(merged.alice.sync(single, first.token()).statuses().values()) == {404}
    changed, _, token = merged.sync()
    assert name in changed
    merged.switch("off")
    assert name in merged.sync(token)[1]
    assert list(merged.alice.sync(single).etags()) == list(first.etags())


def test_who_never_had_one_has_no_book_of_that_name(site: Site) -> None:
    bob = site.member("bob")
    assert bob.propfind(f"/{bob.login}/all/", f"{D}sync-token").status == 404


def test_one_row_for_each_contact_gone_when_no_group_shows_it(merged: Merged) -> None:
    name = merged.add(merged.ours, "uid-once")
    with as_console(merged.site.app) as tx:
        contacts.copy(tx, [contacts.resolve(tx, "uid-once").id], merged.theirs)
    changed, _, token = merged.sync()
    assert name in changed
    with as_console(merged.site.app) as tx:
        grants.revoke(tx, merged.theirs.slug, merged.alice.login)
    _, gone, token = merged.sync(token)
    assert name not in gone
    with as_console(merged.site.app) as tx:
        grants.revoke(tx, merged.ours.slug, merged.alice.login)
    assert merged.sync(token)[:2] == (set(), {name})


def test_reading(merged: Merged) -> None:
    ours, theirs = merged.add(merged.ours, name="Ann Ours"), merged.add(merged.theirs, name="Bea Theirs")
    assert "Ann Ours" in merged.alice.get(merged.path(ours)).text
    cards = merged.alice.multiget(merged.path(), merged.path(ours), merged.path(theirs), merged.path("none.vcf"))
    assert set(cards.cards()) == {merged.path(ours), merged.path(theirs)}
    assert cards.statuses() == {merged.path("none.vcf"): 404}
    text = '<C:text-match match-type="contains">Bea Theirs</C:text-match>'
    found = merged.alice.query(merged.path(), f'<C:filter><C:prop-filter name="FN">{text}</C:prop-filter></C:filter>')
    assert list(found.cards()) == [merged.path(theirs)]
    assert merged.alice.get(merged.path()).text.count("BEGIN:VCARD") == len(merged.sync()[0])


def test_a_new_card_goes_to_the_default_group_under_a_name_of_its_own(merged: Merged) -> None:
    token = merged.sync()[2]
    text = vcard(f"new-{merged.alice.login}")
    reply = merged.alice.put(merged.path("mine.vcf"), text, If_None_Match="*")
    assert reply.status == 201
    changed, gone, token = merged.sync(token)
    [name] = changed
    assert gone == {"mine.vcf"}
    assert reply.headers["location"] == merged.path(name)
    assert merged.alice.get(merged.path(name)).headers["etag"] == reply.headers["etag"]
    assert merged.alice.put(merged.path("other.vcf"), text).status == 409
    edited = text.replace("Ann Example", "Ann Edited")
    assert merged.alice.put(merged.path(name), edited, If_Match=reply.headers["etag"]).status in (201, 204)
    assert merged.sync(token)[0] == {name}


def test_without_the_right_on_the_default_group_it_is_refused(merged: Merged) -> None:
    with as_console(merged.site.app) as tx:
        grants.grant(tx, merged.home.slug, merged.alice.login, VIEW)
    assert merged.alice.put(merged.path("mine.vcf"), vcard("refused")).status == 403


def test_rights_are_those_of_the_groups_that_show_the_card(merged: Merged) -> None:
    ours, theirs = merged.add(merged.ours, "uid-ours"), merged.add(merged.theirs, "uid-theirs")
    assert merged.alice.put(merged.path(theirs), vcard("uid-theirs", "Changed")).status == 403
    assert merged.alice.request("DELETE", merged.path(theirs)).status == 403
    assert merged.alice.request("DELETE", merged.path(ours), If_Match='"old"').status == 412
    assert merged.alice.request("DELETE", merged.path(ours)).status == 200
    assert merged.alice.get(merged.path(ours)).status == 404
    assert merged.alice.put(merged.path(ours), vcard("uid-ours")).status == 409


def test_what_another_group_still_shows_is_given_again_after_a_deletion(merged: Merged) -> None:
    name = merged.add(merged.theirs, "uid-both")
    with as_console(merged.site.app) as tx:
        contacts.copy(tx, [contacts.resolve(tx, "uid-both").id], merged.ours)
    token = merged.sync()[2]
    assert merged.alice.request("DELETE", merged.path(name)).status == 200
    assert merged.sync(token)[:2] == ({name}, set())
    assert merged.alice.get(merged.path(name)).status == 200


def test_a_move_between_groups_is_no_gap(merged: Merged) -> None:
    name = merged.add(merged.theirs, "uid-moves")
    token = merged.sync()[2]
    with as_console(merged.site.app) as tx:
        contacts.move(tx, [contacts.resolve(tx, "uid-moves").id], merged.theirs, merged.ours)
    assert merged.sync(token)[:2] == ({name}, set())
    target = f"http://127.0.0.1:{merged.alice.port}{merged.path('elsewhere.vcf')}"
    assert merged.alice.request("MOVE", merged.path(name), Destination=target).status == 403


def test_of_two_cards_with_one_uid_the_later_is_read_only_under_another(merged: Merged) -> None:
    first, second = merged.add(merged.ours, "uid-twice", "First"), merged.add(merged.theirs, "uid-twice", "Second")
    found = merged.alice.multiget(merged.path(), merged.path(first), merged.path(second)).cards()
    assert [parse(found[merged.path(name)]).uid for name in (first, second)] == [
        "uid-twice",
        f"uid-twice-{second[:-4]}",
    ]
    changed, _, token = merged.sync()
    assert {first, second} <= changed
    with as_console(merged.site.app) as tx:
        grants.grant(tx, merged.theirs.slug, merged.alice.login, ALL_RIGHTS)
    for uid in ("uid-twice", f"uid-twice-{second[:-4]}"):
        assert merged.alice.put(merged.path(second), vcard(uid, "Changed")).status == 403
    with as_member(merged.site.app, merged.alice.login) as tx:
        kept = [suggestions.get(tx, each.suggestion.id).suggestion.wanted for each in suggestions.every(tx)]
    assert [parse(text).uid for text in kept] == ["uid-twice"]
    assert merged.alice.request("DELETE", merged.path(second)).status == 403
    token = merged.sync(token)[2]
    assert merged.alice.request("DELETE", merged.path(first)).status == 200
    changed, gone, _ = merged.sync(token)
    assert (changed, gone) == ({second}, {first})
    assert parse(merged.alice.get(merged.path(second)).body).uid == "uid-twice"


def test_the_ctag_moves_with_each_group_and_with_no_other(merged: Merged) -> None:
    other = merged.site.group()

    def ctag() -> str:
        found = merged.alice.propfind(merged.path(), f"{CS}getctag", f"{D}displayname").found()[merged.path()]
        assert found[f"{D}displayname"].text == "Shared contacts"
        return found[f"{CS}getctag"].text or ""

    before = ctag()
    merged.add(other)
    assert ctag() == before
    merged.add(merged.theirs)
    assert ctag() != before
