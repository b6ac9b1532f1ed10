"""Paged results (RFC 2696), server-side sorting (RFC 2891), virtual list view."""

from __future__ import annotations

import pytest

from ldap_gateway import messages as m
from ldap_gateway.messages import Code
from ldap_gateway.searching import COOKIES
from ldap_gateway.session import Rules
from tests.ldap.asked import (
    cookie,
    estimate,
    listed,
    names,
    page_of,
    paged,
    sort,
    sorted_as_asked,
    twenty,
    view,
    view_from,
)
from tests.ldap.talk import Talk
from tests.ldap.test_templates import keys
from tests.ldap.wiring import BOUNDS, search
from tests.ldap.world import SECRET, World, contact, world


@pytest.fixture
def place() -> World:
    return twenty()


# ---- paged results


def test_pages(place: World) -> None:
    talk = Talk(place, rules=Rules(BOUNDS, size_limit=3)).bind("carol")
    found, pages, next_ = [], 0, b""
    while True:
        *entries, done = talk.request(search(attributes=("cn",)), paged(6, next_, critical=True))
        found += names(entries)
        pages += 1
        next_ = cookie(done)
        assert done.code == 0 and estimate(done) == 20
        if not next_:
            break
    assert pages == 4 and sorted(found) == [f"Person {n:03}" for n in range(1, 21)]


def test_a_page_checks_again_what_is_there(place: World) -> None:
    talk = Talk(place).bind("carol")
    *first, done = talk.request(search(attributes=("cn",)), paged(5))
    rest = sorted(set(place.contacts) - {int(name.split()[1]) for name in names(first)})
    place.directory.index.remove(rest[0])
    place.put(contact(rest[1], groups=(SECRET,)))
    place.put(contact(99, name="Person 099"))
    *second, done = talk.request(search(attributes=("cn",)), paged(50, cookie(done)))
    assert len(second) == 13 and cookie(done) == b""
    assert "Person 099" not in names(second), "a page continues the search; it does not run it again"


def test_a_page_never_shows_who_is_where_another_was() -> None:
    """One contact, so that what is seen after the change looks just as before."""
    place = world([contact(1, name="Person 001")])
    talk = Talk(place).bind("carol")
    asked = search("(|(objectClass=organizationalUnit)(cn=Person*))")
    (_, done) = talk.request(asked, paged(1))
    place.directory.index.remove(1)
    place.put(contact(2, name="Person 002"))
    (*rest, done) = talk.request(asked, paged(50, cookie(done)))
    assert not keys(rest) and cookie(done) == b""


def test_a_size_limit_of_the_client_counts_over_all_pages(place: World) -> None:
    talk = Talk(place).bind("carol")
    *first, done = talk.request(search(size_limit=7), paged(5))
    assert (len(first), done.code) == (5, 0)
    *second, done = talk.request(search(size_limit=7), paged(5, cookie(done)))
    assert (len(second), done.code, cookie(done)) == (2, Code.SIZE_LIMIT_EXCEEDED, b"")


def test_cookies_are_bound(place: World) -> None:
    """To connection, identity and request; each is good for one page."""

    def fresh(talk: Talk) -> bytes:
        return cookie(talk.request(search(), paged(5))[-1])

    def code(talk: Talk, asked: m.Search, *controls: m.Control) -> int:
        return talk.request(asked, *controls)[-1].code

    talk = Talk(place).bind("carol")
    refused = Code.UNWILLING_TO_PERFORM
    assert code(talk, search(), paged(5, b"forged")) == refused
    assert code(Talk(place).bind("carol"), search(), paged(5, fresh(talk))) == refused
    assert code(talk, search("(mail=*)"), paged(5, fresh(talk))) == refused
    assert code(talk, search(attributes=("cn",)), paged(5, fresh(talk))) == refused
    assert code(talk, search(), paged(5, fresh(talk)), sort("cn")) == refused
    used = fresh(talk)
    assert code(talk, search(), paged(7, used)) == Code.SUCCESS
    assert code(talk, search(), paged(7, used)) == refused
    before = fresh(talk)
    talk.bind("carol")
    assert code(talk, search(), paged(5, before)) == refused


def test_the_oldest_cookies_are_dropped(place: World) -> None:
    talk = Talk(place).bind("carol")
    cookies = [cookie(talk.request(search(), paged(1))[-1]) for _ in range(2000)]
    assert talk.request(search(), paged(1, cookies[-COOKIES - 1]))[-1].code == Code.UNWILLING_TO_PERFORM
    assert talk.request(search(), paged(1, cookies[-COOKIES]))[-1].code == Code.SUCCESS
    assert len(talk.session._searches._rests) == COOKIES


def test_a_page_of_nothing(place: World) -> None:
    """A size of 0 asks how many there are, and ends a paged search."""
    talk = Talk(place).bind("carol")
    done = talk.one(search(), paged(0))
    assert (done.code, page_of(done)) == (0, (20, b""))
    next_ = cookie(talk.request(search(), paged(5))[-1])
    assert page_of(talk.one(search(), paged(0, next_))) == (20, b"")
    assert talk.one(search(), paged(5, next_)).code == Code.UNWILLING_TO_PERFORM
    assert page_of(talk.one(search("(cn=none)"), paged(5))) == (0, b"")


# ---- sorting


@pytest.mark.parametrize("rule", ["", "2.5.13.3", "caseIgnoreOrderingMatch"])
def test_sorted(place: World, rule: str) -> None:
    """SOGo sends it critical, with a rule."""
    talk = Talk(place).bind("carol")
    *found, done = talk.request(search(attributes=("cn",)), sort("commonName", critical=True, rule=rule))
    assert names(found) == [f"Person {n:03}" for n in range(1, 21)]
    assert done.code == sorted_as_asked(done) == 0
    *found, done = talk.request(search(attributes=("cn",), size_limit=3), sort("cn", rule=rule, reverse=True))
    assert names(found) == ["Person 020", "Person 019", "Person 018"] and done.code == Code.SIZE_LIMIT_EXCEEDED
    *found, done = talk.request(search(attributes=("cn",)), sort("cn", rule=rule), paged(8))
    *more, done = talk.request(search(attributes=("cn",)), sort("cn", rule=rule), paged(20, cookie(done)))
    assert names(found + more) == [f"Person {n:03}" for n in range(1, 21)] and sorted_as_asked(done) == 0


@pytest.mark.parametrize(
    ("control", "code"),
    [
        (sort("foo"), Code.NO_SUCH_ATTRIBUTE),
        (sort("cn", "memberOf"), Code.NO_SUCH_ATTRIBUTE),
        (sort("jpegPhoto"), Code.NO_SUCH_ATTRIBUTE),
        (sort("cn", rule="1.2.3"), Code.INAPPROPRIATE_MATCHING),
    ],
)
def test_impossible_orders(place: World, control: m.Control, code: Code) -> None:
    talk = Talk(place).bind("carol")
    *found, done = talk.request(search(), control)
    assert (len(found), done.code, sorted_as_asked(done)) == (20, 0, code)
    critical = m.Control(control.oid, True, control.value)
    done = talk.one(search(), critical)
    assert (done.code, sorted_as_asked(done)) == (Code.UNAVAILABLE_CRITICAL_EXTENSION, code)


# ---- virtual list view


@pytest.mark.parametrize(
    ("control", "reverse", "first", "last", "target"),
    [
        (view(0, 4, 1, 0), False, 1, 5, 1),
        (view(2, 2, 10, 20), False, 8, 12, 10),
        (view(2, 2, 1, 20), False, 1, 3, 1),
        (view(2, 9, 20, 20), False, 18, 20, 20),
        (view(0, 0, 50, 100), False, 10, 10, 10),
        (view(0, 0, 100, 100), False, 20, 20, 20),
        (view(1, 0, 99, 0), False, 19, 20, 20),
        (view_from(1, 1, "PERSON 007"), False, 6, 8, 7),
        (view_from(0, 1, "person 0075"), False, 8, 9, 8),
        (view_from(0, 1, "person 007"), True, 7, 6, 14),
    ],
)
def test_list_views(place: World, control: m.Control, reverse: bool, first: int, last: int, target: int) -> None:
    talk = Talk(place).bind("carol")
    *found, done = talk.request(search(attributes=("cn",)), sort("cn", reverse=reverse), control)
    step = -1 if reverse else 1
    assert names(found) == [f"Person {n:03}" for n in range(first, last + step, step)]
    assert listed(done) == (target, 20)


def test_list_views_at_the_end(place: World) -> None:
    talk = Talk(place).bind("carol")
    *found, done = talk.request(search(attributes=("cn",)), sort("cn"), view_from(1, 5, "zz"))
    assert names(found) == ["Person 020"] and listed(done) == (21, 20)
    assert talk.one(search(), view(0, 0, 1, 0)).code == Code.SORT_CONTROL_MISSING
    assert talk.one(search(), sort("cn"), view(0, 0, 0, 0)).code == Code.OFFSET_RANGE_ERROR
    assert talk.one(search(), sort("cn"), view(0, 0, 1, 0), paged(3)).code == Code.UNWILLING_TO_PERFORM
