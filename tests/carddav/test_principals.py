"""Principals: what a member is told of himself and of those he may know; of others not even that they exist."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from sharedbook.domain.model import Right
from sharedbook.services.books import groups
from sharedbook.services.members import grants, members
from sharedbook.services.people import teams
from tests.carddav.dav import CR, CS, Client, D, Reply
from tests.carddav.served import NAMES, SERVED, Book
from tests.support.sites import as_console

pytestmark = SERVED


@dataclass
class People:
    """Alice shares a group with Bob and a team with Cho; of Eve she knows nothing."""

    alice: Client
    bob: Client
    cho: Client
    eve: Client
    book: Book

    def path(self, client: Client) -> str:
        return f"/{client.login}/"


@pytest.fixture
def people(book: Book) -> Iterator[People]:
    site = book.site
    bob, cho, eve = book.viewer(), site.member("cho"), site.member("eve")
    with as_console(site.app) as tx:
        team = f"team-{next(NAMES)}"
        teams.add(tx, team)
        teams.join(tx, team, book.alice.login, cho.login)
        of_all = groups.add(tx, f"Group {next(NAMES)}").slug
        grants.grant(tx, of_all, "everyone", Right.VIEW)
        members.change(tx, bob.login, display_name="Bob Ébène", email=f"{bob.login}@example.org")
        members.change(tx, cho.login, display_name="조용필", email=f"{cho.login}@corp.example")
        members.change(tx, eve.login, display_name="Eve Example", email=f"{eve.login}@example.org")
    yield People(book.alice, bob, cho, eve, book)
    with as_console(site.app) as tx:
        grants.revoke(tx, of_all, "everyone")


def search(people: People, *searches: str, test: str = "", path: str = "/", apply: str = "") -> Reply:
    attribute = f' test="{test}"' if test else ""
    return people.alice.report(
        path,
        f'<D:principal-property-search xmlns:D="DAV:" xmlns:CS="{CS[1:-1]}"{attribute}>{"".join(searches)}'
        f"<D:prop><D:displayname/><CS:email-address-set/><D:nonsense/></D:prop>{apply}</D:principal-property-search>",
        Depth="0",
    )


def for_(text: str, prop: str = "D:displayname") -> str:
    return f"<D:property-search><D:prop><{prop}/></D:prop><D:match>{text}</D:match></D:property-search>"


MAIL = "CS:email-address-set"


# ---- PROPFIND


def test_what_a_principal_is(people: People) -> None:
    with as_console(people.book.site.app) as tx:
        members.change(tx, people.alice.login, display_name="Alice & Co", email="a@example.org")
    path = people.path(people.alice)
    names = (f"{D}displayname", f"{D}principal-URL", f"{D}alternate-URI-set", f"{D}group-membership", f"{D}owner")
    more = (f"{CS}email-address-set", f"{CR}addressbook-home-set", f"{D}supported-report-set")
    found = people.alice.propfind(path, *names, *more).found()[path]
    assert found[f"{D}displayname"].text == "Alice & Co"
    assert found[f"{D}alternate-URI-set"].findtext(f"{D}href") == "mailto:a@example.org"
    assert found[f"{CS}email-address-set"].findtext(f"{CS}email-address") == "a@example.org"
    assert list(found[f"{D}group-membership"]) == []
    assert found[f"{D}owner"].findtext(f"{D}href") == found[f"{D}principal-URL"].findtext(f"{D}href") == path
    reports = {each[0][0].tag for each in found[f"{D}supported-report-set"]}
    assert reports == {D + name for name in REPORTS}


REPORTS = ("principal-match", "principal-property-search", "principal-search-property-set", "expand-property")


def test_a_member_one_may_know(people: People) -> None:
    for other, name in ((people.bob, "Bob Ébène"), (people.cho, "조용필")):
        path = people.path(other)
        reply = people.alice.propfind(path, f"{D}displayname", f"{D}resourcetype", f"{CR}addressbook-home-set")
        found = reply.found()[path]
        assert found[f"{D}displayname"].text == name
        assert [child.tag for child in found[f"{D}resourcetype"]] == [f"{D}principal"]
        assert reply.missing(path) == {f"{CR}addressbook-home-set"}
        assert list(people.alice.propfind(path, f"{D}displayname", depth="1").found()) == [path]
        assert people.alice.propfind(f"{path}{people.book.group.slug}/").status == 404
        assert people.alice.get(path).status == 404


def test_a_member_one_may_not_know_is_nobody(people: People) -> None:
    bodies = ["", '<propfind xmlns="DAV:"><prop><displayname/></prop></propfind>']
    reports = ['<expand-property xmlns="DAV:"/>', '<principal-match xmlns="DAV:"><self/></principal-match>']
    for method, wanted in (("PROPFIND", bodies), ("REPORT", reports), ("OPTIONS", [""]), ("PROPPATCH", bodies[:1])):
        for body in wanted:
            eve, nobody = (people.alice.request(method, path, body) for path in (people.path(people.eve), "/nobody/"))
            assert (eve.status, eve.text.replace(people.eve.login, "nobody")) == (nobody.status, nobody.text)


# ---- principal-property-search


def test_search_finds_those_one_may_know(people: People) -> None:
    alice, bob, cho = map(people.path, (people.alice, people.bob, people.cho))
    assert set(search(people, for_("")).found()) == {alice, bob, cho}
    assert set(search(people, for_("bob ébÈNE")).found()) == {bob}
    assert set(search(people, for_("용")).found()) == {cho}
    assert set(search(people, for_("Eve")).found()) == set()
    assert set(search(people, for_(people.alice.login)).found()) == {alice}, "who has no name goes by the login"
    found = search(people, for_("corp.example", MAIL))
    assert (
        found.found()[cho][f"{CS}email-address-set"].findtext(f"{CS}email-address") == f"{cho.strip('/')}@corp.example"
    )
    assert found.missing(cho) == {f"{D}nonsense"}


def test_search_with_several_tests(people: People) -> None:
    bob, cho = map(people.path, (people.bob, people.cho))
    tests = (for_("bob"), for_("corp", MAIL))
    assert set(search(people, *tests).found()) == set()
    assert set(search(people, *tests, test="anyof").found()) == {bob, cho}
    assert set(search(people, for_("bob"), for_("example.org", MAIL)).found()) == {bob}
    assert set(search(people, for_("bob"), for_("x", "D:nonsense")).found()) == set()
    assert search(people).found() == {}


def test_where_one_searches(people: People) -> None:
    book, everywhere = people.book.of_alice(), "<D:apply-to-principal-collection-set/>"
    assert set(search(people, for_("bob"), path=people.path(people.alice)).found()) == {people.path(people.bob)}
    assert set(search(people, for_("bob"), path=book).found()) == set()
    assert set(search(people, for_("bob"), path=book, apply=everywhere).found()) == {people.path(people.bob)}


def test_what_can_be_searched(people: People) -> None:
    reply = people.alice.report("/", '<principal-search-property-set xmlns="DAV:"/>', Depth="0")
    assert (reply.status, reply.xml.tag) == (200, f"{D}principal-search-property-set")
    found = reply.xml.findall(f"{D}principal-search-property")
    assert [each.findall(f"{D}prop/*")[0].tag for each in found] == [f"{D}displayname", f"{CS}email-address-set"]
    assert all(each.findtext(f"{D}description") for each in found)


def test_who_leaves_is_not_known_any_more(people: People) -> None:
    with as_console(people.book.site.app) as tx:
        grants.revoke(tx, people.book.group.slug, people.bob.login)
        members.disable(tx, people.cho.login)
    assert set(search(people, for_("")).found()) == {people.path(people.alice)}
    assert people.alice.propfind(people.path(people.bob)).status == 404


# ---- principal-match, expand-property


def match(people: People, path: str, what: str) -> set[str]:
    body = f'<principal-match xmlns="DAV:">{what}<prop><displayname/></prop></principal-match>'
    return set(people.alice.report(path, body, Depth="0").found())


def test_principal_match(people: People) -> None:
    home, book = people.path(people.alice), people.book.of_alice()
    owner = "<principal-property><owner/></principal-property>"
    assert match(people, "/", "<self/>") == match(people, home, "<self/>") == {home}
    assert match(people, book, "<self/>") == set()
    assert {home, book} <= match(people, "/", owner)
    assert match(people, book, owner) == {book}
    assert match(people, "/", "<principal-property><displayname/></principal-property>") == set()


def expand(client: Client, path: str, inner: str) -> Reply:
    return client.report(path, f'<expand-property xmlns="DAV:">{inner}</expand-property>', Depth="0")


def test_expand_property(people: People) -> None:
    home = people.path(people.alice)
    with as_console(people.book.site.app) as tx:
        members.change(tx, people.alice.login, display_name="Alice")
    reply = expand(
        people.alice,
        people.book.of_alice(),
        '<property name="displayname"/><property name="nonsense"/><property name="owner">'
        '<property name="displayname"/><property name="principal-URL"><property name="email-address-set"'
        f' namespace="{CS[1:-1]}"/></property></property>',
    )
    found = reply.found()[people.book.of_alice()]
    assert found[f"{D}displayname"].text == people.book.group.name
    assert reply.missing(people.book.of_alice()) == {f"{D}nonsense"}
    owner = found[f"{D}owner"].find(f"{D}response")
    assert owner is not None and owner.findtext(f"{D}href") == home
    assert owner.findtext(f"{D}propstat/{D}prop/{D}displayname") == "Alice"
    nested = owner.find(f"{D}propstat/{D}prop/{D}principal-URL/{D}response")
    assert nested is not None and nested.findtext(f"{D}href") == home


def test_expand_property_keeps_what_is_no_resource(people: People) -> None:
    with as_console(people.book.site.app) as tx:
        members.change(tx, people.alice.login, email="a@example.org")
    home = people.path(people.alice)
    inner = '<property name="alternate-URI-set"><property name="displayname"/></property>'
    found = expand(people.alice, home, inner).found()[home]
    assert found[f"{D}alternate-URI-set"].findtext(f"{D}href") == "mailto:a@example.org"


@pytest.mark.parametrize(
    ("inner", "status"),
    [
        ('<property name=""/>', 400),
        ("<property/>", 400),
        ('<property name="a&gt;&lt;b/"/>', 400),
        ('<property name="owner"/>' * 101, 507),
        ("", 207),
    ],
)
def test_bad_expansions(people: People, inner: str, status: int) -> None:
    assert expand(people.alice, people.path(people.alice), inner).status == status


def test_reports_on_principals_have_no_depth(people: People) -> None:
    for report in ("principal-match", "principal-property-search", "principal-search-property-set"):
        for depth in ("1", "infinity"):
            assert people.alice.report("/", f'<D:{report} xmlns:D="DAV:"/>', Depth=depth).status == 400
