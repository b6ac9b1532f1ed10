"""A merged book that is fetched page by page, while its groups change."""

from __future__ import annotations

from pathlib import Path

from sharedbook.domain.model import Right
from sharedbook.formats.vcards.vcard import parse
from sharedbook.services.books import groups, sync
from sharedbook.services.contacts import contacts
from sharedbook.services.members import grants, members
from tests.support.sites import as_console, as_member, card, new_site


def test_a_contact_of_two_groups_is_not_missed_when_the_later_one_is_lost_between_two_pages(
    tmp_path: Path, database_url: str
) -> None:
    site = new_site(tmp_path / "site", database_url)
    with as_console(site) as tx:
        members.add(tx, "alice")
        clients, partners = groups.add(tx, "Clients"), groups.add(tx, "Partners")
        for group in (clients, partners):
            grants.grant(tx, group.slug, "alice", Right.VIEW)
        members.change(tx, "alice", merged_book=True)
        both, one = (
            contacts.add(tx, clients, parse(card("u1", "Both"))),
            contacts.add(tx, clients, parse(card("u2", "One"))),
        )
        contacts.copy(tx, [both.id], partners)
    with as_member(site, "alice") as tx:
        first = sync.changes(tx, groups.book(tx, "all"), "", limit=1)
    with as_console(site) as tx:
        grants.revoke(tx, "partners", "alice")
    with as_member(site, "alice") as tx:
        rest = sync.changes(tx, groups.book(tx, "all"), first.token)
    assert first.more
    assert {entry.href for entry in first.changed + rest.changed} == {f"{both.key}.vcf", f"{one.key}.vcf"}
    assert not rest.removed
    site.close()


def test_what_went_while_the_books_were_of_the_other_kind_is_not_told(tmp_path: Path, database_url: str) -> None:
    """He could see it, but never under this name: each kind of books tells only what it has shown."""
    site = new_site(tmp_path / "site", database_url)
    with as_console(site) as tx:
        members.add(tx, "alice")
        clients = groups.add(tx, "Clients")
        grants.grant(tx, clients.slug, "alice", Right.VIEW)
        members.change(tx, "alice", merged_book=True)
        members.change(tx, "alice", merged_book=False)
    for kind, slug in ((True, "all"), (False, "clients")):
        with as_member(site, "alice") as tx:
            empty = sync.changes(tx, groups.book(tx, slug), "").token
        with as_console(site) as tx:
            members.change(tx, "alice", merged_book=not kind)
            contact = contacts.add(tx, clients, parse(card(f"u-{slug}", "Short Lived")))
            contacts.delete(tx, [contact.id])
            members.change(tx, "alice", merged_book=kind)
        with as_member(site, "alice") as tx:
            result = sync.changes(tx, groups.book(tx, slug), empty)
        assert not result.removed and not result.changed
    site.close()
