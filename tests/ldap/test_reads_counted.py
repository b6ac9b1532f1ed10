"""Who read what over LDAP is in the audit: how many contacts were given away, by member and group; no names."""

from __future__ import annotations

from pathlib import Path

import ldap3

from sharedbook.domain.model import Right
from sharedbook.formats.vcards import vcard
from sharedbook.services.audit import audit_log, reads
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts
from sharedbook.services.members import grants
from tests.ldap.served import BASE, make, serve, soon
from tests.support.sites import as_console, card


def test_entries_given_away_are_counted(tmp_path: Path) -> None:
    app = make(tmp_path / "site")
    with serve(app) as site:
        login, secret = site.member()
        group = site.group()
        with as_console(app) as tx:
            grants.grant(tx, group.slug, login, Right.VIEW)
            cards = [vcard.parse(card(f"uid-{n}", f"Countable Person{n}"), tx.site.limits) for n in range(3)]
            contacts.add_many(tx, groups.get(tx, group.slug), cards)
        connection = site.connect(login, secret)
        soon(
            lambda: connection.search(BASE, "(cn=Countable*)") and len(connection.entries) == 3
        )  # the index has followed
        connection.search(f"ou={group.slug},ou=groups,{BASE}", "(cn=Countable*)", attributes=["cn"])
        assert len(connection.entries) == 3
        connection.search(BASE, "(cn=nobody at all)", search_scope=ldap3.SUBTREE)
        connection.unbind()
    with as_console(app, write=False) as tx:
        rows = [each for each in audit_log.entries(tx, member=login) if each.action == reads.ACTION]
        counted = [(where, count) for each in rows for _, where, count in each.ids["ldap"]]
        assert {where for where, _ in counted} == {group.id}
        assert sum(count for _, count in counted) >= 3 + 3, "those seen while waiting count, too"
        assert audit_log.verify(tx).broken is None
    app.close()
