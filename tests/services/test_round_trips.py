"""How often a postmaster's edit waits for PostgreSQL, and the LDAP index that reads what changed."""

from __future__ import annotations

from pathlib import Path

from sharedbook.domain.model import Client
from sharedbook.formats.vcards.vcard import parse
from sharedbook.services import feed
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts
from sharedbook.services.tx import Service
from sharedbook.store import changes
from tests.support.postgres import Cluster
from tests.support.sites import as_console, card, new_site
from tests.support.trips import Trips

MOST_OF_AN_EDIT = 9
"""The contact before and after, three tables, its groups, the clock, the audit's last row, and COMMIT."""

MOST_OF_A_DELTA = 1
"""What changed, with the contacts; one more asks who names these, where anybody names another one."""


def test_round_trips_of_an_edit_and_of_who_reads_it(postgres_cluster: Cluster, tmp_path: Path) -> None:
    with postgres_cluster.database(schema=True) as url:
        site = new_site(tmp_path / "site", url)
        with as_console(site) as tx:
            groups.add(tx, "Friends")
            known = contacts.add(tx, groups.get(tx, "friends"), parse(card("uid-a", "Anna"))).id
            seq = changes.position(tx.db)
        trips = Trips(site.site.database.engine, tmp_path)
        with as_console(site) as tx:
            contacts.replace(tx, known, parse(card("uid-a", "Anna Andante")))
        assert len(taken := trips.taken()) <= MOST_OF_AN_EDIT, taken
        with site.begin(Service("ldap"), Client("ldap")) as tx:
            assert [each.id for each in feed.since(tx, seq).contacts] == [known]
        assert len(taken := trips.taken()) <= MOST_OF_A_DELTA, taken
        with as_console(site) as tx:
            below = parse(card("uid-b", "Bea", "RELATED;TYPE=manager:urn:uuid:uid-a"))
            below_id = contacts.add(tx, groups.get(tx, "friends"), below).id
            seq = changes.position(tx.db)
            contacts.delete(tx, [known])
        with site.begin(Service("ldap"), Client("ldap")) as tx:
            assert feed.since(tx, seq).superiors == {known: 0, below_id: 0}
        site.close()
