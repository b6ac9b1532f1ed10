"""A merged book that is fetched page by page, while its groups change."""

from __future__ import annotations

from pathlib import Path

from sharedbook.domain.model import Right
from sharedbook.formats.vcard import parse
from sharedbook.services import contacts, grants, groups, members, sync
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
