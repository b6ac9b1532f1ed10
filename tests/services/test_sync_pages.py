"""A book that is fetched page by page: the pages end, and what goes between two of them is taken away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sharedbook.app import App
from sharedbook.domain.errors import InvalidToken
from sharedbook.domain.model import PRIVATE, VISIBLE_TO_ALL, Right
from sharedbook.formats.vcards.vcard import parse
from sharedbook.services.books import groups, sync
from sharedbook.services.contacts import contacts
from sharedbook.services.erasing import erasure
from sharedbook.services.members import grants, members
from tests.services.sync_model import Device
from tests.support.sites import CLIENT, CONSOLE, as_console, as_member, card, new_site

BOOKS = ["clients", "all"]


@pytest.fixture(params=BOOKS)
def slug(request: pytest.FixtureRequest) -> str:
    """A book of one group, or the merged one."""
    return str(request.param)


@pytest.fixture
def site(tmp_path: Path, slug: str) -> Iterator[App]:
    """Alice may view three contacts, with the ids 1 to 3."""
    made = new_site(tmp_path / "site")
    with as_console(made) as tx:
        members.add(tx, "alice")
        members.change(tx, "alice", merged_book=slug == "all")
        clients = groups.add(tx, "Clients")
        grants.grant(tx, clients.slug, "alice", Right.VIEW)
        assert [contacts.add(tx, clients, parse(card(f"u{each}", f"N {each}"))).id for each in (1, 2, 3)] == [1, 2, 3]
    yield made
    made.close()


def _page(site: App, device: Device, limit: int | None) -> tuple[Device, bool]:
    with as_member(site, device.member) as tx:
        result = sync.changes(tx, groups.book(tx, device.group), device.token, limit)
    return device.take(result.token, {entry.href: entry.etag for entry in result.changed}, result.removed), result.more


def test_the_pages_of_a_first_sync_end_though_something_was_erased(site: App, slug: str) -> None:
    erasure.erase(site.site, CONSOLE, CLIENT, [3])
    device, more = _page(site, Device("alice", slug), 1)
    assert (len(device.held), more) == (1, True)
    device, more = _page(site, device, 1)
    assert (len(device.held), more) == (2, False)


def test_an_erasure_between_two_pages_ends_the_token(site: App, slug: str) -> None:
    device, _ = _page(site, Device("alice", slug), 1)
    erasure.erase(site.site, CONSOLE, CLIENT, [1])
    with pytest.raises(InvalidToken):
        _page(site, device, 1)


def test_what_came_back_and_was_left_for_the_next_page_goes_with_the_view(site: App, slug: str) -> None:
    device, _ = _page(site, Device("alice", slug), None)
    with as_console(site) as tx:
        contacts.set_visibility(tx, [1], PRIVATE)
        contacts.set_visibility(tx, [2], PRIVATE)
        contacts.set_visibility(tx, [2], VISIBLE_TO_ALL)
        contacts.set_visibility(tx, [1], VISIBLE_TO_ALL)
    device, more = _page(site, device, 1)
    assert (len(device.held), more) == (3, True)
    with as_console(site) as tx:
        grants.revoke(tx, "clients", "alice")
    device, more = _page(site, device, 1)
    assert (device.held, more) == ({}, False)


@pytest.mark.parametrize("slug", ["all"], indirect=True)
def test_what_waited_for_the_next_page_comes_by_another_group(site: App, slug: str) -> None:
    """That group had it before: its row there is older than the first page, and was not his to see."""
    with as_console(site) as tx:
        partners, suppliers = groups.add(tx, "Partners"), groups.add(tx, "Suppliers")
        grants.grant(tx, partners.slug, "alice", Right.VIEW)
        waiting = contacts.add(tx, suppliers, parse(card("u4", "N 4")))
        contacts.add(tx, partners, parse(card("u5", "N 5")))
        contacts.copy(tx, [waiting.id], partners)
    device, more = _page(site, Device("alice", slug), 4)
    assert (len(device.held), more) == (4, True)
    with as_console(site) as tx:
        grants.revoke(tx, partners.slug, "alice")
        grants.grant(tx, suppliers.slug, "alice", Right.VIEW)
    device, more = _page(site, device, 1)
    assert (len(device.held), more) == (4, False)
    assert f"{waiting.key}.vcf" in device.held
